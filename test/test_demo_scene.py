# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The frames of the demo: its two people, the user's picture, video and camera."""

import cv2
import numpy as np
import pytest

from atpn_ros.cli import demo_people, demo_scene
from atpn_ros.cli.demo_scene import HEIGHT, RATE, WIDTH, PeopleScene, open_scene
from atpn_ros.drawing.video import VideoWriter
from demo_records import COUNT
from moving_portrait import MovingPortrait

pytest.importorskip("skimage", reason="the portrait comes with scikit-image")


def test_two_people_of_different_sizes_move_and_one_leaves_and_returns(people_scene):
    shown = [{p.person: p for p in people_scene.shown(n)} for n in range(COUNT)]
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
    assert people_scene.frame(0).shape == (HEIGHT, WIDTH, 3)
    np.testing.assert_array_equal(people_scene.frame(7), PeopleScene(COUNT).frame(7))


def test_the_people_are_detected_at_the_scenes_places(people_scene):
    """By the detector and the network, in frames from all over the scene."""
    from atpn_ros import Frame, open_pipeline

    found = total = 0
    for n in range(0, COUNT, 10):
        with open_pipeline(backend="onnx-cpu") as pipeline:
            faces = pipeline.process(Frame(people_scene.frame(n), 0)).faces
        for person in people_scene.shown(n):
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
