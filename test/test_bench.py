# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The benchmarks: what they make of times. The times themselves are this machine's own affair."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("skimage", reason="the portrait comes with scikit-image")

from atpn_ros.bench import node, peers, pipeline, plots, targets
from atpn_ros.bench.frames import MAX_FACES, InvalidFrameRequest, frames
from atpn_ros.bench.json_subprocess import JsonSubprocess, SubprocessFailed
from atpn_ros.bench.landmark_models import UnusableModel, their_crops
from atpn_ros.bench.memory import memory_of
from atpn_ros.bench.peer_environment import PeerUnavailable, mediapipe_python
from atpn_ros.bench.runner import Block, timed
from atpn_ros.bench.timing import quartiles, ratios
from atpn_ros.cli import bench, main
from atpn_ros.settings import SHIPPED_MODEL


def made_up(first=1.0, second=2.0, faces=(1, 1), held=(1, 1), names=("atpn_ros", "MediaPipe")):
    """A row of peers as if measured."""
    ratio = quartiles([first / second])
    return peers.Comparison(
        "a row", *names, faces, held, (first, second), (first, second), ratio, ratio
    )


# Frames -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("faces", [1, 2, 5])
def test_frames_close_to_a_loop_and_move(faces):
    loop = frames(faces, 40)
    assert loop.shape == (40, 480, 640, 3)
    steps = [np.abs(loop[n].astype(int) - loop[n - 1]).mean() for n in range(40)]
    assert min(steps) > 0, "every frame differs from the one before"
    assert steps[0] < 1.5 * max(steps[1:]), "from the last to the first is no jump"
    np.testing.assert_array_equal(loop, frames(faces, 40))


@pytest.mark.parametrize(("faces", "count"), [(0, 5), (MAX_FACES + 1, 5), (1, 0)])
def test_frames_that_cannot_be_made(faces, count):
    with pytest.raises(InvalidFrameRequest):
        frames(faces, count)


# Figures ------------------------------------------------------------------------------------------


def test_a_block_has_a_time_and_a_count_for_each_frame():
    seen = []
    block = timed(lambda n: seen.append(n) or 2, 7, 3)
    assert seen == [7, 8, 9]
    assert block.faces == [2, 2, 2]
    assert len(block.wall_ms) == len(block.cpu_ms) == 3
    assert min(block.wall_ms) >= 0


def test_a_load_that_slows_both_of_a_pair_leaves_the_ratio_alone():
    load = np.array([1.0, 7.0, 3.0, 20.0])
    found = ratios(2 * load, 4 * load)
    assert (found.median, found.low, found.high, found.count) == (0.5, 0.5, 0.5, 4)


@pytest.mark.parametrize("mode", ["tracked", "detect"])
def test_the_pipelines_stages_on_a_clock_that_counts_calls(mode):
    """The clock goes on by one at each look: so every figure is a number of looks, the same
    on every machine."""
    ticks = iter(range(0, 10**12, 10**6))
    figure = pipeline.measure(1, mode, 0.0, clock=lambda: next(ticks))
    assert figure.held == 1
    assert figure.frames >= 20
    stages = (figure.detect_ms, figure.crop_ms, figure.network_ms, figure.track_ms)
    assert sum(stages) == pytest.approx(figure.cpu_ms)
    # The detector and the engine are looked at before and after.
    assert figure.network_ms == 3
    assert figure.detect_ms == (3 if mode == "detect" else 1)
    assert 0 < figure.python_share < 1


def test_this_process_has_memory():
    found = memory_of()
    assert found.peak >= found.resident > 10
    assert found.threads >= 1


# The node -----------------------------------------------------------------------------------------


def camera(limit_hz, most_hz=1e9):
    """A show of a node that follows up to a rate, by a camera that sends up to another."""

    def show(rate, seconds):
        sent = max(2, round(rate * seconds))
        hz = min(rate, most_hz)
        answered = sent if hz <= limit_hz else round(sent * limit_hz / hz)
        latency = list(np.linspace(5, 15, answered))
        return {"sent": sent, "seconds": (sent - 1) / hz, "latency_ms": latency}

    return show


@pytest.mark.parametrize("limit", [4.0, 17.0, 100.0, 260.0])
def test_the_highest_rate_is_found(limit):
    found = node.highest_rate(camera(limit), 10.0, 5)
    assert 0.8 * limit <= found <= 1.06 * limit


def test_a_slow_camera_ends_the_search_and_a_dead_node_has_no_rate():
    assert 25 <= node.highest_rate(camera(1000.0, most_hz=40.0), 10.0, 5) <= 45
    dead = node.highest_rate(lambda *_: {"sent": 9, "seconds": 1.0, "latency_ms": []}, 1.0, 5)
    assert dead == 0


def test_latencies_leave_the_best_and_the_worst_run_out():
    means = iter([1.0, 10.0, 11.0, 12.0, 900.0])

    def show(rate, seconds):
        return {"sent": 10, "seconds": 0.9, "latency_ms": [next(means)] * 10}

    figure = node.at_rate(show, 10.0, 1.0, 5)
    assert (figure.p50_ms, figure.p99_ms, figure.dropped) == (11.0, 11.0, 0.0)
    assert figure.sent_hz == 10


# Processes ----------------------------------------------------------------------------------------


def lines(code):
    return JsonSubprocess("it", [sys.executable, "-c", code], {})


def test_a_process_answers_and_ends():
    code = "print('{}', flush=True)\nwhile True: print(input(), flush=True)"
    with lines(code) as process:
        assert process.greeting == {}
        assert process.request(a=2) == {"a": 2}
        assert memory_of(process.pid).resident > 0


def test_a_process_that_dies_says_why():
    with pytest.raises(SubprocessFailed, match=r"it: ended with code 1: .*no luck"):
        lines("raise SystemExit('no luck')")
    with (
        lines("print('{}', flush=True); input(); raise SystemExit(3)") as process,
        pytest.raises(SubprocessFailed, match="it: ended with code 3: no output"),
    ):
        process.request(a=1)
    with pytest.raises(SubprocessFailed, match="No such file"):
        JsonSubprocess("it", ["/no/such/python"], {})


class FakeCandidate:
    """Takes a fixed time a frame; who slows down does so for both."""

    def __init__(self, python, kind, frames, faces, core, *more):
        if kind == "broken":
            raise SubprocessFailed("broken: ended with code 1: it is")
        self.name = kind
        self._ms, self._faces = {"ours": 3.0, "mediapipe": 2.0}[kind], faces
        self.asked = []

    def block(self, start, count):
        slow = 1 + start // count
        self.asked.append(start)
        times = [self._ms * slow] * count
        return Block(times, times, [self._faces] * count)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


def test_candidates_are_compared_pair_by_pair(monkeypatch):
    monkeypatch.setattr(peers, "Candidate", FakeCandidate)
    ours, theirs = (peers.CandidateSpec(Path(), kind, 2) for kind in ("ours", "mediapipe"))
    row = peers.compare(
        "which?", ours, theirs, lambda n: Path(), peers.ComparisonSettings(None, 5, 4)
    )
    assert (row.first, row.second, row.faces, row.held) == ("ours", "mediapipe", (2, 2), (2, 2))
    assert row.cpu_ratio == row.wall_ratio == quartiles([1.5] * 5)
    assert row.cpu_ms == (9.0, 6.0), "the middle of five blocks, each slower"
    broken = peers.CandidateSpec(Path(), "broken", 2)
    row = peers.compare("which?", ours, broken, lambda n: Path(), peers.ComparisonSettings(None))
    assert (row.error, row.cpu_ratio) == ("broken: ended with code 1: it is", None)


@pytest.fixture
def double(tmp_path):
    """A Python that has a MediaPipe: one that holds as many faces as it is asked for."""
    package = tmp_path / "site" / "mediapipe"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(
        "__version__ = '0.0-double'\n"
        "print('words on standard output that nobody asked for')\n"
        "class FaceMesh:\n"
        "    def __init__(self, static_image_mode, max_num_faces, refine_landmarks):\n"
        "        self.n = max_num_faces\n"
        "    def process(self, rgb):\n"
        "        assert rgb.shape == (480, 640, 3) and rgb.flags.c_contiguous\n"
        "        self.multi_face_landmarks = [0] * self.n\n"
        "        return self\n"
        "class solutions:\n"
        "    class face_mesh:\n"
        "        FaceMesh = FaceMesh\n"
    )
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH={tmp_path}/site exec {sys.executable} "$@"\n')
    python.chmod(0o755)
    return python


def test_peers_end_to_end(monkeypatch, capsys, tmp_path, double):
    """Real processes; MediaPipe by a double, and as a landmark model our own network."""
    out = tmp_path / "peers.json"
    monkeypatch.setattr(bench, "mediapipe_python", lambda base: double)
    everything = peers.whole_frames
    monkeypatch.setattr(peers, "whole_frames", lambda *a: everything(*a)[:1])
    command = f"bench --peers --pairs 2 --faces 1 --seconds 0 --json {out} --peer-layout wflw98"
    assert main([*command.split(), "--peer-model", str(SHIPPED_MODEL)]) == 0
    content = json.loads(out.read_text())["peers"]
    assert [r["error"] for r in content["rows"]] == ["", ""]
    frame, crop = content["rows"]
    assert (frame["held"], frame["second"]) == ([1, 1], "MediaPipe Face Mesh 0.0-double")
    assert frame["cpu_ratio"]["median"] > 1, "the double does nothing, in no time"
    assert crop["held"] == [1, 1]
    assert crop["second"] == "atpn.onnx (wflw98), crop and network"
    words = capsys.readouterr().out
    assert "a tracked frame, 1 face" in words
    assert "not measured" in words, "five faces were not asked for"


def test_a_peer_that_cannot_be_installed_has_a_row_that_says_so(monkeypatch, capsys, tmp_path):
    def refuse(base):
        raise PeerUnavailable("MediaPipe cannot be installed: no network")

    monkeypatch.setattr(bench, "mediapipe_python", refuse)
    monkeypatch.setattr(peers, "Candidate", FakeCandidate)
    out = tmp_path / "peers.json"
    assert main(f"bench peers --pairs 2 --seconds 0 --json {out}".split()) == 1
    refused, growth = json.loads(out.read_text())["peers"]["rows"]
    assert refused["error"] == "MediaPipe cannot be installed: no network"
    assert growth["faces"] == [5, 1]
    assert "MediaPipe Face Mesh: MediaPipe cannot be installed" in capsys.readouterr().out


def test_the_environment_is_made_once_and_a_failure_is_one_line(tmp_path):
    commands, told = [], []

    def run(command, code=0, words=""):
        commands.append(command)
        if "venv" in command:
            Path(command[-1]).mkdir(exist_ok=True)
        return subprocess.CompletedProcess(command, code, "3.11\n", words)

    def fail(command):
        failed = "pip" in command
        return run(command, int(failed), "WARNING: slow\nERROR: No matching distribution\n\nbye\n")

    with pytest.raises(
        PeerUnavailable, match=r"cannot be installed: ERROR: No matching distribution$"
    ):
        mediapipe_python(Path("/usr/bin/python3"), tmp_path, told.append, fail)
    assert told, "what takes its time says so"
    commands.clear()
    found = mediapipe_python(Path("/usr/bin/python3"), tmp_path, told.append, run)
    assert found.parts[-3:] == ("mediapipe-0.10.14-py3.11", "bin", "python")
    assert any("mediapipe==0.10.14" in c for c in commands)
    assert all("==" in word for c in commands if "pip" in c for word in c[c.index(":all:") + 1 :]
               if not word.startswith("-"))  # fmt: skip
    commands.clear()
    assert mediapipe_python(Path("/usr/bin/python3"), tmp_path, told.append, run) == found
    assert len(commands) == 1, "it is asked for its version, and no more"


def test_landmark_models_that_cannot_be_compared_say_why(tmp_path):
    loop = frames(1, 2)
    (tmp_path / "noise.onnx").write_bytes(b"noise")
    with pytest.raises(UnusableModel, match="cannot be loaded"):
        their_crops(loop, 1, tmp_path / "noise.onnx", "wflw98")
    with pytest.raises(
        UnusableModel, match=r"none of its outputs .* holds the 68 points of ibug68"
    ):
        their_crops(loop, 1, SHIPPED_MODEL, "ibug68")


# What people see ----------------------------------------------------------------------------------


def test_marks_are_met_missed_or_not_measured():
    figure = pipeline.PipelineTiming(1, 1.0, "tracked", *[1.0] * 6, python_share=0.3, frames=20)
    rows = [made_up(1.0, 1.0), made_up(5.0, 2.0, (5, 1), (5, 1), ("atpn_ros 1", "atpn_ros 1"))]
    one, five, python = targets.check_targets(rows, [figure])
    assert (one.status, five.status, python.status) == ("met", "met", "MISSED")
    assert (one.measured, five.measured, python.measured) == (1.0, 2.5, 0.3)
    lost = [made_up(held=(0.9, 1)), made_up(names=("atpn_ros", "MediaPipe, iris"))]
    assert [v.status for v in targets.check_targets(lost, [])] == ["not measured"] * 3


def test_memory_and_pipeline_from_the_shell(capsys, tmp_path):
    out = tmp_path / "deep" / "bench.json"
    assert main(f"bench memory pipeline --faces 1 --seconds 0 --json {out}".split()) == 0
    result = json.loads(out.read_text())
    assert result["memory"]["pipeline, 1 face"]["resident"] > 30
    assert [f["mode"] for f in result["pipeline"]] == ["tracked", "detect"]
    assert result["machine"]["cpu"] in capsys.readouterr().out
    assert {"cores", "load_before", "load_after", "onnxruntime"} <= set(result["machine"])


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("bench speed", "speed: must be one of network, pipeline, node, memory, peers"),
        (
            "bench peers --peer-model m.onnx",
            "--peer-model and --peer-layout must be given together",
        ),
    ],
)
def test_arguments_that_make_no_sense(words, error, capsys):
    assert main(words.split()) == 1
    assert capsys.readouterr().err == f"atpn bench: {error}\n"


def test_without_matplotlib_plots_say_so_before_anything_is_measured(monkeypatch, capsys):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert main(["bench", "pipeline", "--plots", "out"]) == 1
    assert capsys.readouterr() == (
        "",
        "atpn bench: --plots needs matplotlib: pip install 'atpn_ros[plots]'\n",
    )


def test_plots_are_drawn(tmp_path):
    pytest.importorskip("matplotlib")
    figure = pipeline.PipelineTiming(1, 1.0, "tracked", *[1.0] * 6, python_share=0.3, frames=20)
    result = {
        "machine": {"cpu": "a CPU"},
        "pipeline": [bench.asdict(figure)],
        "network": {"figures": [{"threads": 1, "batch": b, "face": 2.0} for b in (1, 2)]},
        "node": {"rates": [{"rate_hz": 10, "p50_ms": 1, "p95_ms": 2, "p99_ms": 3}]},
        "peers": {
            "rows": [bench.asdict(made_up()), bench.asdict(peers.Comparison("x", error="no"))]
        },
    }
    assert len(plots.draw(result, tmp_path)) == 4
