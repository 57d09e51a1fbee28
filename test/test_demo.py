# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The command ``atpn demo``: its drawings, and the errors before the node is started."""

import os

import cv2
import numpy as np
import pytest

from atpn_ros.cli import demo, demo_scene, main
from atpn_ros.cli.demo import DemoError, face_frame
from atpn_ros.cli.demo_scene import open_scene
from atpn_ros.drawing.video import MediaError, VideoReader
from demo_records import COUNT, all_tracked, record

pytest.importorskip("skimage", reason="the portrait comes with scikit-image")


def test_a_record_becomes_the_cores_type():
    full = record(0, [4])
    full["faces"][0] |= {
        "xy": list(range(196)),
        "rotation": np.eye(3).ravel().tolist(),
        "position": [1, 2, 3],
        "gaze": [0, 0, -1],
        "gaze_source": 2,
        "looking": True,
    }
    (face,) = face_frame(full, 640, 480).faces
    assert face.landmarks[1].tolist() == [2, 3]
    assert face.pose.position.tolist() == [1, 2, 3]
    assert face.gaze.direction.tolist() == [0, 0, -1]
    assert face.gaze.looking
    (bare,) = face_frame(record(0, [4]), 640, 480).faces
    assert bare.landmarks is bare.pose is bare.gaze is None


def test_every_frame_is_drawn_into_a_video(tmp_path, people_scene):
    records = all_tracked(people_scene)
    records[0] = record(0, has_result=False)
    drawn = demo._draw(records, people_scene, tmp_path / "demo.mp4")
    assert drawn.shape == (900, 1600, 3)
    plain = cv2.resize(people_scene.frame(1), (400, 300), interpolation=cv2.INTER_AREA)
    assert (drawn[:300, :400] != plain).any()  # the first frame that has a result
    assert len(list(VideoReader(str(tmp_path / "demo.mp4")))) == COUNT


def test_an_unreadable_source_is_reported_before_the_node_is_started(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(demo, "_play", None)
    assert main(["demo", str(tmp_path / "gone.mp4"), "--out", str(tmp_path / "out")]) == 1
    assert capsys.readouterr().err == f"atpn demo: {tmp_path / 'gone.mp4'}: no such file\n"
    (tmp_path / "text.jpg").write_text("hello")
    assert main(["demo", str(tmp_path / "text.jpg"), "--out", str(tmp_path / "out")]) == 1
    assert "text.jpg: not an image that OpenCV can read" in capsys.readouterr().err
    with pytest.raises(MediaError, match="No such file"):
        open_scene(str(tmp_path / "gone.jpg"), 1.0, tmp_path / "x")
    (tmp_path / "out" / "demo.mp4").write_bytes(b"mine")
    clip = str(tmp_path / "out" / "demo.mp4")
    assert main(["demo", clip, "--out", str(tmp_path / "out")]) == 1
    assert "is an input: choose another output" in capsys.readouterr().err


@pytest.mark.parametrize("source", ["-", "pipe.avi", "http://127.0.0.1:9/live"])
def test_a_source_that_can_be_read_once_is_left_to_the_client(
    tmp_path, monkeypatch, capsys, source
):
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe.avi")
    monkeypatch.setattr(demo_scene, "VideoReader", None)

    def play(*_):
        raise DemoError("started")

    monkeypatch.setattr(demo, "_play", play)
    assert main(["demo", source]) == 1
    assert capsys.readouterr().err == "atpn demo: started\n"


def test_the_recording_of_a_camera_replaces_no_input(tmp_path, capsys):
    video = tmp_path / "camera.raw"
    video.write_bytes(b"mine")
    assert main(["demo", str(video), "--out", str(tmp_path)]) == 1
    assert "is an input: choose another output" in capsys.readouterr().err
    assert video.read_bytes() == b"mine"


def test_errors_are_one_line_and_code_1(monkeypatch, capsys, tmp_path):
    def fail(*_):
        raise DemoError("the node is not there")

    monkeypatch.setattr(demo, "_play", fail)
    assert main(["demo", "--out", str(tmp_path / "out")]) == 1
    assert capsys.readouterr().err == "atpn demo: the node is not there\n"


def test_a_show_of_no_frame_is_refused(capsys, tmp_path):
    assert main(["demo", "--out", str(tmp_path), "--seconds", "0"]) == 1
    assert "too short" in capsys.readouterr().err


@pytest.mark.parametrize("seconds", ["inf", "nan"])
def test_a_length_that_is_not_finite_is_refused(capsys, tmp_path, seconds):
    assert main(["demo", "--out", str(tmp_path), "--seconds", seconds]) == 1
    assert capsys.readouterr().err == f"atpn demo: --seconds {seconds} is not a finite number\n"
