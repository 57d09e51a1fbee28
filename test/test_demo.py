# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The demo's scenes, figures and pictures, from made-up records instead of a running node."""

import os
import subprocess
import sys
import time

import cv2
import numpy as np
import pytest

from atpn_ros import resources
from atpn_ros.bench import node_process
from atpn_ros.bench.node_process import wait_until
from atpn_ros.cli import demo, demo_people, demo_scene, main
from atpn_ros.cli.demo import DemoError, face_frame, sheet
from atpn_ros.cli.demo_scene import HEIGHT, RATE, WIDTH, PeopleScene, PictureScene, open_scene
from atpn_ros.cli.demo_summary import print_summary, summarise
from atpn_ros.drawing.video import MediaError, VideoReader, VideoWriter
from atpn_ros.resources import ResourceNotFoundError
from moving_portrait import MovingPortrait

pytest.importorskip("skimage", reason="the portrait comes with scikit-image")
COUNT = 120
MS = 1_000_000


@pytest.fixture(scope="module")
def scene():
    return PeopleScene(COUNT)


def record(n, ids=(), state=2, has_result=True, detector_ran=False, at=()):
    """As demo_client writes it: 20 ms after the stamp, 5 of them in the network."""
    stamp = 10**9 + round(n * 1e9 / RATE)
    places = at or [(320.0, 200.0)] * len(ids)
    faces = [
        {"id": i, "state": state, "box": [*place, 100, 120], "presence": 0.9, "xy": [],
         "rotation": None, "position": None, "gaze": None, "gaze_source": None, "looking": False}
        for i, place in zip(ids, places, strict=True)
    ]  # fmt: skip
    return {
        "n": n,
        "stamp_ns": stamp,
        "received_ns": stamp + 20 * MS if has_result else None,
        "network_ns": 5 * MS,
        "detector_ran": detector_ran,
        "detector": "atpn",
        "engine": "onnx-cpu",
        "faces": faces,
    }


def all_tracked(scene):
    """Each person under one id, the second under another one after the return."""
    away = [n for n in range(COUNT) if len(scene.shown(n)) < 2]

    def one(n):
        shown = scene.shown(n)
        ids = [1 if p.person == 0 else 2 if n < away[0] else 3 for p in shown]
        return record(n, ids, detector_ran=n % 10 == 0, at=[(p.x, p.y) for p in shown])

    return [one(n) for n in range(COUNT)]


def test_the_summary_of_a_run_in_which_all_people_are_tracked(scene):
    summary = summarise(all_tracked(scene), scene)
    assert summary["frames"] == {"sent": COUNT, "processed": COUNT, "dropped": 0, "rate_hz": 15.0}
    faces = summary["faces"]
    assert faces["track_ids"] == [1, 2, 3]
    second = sum(len(scene.shown(n)) == 2 for n in range(COUNT))
    assert faces["people"] == [
        {"shown": COUNT, "tracked": COUNT, "ids": [1], "times_in_view": 1},
        {"shown": second, "tracked": second, "ids": [2, 3], "times_in_view": 2},
    ]
    assert faces["false_faces"] == 0
    latency = summary["latency_ms"]
    assert (latency["p50"], latency["p95"], latency["max"]) == (20, 20, 20)
    assert latency["share_outside_network_p50"] == 0.75
    assert summary["detector"] == {"name": "atpn", "calls": 12, "share_of_frames": 0.1}
    assert summary["engine"] == "onnx-cpu"


def test_a_person_is_tracked_only_at_the_right_place_and_under_one_id(scene):
    """A track of the background, another id or a lost face does not count."""
    records = all_tracked(scene)
    people = [(p.x, p.y) for p in scene.shown(3)]
    records[3] = record(3, [7, 2], at=people)  # another id
    records[4] = record(4, [1, 2], at=[(5.0, 470.0), (635.0, 470.0)])  # elsewhere
    records[5] = record(5, [1, 2], state=3, at=people)  # lost
    faces = summarise(records, scene)["faces"]
    assert [p["tracked"] - p["shown"] for p in faces["people"]] == [-3, -2]
    assert faces["people"][0]["ids"] == [1, 7]
    assert faces["false_faces"] == 2


def test_frames_without_a_result_are_counted_as_dropped(scene):
    records = all_tracked(scene)
    records[3] = record(3, has_result=False)
    summary = summarise(records, scene)
    assert (summary["frames"]["processed"], summary["frames"]["dropped"]) == (COUNT - 1, 1)
    assert summary["faces"]["people"][0]["shown"] == COUNT - 1


def test_a_run_without_any_result_has_a_summary(scene, capsys):
    summary = summarise([record(n, has_result=False) for n in range(COUNT)], scene)
    assert summary["frames"]["processed"] == 0
    assert summary["engine"] is None
    print_summary(summary)
    assert "0 processed" in capsys.readouterr().out


def test_the_summary_has_a_line_for_each_person(scene, capsys):
    print_summary(summarise(all_tracked(scene), scene))
    lines = capsys.readouterr().out.strip().splitlines()
    assert [line.split()[0] for line in lines] == [
        "frames", "faces", "person", "person", "latency", "detector", "engine",
    ]  # fmt: skip
    assert "tracked under one id in 120 (100%); ids [1]" in lines[2]


def test_people_in_a_users_own_picture_are_unknown():
    scene = PictureScene(np.zeros((100, 200, 3), np.uint8), COUNT)
    faces = summarise([record(n, [1]) for n in range(COUNT)], scene)["faces"]
    assert faces == {"frames_with_face": COUNT, "track_ids": [1]}


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


def test_the_sheet_is_three_rows_of_four_pictures():
    assert sheet([np.zeros((480, 640, 3), np.uint8)] * 12).shape == (900, 1600, 3)
    assert sheet([np.zeros((1280, 720, 3), np.uint8)]).shape == (900, 1600, 3)


def test_every_frame_is_drawn_into_a_video(tmp_path, scene):
    records = all_tracked(scene)
    records[0] = record(0, has_result=False)
    drawn = demo._draw(records, scene, tmp_path / "demo.mp4")
    assert drawn.shape == (900, 1600, 3)
    plain = cv2.resize(scene.frame(1), (400, 300), interpolation=cv2.INTER_AREA)
    assert (drawn[:300, :400] != plain).any()  # the first frame that has a result
    assert len(list(VideoReader(str(tmp_path / "demo.mp4")))) == COUNT


def test_two_people_of_different_sizes_move_and_one_leaves_and_returns(scene):
    shown = [{p.person: p for p in scene.shown(n)} for n in range(COUNT)]
    assert all(0 in faces for faces in shown)
    there = [1 in faces for faces in shown]
    assert there[0]
    assert there[-1]
    gone = COUNT - sum(there)
    assert RATE < gone < COUNT / 3
    heights = [[faces[k].height for faces in shown if k in faces] for k in (0, 1)]
    assert np.mean(heights[0]) > 1.3 * np.mean(heights[1])
    assert all(max(h) > 1.3 * min(h) for h in heights)
    apart = [np.hypot(f[0].x - f[1].x, f[0].y - f[1].y) for f in shown if len(f) == 2]
    assert min(apart) > 120
    assert scene.frame(0).shape == (HEIGHT, WIDTH, 3)
    np.testing.assert_array_equal(scene.frame(7), PeopleScene(COUNT).frame(7))


def test_the_people_are_detected_at_the_scenes_places(scene):
    """By the detector and the network, in frames from all over the scene."""
    from atpn_ros import Frame, open_pipeline

    found = total = 0
    for n in range(0, COUNT, 10):
        with open_pipeline(backend="onnx-cpu") as pipeline:
            faces = pipeline.process(Frame(scene.frame(n), 0)).faces
        for person in scene.shown(n):
            total += 1
            found += any(
                np.hypot(f.box.cx - person.x, f.box.cy - person.y) < person.height / 4
                and 0.7 < f.box.height / person.height < 1.4
                for f in faces
            )
    assert found >= 0.8 * total


def test_without_matplotlib_there_are_two_people_too(monkeypatch):
    monkeypatch.setattr(demo_people, "_hopper", lambda: None)
    first, second = demo_people.people()
    np.testing.assert_array_equal(first.image, second.image[:, ::-1])
    assert second.face[0] == first.image.shape[1] - 1 - first.face[0]


def test_a_picture_of_the_user_is_a_moving_scene(tmp_path):
    path = tmp_path / "mine.JPG"
    cv2.imwrite(str(path), np.full((3000, 2000, 3), 200, np.uint8))
    frames = list(open_scene(str(path), 1.0, tmp_path / "x").frames())
    assert [f.shape for f in frames] == [(HEIGHT, WIDTH, 3)] * RATE
    assert (frames[0] != frames[4]).any()


def test_a_clip_of_the_user_keeps_its_rate_and_is_reduced(tmp_path):
    path = tmp_path / "mine.mp4"
    writer = VideoWriter(path, 10.0)
    for _ in range(8):
        writer.write(np.zeros((1080, 1920, 3), np.uint8))
    writer.close(keep=True)
    scene = open_scene(str(path), 0.5, tmp_path / "x")
    assert scene.rate == pytest.approx(10)
    for _ in range(2):  # a scene can be read again
        assert [f.shape for f in scene.frames()] == [(720, 1280, 3)] * 5


def test_the_frames_of_a_camera_are_kept_to_be_read_again(tmp_path, monkeypatch):
    class Camera:
        fps = 20.0

        def __init__(self, source):
            assert source == "97"

        def __iter__(self):
            from atpn_ros import Frame

            for n in range(100):
                yield Frame(np.full((48, 64, 3), n, np.uint8), n)

        def close(self):
            pass

    monkeypatch.setattr(demo_scene, "VideoReader", Camera)
    kept = tmp_path / "camera.raw"
    first = list(open_scene("97", 0.5, kept).frames())
    monkeypatch.setattr(demo_scene, "VideoReader", None)
    again = open_scene("97", 0.5, kept)
    assert again.rate == 20.0
    np.testing.assert_array_equal(list(again.frames()), first)
    assert [f[0, 0, 0] for f in first] == list(range(10))


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


def test_the_portrait_leaves_and_returns():
    portrait = MovingPortrait(COUNT)
    assert 0 < portrait.leaves_at < portrait.returns_at < COUNT
    assert portrait.frame(0).shape == (HEIGHT, WIDTH, 3)
    np.testing.assert_array_equal(portrait.frame(7), MovingPortrait(COUNT).frame(7))


@pytest.mark.parametrize("frames", [1, 2, 10])
def test_a_short_show_does_not_break_the_scene(frames):
    show = MovingPortrait(frames)
    assert 0 <= show.leaves_at <= frames
    assert show.frame(frames - 1).any()
    assert len(list(PeopleScene(frames).frames())) == frames


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


def test_a_script_that_is_not_installed_is_told_with_the_way_out():
    with pytest.raises(
        ResourceNotFoundError, match="no_such_script is not installed: run make venv"
    ):
        resources.script_path("no_such_script")


def test_wait_until_steps_until_the_condition_holds():
    steps = []
    assert wait_until(lambda: len(steps) > 3, 10, lambda: steps.append(1))
    assert len(steps) == 4
    assert not wait_until(lambda: False, 0.01, lambda: None)


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("print('[INFO] [face_node]: model m.onnx on onnx-cpu', flush=True); sleep(60)", ""),
        (
            "print('[INFO] [face_node]: building the engine, 5 s: phase', flush=True); sleep(1);"
            "print('[INFO] [face_node]: model m.onnx on tensorrt', flush=True); sleep(60)",
            "building the engine, 5 s: phase\n",
        ),
        ("raise SystemExit(1)", ""),
    ],
)
def test_it_waits_for_the_engine_and_tells_of_its_building(tmp_path, capsys, script, words):
    log = tmp_path / "node.log"
    with log.open("w") as stream:
        node = subprocess.Popen(
            [sys.executable, "-c", f"from time import sleep; {script}"],
            stdout=stream,
            stderr=stream,
        )
        began = time.monotonic()
        node_process.wait_for_engine(node, log)
        assert time.monotonic() - began < 10
        node.kill()
        node.wait()
    assert capsys.readouterr().out == words
