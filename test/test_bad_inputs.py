# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Bad and unusual images over DDS: the node counts them, and the next good one is processed.

One node for all cases, in this process and on the robot's executor: a case ends when the node has
counted it. docs/bad_inputs.md lists all cases and tests.
"""

from __future__ import annotations

import array

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2: make venv, or source a workspace")

from sensor_msgs.msg import Image

from node_here import World
from ros_world import HEIGHT, WIDTH, portrait


def bytes_of(data: bytes) -> array.array[int]:
    return array.array("B", data)


GOOD_BYTES = WIDTH * HEIGHT * 3


REFUSED = {
    "empty data": ({"data": bytes_of(b"")}, "short_data"),
    "half the data": ({"data": bytes_of(bytes(GOOD_BYTES // 2))}, "short_data"),
    "one byte short": ({"data": bytes_of(bytes(GOOD_BYTES - 1))}, "short_data"),
    "step of less than a row": ({"step": WIDTH * 3 - 1}, "short_step"),
    "step 0": ({"step": 0}, "short_step"),
    "endless step": ({"step": 2**32 - 1}, "short_data"),
    "no width": ({"width": 0}, "empty"),
    "no height": ({"height": 0}, "empty"),
    "65535 squared": ({"width": 65535, "height": 65535, "step": 3 * 65535}, "too_large"),
    "4294967295 squared": ({"width": 2**32 - 1, "height": 2**32 - 1}, "too_large"),
    "no encoding": ({"encoding": ""}, "unknown_encoding"),
    "an encoding of nobody's": ({"encoding": "bgr9"}, "unknown_encoding"),
    "an endless encoding": ({"encoding": "x" * 100_000}, "unknown_encoding"),
    "an encoding that is hardly text": ({"encoding": "\x1b[2J\n\u202e8rgb"}, "unknown_encoding"),
    "more bytes a pixel than there are": ({"encoding": "rgb16"}, "short_step"),
    "odd size for chroma": ({"encoding": "yuv422", "width": WIDTH - 1}, "odd_size"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_a_bad_image_is_refused_with_its_reason(world: World, case: str) -> None:
    fields, reason = REFUSED[case]
    message = world.good()
    for name, value in fields.items():
        setattr(message, name, value)
    processed = world.stats.processed
    world.send(message, lambda: world.stats.refused[reason])
    assert world.stats.processed == processed
    world.still_works()


def padded(picture: np.ndarray, pad: int) -> tuple[bytes, int]:
    rows = np.pad(picture.reshape(len(picture), -1), ((0, 0), (0, pad)), constant_values=0xAB)
    return rows.tobytes(), rows.shape[1]


def grey16(big: bool) -> bytes:
    grey = cv2.cvtColor(portrait(), cv2.COLOR_BGR2GRAY).astype(np.uint16) * 257
    return grey.astype(">u2" if big else "<u2").tobytes()


TWICE = cv2.resize(portrait(), (2 * WIDTH, 2 * HEIGHT))


ODD_BUT_GOOD = {
    "row padding": dict(zip(("data", "step"), padded(portrait(), 13), strict=True)),
    "bytes beyond the last row": {"data": portrait().tobytes() + b"more"},
    "big-endian 16 bit": {
        "encoding": "mono16", "is_bigendian": 1, "step": 2 * WIDTH, "data": grey16(True),
    },
    "little-endian 16 bit": {
        "encoding": "16UC1", "is_bigendian": 0, "step": 2 * WIDTH, "data": grey16(False),
    },
    "another encoding": {"encoding": "rgb8", "data": portrait()[..., ::-1].tobytes()},
    "a byte order that says nothing": {"is_bigendian": 255},
    "another resolution": {
        "width": 2 * WIDTH, "height": 2 * HEIGHT, "step": 6 * WIDTH, "data": TWICE.tobytes(),
    },
}  # fmt: skip


@pytest.mark.parametrize("case", ODD_BUT_GOOD)
def test_an_image_that_is_only_unusual_is_answered_with_its_face(world: World, case: str) -> None:
    message = world.good()
    for name, value in ODD_BUT_GOOD[case].items():
        setattr(message, name, bytes_of(value) if name == "data" else value)
    refused = world.stats.refused_total
    assert len(world.answer(message).landmarks.faces) == 1
    assert world.stats.refused_total == refused
    world.still_works()


@pytest.mark.parametrize("value", [0, 127, 255, "noise"])
def test_an_empty_scene_is_answered_without_a_face(world: World, value: object) -> None:
    message = world.good()
    data = np.random.default_rng(1).bytes(GOOD_BYTES) if value == "noise" else bytes([value])
    message.data = bytes_of(data if value == "noise" else data * GOOD_BYTES)
    for _ in range(3):  # a face in view is lost first
        message.header = world.now()
        answer = world.answer(message)
    assert answer.landmarks.faces == answer.boxes.faces == answer.head_poses.faces == []
    world.still_works()


def picture_file(extension: str, picture: np.ndarray) -> bytes:
    return cv2.imencode(extension, picture)[1].tobytes()


JPEG = picture_file(".jpg", portrait())


PNG = picture_file(".png", portrait())


BAD_FILES = {
    "empty": (b"", "empty"),
    "half a JPEG": (JPEG[: len(JPEG) // 2], "truncated"),
    "half a PNG": (PNG[: len(PNG) // 2], "truncated"),
    "only its start": (JPEG[:20], "corrupt"),
    "no picture": (b"GIF89a" + bytes(100), "unknown_format"),
    "raw pixels": (portrait().tobytes(), "unknown_format"),
    "a bomb": (PNG[:16] + b"\x00\x00\xea\x60" * 2 + PNG[24:], "too_large"),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_a_bad_compressed_image_is_refused_with_its_reason(compressed: World, case: str) -> None:
    data, reason = BAD_FILES[case]
    message = compressed.good()
    message.data = bytes_of(data)
    compressed.send(message, lambda: compressed.stats.refused[reason])
    compressed.still_works()


ALPHA = np.concatenate([portrait(), np.full((HEIGHT, WIDTH, 1), 9, np.uint8)], axis=2)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (PNG, "png"),
        (PNG, "jpeg"),
        (JPEG, "png"),
        (JPEG, ""),
        (JPEG, "bgr8; jpeg compressed bgr8"),
        (picture_file(".png", ALPHA), "png"),
        (picture_file(".png", portrait().astype(np.uint16) * 257), "png"),
        (JPEG[:-2], "jpeg"),
        (JPEG[:-2] + bytes(512), "jpeg"),
    ],
    ids=["png", "a png that says jpeg", "a jpeg that says png", "no format", "as ROS says it",
         "alpha", "16 bit", "no end mark", "zeros for the end mark"],
)  # fmt: skip
def test_a_compressed_image_is_read_whatever_its_format_says(
    compressed: World, data: bytes, told: str
) -> None:
    message = compressed.good()
    message.data, message.format = bytes_of(data), told
    assert len(compressed.answer(message).landmarks.faces) == 1
    compressed.still_works()


def test_a_compressed_bayer_image_is_seen_in_its_colours(compressed: World) -> None:
    """compressed_image_transport compresses the mosaic as if it were grey."""
    blue, green, red = colour = (40, 90, 200)
    mosaic = np.full((HEIGHT, WIDTH), green, np.uint8)
    mosaic[0::2, 0::2], mosaic[1::2, 1::2] = red, blue
    drawn: list[Image] = []
    listener = compressed.robot.node.create_subscription(
        Image, "face_node/debug_image", drawn.append, 10
    )
    message = compressed.good()
    message.format = "bayer_rggb8; png compressed "
    message.data = bytes_of(picture_file(".png", mosaic))

    def seen() -> bool:
        message.header = compressed.now()
        compressed.answer(message)
        return bool(drawn)

    compressed.robot.wait(seen, 20)
    compressed.robot.node.destroy_subscription(listener)
    middle = drawn[0].data[drawn[0].step * HEIGHT // 2 :][:3]
    assert tuple(middle) == colour
    # The detector searches at intervals.
    assert any(compressed.answers().landmarks.faces for _ in range(6))


def wide(world: World, encoding: str, pixels: np.ndarray) -> Image:
    """An image of values with 16 bits."""
    return Image(
        header=world.now(),
        height=pixels.shape[0],
        width=pixels.shape[1],
        encoding=encoding,
        step=pixels.strides[0],
        data=array.array("B", pixels.tobytes()),
    )


@pytest.mark.parametrize("encoding", ["mono16", "bayer_rggb16"])
@pytest.mark.parametrize("bits", [10, 12])
def test_a_sensor_of_fewer_bits_than_its_encoding_shows_its_face(encoding: str, bits: int) -> None:
    world = World().start()
    try:
        grey = cv2.cvtColor(portrait(), cv2.COLOR_BGR2GRAY).astype(np.uint16)
        answer = world.answer(wide(world, encoding, grey << (bits - 8)))
        assert len(answer.landmarks.faces) == 1
        said = f"{encoding} with values below {2**bits}: taken as {bits} bits"
        assert world.robot.diagnosis()["pixels"] == said
    finally:
        world.close()


def test_a_depth_image_on_the_image_topic_is_named(world: World) -> None:
    millimetres = np.full((HEIGHT, WIDTH), 2500, np.uint16)

    def told() -> bool:
        world.answer(wide(world, "16UC1", millimetres))
        heard = world.robot.heard["diagnostics"]
        return bool(heard) and "is it a depth image?" in heard[-1].status[0].message

    world.robot.wait(told, 20)
    # The detector searches at intervals.
    assert any(world.answers().landmarks.faces for _ in range(6))
    world.still_works()
