# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Whatever comes over DDS: the real node counts it in words and answers the next good frame.

One node for all cases, in this process and on the robot's executor, so that nothing is a matter of
luck: a case is over when the node has counted it. docs/bad_inputs.md lists all cases and tests.
"""

from __future__ import annotations

import array
import math
from collections.abc import Iterator

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2: make venv, or source a workspace")

from builtin_interfaces.msg import Time
from rclpy.parameter import Parameter
from rclpy.qos import QoSDurabilityPolicy, QoSProfile
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header

from atpn_ros.conversions import messages
from atpn_ros.msg import TrackingStatus
from atpn_ros.node import ros_messages
from atpn_ros.pipeline.frame_clock import STAMP_OLDER, STAMP_ZERO
from node_here import FRAME, World
from ros_world import HEIGHT, OUTPUTS, RELIABLE, SECOND, WIDTH, Robot, header, nobody, portrait


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    world = World().start()
    yield world
    world.close()


@pytest.fixture(scope="module")
def compressed() -> Iterator[World]:
    world = World(compressed=True).start()
    yield world
    world.close()


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
    ],
    ids=["png", "a png that says jpeg", "a jpeg that says png", "no format", "as ROS says it",
         "alpha", "16 bit"],
)  # fmt: skip
def test_a_compressed_image_is_read_whatever_its_format_says(
    compressed: World, data: bytes, told: str
) -> None:
    message = compressed.good()
    message.data, message.format = bytes_of(data), told
    assert len(compressed.answer(message).landmarks.faces) == 1
    compressed.still_works()


ODD_HEADERS = {
    "empty frame_id": (lambda w: Header(stamp=w.now().stamp), "frame_id is empty"),
    "only a slash": (lambda w: Header(stamp=w.now().stamp, frame_id="/"), "frame_id is empty"),
    "zero stamp": (lambda w: Header(frame_id="camera_optical_frame"), "stamp is zero"),
    "the stamp before": (
        lambda w: header(w.stamp - FRAME),
        "stamp equals that of the previous image",
    ),
    "nanosec of 4 s": (
        lambda w: Header(stamp=Time(sec=1000, nanosec=4_000_000_000), frame_id="c"),
        "stamp has a nanosec over 999999999",
    ),
    "the year 2106": (
        lambda w: Header(stamp=Time(sec=2**31 - 1), frame_id="c"),
        "stamp is ahead of the clock",
    ),
}


@pytest.mark.parametrize("case", ODD_HEADERS)
def test_an_odd_header_is_counted_copied_and_answered(world: World, case: str) -> None:
    world.still_works()
    make, what = ODD_HEADERS[case]
    message = world.good()
    message.header = make(world)
    counted = world.stats.odd[what]
    world.answer(message)  # with its own header
    assert world.stats.odd[what] == counted + 1
    assert world.robot.diagnosis()[f"odd: {what}"]
    world.still_works()


JUMPS = {
    "a bag that loops": (-5 * SECOND, {}, "time went back"),
    "a gap of a minute": (60 * SECOND, {}, "time jumped forward"),
    "another frame_id": (FRAME, {"frame_id": "other"}, "frame_id changed"),
    "a frame_id before 1970": (FRAME, {"frame_id": "/camera_optical_frame"}, "frame_id changed"),
}


@pytest.mark.parametrize("case", JUMPS)
def test_a_jump_forgets_the_faces_and_says_so(world: World, case: str) -> None:
    step, fields, why = JUMPS[case]
    known = world.still_works().boxes.faces[-1].id
    message = world.good()
    world.stamp += step - FRAME
    message.header = header(world.stamp, **fields)
    resets = world.worker.engine_thread.value.pipeline.resets.get(why, 0)
    (face,) = world.answer(message).boxes.faces
    assert face.id > known
    assert world.worker.engine_thread.value.pipeline.resets[why] == resets + 1
    assert int(world.robot.diagnosis()[f"tracks dropped: {why}"]) == resets + 1
    world.still_works()


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


def test_two_images_in_the_wrong_order_keep_their_face_and_are_counted(world: World) -> None:
    for _ in range(3):
        known = world.still_works().boxes.faces[-1].id
    first, second = world.good(), world.good()
    assert world.answer(second).boxes.faces[-1].id == known
    assert world.answer(first).boxes.faces[-1].id == known
    assert world.still_works().boxes.faces[-1].id == known
    assert world.stats.odd[STAMP_OLDER] >= 1
    assert world.robot.diagnosis()[f"odd: {STAMP_OLDER}"]


def test_a_camera_without_stamps_is_told_and_a_person_who_comes_is_found(world: World) -> None:
    still = Header(frame_id="camera_optical_frame")
    for _ in range(20):
        world.answer(ros_messages.image_message(nobody(), still))
    message = ros_messages.image_message(portrait(), still)
    found = [bool(world.answer(message).landmarks.faces) for _ in range(20)]
    assert sum(found) >= 12

    def told() -> bool:
        world.answer(message)
        heard = world.robot.heard["diagnostics"]
        return bool(heard) and heard[-1].status[0].message.startswith(f"{STAMP_ZERO} in ")

    world.robot.wait(told, 20)
    world.still_works()


def test_a_lazy_node_receives_images_only_while_somebody_listens() -> None:
    world = World(lazy=True).start()
    try:
        world.still_works()
        robot = world.robot
        for subscription in list(robot.node.subscriptions):
            if subscription.topic_name != "/diagnostics":
                robot.node.destroy_subscription(subscription)
        robot.wait(lambda: robot.camera.get_subscription_count() == 0, 20)
        assert robot.diagnosis()["summary"] == "idle: no output has subscribers"
        received = world.stats.received
        robot.camera.publish(world.good())
        robot.spin(0.5)
        assert world.stats.received == received
        for name, kind in OUTPUTS.items():
            robot._listen(name, kind, f"face_node/{name}")
        robot.wait(lambda: robot.camera.get_subscription_count() == 1, 20)
        world.still_works()
        assert world.robot.diagnosis()["frames received"] == str(received + 1)
    finally:
        world.close()


def test_more_people_than_max_faces_are_told_and_counted() -> None:
    world = World(max_faces=1).start()
    try:
        world.still_works()
        half = portrait()[:, 80:240]
        both = ros_messages.image_message(np.hstack([half, half]), world.now())
        world.answer(both)  # the detector runs again after 5 s of image time
        for _ in range(90):
            both.header = world.now()
            answer = world.answer(both)
        assert len(answer.landmarks.faces) == 1

        def told() -> bool:
            both.header = world.now()
            world.answer(both)
            status = world.robot.heard["diagnostics"][-1].status[0]
            return status.message.startswith("faces in view beyond max_faces: 1")

        world.robot.wait(told, 20)
        assert world.robot.diagnosis()["faces beyond max_faces"] == "1"
    finally:
        world.close()


GOOD_INFOS = {
    "plumb_bob padded to 8": ("plumb_bob", [-0.03, 0.03, 0.0, 0.0, 0.01, 0.0, 0.0, 0.0]),
    "equidistant padded to 5": ("equidistant", [-0.005, 0.04, -0.04, 0.007, 0.0]),
    "an ideal fisheye": ("equidistant", [0.0] * 4),
}


@pytest.mark.parametrize("case", GOOD_INFOS)
def test_a_camera_info_as_real_drivers_send_it_gives_positions(world: World, case: str) -> None:
    world.still_works()
    model, d = GOOD_INFOS[case]
    calibrate(world, {"distortion_model": model, "d": d})
    (pose,) = world.still_works().head_poses.faces
    assert pose.has_position


def test_a_calibration_that_was_published_once_before_the_node_came_is_heard() -> None:
    world = World()
    latched = QoSProfile(depth=1, durability=QoSDurabilityPolicy.TRANSIENT_LOCAL)
    info = CameraInfo(width=WIDTH, height=HEIGHT, k=GOOD_K)
    world.robot.node.create_publisher(CameraInfo, "camera_info", latched).publish(info)
    try:
        world.start()
        world.robot.wait(lambda: world.worker.calibration.info is not None, 20)
        (pose,) = world.still_works().head_poses.faces
        assert pose.has_position
    finally:
        world.close()


def test_a_rectified_image_takes_its_projection() -> None:
    world = World(calibration="rectified").start()
    try:
        distorted = {"d": [-0.32, 0.11, 0.0, 0.0, -0.02], "distortion_model": "plumb_bob"}
        (without,) = world.still_works().head_poses.faces
        world.robot.calibrate(**distorted)
        (no_p,) = world.still_works().head_poses.faces
        assert (without.has_position, no_p.has_position) == (False, False)
        assert "P is not set" in world.robot.diagnosis()["summary"]
        distances = []
        for focal in (300.0, 150.0):
            p = [focal, 0.0, 159.5, 0.0, 0.0, focal, 119.5, 0.0, 0.0, 0.0, 1.0, 0.0]
            world.robot.calibrate(**distorted, p=p)
            (pose,) = world.still_works().head_poses.faces
            distances.append(pose.pose.pose.position.z)
        assert distances[0] == pytest.approx(2 * distances[1], rel=0.05)
        assert "rectified" in world.robot.diagnosis()["camera_info"]
    finally:
        world.close()


GOOD_K = [300.0, 0.0, 159.5, 0.0, 300.0, 119.5, 0.0, 0.0, 1.0]
BAD_INFOS = {
    "K all zero": ({"k": [0.0] * 9}, "uncalibrated"),
    "K not a number": ({"k": [math.nan] * 9}, "finite"),
    "K endless": ({"k": [math.inf, *GOOD_K[1:]]}, "finite"),
    "D not a number": ({"d": [math.nan] * 5}, "D is not finite"),
    "another shape": ({"width": 640, "height": 360}, "640x360"),
    "a model of nobody's": ({"distortion_model": "fish", "d": [0.1] * 4}, "'fish'"),
    "a region of no shape of ours": (
        {"roi": {"width": 100, "height": 200}}, "100x200",
    ),
}  # fmt: skip


def calibrate(world: World, fields: dict[str, object]) -> None:
    from sensor_msgs.msg import RegionOfInterest

    given = {k: RegionOfInterest(**v) if k == "roi" else v for k, v in fields.items()}
    world.robot.calibrate(**given)


@pytest.mark.parametrize("case", BAD_INFOS)
def test_a_bad_camera_info_costs_the_position_and_says_why(world: World, case: str) -> None:
    fields, words = BAD_INFOS[case]
    calibrate(world, fields)
    assert not world.still_works().head_poses.faces[0].has_position
    assert words in world.robot.diagnosis()["camera_info"]
    calibrate(world, {})
    assert world.still_works().head_poses.faces[0].has_position


USABLE_INFOS = {
    "binning 0": {"binning_x": 0, "binning_y": 0},
    "binning 2 of twice the size": {
        "width": 2 * WIDTH, "height": 2 * HEIGHT, "binning_x": 2, "binning_y": 2,
    },
    "a region": {
        "width": 640, "height": 480,
        "roi": {"x_offset": 10, "y_offset": 20, "width": WIDTH, "height": HEIGHT},
    },
    "half the resolution": {"width": WIDTH // 2, "height": HEIGHT // 2},
    "no size": {"width": 0, "height": 0},
    "no D": {"d": []},
    "D of 4 zeros": {"d": [0.0] * 4},
    "D of 8": {"d": [0.01] * 8, "distortion_model": "rational_polynomial"},
    "D of 12": {"d": [0.001] * 12, "distortion_model": "rational_polynomial"},
    "fisheye": {"d": [0.01, 0.0, 0.0, 0.0], "distortion_model": "equidistant"},
    "of another frame": {"header": header(0, "gripper")},
}  # fmt: skip


@pytest.mark.parametrize("case", USABLE_INFOS)
def test_every_usable_camera_info_gives_a_position(world: World, case: str) -> None:
    calibrate(world, USABLE_INFOS[case])
    (pose,) = world.still_works().head_poses.faces
    assert pose.has_position
    assert 0.1 < pose.pose.pose.position.z < 2
    calibrate(world, {})


def test_a_burst_is_answered_with_the_newest_and_the_rest_is_counted(world: World) -> None:
    stats = world.stats
    before = (stats.received, stats.processed, stats.dropped)
    for _ in range(40):
        message = world.good()
        world.robot.camera.publish(message)
    last = message.header
    heard = world.robot.heard["status"]
    world.robot.wait(lambda: bool(heard) and heard[-1].header == last)
    received, processed, dropped = (
        after - b
        for after, b in zip(
            (stats.received, stats.processed, stats.dropped), before, strict=True
        )
    )  # fmt: skip
    assert received == processed + dropped
    assert received <= 40, "the middleware keeps the newest of those that wait, too"


def test_another_publisher_of_another_type_is_named(world: World) -> None:
    robot = world.robot
    other = Robot(domain=robot.context.get_domain_id())  # one node cannot publish both types
    other.node.destroy_publisher(other.camera)
    other.node.create_publisher(CompressedImage, "image", RELIABLE)
    words = "incompatible type sensor_msgs/msg/CompressedImage"
    robot.wait(lambda: words in robot.diagnosis()["summary"])
    other.close()
    robot.wait(lambda: words not in robot.diagnosis()["summary"])
    world.still_works()


def test_a_camera_that_is_restarted_is_heard_again(world: World) -> None:
    robot = world.robot
    received = world.stats.received
    robot.node.destroy_publisher(robot.camera)
    robot.wait(lambda: robot.node.count_publishers("/image") == 0)
    robot.camera = robot.node.create_publisher(Image, "image", RELIABLE)
    robot.wait_for_node()
    world.still_works()
    assert world.stats.received == received + 1, "the node was not started anew"


def test_another_node_of_the_same_name_is_told(world: World) -> None:
    robot, words = world.robot, "another node has the same name"
    twin = robot.node.create_publisher(TrackingStatus, "/face_node/status", RELIABLE)

    def told() -> bool:
        """While images come: that none does would be the worse news."""
        world.still_works()
        return words in robot.diagnosis()["summary"]

    robot.wait(told)
    robot.node.destroy_publisher(twin)
    robot.wait(lambda: not told())


def test_a_double_configure_is_refused_and_the_node_goes_on(world: World) -> None:
    from lifecycle_msgs.msg import Transition
    from lifecycle_msgs.srv import ChangeState

    for number in (
        Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE,
        Transition.TRANSITION_CLEANUP, 99,
    ):  # fmt: skip
        request = ChangeState.Request(transition=Transition(id=number))
        assert not world.robot.call(ChangeState, "change_state", request).success
    request = ChangeState.Request(transition=Transition(label="jump"))
    assert not world.robot.call(ChangeState, "change_state", request).success
    world.still_works()


def test_settings_may_change_between_any_two_frames(world: World) -> None:
    for name, value in (
        ("max_faces", 1), ("smoothing", False), ("publish_tf", False), ("min_face", 8.0),
        ("max_pixels", 10), ("max_pixels", 100_000_000), ("smoothing", True), ("publish_tf", True),
    ):  # fmt: skip
        (result,) = world.node.set_parameters([Parameter(name, value=value)])
        assert result.successful, result.reason
        if value == 10:
            world.send(world.good(), lambda: world.stats.refused["too_large"])
        else:
            world.still_works()


def test_simulated_time_that_does_not_run_and_that_jumps_back_is_told() -> None:
    world = World(use_sim_time=True).start()
    robot = world.robot
    summaries = lambda: [m.status[0].message for m in robot.heard["diagnostics"]]  # noqa: E731
    try:
        world.still_works()
        robot.wait(lambda: any("no time was received on /clock" in s for s in summaries()))
        clock = robot.node.create_publisher(Clock, "/clock", RELIABLE)
        robot.wait(lambda: clock.get_subscription_count() > 0)

        def tick(seconds: int) -> None:
            clock.publish(Clock(clock=Time(sec=seconds)))
            robot.wait(lambda: world.node.now_ns() == seconds * SECOND)

        tick(1_010)
        known = world.still_works().boxes.faces[-1].id
        tick(1_002)
        assert world.still_works().boxes.faces[-1].id > known
        assert robot.diagnosis()["tracks dropped: the clock jumped"] == "1"
        robot.wait(lambda: any("/clock has not advanced for" in s for s in summaries()))
        assert messages.stamp_ns(robot.heard["diagnostics"][-1].header.stamp) == 1_002 * SECOND
    finally:
        world.close()
