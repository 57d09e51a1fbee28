# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What goes into a bag without ROS is, byte for byte, what the node publishes."""

import numpy as np
import pytest

pytest.importorskip("rosbags", reason="pip install rosbags")
pytest.importorskip("rclpy", reason="needs ROS 2: make venv, or source a workspace")

from builtin_interfaces.msg import Time
from rclpy.serialization import serialize_message
from std_msgs.msg import Header

from atpn_ros import geometry
from atpn_ros.conversions import messages
from atpn_ros.node import ros_messages
from atpn_ros.replay.message_types import OUTPUT_TYPES, message_types, replay_typestore
from atpn_ros.settings import Settings
from atpn_ros.types import Box, Face, FaceFrame, FaceState, Gaze, GazeSource, HeadPose, Timing

STORE = replay_typestore()
KINDS = message_types(STORE)


def random_face(rng, number):
    box = Box(*rng.normal(300, 200, 4))
    counts = int(rng.integers(0, 2**62)), int(rng.integers(0, 2**31))
    if rng.random() < 0.25:
        return Face(number, FaceState.LOST, box, float(rng.random()), *counts)
    rotation = geometry.head_rotation(*rng.uniform(-1.5, 1.5, 3))
    position = rng.normal(0, 1, 3) if rng.random() < 0.7 else None
    return Face(
        number,
        FaceState(int(rng.integers(1, 3))),
        box,
        np.float32(rng.random()),
        *counts,
        rng.normal(300, 200, (98, 2)).astype(rng.choice([np.float32, np.float64])),
        rng.random(98) if rng.random() < 0.5 else None,
        HeadPose(rotation, position, rng.normal(0, 1, (6, 6))),
        Gaze(rotation[:, 0].copy(), GazeSource.HEAD, float(rng.random())),
    )


def bytes_both_ways(seed):
    """(name, as ROS serialises it, as the bag's types do), for one random frame."""
    rng = np.random.default_rng(seed)
    faces = tuple(random_face(rng, i + 1) for i in range(rng.integers(0, 5)))
    timing = Timing(*(int(v) for v in rng.integers(0, 2**40, 5)))
    frame = FaceFrame(0, "camera", 640, 480, faces, bool(rng.random() < 0.5), timing)
    sec, nanosec = int(rng.integers(0, 2**31)), int(rng.integers(0, 10**9))
    name = str(rng.choice(["camera", "/left/optical", ""]))
    there = Header(stamp=Time(sec=sec, nanosec=nanosec), frame_id=name)
    here = KINDS.Header(frame_id=name)
    messages.set_time(here.stamp, sec * 10**9 + nanosec)
    progress = messages.FrameProgress(
        *(int(v) for v in rng.integers(0, 2**60, 9)), "onnx", "atpn", 7
    )
    calls = {
        "boxes": (),
        "landmarks": (),
        "head_poses": (),
        "gazes": (),
        "tf": (Settings(tf_prefix="left_").frame_name,),
        "status": (progress,),
    }
    for name, more in calls.items():
        function = "transforms" if name == "tf" else name
        ros = serialize_message(getattr(ros_messages, function)(frame, there, *more))
        ours = getattr(messages, function)(KINDS, frame, here, *more)
        yield name, ros, bytes(STORE.serialize_cdr(ours, OUTPUT_TYPES[name]))


@pytest.mark.parametrize("seed", range(25))
def test_the_bytes_are_those_of_the_node(seed):
    for name, ros, ours in bytes_both_ways(seed):
        # ROS leaves whatever was in memory in the gaps between fields; reading skips them.
        again = STORE.deserialize_cdr(ros, OUTPUT_TYPES[name])
        assert STORE.serialize_cdr(again, OUTPUT_TYPES[name]) == ours, name
        assert len(ours) == len(ros)


def test_every_output_has_a_type_of_ours_that_bags_know():
    assert set(OUTPUT_TYPES.values()) <= set(STORE.fielddefs)
    assert set(OUTPUT_TYPES.values()) <= set(replay_typestore(ros1=True).fielddefs)
