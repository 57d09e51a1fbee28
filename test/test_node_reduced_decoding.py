# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The node and large JPEG images, over DDS: the decoded scales, and equal results of a replay."""

from __future__ import annotations

import array
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2: make venv, or source a workspace")
pytest.importorskip("rosbags", reason="pip install rosbags")

from sensor_msgs.msg import CompressedImage, Image

from atpn_ros.images.compressed import JpegImage
from bag_world import STEP, T0, Recorder, read, record
from node_here import World
from replays import NODE, replay
from ros_world import header, portrait

WIDTH, HEIGHT = 1600, 1200
FRAMES = 4


def jpeg(n: int) -> bytes:
    """A face that moves a little; its crop of 635 pixels may be read at 1/4 (from 512 on)."""
    picture = cv2.resize(portrait(), (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    return bytes(cv2.imencode(".jpg", np.roll(picture, 3 * n, axis=1))[1])


def message(n: int) -> CompressedImage:
    return CompressedImage(
        header=header(T0 + n * STEP), format="jpeg", data=array.array("B", jpeg(n))
    )


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The scales at which JPEG images are decoded."""
    scales: list[int] = []
    decoded = JpegImage.decoded

    def spied(self: JpegImage, reduction: int = 1) -> Any:
        scales.append(reduction)
        return decoded(self, reduction)

    monkeypatch.setattr(JpegImage, "decoded", spied)
    return scales


def test_a_large_face_is_tracked_in_reduced_images_as_in_the_replay(
    tmp_path: Path, compressed: World, asked: list[int]
) -> None:
    answers = [compressed.answer(message(n)) for n in range(FRAMES)]
    assert asked == [1, 4, 4, 4]  # in full for the detector
    points = [np.array(a.landmarks.faces[0].xy).reshape(98, 2) for a in answers]
    for n in range(1, FRAMES):
        width = np.ptp(points[0][:, 0])
        assert width > 300
        moved = (points[n] - points[0]).mean(axis=0)
        np.testing.assert_allclose(moved, (3 * n, 0), atol=0.02 * width)
    assert all(a.status.decode_ns > 0 for a in answers)
    assert answers[-1].status.frames_refused == 0

    def write(recorder: Recorder) -> None:
        for n in range(FRAMES):
            recorder.compressed(n, data=jpeg(n))

    assert replay(record(tmp_path / "in", write), tmp_path / "out") == 0
    replayed = [m for _, m in read(tmp_path / "out")[f"{NODE}/landmarks"]]
    assert asked == [1, 4, 4, 4] * 2
    for live, again in zip(answers, replayed, strict=True):
        face, same = live.landmarks.faces[0], again.faces[0]
        assert np.array_equal(face.xy, same.xy)
        assert np.array_equal(face.sigma, same.sigma)


def points_of(world: World, frames: int) -> list[Any]:
    """The landmarks of the first frames."""
    answers = [world.answer(message(n)) for n in range(frames)]
    return [np.array(a.landmarks.faces[0].xy) for a in answers]


def test_the_debug_image_has_all_pixels_and_changes_no_result(asked: list[int]) -> None:
    world = World(compressed=True).start()
    try:
        unwatched = points_of(world, 3)
    finally:
        world.close()
    assert asked == [1, 4, 4]
    seen: list[Image] = []
    world = World(compressed=True).start()
    try:
        world.robot.node.create_subscription(Image, "face_node/debug_image", seen.append, 10)
        world.robot.wait(lambda: world.node.count_subscribers("/face_node/debug_image") > 0)
        watched = points_of(world, 3)
        world.robot.wait(lambda: len(seen) == 3)
    finally:
        world.close()
    assert {(m.width, m.height) for m in seen} == {(WIDTH, HEIGHT)}
    assert np.array_equal(watched, unwatched)
    assert asked[3:] == [1, 1, 4, 1, 4, 1]  # for the pipeline, then for the debug image
