# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The benchmark: frames, figures, the rate search, the command line and plots."""

from __future__ import annotations

import json

import numpy as np
import pytest

pytest.importorskip("skimage", reason="the portrait comes with scikit-image")

from atpn_ros.bench import node, peers, pipeline, plots, targets
from atpn_ros.bench.frames import MAX_FACES, InvalidFrameRequest, frames
from atpn_ros.bench.memory import memory_of
from atpn_ros.bench.runner import timed
from atpn_ros.bench.timing import quartiles, ratios
from atpn_ros.cli import bench, main


def made_up(first=1.0, second=2.0, faces=(1, 1), held=(1, 1), names=("atpn_ros", "MediaPipe")):
    """A row of peers as if measured."""
    ratio = quartiles([first / second])
    return peers.Comparison(
        "a row", *names, faces, held, (first, second), (first, second), ratio, ratio
    )


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
