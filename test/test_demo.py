# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The demo's figures and pictures, from made-up records instead of a running node."""

import subprocess
import sys
import time

import numpy as np
import pytest

from atpn_ros import resources
from atpn_ros.bench import node_process
from atpn_ros.bench.node_process import wait_until
from atpn_ros.cli import demo, main
from atpn_ros.cli.demo import DemoError, face_frame, sheet, summarise
from atpn_ros.cli.portrait import HEIGHT, RATE, WIDTH, MovingPortrait
from atpn_ros.resources import ResourceNotFoundError

pytest.importorskip("skimage", reason="the portrait comes with scikit-image")
COUNT = 120
MS = 1_000_000


@pytest.fixture(scope="module")
def portrait():
    return MovingPortrait(COUNT)


def record(n, ids=(), state=2, answered=True, detector_ran=False):
    """As demo_client writes it: 20 ms after the stamp, 5 of them in the network."""
    stamp = 10**9 + round(n * 1e9 / RATE)
    faces = [
        {"id": i, "state": state, "box": [320, 200, 100, 120], "presence": 0.9, "xy": [],
         "rotation": None, "position": None}
        for i in ids
    ]  # fmt: skip
    return {
        "n": n,
        "stamp_ns": stamp,
        "received_ns": stamp + 20 * MS if answered else None,
        "network_ns": 5 * MS,
        "detector_ran": detector_ran,
        "detector": "haar",
        "engine": "onnx-cpu",
        "faces": faces,
    }


def good_show(portrait):
    def ids(n):
        return [1] if n < portrait.leaves_at else [2] if n >= portrait.returns_at else []

    return [record(n, ids(n), detector_ran=n % 10 == 0) for n in range(COUNT)]


def test_a_good_show_in_numbers(portrait):
    summary = summarise(good_show(portrait), portrait)
    assert summary["frames"] == {"sent": COUNT, "processed": COUNT, "dropped": 0, "rate_hz": 15.0}
    faces = summary["faces"]
    assert faces["track_ids"] == [1, 2]
    assert faces["track_ids_before_leaving"] == [1]
    assert faces["frames_held_before_leaving"] == portrait.leaves_at
    assert faces["lost_frames_after_leaving"] == 0
    assert faces["frames_with_face"] == COUNT - (portrait.returns_at - portrait.leaves_at)
    latency = summary["latency_ms"]
    assert (latency["p50"], latency["p95"], latency["max"]) == (20, 20, 20)
    assert latency["share_outside_network_p50"] == 0.75
    assert summary["detector"] == {"name": "haar", "calls": 12, "share_of_frames": 0.1}
    assert summary["engine"] == "onnx-cpu"


def test_a_face_that_stays_too_long_is_counted(portrait):
    records = good_show(portrait)
    for n in range(portrait.leaves_at, portrait.leaves_at + 3):
        records[n] = record(n, [1])
    assert summarise(records, portrait)["faces"]["lost_frames_after_leaving"] == 3


def test_a_lost_face_is_not_a_held_one(portrait):
    records = good_show(portrait)
    records[5] = record(5, [1], state=3)
    faces = summarise(records, portrait)["faces"]
    assert faces["frames_held_before_leaving"] == portrait.leaves_at - 1


def test_frames_without_an_answer_are_dropped_ones(portrait):
    records = good_show(portrait)
    records[3] = record(3, answered=False)
    frames = summarise(records, portrait)["frames"]
    assert (frames["processed"], frames["dropped"]) == (COUNT - 1, 1)


def test_a_show_without_any_answer_has_a_summary_too(portrait, capsys):
    summary = summarise([record(n, answered=False) for n in range(COUNT)], portrait)
    assert summary["frames"]["processed"] == 0
    assert summary["engine"] is None
    demo._print_summary(summary)
    assert "0 processed" in capsys.readouterr().out


def test_the_summary_is_told_in_five_lines(portrait, capsys):
    demo._print_summary(summarise(good_show(portrait), portrait))
    lines = capsys.readouterr().out.strip().splitlines()
    assert [line.split()[0] for line in lines] == [
        "frames", "faces", "latency", "detector", "engine",
    ]  # fmt: skip


def test_a_record_becomes_the_cores_type():
    full = record(0, [4])
    full["faces"][0] |= {
        "xy": list(range(196)),
        "rotation": np.eye(3).ravel().tolist(),
        "position": [1, 2, 3],
    }
    (face,) = face_frame(full).faces
    assert face.landmarks[1].tolist() == [2, 3]
    assert face.pose.position.tolist() == [1, 2, 3]
    (bare,) = face_frame(record(0, [4])).faces
    assert bare.landmarks is bare.pose is None


def test_the_sheet_is_three_rows_of_four_pictures(portrait):
    assert sheet(good_show(portrait), portrait).shape == (900, 1600, 3)
    assert sheet(good_show(portrait)[:1], portrait).shape == (900, 1600, 3)


def test_the_portrait_leaves_and_returns(portrait):
    assert 0 < portrait.leaves_at < portrait.returns_at < COUNT
    assert portrait.frame(0).shape == (HEIGHT, WIDTH, 3)
    np.testing.assert_array_equal(portrait.frame(7), MovingPortrait(COUNT).frame(7))


@pytest.mark.parametrize("frames", [1, 2, 10])
def test_a_short_show_does_not_break_the_portrait(frames):
    show = MovingPortrait(frames)
    assert 0 <= show.leaves_at <= frames
    assert show.frame(frames - 1).any()


def test_errors_are_one_line_and_code_1(monkeypatch, capsys, tmp_path):
    def fail(*_):
        raise DemoError("the node is not there")

    monkeypatch.setattr(demo, "_play", fail)
    assert main(["demo", "--out", str(tmp_path / "out")]) == 1
    assert capsys.readouterr().err == "atpn demo: the node is not there\n"


def test_a_show_of_no_frame_is_refused(capsys, tmp_path):
    assert main(["demo", "--out", str(tmp_path), "--seconds", "0"]) == 1
    assert "too short" in capsys.readouterr().err


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
