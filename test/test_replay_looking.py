# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""``looking`` in a replay: at the camera or at a frame of the bag's TF."""

import json
import math

import numpy as np
import pytest

pytest.importorskip("rosbags", reason="pip install rosbags")
pytest.importorskip("skimage", reason="the portrait comes with scikit-image")

from atpn_ros.cli import main
from atpn_ros.replay.compare import compare
from bag_world import read, record, show

GAZES = "/face_node/gazes"
CAMERA = "camera_optical_frame"


def transform(recorder, n, y, topic="/tf_static", child="eyes"):
    """Record that the eyes are at (0, y, 0) in the camera frame."""
    types = recorder.types.types
    vector, rotation = types["geometry_msgs/msg/Vector3"], types["geometry_msgs/msg/Quaternion"]
    pose = types["geometry_msgs/msg/Transform"](vector(0.0, y, 0.0), rotation(0.0, 0.0, 0.0, 1.0))
    item = types["geometry_msgs/msg/TransformStamped"](recorder.header(n), child, pose)
    item.header.frame_id = CAMERA
    recorder.write(topic, "tf2_msgs/msg/TFMessage", n, [item])


def replayed(tmp_path, write, *words):
    source = record(tmp_path / "in", write)
    assert main(["replay", *map(str, (source, tmp_path / "out", *words))]) == 0
    return read(tmp_path / "out")


def gazes(out):
    return [m.faces[0] for _, m in out[GAZES]]


def angle_to(face, y):
    line = np.array([-face.origin.x, y - face.origin.y, -face.origin.z])
    d = np.array([face.direction.x, face.direction.y, face.direction.z])
    return math.degrees(math.acos(line @ d / np.linalg.norm(line)))


def notes(tmp_path):
    return json.loads((tmp_path / "out" / "replay.json").read_text())["notes"]


def test_by_default_the_target_is_the_camera(tmp_path):
    for face in gazes(replayed(tmp_path, show)):
        assert face.angle_to_target == pytest.approx(angle_to(face, 0), abs=0.01)
    assert notes(tmp_path) == []


@pytest.mark.parametrize("n", [0, 3], ids=["first", "last"])
def test_a_static_transform_applies_wherever_it_was_recorded(tmp_path, n):
    def write(recorder):
        show(recorder)
        transform(recorder, n, -0.8)

    out = replayed(tmp_path, write, "--set", "looking_target=eyes", "--only-faces")
    assert "/tf_static" not in out
    for face in gazes(out):
        assert face.angle_to_target == pytest.approx(angle_to(face, -0.8), abs=0.01)
    assert notes(tmp_path) == []


def test_a_moving_transform_applies_from_its_place_in_the_bag_on(tmp_path):
    def write(recorder):
        for n in range(4):
            if n:
                transform(recorder, n, -0.2 * n, topic="/tf")
            recorder.info(n)
            recorder.image(n)

    out = replayed(tmp_path, write, "--set", "looking_target=eyes")
    first, *others = gazes(out)
    assert math.isnan(first.angle_to_target)
    assert not first.looking
    for n, face in enumerate(others, 1):
        assert face.angle_to_target == pytest.approx(angle_to(face, -0.2 * n), abs=0.01)


def test_a_target_that_the_bag_does_not_have_is_noted_once(tmp_path):
    out = replayed(tmp_path, show, "--set", "looking_target=eyes")
    assert all(math.isnan(f.angle_to_target) and not f.looking for f in gazes(out))
    (note,) = notes(tmp_path)
    assert note.endswith("/image: looking_target 'eyes': no frame 'eyes' on /tf or /tf_static")


def test_a_second_replay_gives_the_same_bytes_and_another_decision_is_a_difference(tmp_path):
    def write(recorder):
        show(recorder, 2)
        transform(recorder, 0, 0.0, child="lens")

    source = record(tmp_path / "in", write)
    # Of eyes that are nowhere it is not known; of those in the lens, within 90 degrees, it is.
    given = {"a": "lens", "b": "lens", "c": "nowhere"}
    for name, target in given.items():
        words = (source, tmp_path / name / "out", "--set", "looking_angle=90")
        assert main(["replay", *map(str, words), "--set", f"looking_target={target}"]) == 0
    raw = {n: next((tmp_path / n / "out").glob("*.mcap")).read_bytes() for n in given}
    assert raw["a"] == raw["b"]
    difference = compare(tmp_path / "a" / "out", tmp_path / "c" / "out")
    assert difference.looking == 2
    assert difference.changed(0, 0, 0, False)
    assert "2 looking in one only" in difference.lines()[1]
