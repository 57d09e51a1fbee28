# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Bags with damaged metadata, compressed files and several transports; names of the outputs."""

import json
import shutil

import numpy as np
import pytest

pytest.importorskip("rosbags", reason="pip install rosbags")
pytest.importorskip("skimage", reason="the portrait comes with scikit-image")

from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer

from atpn_ros.cli import main
from atpn_ros.replay.bag_files import bag_name, find_storage, storage_format, zstd
from atpn_ros.replay.bags import BagWriter
from atpn_ros.runtime import LoadedPipeline
from bag_world import Recorder, read, record, show

NODE = "/face_node"


@pytest.fixture(scope="module")
def sqlite(tmp_path_factory):
    return record(tmp_path_factory.mktemp("bags") / "show", show, "sqlite3")


def replay(*words):
    return main(["replay", *map(str, words)])


def summary(folder):
    return json.loads((folder / "replay.json").read_text())


def empty(folder):
    (folder / "metadata.yaml").write_text("")


def other_text(folder):
    (folder / "metadata.yaml").write_text("a: [")


def no_storage(folder):
    path = folder / "metadata.yaml"
    text = path.read_text()
    for kind in ("mcap", "sqlite3"):
        text = text.replace(f"storage_identifier: {kind}", 'storage_identifier: ""')
    path.write_text(text)


def other_name(folder):
    (storage,) = (p for p in folder.iterdir() if p.suffix in (".mcap", ".db3"))
    storage.rename(folder / f"monday{storage.suffix}")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (empty, "is empty"),
        (other_text, "is damaged"),
        (no_storage, "does not name the storage"),
        (other_name, "does not name the files that are there"),
    ],
)
@pytest.mark.parametrize("kind", ["bag", "sqlite"])
def test_damaged_metadata_are_reported_and_not_used(tmp_path, request, capsys, kind, damage, words):
    source = tmp_path / "in"
    shutil.copytree(request.getfixturevalue(kind), source)
    damage(source)
    assert replay(source, tmp_path / "out", "--only-faces") == 0
    assert summary(tmp_path / "out")["images"] == 4
    assert f"{source}/metadata.yaml {words}: the storage files are" in capsys.readouterr().out
    assert replay(source, tmp_path / "strict", "--strict") == 1


def test_a_part_that_is_missing_is_an_error(tmp_path, bag, capsys):
    source = tmp_path / "in"
    shutil.copytree(bag, source)
    path = source / "metadata.yaml"
    path.write_text(path.read_text().replace("- show.mcap", "- show_0.mcap\n  - show.mcap"))
    assert replay(source, tmp_path / "out") == 1
    assert "missing" in capsys.readouterr().err


@pytest.mark.parametrize("metadata", [True, False])
@pytest.mark.parametrize("plugin", [StoragePlugin.MCAP, StoragePlugin.SQLITE3])
@pytest.mark.parametrize("mode", [CompressionMode.MESSAGE, CompressionMode.FILE])
def test_a_compressed_bag_is_read_with_and_without_metadata(tmp_path, plugin, mode, metadata):
    writer = Writer(tmp_path / "in", version=8, storage_plugin=plugin)
    writer.set_compression(mode, CompressionFormat.ZSTD)
    with writer:
        show(Recorder(BagWriter(writer)))
    if not metadata:
        (tmp_path / "in" / "metadata.yaml").unlink()
    assert replay(tmp_path / "in", tmp_path / "out", "--only-faces") == 0
    assert summary(tmp_path / "out")["topics"]["/image"]["with_faces"] == 4


def test_a_compressed_file_is_a_bag(tmp_path, bag):
    packed = tmp_path / "show.mcap.zstd"
    packed.write_bytes(zstd.compress((bag / "show.mcap").read_bytes()))
    assert replay(packed, tmp_path / "out", "--only-faces") == 0
    assert (bag_name(packed), storage_format(packed)) == ("show", "mcap")
    packed.write_bytes(packed.read_bytes()[:1000])
    assert replay(packed, tmp_path / "cut") == 1
    (tmp_path / "show.mcap").write_bytes((bag / "show.mcap").read_bytes())
    assert find_storage(tmp_path)[0] == [tmp_path / "show.mcap"]  # packing was interrupted


def test_an_index_without_topics_is_not_used(tmp_path, bag):
    """A writer may leave channels, schemas and statistics out of an MCAP file's summary."""
    data = (bag / "show.mcap").read_bytes()
    summary_start = int.from_bytes(data[-28:-20], "little")
    at, kept = summary_start, b""
    while data[at] not in (0x02, 0x0E):
        size = 9 + int.from_bytes(data[at + 1 : at + 9], "little")
        if data[at] not in (0x03, 0x04, 0x0B):  # schema, channel, statistics
            kept += data[at : at + size]
        at += size
    footer = b"\x02" + (20).to_bytes(8, "little") + summary_start.to_bytes(8, "little") + bytes(12)
    (tmp_path / "in.mcap").write_bytes(data[:summary_start] + kept + footer + data[-8:])
    assert replay(tmp_path / "in.mcap", tmp_path / "out", "--only-faces") == 0
    assert summary(tmp_path / "out")["topics"]["/image"]["with_faces"] == 4


def test_an_mcap_file_of_another_kind_is_named(tmp_path, bag, capsys):
    data = (bag / "show.mcap").read_bytes().replace(b"\x04\0\0\0ros2", b"\x04\0\0\0ros1", 1)
    (tmp_path / "in.mcap").write_bytes(data)
    assert replay(tmp_path / "in.mcap", tmp_path / "out") == 1
    assert "an MCAP file without ROS 2 messages" in capsys.readouterr().err


def test_a_message_definition_that_is_not_understood_is_named(tmp_path, bag, capsys):
    data = (bag / "show.mcap").read_bytes().replace(b"ros2msg", b"ros2idl")
    (tmp_path / "in.mcap").write_bytes(data)
    assert replay(tmp_path / "in.mcap", tmp_path / "out") == 1
    error = capsys.readouterr().err
    assert "in.mcap: cannot be read: a message definition in it is not understood: " in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("format_name", ["mcap", "sqlite3", "ros1"])
def test_the_output_has_the_format_of_the_recording(tmp_path, format_name):
    suffix = ".bag" if format_name == "ros1" else ""
    source = record(tmp_path / f"in{suffix}", show, format_name)
    target = tmp_path / f"out{suffix}"
    assert replay(source, tmp_path / "out") == 0
    assert storage_format(target) == format_name
    read(target)


def twins(*suffixes, raw=True):
    def write(r):
        for n in range(2):
            if raw:
                r.image(n, "/camera/image_raw")
            for suffix in suffixes:
                data = None if suffix == "compressed" else b"\x28\xb5\x2f\xfd packet"
                r.compressed(n, f"/camera/image_raw/{suffix}", data)

    return write


def test_the_transports_of_a_camera_are_one_camera(tmp_path, capsys):
    others = ("compressed", "compressedDepth", "theora", "zstd", "ffmpeg")
    record(tmp_path / "in", twins(*others))
    assert replay(tmp_path / "in", tmp_path / "out", "--only-faces") == 0
    assert list(summary(tmp_path / "out")["topics"]) == ["/camera/image_raw"]
    assert f"{NODE}/boxes" in read(tmp_path / "out")
    assert "refused" not in capsys.readouterr().out
    record(tmp_path / "packed", twins("zstd", "compressed", raw=False))
    assert replay(tmp_path / "packed", tmp_path / "out2", "--only-faces") == 0
    assert list(summary(tmp_path / "out2")["topics"]) == ["/camera/image_raw/compressed"]


def test_a_transport_that_is_not_decoded_is_named(tmp_path, capsys):
    record(tmp_path / "in", twins("zstd", raw=False))
    assert replay(tmp_path / "in", tmp_path / "out") == 1
    words = "contains no images that are decoded; /camera/image_raw/zstd: its transport"
    assert words in capsys.readouterr().err

    def one_more(r):
        twins("zstd", raw=False)(r)
        r.image(0, "/other/image")

    record(tmp_path / "two", one_more)
    assert replay(tmp_path / "two", tmp_path / "out") == 0
    assert "/camera/image_raw/zstd: its image transport is not decoded" in capsys.readouterr().out
    assert replay(tmp_path / "two", tmp_path / "x", "--topics", "/camera/image_raw/zstd") == 1
    assert "its transport is not decoded; the bag has: /other/image" in capsys.readouterr().err


def test_one_camera_of_two_keeps_its_names(tmp_path):
    def pair(r):
        for side in ("left", "right"):
            r.info(0, f"/{side}/camera_info")
            r.image(1, f"/{side}/image")
            r.compressed(1, f"/{side}/image/compressed")

    record(tmp_path / "in", pair)
    assert replay(tmp_path / "in", tmp_path / "both", "--only-faces") == 0
    both = {t for t in read(tmp_path / "both") if t.startswith("/left/")}
    for topic in ("/left/image", "/left/image/compressed"):
        target = tmp_path / topic.replace("/", "_")
        assert replay(tmp_path / "in", target, "--only-faces", "--topics", topic) == 0
        out = read(target)
        assert {t for t in out if t != "/tf"} == both
        names = [t.child_frame_id for _, m in out["/tf"] for t in m.transforms]
        assert names == ["left_face_1", "left_gaze_1"]
    words = ["--topics", "/left/image", "/left/image/compressed"]
    assert replay(tmp_path / "in", tmp_path / "twice", "--only-faces", *words) == 0
    nodes = {t.removesuffix("/boxes") for t in read(tmp_path / "twice") if t.endswith("/boxes")}
    assert nodes == {"/left/image/face_node", "/left/image/compressed/face_node"}


def test_a_raw_topic_without_messages_does_not_hide_the_compressed_one(tmp_path):
    def write(r):
        r.bag.add("/image", "sensor_msgs/msg/Image", r.types)
        r.compressed(0)

    record(tmp_path / "in", write)
    assert replay(tmp_path / "in", tmp_path / "out", "--only-faces") == 0
    assert list(summary(tmp_path / "out")["topics"]) == ["/image/compressed"]
    assert np.isfinite(summary(tmp_path / "out")["images_per_second"])


def test_the_engine_is_freed_when_a_bag_cannot_be_replayed(tmp_path, bag, monkeypatch, capsys):
    closed = []
    monkeypatch.setattr(LoadedPipeline, "close", lambda self: closed.append(self.engine.close()))
    assert replay(bag, tmp_path / "out", "--answered-only") == 1
    assert "contains no status of a face_node" in capsys.readouterr().err
    assert len(closed) == 1
