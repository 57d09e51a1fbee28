# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Image headers and stamps over DDS that are odd, jump or stand still."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2: make venv, or source a workspace")

from builtin_interfaces.msg import Time
from std_msgs.msg import Header

from atpn_ros.msg import FaceBox
from atpn_ros.node import ros_messages
from atpn_ros.pipeline.frame_clock import STAMP_CLOSE, STAMP_OLDER, STAMP_ZERO
from node_here import World
from ros_world import FRAME, SECOND, header, nobody, portrait

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


def test_two_images_in_the_wrong_order_keep_their_face_and_are_counted(world: World) -> None:
    for _ in range(3):
        known = world.still_works().boxes.faces[-1].id
    first, second = world.good(), world.good()
    assert world.answer(second).boxes.faces[-1].id == known
    assert world.answer(first).boxes.faces[-1].id == known
    assert world.still_works().boxes.faces[-1].id == known
    assert world.stats.odd[STAMP_OLDER] >= 1
    assert world.robot.diagnosis()[f"odd: {STAMP_OLDER}"]


UNEVEN = {
    "pairs 0.8 ms apart": (lambda n: n // 2 * 2 * FRAME + n % 2 * 800_000, STAMP_CLOSE, 12),
    "bursts of four": (lambda n: n // 4 * 4 * FRAME + n % 4 * 100_000, STAMP_CLOSE, 18),
    "one in ten without": (lambda n: None if n % 10 == 9 else n * FRAME, STAMP_ZERO, 2),
}


@pytest.mark.parametrize("case", UNEVEN)
def test_a_face_in_motion_keeps_its_id_over_uneven_stamps(world: World, case: str) -> None:
    offset, problem, count = UNEVEN[case]
    known = world.still_works().boxes.faces[-1].id
    before, start = world.stats.odd[problem], world.stamp + FRAME
    boxes = []
    for n in range(24):
        at = offset(n)
        stamp = 0 if at is None else start + at
        picture = np.ascontiguousarray(np.roll(portrait(), 2 * n, axis=1))
        message = ros_messages.image_message(picture, header(stamp))
        boxes += world.answer(message).boxes.faces
    world.stamp = start + 24 * FRAME
    assert [box.id for box in boxes] == [known] * 24
    assert FaceBox.STATE_LOST not in [box.state for box in boxes]
    assert boxes[-1].center_x - boxes[0].center_x == pytest.approx(46, abs=6)
    assert world.stats.odd[problem] == before + count
    assert world.robot.diagnosis()[f"odd: {problem}"]


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
