# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""``atpn video`` and ``atpn image`` with devices, addresses, pipes and names that are not UTF-8."""

import http.server
import json
import os
import socket
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

import cv2
import pytest

pytest.importorskip("skimage.data", reason="the portrait comes with scikit-image")

from atpn_ros.drawing import video
from atpn_ros.drawing.video import MediaError, VideoReader, video_source
from portrait_files import atpn, portrait, start_atpn, write_clip

PORTRAIT = portrait()


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return write_clip(tmp_path_factory.mktemp("clips") / "portrait.mp4", 6)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("gone.mp4", "gone.mp4: no such file"),
        ("/dev", "/dev: is a folder"),
        ("/dev/null", "/dev/null: is not a camera's device, such as /dev/video0"),
    ],
)
def test_a_source_that_cannot_be_a_video_is_an_error(text, words):
    with pytest.raises(MediaError, match=f"^{words}$"):
        video_source(text)


def test_a_device_is_a_camera(monkeypatch):
    monkeypatch.setattr(Path, "exists", lambda self: True)
    monkeypatch.setattr(Path, "is_char_device", lambda self: True)
    monkeypatch.setattr(Path, "resolve", lambda self, **_: Path("/dev/video3"))
    for text in ("/dev/video3", "/dev/v4l/by-id/usb-maker-index0"):
        found = video_source(text)
        assert (found.address, found.name, found.stem, found.live) == (3, text, "camera3", True)


@pytest.mark.parametrize(
    ("text", "name", "stem", "live"),
    [
        (
            "rtsp://u:p@10.0.0.2:554/h264?a=b",
            "rtsp://10.0.0.2:554/h264?a=b",
            "10_0_0_2_554_h264",
            1,
        ),
        ("rtsp://u:p@host/live@2", "rtsp://host/live@2", "host_live_2", 1),
        ("rtsp://u:p@q@host", "rtsp://host", "host", 1),
        ("http://host?mail=a@b", "http://host?mail=a@b", "host", 0),
        ("udp://@239.0.0.1:1234", "udp://239.0.0.1:1234", "239_0_0_1_1234", 1),
        ("http://host/a@b.mp4", "http://host/a@b.mp4", "host_a_b_mp4", 0),
    ],
)
def test_an_address_is_shown_without_its_password(text, name, stem, live):
    found = video_source(text)
    assert (found.address, found.name, found.stem, found.live) == (text, name, stem, bool(live))


def test_an_address_that_does_not_answer_is_one_line(tmp_path, capfd):
    with socket.socket() as taken:  # a port where nobody listens
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}/live"
        assert atpn("video", f"rtsp://me:secret@{address}", "--out", tmp_path) == 1
    err = capfd.readouterr().err
    assert err == f"atpn video: rtsp://{address}: no video can be received from this address\n"


def test_a_video_is_read_from_an_address(tmp_path, clip, capsys):
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *words):
            pass

    handler = partial(Quiet, directory=str(clip.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_address[1]}/portrait.mp4"
        code = atpn("video", address, "--out", tmp_path)
        server.shutdown()
    assert code == 0
    assert f"{address}: 6 frames, 6 with faces, ids [1]" in capsys.readouterr().out


def test_an_image_is_not_read_from_an_address(tmp_path, capsys):
    assert atpn("image", "https://host/a.jpg", "--out", tmp_path) == 1
    assert "addresses are not read: download the image first" in capsys.readouterr().err


def test_a_camera_that_is_not_there_is_one_line(tmp_path, capfd):
    assert atpn("video", "97", "--out", tmp_path) == 1
    words = "atpn video: camera 97: cannot be opened; see v4l2-ctl --list-devices\n"
    assert capfd.readouterr().err == words


@pytest.fixture
def avi(tmp_path):
    """Six JPEG frames in an AVI file, which can be read from its beginning to its end."""
    path = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10.0, (320, 240))
    for _ in range(6):
        writer.write(PORTRAIT)
    writer.release()
    return path.read_bytes()


def test_a_pipe_is_a_video(tmp_path, avi):
    os.mkfifo(tmp_path / "pipe.avi")
    for source in ("-", "/dev/stdin", str(tmp_path / "pipe.avi")):
        out = tmp_path / "out"
        with start_atpn("video", source, "--out", out, stdin=subprocess.PIPE) as process:
            if source.endswith(".avi"):
                (tmp_path / "pipe.avi").write_bytes(avi)
            else:
                process.stdin.write(avi)
            process.stdin.close()
            assert process.wait(60) == 0
        lines = (out / "faces.jsonl").read_text().splitlines()
        assert [len(json.loads(line)["faces"]) for line in lines] == [1] * 6


def test_standard_input_and_output_are_not_one_file(tmp_path, avi):
    words = ("video", "-", "--json", "-", "--out", tmp_path / "out")
    process = start_atpn(*words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    written, _ = process.communicate(avi, timeout=60)
    assert process.returncode == 0
    assert [len(json.loads(line)["faces"]) for line in written.splitlines()] == [1] * 6


class Container:
    """Frames at given seconds, in a container that stores a duration and no number of frames."""

    times = ()
    duration = 0.0

    def __init__(self, *source):
        self.n = -1

    def isOpened(self):
        return True

    def get(self, what):
        return {
            cv2.CAP_PROP_FPS: 25.0,
            cv2.CAP_PROP_FRAME_COUNT: self.duration * 25,
            cv2.CAP_PROP_POS_MSEC: self.times[min(self.n, len(self.times) - 1)] * 1e3,
        }[what]

    def read(self):
        self.n += 1
        return self.n < len(self.times), PORTRAIT

    def release(self):
        pass


@pytest.mark.parametrize(
    ("times", "duration", "words"),
    [
        ([5.0 * n for n in range(8)], 35.04, ""),  # a time lapse
        ([n / 25 for n in range(100)], 4.0, ""),
        ([n / 25 for n in range(50)], 4.0, "ended after 2.0 s of 4.0 s (50 frames)"),
        ([n / 25 for n in range(98)], 4.0, ""),
    ],
)
def test_an_early_end_is_reported_by_the_duration(monkeypatch, clip, times, duration, words):
    monkeypatch.setattr(video.cv2, "VideoCapture", Container)
    monkeypatch.setattr(Container, "times", times)
    monkeypatch.setattr(Container, "duration", duration)
    reader = VideoReader(str(clip))
    assert len(list(reader)) == len(times)
    assert reader.early_end() == words


def test_an_unplugged_camera_is_reported(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(Container, "times", [0.0] * 3)
    monkeypatch.setattr(Container, "set", lambda self, what, value: True, raising=False)
    real = video.cv2.VideoCapture
    fake = lambda *source: Container() if source == (0,) else real(*source)  # noqa: E731
    monkeypatch.setattr(video.cv2, "VideoCapture", fake)
    assert atpn("video", "0", "--out", tmp_path) == 0
    assert "camera 0: delivered no more images after 3" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform != "linux", reason="file names of other systems are text")
def test_a_file_name_that_is_not_utf_8_is_read_written_and_printed(tmp_path, clip):
    name = os.fsdecode(b"fran\xe7ois")
    cv2.imwrite(str(tmp_path / "photo.png"), PORTRAIT)
    (tmp_path / "photo.png").rename(tmp_path / f"{name}.png")
    (tmp_path / f"{name}.mp4").write_bytes(clip.read_bytes())
    (tmp_path / name).mkdir()

    def run(*words):
        process = start_atpn(*words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err

    for command, suffix in (("image", ".png"), ("video", ".mp4")):
        for out in (tmp_path / "out", tmp_path / name):
            code, shown, err = run(command, tmp_path / f"{name}{suffix}", "--out", out)
            assert (code, err) == (0, b"")
            assert rb"fran\xe7ois" in shown
            assert (out / f"{name}{suffix}").is_file()
            line = (out / "faces.jsonl").read_text().splitlines()[0]
            assert Path(json.loads(line)["source"]).name == rf"fran\xe7ois{suffix}"
    _, _, err = run("image", tmp_path / f"{name}.gone", "--out", tmp_path / "out")
    assert err.endswith(b"fran\\xe7ois.gone: No such file or directory\n")


def test_a_bag_whose_name_is_not_utf_8_is_read_and_written(tmp_path, capsys):
    pytest.importorskip("rosbags", reason="pip install rosbags")
    from bag_world import record, show

    source = record(tmp_path / "in", show)
    name = os.fsdecode(b"fran\xe7ois")
    assert atpn("replay", source, tmp_path / name) == 0
    assert r"fran\xe7ois: 4 images, 4 with faces" in capsys.readouterr().out
    assert atpn("replay", tmp_path / name, tmp_path / "out") == 0
