# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""``atpn image`` and ``atpn video`` on a portrait that is a file, a clip, a GIF and a camera."""

import json

import cv2
import numpy as np
import pytest

pytest.importorskip("skimage.data", reason="the portrait comes with scikit-image")

from atpn_ros.drawing import video
from atpn_ros.drawing.video import MediaError, VideoReader, VideoWriter, read_image
from portrait_files import atpn, portrait, write_clip

PORTRAIT = portrait()


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return write_clip(tmp_path_factory.mktemp("clips") / "portrait.mp4", 6)


def test_a_picture_is_drawn_told_and_written_as_json(tmp_path, capsys):
    picture = tmp_path / "a.png"
    cv2.imwrite(str(picture), PORTRAIT)
    assert atpn("image", picture, picture, "--out", tmp_path / "out", "--view", "60") == 0
    printed = capsys.readouterr().out
    assert "#1  detected" in printed
    assert " m  " in printed  # an angle of view gives a distance
    first, second = lines(tmp_path / "out" / "faces.jsonl")
    assert first["faces"] == second["faces"]  # each picture is a scene of its own
    (face,) = first["faces"]
    assert np.shape(face["landmarks"]) == (98, 2)
    assert face["position"][2] > 0
    assert face["gaze_source"] == "eyes"
    for name in ("a.png", "a-2.png"):
        drawn = cv2.imread(str(tmp_path / "out" / name))
        assert drawn.shape == PORTRAIT.shape
        assert (drawn != PORTRAIT).any()


def test_results_of_a_rotated_camera_refer_to_its_own_pixels(tmp_path):
    usual, lying = tmp_path / "usual.png", tmp_path / "lying.png"
    cv2.imwrite(str(usual), PORTRAIT)
    cv2.imwrite(str(lying), cv2.rotate(PORTRAIT, cv2.ROTATE_90_COUNTERCLOCKWISE))
    assert atpn("image", usual, "--out", tmp_path / "first") == 0
    (first,) = lines(tmp_path / "first" / "faces.jsonl")
    assert atpn("image", lying, "--out", tmp_path / "out", "--set", "rotate=90") == 0
    (second,) = lines(tmp_path / "out" / "faces.jsonl")
    assert (second["width"], second["height"]) == (first["height"], first["width"])
    (a,), (b,) = first["faces"], second["faces"]
    assert b["roll_pitch_yaw"] == pytest.approx(a["roll_pitch_yaw"], abs=1e-5)
    x, y = np.array(b["landmarks"]).T
    clockwise = np.stack([second["height"] - 1 - y, x], axis=1)
    np.testing.assert_allclose(clockwise, a["landmarks"], atol=0.02)
    drawn = cv2.imread(str(tmp_path / "out" / "lying.png"))
    assert drawn.shape == cv2.imread(str(lying)).shape


def test_a_file_that_is_no_picture_is_named_and_the_others_are_done(tmp_path, capsys):
    good, bad, empty = (tmp_path / n for n in ("good.jpg", "bad.jpg", "empty.jpg"))
    cv2.imwrite(str(good), PORTRAIT)
    bad.write_text("hello")
    empty.touch()
    given = [bad, good, empty, tmp_path / "gone.jpg"]
    assert atpn("image", *given, "--out", tmp_path / "out", "--json", "-") == 1
    said = capsys.readouterr()
    assert [json.loads(line)["source"] for line in said.out.splitlines()] == [str(good)]
    errors = [line for line in said.err.splitlines() if line.startswith("atpn image: ")]
    assert [e.split(": ", 1)[1] for e in errors] == [
        f"{bad}: not an image that OpenCV can read",
        f"{empty}: not an image that OpenCV can read",
        f"{tmp_path / 'gone.jpg'}: No such file or directory",
    ]


def test_a_truncated_jpeg_is_reported_as_truncated(tmp_path, capsys):
    raw = cv2.imencode(".jpg", PORTRAIT)[1].tobytes()
    path = tmp_path / "cut.jpg"
    path.write_bytes(raw[: len(raw) // 2])
    assert atpn("image", path, "--out", tmp_path / "out") == 1
    assert f"atpn image: {path}: truncated: " in capsys.readouterr().err
    path.write_bytes(raw[:-2])  # only the end mark is missing
    np.testing.assert_array_equal(read_image(path), cv2.imdecode(np.frombuffer(raw, np.uint8), 1))


@pytest.mark.parametrize(
    ("name", "scale", "kind"), [("a.png", 16, np.uint16), ("a.tiff", 1 / 255, np.float32)]
)
def test_values_that_do_not_fill_their_type_are_as_bright_as_those_that_do(
    tmp_path, name, scale, kind
):
    path = tmp_path / name
    cv2.imwrite(str(path), (PORTRAIT * np.float64(scale)).astype(kind))
    assert np.abs(read_image(path).astype(int) - PORTRAIT).max() <= 1


def test_faces_beyond_max_faces_are_counted(tmp_path, capsys):
    path = tmp_path / "crowd.png"
    cv2.imwrite(str(path), np.hstack([PORTRAIT] * 3))
    assert atpn("image", path, "--out", tmp_path / "out", "--set", "max_faces=1") == 0
    said = "crowd.png: faces in view beyond max_faces (1): up to 2"
    assert said in capsys.readouterr().err


def test_an_upright_picture_stays_upright(tmp_path):
    """A telephone stores portraits lying, with a tag."""
    path = tmp_path / "turned.jpg"
    raw = cv2.imencode(".jpg", cv2.rotate(PORTRAIT, cv2.ROTATE_90_COUNTERCLOCKWISE))[1].tobytes()
    tiff = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    exif = b"Exif\0\0" + tiff
    path.write_bytes(raw[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + raw[2:])
    assert read_image(path).shape == PORTRAIT.shape


def test_a_clip_keeps_its_face_and_becomes_an_annotated_clip(tmp_path, clip, capsys):
    assert atpn("video", clip, "--out", tmp_path) == 0
    every = lines(tmp_path / "faces.jsonl")
    assert [f["id"] for line in every for f in line["faces"]] == [1] * 6
    assert [line["stamp_ns"] for line in every] == [n * 100_000_000 for n in range(6)]
    assert "6 frames, 6 with faces, ids [1]" in capsys.readouterr().out
    assert len(list(VideoReader(str(tmp_path / "portrait.mp4")))) == 6
    assert not list(tmp_path.glob(".*"))


def test_a_gif_is_a_clip(tmp_path):
    pytest.importorskip("PIL", reason="to write a GIF")
    from PIL import Image

    frames = [Image.fromarray(np.roll(PORTRAIT, 2 * n, axis=1)[..., ::-1]) for n in range(4)]
    path = tmp_path / "portrait.gif"
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=80)
    assert atpn("video", path, "--out", tmp_path / "out") == 0
    every = lines(tmp_path / "out" / "faces.jsonl")
    assert [f["id"] for line in every for f in line["faces"]] == [1] * 4
    assert [line["stamp_ns"] // 10_000_000 for line in every] == [0, 8, 16, 24]


@pytest.mark.parametrize("seconds", ["0", "-5", "nan", "inf", "soon"])
def test_a_duration_that_is_not_positive_is_refused(tmp_path, clip, capsys, seconds):
    with pytest.raises(SystemExit, match="2"):
        atpn("video", clip, "--out", tmp_path / "out", "--seconds", seconds)
    assert f"--seconds: '{seconds}' is not a number above 0" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("command", ["image", "video"])
@pytest.mark.parametrize("beyond", ["", "in_it"])
def test_an_output_folder_that_is_a_file_is_refused(tmp_path, clip, capsys, command, beyond):
    picture, file = tmp_path / "a.png", tmp_path / "file"
    cv2.imwrite(str(picture), PORTRAIT)
    file.touch()
    source = picture if command == "image" else clip
    assert atpn(command, source, "--out", file / beyond) == 1
    assert f"atpn {command}: --out {file / beyond}: is a file" in capsys.readouterr().err


def test_an_empty_video_name_is_an_error(tmp_path, capsys):
    assert atpn("video", "", "--out", tmp_path) == 1
    assert "atpn video: the name of a video is empty" in capsys.readouterr().err


def test_a_clip_ends_when_asked(tmp_path, clip):
    assert atpn("video", clip, "--out", tmp_path, "--seconds", "0.25") == 0
    assert len(lines(tmp_path / "faces.jsonl")) == 3


class FakeCamera:
    """Portraits without end, until the person at the keyboard ends it."""

    def __init__(self, source):
        assert source == 0
        self.left = 5

    def isOpened(self):
        return True

    def get(self, what):
        return 0.0

    def set(self, what, value):
        return True

    def read(self):
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt
        return True, PORTRAIT

    def release(self):
        pass


def test_a_live_camera_runs_until_it_is_interrupted(tmp_path, monkeypatch):
    real = video.cv2.VideoCapture
    fake = lambda source: FakeCamera(source) if source == 0 else real(source)  # noqa: E731
    monkeypatch.setattr(video.cv2, "VideoCapture", fake)
    monkeypatch.chdir(tmp_path)
    assert atpn("video", "0", "--out", "out") == 0
    every = lines(tmp_path / "out" / "faces.jsonl")
    assert len(every) == 5
    assert every[0]["stamp_ns"] > 10**18  # this machine's clock
    assert (tmp_path / "out" / "camera0.mp4").is_file()


class ClipWithTimes:
    """A clip of 10 Hz whose container has these times, ms."""

    times = ()

    def __init__(self, source):
        self.at = -1

    def isOpened(self):
        return True

    def get(self, what):
        known = {video.cv2.CAP_PROP_FPS: 10.0, video.cv2.CAP_PROP_POS_MSEC: self.times[self.at]}
        return known.get(what, 0.0)

    def read(self):
        self.at += 1
        return self.at < len(self.times), PORTRAIT

    def release(self):
        pass


@pytest.mark.parametrize(
    ("times", "stamps", "note"),
    [
        ([0, 100, 200, 0, 100, 200], [0, 100, 200, 300, 400, 500], ""),  # its clock restarts
        ([0] * 4, [0, 100, 200, 300], ""),  # it has no times
        ([0, 1, 2, 3], [0, 1, 2, 3], "too close to that of the previous image in 3 of 4 frames"),
    ],
)
def test_a_clip_with_unusable_stamps_keeps_its_track(
    tmp_path, clip, monkeypatch, capsys, times, stamps, note
):
    monkeypatch.setattr(ClipWithTimes, "times", times)
    real = video.cv2.VideoCapture
    monkeypatch.setattr(
        video.cv2,
        "VideoCapture",
        lambda source, *options: (
            ClipWithTimes(source) if source == str(clip) else real(source, *options)
        ),
    )
    assert atpn("video", clip, "--out", tmp_path / "out") == 0
    every = lines(tmp_path / "out" / "faces.jsonl")
    assert [line["stamp_ns"] // 1_000_000 for line in every] == stamps
    assert [f["id"] for line in every for f in line["faces"]] == [1] * len(times)
    printed = capsys.readouterr().err
    assert note in printed
    assert bool(note) == ("tracking counts frames" in printed)


def test_what_is_no_clip_is_named(tmp_path, clip, capsys):
    text = tmp_path / "notes.mp4"
    text.write_text("hello")
    assert atpn("video", text, tmp_path / "gone.mp4", clip, "--out", tmp_path / "out") == 1
    said = capsys.readouterr()
    assert f"atpn video: {text}: not a video that OpenCV can read" in said.err
    assert f"atpn video: {tmp_path / 'gone.mp4'}: no such file" in said.err
    assert "6 frames" in said.out


def test_an_interrupted_clip_leaves_no_annotated_file(tmp_path, clip, monkeypatch):
    def interrupted(self, image):
        raise KeyboardInterrupt

    monkeypatch.setattr(VideoWriter, "write", interrupted)
    assert atpn("video", clip, "--out", tmp_path) == 130
    assert [p.name for p in tmp_path.iterdir()] == ["faces.jsonl"]


def test_an_output_that_cannot_be_is_one_line(tmp_path, clip, capsys):
    (tmp_path / "file").touch()
    assert atpn("video", clip, "--out", tmp_path / "file") == 1
    expected = f"atpn video: --out {tmp_path / 'file'}: is a file, not a folder\n"
    assert capsys.readouterr().err == expected
    assert atpn("video", clip, "--out", tmp_path / "o", "--view", "400") == 1
    assert "must be 1 .. 170" in capsys.readouterr().err


def test_a_window_that_cannot_be_is_one_line(tmp_path, clip, monkeypatch, capsys):
    def no_window(*args):
        raise cv2.error("The function is not implemented")

    monkeypatch.setattr("atpn_ros.cli.pictures.cv2.imshow", no_window)
    assert atpn("video", clip, "--out", tmp_path, "--show") == 1
    assert "--show: this OpenCV was built without windows" in capsys.readouterr().err


def test_an_odd_suffix_is_told(tmp_path):
    with pytest.raises(MediaError, match=r"cannot write \.xyz"):
        video.write_image(tmp_path / "a.xyz", PORTRAIT)
