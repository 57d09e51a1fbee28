# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Damaged and incomplete bags through ``atpn replay``: what is processed, and what is reported."""

import json
import re
import sqlite3

import numpy as np
import pytest

pytest.importorskip("rosbags", reason="pip install rosbags")
pytest.importorskip("skimage", reason="the portrait comes with scikit-image")

from bag_world import Recorder, portrait, read, record, show, stamps
from replays import NODE, nothing_but, replay


def test_an_unusable_calibration_is_told_once(tmp_path, capsys):
    def uncalibrated(r):
        for n in range(3):
            r.info(n, focal=0.0)
            r.image(n)

    record(tmp_path / "in", uncalibrated)
    assert replay(tmp_path / "in", tmp_path / "out") == 0
    assert capsys.readouterr().out.count("uncalibrated") == 1


def bad(r):
    r.image(0)
    r.image(1, encoding="yuv911")
    r.image(2, encoding="yuv911")
    r.image(3, data=np.zeros(10, np.uint8))
    r.image(4)


def test_bad_images_are_counted_named_once_and_left_out(tmp_path, capsys):
    record(tmp_path / "in", bad)
    assert replay(tmp_path / "in", tmp_path / "out") == 0
    said = capsys.readouterr().out
    assert said.count("yuv911") == 1
    assert said.count("short_data") == 1
    summary = json.loads((tmp_path / "out" / "replay.json").read_text())
    assert summary["topics"]["/image"]["refused"] == {"unknown_encoding": 2, "short_data": 1}
    out = read(tmp_path / "out")
    assert stamps(out[f"{NODE}/boxes"]) == [0, 4]
    assert [m.frames_refused for _, m in out[f"{NODE}/status"]] == [0, 3]


def test_strict_stops_at_a_bad_image_and_leaves_nothing(tmp_path, capsys):
    record(tmp_path / "in", bad)
    assert replay(tmp_path / "in", tmp_path / "out", "--strict") == 1
    assert "/image, image 2: unknown_encoding" in capsys.readouterr().err
    nothing_but(tmp_path, "in")


def cut(tmp_path, bag):
    file = tmp_path / "cut.mcap"
    file.write_bytes((bag / "show.mcap").read_bytes()[:300_000])
    return file


def cut_sqlite(tmp_path, bag):
    source = record(tmp_path / "whole", show, "sqlite3")
    file = tmp_path / "cut.db3"
    file.write_bytes((source / "whole.db3").read_bytes()[:400_000])
    return file


def cut_ros1(tmp_path, bag):
    source = record(tmp_path / "whole.bag", show, "ros1")
    file = tmp_path / "cut.bag"
    file.write_bytes(source.read_bytes()[:300_000])
    return file


def broken_chunk(tmp_path, bag):
    """A chunk whose compressed data is gone wrong in the middle of the bag."""
    from atpn_ros.replay.bags import new_bag

    with new_bag(tmp_path / "b", compress=True) as out:
        show(Recorder(out), 8)
    data = bytearray((tmp_path / "b" / "b.mcap").read_bytes())
    at = [i for i in range(len(data) - 4) if data[i : i + 4] == b"\x28\xb5\x2f\xfd"][1]
    data[at : at + 4] = b"none"
    (tmp_path / "b" / "b.mcap").write_bytes(data)
    return tmp_path / "b"


def no_bytes(tmp_path, bag):
    (tmp_path / "no.mcap").write_bytes(b"")
    return tmp_path / "no.mcap"


def no_messages(tmp_path, bag):
    return record(tmp_path / "none", lambda r: None)


def no_images(tmp_path, bag):
    return record(tmp_path / "talk", lambda r: r.words(0))


def no_file(tmp_path, bag):
    return tmp_path / "gone"


def no_bag(tmp_path, bag):
    (tmp_path / "notes.txt").write_text("hello")
    return tmp_path / "notes.txt"


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (cut, "cannot be read: the file was cut off"),
        (cut_sqlite, "(malformed|damaged|cannot be read)"),
        (cut_ros1, "cannot be read: Bag (is not indexed|index)"),
        (broken_chunk, r"damaged after \d+ messages"),
        (no_bytes, "cannot be read: .*empty"),
        (no_messages, "is empty: it contains no messages"),
        (no_images, "contains no images; its topics: /chatter"),
        (no_file, "no such file or folder"),
        (no_bag, "not a bag: neither a folder nor .mcap"),
    ],
)
def test_a_bag_that_is_no_good_gives_one_line_and_code_1(tmp_path, capsys, bag, make, words):
    source = make(tmp_path, bag)
    target = tmp_path / "results" / "out"
    assert replay(source, target) == 1
    out = capsys.readouterr()
    (line,) = out.err.strip().splitlines()
    assert out.out == ""
    assert line.startswith(f"atpn replay: {source}: ")
    assert re.search(words, line), line
    assert not target.parent.exists() or not list(target.parent.iterdir())


def test_messages_that_vanished_are_told_or_stop(tmp_path, bag, capsys):
    """Zeros where messages were: MCAP without checksums reads on as if nothing had been there."""
    data = bytearray((bag / "show.mcap").read_bytes())
    at = data.index(b"bgr8") - 80
    data[at : at + 300_000] = bytes(300_000)
    (tmp_path / "in.mcap").write_bytes(data)
    assert replay(tmp_path / "in.mcap", tmp_path / "out") == 0
    assert "messages were found, its index counts 12" in capsys.readouterr().out
    assert replay(tmp_path / "in.mcap", tmp_path / "strict", "--strict") == 1


def test_a_type_that_the_bag_does_not_define_is_left_out_or_stops(tmp_path, capsys):
    source = record(tmp_path / "in", show, "sqlite3")
    with sqlite3.connect(source / "in.db3") as file:
        file.execute("DELETE FROM message_definitions WHERE topic_type = 'std_msgs/msg/String'")
    assert replay(source, tmp_path / "out") == 0
    assert (
        "/chatter: the bag does not define its type std_msgs/msg/String" in capsys.readouterr().out
    )
    assert "/chatter" not in read(tmp_path / "out")
    assert replay(source, tmp_path / "strict", "--strict") == 1
    nothing_but(tmp_path, "in", "out")


def test_a_bag_without_any_definitions_has_the_usual_types(tmp_path):
    source = record(tmp_path / "in", show, "sqlite3")
    with sqlite3.connect(source / "in.db3") as file:
        file.execute("DELETE FROM message_definitions")
    assert replay(source, tmp_path / "out") == 0
    assert len(read(tmp_path / "out")[f"{NODE}/boxes"]) == 4


def test_a_recorders_folder_without_metadata_is_read(tmp_path, bag):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "x_0.mcap").write_bytes((bag / "show.mcap").read_bytes())
    assert replay(tmp_path / "in", tmp_path / "out") == 0
    assert replay("--diff", tmp_path / "out", tmp_path / "out") == 0


def test_stamps_that_stand_still_are_told_and_the_person_is_found(tmp_path, capsys):
    nobody = np.full((240, 320, 3), 128, np.uint8)

    def write(recorder):
        for n in range(30):
            recorder.image(n, header=recorder.header(0), picture=nobody if n < 10 else portrait())

    assert replay(record(tmp_path / "in", write), tmp_path / "out") == 0
    said = "stamp equals that of the previous image in 29 of 30 images: tracking counts images"
    assert said in capsys.readouterr().out
    summary = json.loads((tmp_path / "out" / "replay.json").read_text())
    (counts,) = summary["topics"].values()
    assert counts["odd_stamps"] == {"stamp equals that of the previous image": 29}
    assert counts["with_faces"] >= 12
