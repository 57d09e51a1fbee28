# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""No command replaces its inputs, by the same name, another name or a link."""

import argparse
import hashlib
import json
import shutil

import cv2
import pytest

pytest.importorskip("skimage.data", reason="the portrait comes with scikit-image")

from atpn_ros.cli import _parser, main
from atpn_ros.files import OverwritesInput, check_inputs_kept
from portrait_files import portrait, write_clip

PORTRAIT = portrait()


def digests(folder):
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    return {p: hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


@pytest.fixture
def photo(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cv2.imwrite("photo.jpg", PORTRAIT)
    return tmp_path / "photo.jpg"


@pytest.fixture
def clip(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return write_clip(tmp_path / "clip.mp4", 3)


def refused(folder, capsys, *words):
    """Whether a command ends with one line and changes nothing in a folder."""
    before = digests(folder)
    assert main([*map(str, words)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert digests(folder) == before
    return line


@pytest.mark.parametrize("out", [".", "../{}", "link", "sub/.."])
def test_a_picture_is_not_replaced_by_its_drawing(photo, tmp_path, capsys, out):
    (tmp_path / "sub").mkdir()
    (tmp_path / "link").symlink_to(tmp_path)
    out = out.format(tmp_path.name)
    line = refused(tmp_path, capsys, "image", "photo.jpg", "--out", out)
    assert line.startswith("atpn image: ")
    assert line.endswith("photo.jpg: is an input: choose another output")


def test_a_picture_is_not_replaced_by_that_of_another(photo, tmp_path, capsys):
    (tmp_path / "sub").mkdir()
    shutil.copy(photo, tmp_path / "sub")
    refused(tmp_path, capsys, "image", "sub/photo.jpg", "photo.jpg", "--out", ".")


@pytest.mark.parametrize("link", ["symlink_to", "hardlink_to"])
def test_a_link_is_the_same_picture(photo, tmp_path, capsys, link):
    (tmp_path / "out").mkdir()
    getattr(tmp_path / "out" / "photo.jpg", link)(photo)
    refused(tmp_path, capsys, "image", "photo.jpg", "--out", "out")


def test_json_lines_do_not_replace_what_is_read(photo, tmp_path, capsys):
    (tmp_path / "mine.yaml").write_text("face_node:\n  ros__parameters:\n    max_faces: 2\n")
    (tmp_path / "faces.jsonl").symlink_to(photo)
    out = ["--out", "drawn"]
    refused(tmp_path, capsys, "image", "photo.jpg", *out, "--json", "photo.jpg")
    refused(tmp_path, capsys, "image", "photo.jpg", *out, "--json", "faces.jsonl")
    words = ["--params-file", "mine.yaml", "--json", "mine.yaml"]
    refused(tmp_path, capsys, "image", "photo.jpg", *out, *words)
    words = ["--set", "model=net.onnx", "--json", "net.onnx"]
    refused(tmp_path, capsys, "image", "photo.jpg", *out, *words)


def test_a_clip_is_not_replaced_by_its_drawing(clip, tmp_path, capsys):
    refused(tmp_path, capsys, "video", clip, "--out", ".")
    refused(tmp_path, capsys, "video", clip, "--out", "drawn", "--json", clip)


def test_a_model_is_not_replaced_by_its_export(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net_fp16.onnx").write_bytes(b"net")
    refused(tmp_path, capsys, "export", "net_fp16.onnx", "net.onnx", "--fp16")
    refused(tmp_path, capsys, "evaluate", "net_fp16.onnx", "--json", "net_fp16.onnx")
    refused(tmp_path, capsys, "bench", "--model", "net_fp16.onnx", "--json", "net_fp16.onnx")


def test_devices_may_be_read_and_written():
    from pathlib import Path

    check_inputs_kept([Path("/dev/null")], [Path("/dev/null")])
    with pytest.raises(OverwritesInput):
        check_inputs_kept([Path("new.jpg")], [Path("sub/../new.jpg")])


def test_every_command_declares_what_it_writes():
    """The check needs the names of the arguments that are outputs."""
    (commands,) = (a for a in _parser()._actions if isinstance(a, argparse._SubParsersAction))
    for name, parser in commands.choices.items():
        if name in ("image", "video", "export"):  # they check the names that they derive
            continue
        written = {a.dest for a in parser._actions} & {"out", "json", "plots", "page", "weights"}
        assert written <= set(parser.get_default("outputs") or ()), name


@pytest.fixture
def copy(bag, tmp_path, monkeypatch):
    """A copy of the bag, in the working folder."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(bag, tmp_path / "bag")
    return tmp_path / "bag"


@pytest.mark.parametrize("extra", [[], ["--overwrite"], ["--overwrite", "--only-faces"]])
@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("bag", "bag"),
        ("bag", "./bag/"),
        ("bag", "link"),
        ("link", "bag"),
        ("bag", "."),
        ("bag/show.mcap", "bag"),
        ("bag/show.mcap", "bag/show.mcap"),
        ("bag/show.mcap", "hard.mcap"),
        ("bag", "bag/new"),
        ("bag", "bag/show.mcap"),
    ],
)
def test_a_recording_is_not_replaced_by_its_replay(copy, tmp_path, capsys, source, target, extra):
    (tmp_path / "link").symlink_to(copy)
    (tmp_path / "hard.mcap").hardlink_to(copy / "show.mcap")
    refused(tmp_path, capsys, "replay", source, target, *extra)


def test_a_recording_among_others_is_not_replaced(copy, tmp_path, capsys):
    shutil.copytree(copy, tmp_path / "two")
    refused(tmp_path, capsys, "replay", "bag", "two", ".", "--overwrite")
    refused(tmp_path, capsys, "replay", "bag", "out", "--json", "bag/metadata.yaml")


def test_only_what_a_replay_wrote_is_overwritten(copy, tmp_path, capsys):
    shutil.copytree(copy, tmp_path / "other")
    line = refused(tmp_path, capsys, "replay", "bag", "other", "--overwrite")
    assert line.endswith("other: exists and was not written by atpn replay: remove it")
    assert main(["replay", "bag", "out"]) == 0
    assert main(["replay", "bag", "out", "--only-faces", "--overwrite"]) == 0
    (tmp_path / "out" / "notes.txt").write_text("mine")
    capsys.readouterr()
    line = refused(tmp_path, capsys, "replay", "bag", "out", "--overwrite")
    assert "holds notes.txt" in line


def test_a_folder_receives_the_replay_under_the_recordings_name(copy, tmp_path, monkeypatch):
    (tmp_path / "results").mkdir()
    assert main(["replay", "bag", "results"]) == 0
    assert json.loads((tmp_path / "results" / "bag" / "replay.json").read_text())["images"] == 4
    monkeypatch.chdir(tmp_path / "results")
    assert main(["replay", "../bag/show.mcap", "."]) == 0
    assert (tmp_path / "results" / "show" / "replay.json").is_file()
    monkeypatch.chdir(copy)
    assert main(["replay", ".", "../again"]) == 0
    assert main(["replay", ".", ".."]) == 1  # that is the recording
