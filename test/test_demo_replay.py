# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The demo, live, and its own bag: a replay gives the node's results."""

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2: make venv, or source a workspace")
pytest.importorskip("rosbags", reason="pip install rosbags")
pytest.importorskip("skimage", reason="the portrait comes with scikit-image")

import atpn_ros
from atpn_ros.cli import main
from atpn_ros.drawing.video import VideoReader
from atpn_ros.replay.compare import compare

SECONDS = 3


NEXT = "next: atpn demo MY.jpg | MY.mp4 | 0 (your camera);"


def run_demo(out, *words):
    """Run the demo in a process of its own; returns what it prints."""
    code = "import sys; from atpn_ros.cli import main; sys.exit(main(sys.argv[1:]))"
    done = subprocess.run(
        [sys.executable, "-c", code, "demo", *map(str, words), "--out", str(out)],
        env=os.environ | {"PYTHONPATH": str(Path(atpn_ros.__file__).parents[1])},
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The folder that a short demo leaves."""
    out = tmp_path_factory.mktemp("demo")
    said = run_demo(out, "--seconds", SECONDS)
    assert "person 1" in said
    assert said.splitlines()[-1].startswith(NEXT)
    return out


@pytest.mark.parametrize("kind", ["picture", "video"])
def test_the_demo_with_the_users_own_is_alike(tmp_path, kind):
    """The node tracks the person in it; video, sheet, summary and bag are there."""
    from portrait_files import portrait, write_clip

    if kind == "video":
        source = write_clip(tmp_path / "mine.mp4", 20)
    else:
        source = tmp_path / "mine.jpg"
        cv2.imwrite(str(source), portrait())
    out = tmp_path / "out"
    said = run_demo(out, source, "--seconds", 2)
    assert said.splitlines()[-1].startswith(NEXT)
    summary = json.loads((out / "summary.json").read_text())
    # A busy machine may drop images.
    assert summary["frames"]["processed"] > summary["frames"]["sent"] / 4
    assert summary["faces"]["frames_with_face"] > summary["frames"]["processed"] / 2
    assert len(summary["faces"]["track_ids"]) == 1
    assert len(list(VideoReader(str(out / "demo.mp4")))) == summary["frames"]["sent"]
    assert (out / "bag").is_dir()


def test_a_replay_of_the_demos_bag_agrees_with_the_live_node(demo, tmp_path):
    """Ids and landmarks to 0.01 px, for every image that both processed.

    A busy machine may make the live node drop images. Its later results depend on which it
    processed, so the replay is given those and no others.
    """
    bag, replayed = demo / "bag", tmp_path / "replayed"
    assert main(["replay", str(bag), str(replayed), "--answered-only"]) == 0
    d = compare(bag, replayed)
    answered = json.loads((demo / "summary.json").read_text())["frames"]["processed"]
    assert answered > SECONDS * 15 / 2
    assert d.images >= answered
    assert (d.only_first, d.only_second) == (0, 0)
    assert (d.lost, d.gained, d.other_ids) == (0, 0, 0)
    assert d.faces > answered / 2
    assert d.landmarks.worst < 0.01


def test_the_bag_holds_the_whole_show(demo):
    from bag_world import read

    out = read(demo / "bag")
    sent = json.loads((demo / "summary.json").read_text())["frames"]["sent"]
    assert len(out["/image"]) == len(out["/camera_info"]) == sent == SECONDS * 15
    assert (demo / "demo.mp4").is_file()
    assert not (demo / "camera.raw").exists()
    assert {m.header.frame_id for _, m in out["/image"]} == {"camera_optical_frame"}
    names = {"boxes", "landmarks", "head_poses", "gazes", "status"}
    assert {t.removeprefix("/face_node/") for t in out if t.startswith("/face_node/")} == names
    assert out["/tf"]
