# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A full disk, a closed pipe and a killed process: one line, an exit code, no unfinished file.

A limit of the size of files stands for the full disk; ``/dev/full`` is a full one.
"""

import json
import os
import resource
import signal
import subprocess
import time
from pathlib import Path

import cv2
import pytest

pytest.importorskip("skimage.data", reason="the portrait comes with scikit-image")

from atpn_ros.drawing.video import VideoReader, VideoWriter
from portrait_files import portrait, start_atpn, write_clip

PORTRAIT = portrait()


def start(*words, limit=None, **options):
    """``atpn`` in a process of its own, whose files may have ``limit`` bytes."""

    def before():
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    return start_atpn(
        *words, preexec_fn=before, text=True, stderr=subprocess.PIPE,
        **{"stdout": subprocess.PIPE} | options,
    )  # fmt: skip


def run(*words, **options):
    """The exit code and the lines on both outputs of ``atpn``."""
    process = start(*words, **options)
    out, err = process.communicate(timeout=120)
    return process.returncode, (out or "").splitlines(), err.splitlines()


def names(folder):
    return sorted(p.name for p in folder.rglob("*"))


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    path = tmp_path_factory.mktemp("photo") / "photo.png"
    cv2.imwrite(str(path), PORTRAIT)
    return path


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return write_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", 60)


def test_a_picture_that_does_not_fit(photo, tmp_path):
    code, _, err = run("image", photo, "--out", tmp_path, limit=20_000)
    assert (code, err) == (1, [f"atpn image: {tmp_path / 'photo.png'}: File too large"])
    assert names(tmp_path) == ["faces.jsonl"]


def test_a_clip_that_does_not_fit(clip, tmp_path):
    words = ["--json", tmp_path / "faces.jsonl"]
    code, _, err = run("video", clip, "--out", tmp_path, *words, limit=50_000)
    assert code == 1
    assert len(err) == 1
    assert err[0].startswith(f"atpn video: {tmp_path}")
    assert names(tmp_path) == ["faces.jsonl"]


def test_a_clip_is_checked_while_it_is_written(tmp_path, monkeypatch):
    """A camera runs for hours; a disk that is full is noticed in the first second."""
    from atpn_ros.drawing import video

    def full(self, data):
        raise OSError(28, "No space left on device")

    writer = VideoWriter(tmp_path / "out.mp4", 10.0)
    writer.write(PORTRAIT)
    monkeypatch.setattr(video, "_CHECK_S", 0.0)
    monkeypatch.setattr(writer, "_next_check", 0.0)
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(video.MediaError, match=r"out.mp4: No space left on device"):
        writer.write(PORTRAIT)
    writer.close(keep=False)
    assert names(tmp_path) == []


def test_json_lines_end_with_a_whole_line(clip, tmp_path):
    (tmp_path / "out").mkdir()
    path = tmp_path / "faces.jsonl"
    code, _, err = run("video", clip, "--out", tmp_path / "out", "--json", path, limit=10_000)
    assert (code, err) == (1, [f"atpn video: {path}: File too large"])
    assert all(json.loads(line)["faces"] for line in path.read_text().splitlines())
    assert names(tmp_path / "out") == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_full_device_is_named(photo, tmp_path):
    code, _, err = run("image", photo, "--out", tmp_path, "--json", "/dev/full")
    assert (code, err) == (1, ["atpn image: /dev/full: No space left on device"])
    with Path("/dev/full").open("w") as full:
        code, _, err = run("image", photo, "--out", tmp_path, "--json", "-", stdout=full)
        assert (code, err[-1:]) == (1, ["atpn image: No space left on device"])
        code, _, err = run("image", photo, "--out", tmp_path, stdout=full)
        assert (code, err) == (1, ["atpn image: No space left on device"])


def test_a_reader_that_ends_early_ends_the_command(clip, tmp_path):
    process = start("video", clip, "--out", tmp_path, "--json", "-")
    assert json.loads(process.stdout.readline())["n"] == 0
    process.stdout.close()
    assert process.wait(60) == 141
    assert "Traceback" not in process.stderr.read()
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_command_that_is_ended_leaves_nothing_unfinished(clip, tmp_path, number, code):
    # Under nohup the signal would be ignored here, and so in the command.
    before = signal.signal(number, signal.SIG_DFL)
    process = start("video", *[clip] * 20, "--out", tmp_path)
    signal.signal(number, before)
    wait_for(lambda: list(tmp_path.glob(".*part-*/*.mp4")), process)
    process.send_signal(number)
    process.communicate(timeout=30)
    assert process.returncode == code
    assert [p for p in names(tmp_path) if p.startswith(".")] == []
    for path in tmp_path.glob("*.mp4"):
        assert len(list(VideoReader(str(path)))) == 60


def test_what_a_killed_command_left_is_removed_by_the_next(clip, tmp_path):
    process = start("video", *[clip] * 20, "--out", tmp_path)
    wait_for(lambda: list(tmp_path.glob(".*part-*/*.mp4")), process)
    process.kill()
    process.communicate(timeout=30)
    left = [p for p in tmp_path.iterdir() if p.name.startswith(".")]
    assert len(left) == 1
    os.utime(left[0], (0, 0))  # as if it were older
    assert run("video", clip, "--out", tmp_path)[0] == 0
    assert not [p for p in names(tmp_path) if p.startswith(".")]


def test_what_a_killed_replay_left_is_removed_by_the_next(tmp_path):
    pytest.importorskip("rosbags", reason="pip install rosbags")
    from bag_world import record, show

    source, short = (record(tmp_path / f"in{n}", lambda r, n=n: show(r, n)) for n in (200, 1))
    (tmp_path / "out").mkdir()
    process = start("replay", source, tmp_path / "out" / "a")
    wait_for(lambda: list(tmp_path.glob("out/.*part-*/*/*.mcap")), process)
    process.kill()
    process.communicate(timeout=30)
    (left,) = (tmp_path / "out").iterdir()
    os.utime(left, (0, 0))  # as if it were older
    assert run("replay", short, tmp_path / "out" / "b")[0] == 0
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["b"]


@pytest.mark.parametrize("format_name", ["mcap", "sqlite3", "ros1"])
def test_a_bag_that_does_not_fit(tmp_path, format_name):
    pytest.importorskip("rosbags", reason="pip install rosbags")
    from bag_world import record, show

    source = record(tmp_path / "in", lambda r: show(r, 8))
    target = tmp_path / "results" / ("out.bag" if format_name == "ros1" else "out")
    words = [source, target, "--format", format_name]
    code, out, err = run("replay", *words, limit=500_000)
    assert (code, out) == (1, [])
    assert len(err) == 1
    assert err[0].startswith(f"atpn replay: {target}: cannot be written: ")
    assert names(tmp_path / "results") == []
    assert run("replay", *words)[0] == 0


def wait_for(condition, process):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        assert process.poll() is None
        time.sleep(0.01)
