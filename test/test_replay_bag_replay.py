# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Bags through ``atpn replay`` with the shipped network on a small portrait."""

import hashlib
import json

import pytest

pytest.importorskip("rosbags", reason="pip install rosbags")
pytest.importorskip("skimage", reason="the portrait comes with scikit-image")

from bag_world import HEIGHT, WIDTH, portrait, read, record, show, stamps
from replays import NODE, nothing_but, replay

OUTPUTS = ["boxes", "landmarks", "head_poses", "gazes", "status"]


@pytest.fixture(scope="module")
def out(bag):
    """What the show's replay holds."""
    target = bag.parent / "replayed"
    assert replay(bag, target) == 0
    return read(target)


@pytest.mark.parametrize(
    ("format_in", "format_out"),
    [
        ("sqlite3", "mcap"),
        ("mcap", "sqlite3"),
        ("ros1", "mcap"),
        ("mcap", "ros1"),
        ("ros1", "ros1"),
    ],
)
def test_every_kind_of_bag_goes_in_and_comes_out(tmp_path, bag, out, format_in, format_out):
    source = tmp_path / ("in.bag" if format_in == "ros1" else "in")
    target = tmp_path / ("out.bag" if format_out == "ros1" else "out")
    record(source, show, format_in)
    assert replay(source, target, "--format", format_out) == 0
    out = read(target)
    assert {*out} == {
        "/image",
        "/camera_info",
        "/chatter",
        "/tf",
        *(f"{NODE}/{n}" for n in OUTPUTS),
    }
    for name in OUTPUTS:
        assert stamps(out[f"{NODE}/{name}"]) == [0, 1, 2, 3]
    assert [m.data for _, m in out["/chatter"]] == [f"word {n}" for n in range(4)]
    assert stamps(out["/image"]) == [0, 1, 2, 3]
    assert [t for t, _ in out["/image"]] == [t for t, _ in out[f"{NODE}/boxes"]]
    faces = [f for _, m in out[f"{NODE}/landmarks"] for f in m.faces]
    assert [len(f.xy) for f in faces] == [196] * 4
    # The same answers, whatever they travelled in.
    assert replay("--diff", bag.parent / "replayed", target) == 0


def test_the_answers_are_those_of_the_topics_table(out):
    boxes = [m for _, m in out[f"{NODE}/boxes"]]
    assert [[f.id for f in m.faces] for m in boxes] == [[1]] * 4
    assert [m.faces[0].state for m in boxes] == [1, 2, 2, 2]
    assert {m.header.frame_id for m in boxes} == {"camera_optical_frame"}
    names = [[t.child_frame_id for t in m.transforms] for _, m in out["/tf"]]
    assert names == [["face_1", "gaze_1"]] * 4
    assert {t.header.frame_id for _, m in out["/tf"] for t in m.transforms} == {
        "camera_optical_frame"
    }


def test_status_says_nothing_that_differs_between_runs(out):
    for n, (_, m) in enumerate(out[f"{NODE}/status"]):
        stamp = m.header.stamp
        assert m.received == m.started == m.finished == stamp
        assert [m.decode_ns, m.detect_ns, m.crop_ns, m.network_ns, m.track_ns, m.publish_ns] == [
            0
        ] * 6
        assert (m.frames_received, m.frames_processed, m.frames_dropped) == (n + 1, n + 1, 0)
        assert (m.engine, m.detector, m.detector_runs, m.faces) == ("onnx-cpu", "atpn", 1, 1)


@pytest.mark.parametrize("format_out", ["mcap", "sqlite3", "ros1"])
def test_the_same_bag_twice_gives_the_same_bytes(tmp_path, bag, format_out):
    digests = []
    for folder in ("one", "two"):
        target = tmp_path / folder / ("out.bag" if format_out == "ros1" else "out")
        assert replay(bag, target, "--format", format_out) == 0
        files = [target] if target.is_file() else sorted(target.iterdir())
        kept = [p for p in files if p.name != "replay.json"]
        digests.append([(p.name, hashlib.sha256(p.read_bytes()).hexdigest()) for p in kept])
    assert digests[0] == digests[1]


def test_calibration_is_the_newest_before_the_image(tmp_path):
    def late(r):
        r.image(0)
        r.info(1)
        r.image(2)
        r.info(3, focal=600.0)
        r.image(4)

    record(tmp_path / "in", late)
    assert replay(tmp_path / "in", tmp_path / "out") == 0
    out = read(tmp_path / "out")
    poses = [m.faces[0] for _, m in out[f"{NODE}/head_poses"]]
    assert [p.has_position for p in poses] == [False, True, True]
    near, far = (p.pose.pose.position.z for p in poses[1:])
    assert far == pytest.approx(2 * near, rel=0.05)
    assert len(out["/tf"]) == 2


def test_compressed_images_and_their_raw_twins(tmp_path):
    def twins(r):
        for n in range(2):
            r.image(n)
            r.compressed(n)
            r.compressed(n, "/depth/compressedDepth", b"no picture")

    record(tmp_path / "in", twins)
    assert replay(tmp_path / "in", tmp_path / "raw") == 0
    summary = json.loads((tmp_path / "raw" / "replay.json").read_text())
    assert list(summary["topics"]) == ["/image"]
    assert replay(tmp_path / "in", tmp_path / "png", "--topics", "/image/compressed") == 0
    assert replay("--diff", tmp_path / "raw", tmp_path / "png") == 0  # PNG loses nothing
    assert replay(tmp_path / "in", tmp_path / "x", "--topics", "/chatter") == 1


@pytest.mark.parametrize(
    ("topics", "nodes"),
    [
        (["/left/image", "/right/image"], ["/left", "/right"]),
        (["/cam/colour", "/cam/grey"], ["/cam/colour", "/cam/grey"]),
        (["/image", "/other/image"], ["/image", "/other/image"]),
    ],
)
def test_several_cameras_have_nodes_of_their_own(tmp_path, topics, nodes):
    def pair(r):
        for topic in topics:
            r.info(0, topic.rpartition("/")[0] + "/camera_info")
            r.image(1, topic)

    record(tmp_path / "in", pair)
    assert replay(tmp_path / "in", tmp_path / "out", "--only-faces") == 0
    out = read(tmp_path / "out")
    assert {t.rpartition("/")[0] for t in out if t != "/tf"} == {f"{n}/face_node" for n in nodes}
    frames = {t.child_frame_id for _, m in out["/tf"] for t in m.transforms}
    prefixes = [n.strip("/").replace("/", "_") for n in nodes]
    assert frames == {f"{p}_{k}_1" for p in prefixes for k in ("face", "gaze")}


def test_each_camera_has_its_own_calibration(tmp_path):
    def pair(r):
        for side, focal in (("left", 300.0), ("right", 600.0)):
            r.info(0, f"/{side}/camera_info", focal)
            r.image(1, f"/{side}/image")

    record(tmp_path / "in", pair)
    assert replay(tmp_path / "in", tmp_path / "out", "--only-faces") == 0
    out = read(tmp_path / "out")
    left, right = (out[f"/{s}/face_node/head_poses"][0][1].faces[0] for s in ("left", "right"))
    assert right.pose.pose.position.z == pytest.approx(2 * left.pose.pose.position.z, rel=0.05)


def test_answers_that_a_bag_holds_already_are_written_anew(tmp_path, bag, out, capsys):
    once = bag.parent / "replayed"
    assert replay(once, tmp_path / "twice") == 0
    assert "existing outputs of a face_node: /face_node/boxes" in capsys.readouterr().out
    twice = read(tmp_path / "twice")
    assert {t: len(m) for t, m in out.items()} == {t: len(m) for t, m in twice.items()}
    assert replay("--diff", once, tmp_path / "twice") == 0


def test_only_the_images_that_a_node_answered(tmp_path, bag, capsys):
    def gaps(r):
        show(r)
        for n in (0, 2):
            empty = r.types.types["builtin_interfaces/msg/Time"](0, 0)
            r.write(
                "/face_node/status", "atpn_ros/msg/TrackingStatus", n, r.header(n), empty, empty,
                empty, *[0] * 10, "onnx-cpu", "atpn", False, 0, 0,
            )  # fmt: skip

    record(tmp_path / "in", gaps)
    assert replay(tmp_path / "in", tmp_path / "out", "--answered-only") == 0
    assert stamps(read(tmp_path / "out")[f"{NODE}/boxes"]) == [0, 2]
    assert replay(bag, tmp_path / "none", "--answered-only") == 1
    assert "contains no status of a face_node" in capsys.readouterr().err


def test_settings_come_from_a_file_and_from_words(tmp_path, bag, capsys):
    file = tmp_path / "mine.yaml"
    file.write_text("face_node:\n  ros__parameters:\n    tf_prefix: one_\n    publish_tf: false\n")
    assert replay(bag, tmp_path / "file", "--params-file", file) == 0
    assert read(tmp_path / "file")["/tf"] == []
    words = ["--set", "publish_tf=true", "max_faces=2"]
    assert replay(bag, tmp_path / "both", "--params-file", file, *words) == 0
    first = read(tmp_path / "both")["/tf"][0][1]
    assert [t.child_frame_id for t in first.transforms] == ["one_face_1", "one_gaze_1"]
    capsys.readouterr()
    for given, why in [
        (["--set", "max_faces=99"], "max_faces: 99 is not in 1 .. 64"),
        (["--set", "max_faces"], "'max_faces' is not name=value"),
        (["--params-file", tmp_path / "gone.yaml"], "gone.yaml: No such file or directory"),
        (["--set", "model=/gone.onnx"], "/gone.onnx: No such file or directory"),
    ]:
        assert replay(bag, tmp_path / "x", *given) == 1
        (line,) = capsys.readouterr().err.strip().splitlines()
        assert why in line


def test_images_of_a_rotated_camera_are_turned(tmp_path, bag):
    record(
        tmp_path / "in", lambda r: [r.image(n, picture=portrait()[::-1, ::-1]) for n in range(4)]
    )
    assert replay(bag, tmp_path / "usual") == 0
    assert replay(tmp_path / "in", tmp_path / "turned", "--set", "rotate=180") == 0
    usual, turned = (
        [m.faces[0] for _, m in read(tmp_path / n)[f"{NODE}/boxes"]] for n in ("usual", "turned")
    )
    assert [b.center_x for b in turned] == pytest.approx([WIDTH - 1 - b.center_x for b in usual])
    assert [b.center_y for b in turned] == pytest.approx([HEIGHT - 1 - b.center_y for b in usual])


def test_a_done_bag_is_left_alone_until_something_changes(tmp_path, bag, capsys):
    target = tmp_path / "out"
    assert replay(bag, target) == 0
    written = (target / "replay.json").stat().st_mtime_ns
    assert replay(bag, target) == 0
    assert "already done" in capsys.readouterr().out
    assert (target / "replay.json").stat().st_mtime_ns == written
    assert replay(bag, target, "--set", "max_faces=1") == 1
    assert "exists and is not the same replay; see --overwrite" in capsys.readouterr().err
    assert replay(bag, target, "--set", "max_faces=1", "--overwrite") == 0
    assert (target / "replay.json").stat().st_mtime_ns != written
    nothing_but(tmp_path, "out")
