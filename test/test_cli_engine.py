# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""``atpn engine`` and ``atpn bench`` from the shell's side."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import atpn_ros
from atpn_ros.bench.network import NetworkTiming, batch_gain
from atpn_ros.cli import main
from atpn_ros.engines.base import NetworkOutput
from atpn_ros.engines.cache import EngineCache
from atpn_ros.engines.compare import compare, sample_crops
from atpn_ros.engines.onnx import OnnxEngine
from atpn_ros.settings import SHIPPED_MODEL

pytest.importorskip("onnx", reason="small models are made with it")
from engine_world import machine, small_model


@pytest.fixture
def model(tmp_path):
    return str(small_model(tmp_path / "small.onnx"))


def test_build_list_check_clean(monkeypatch, tmp_path, model, capsys):
    with machine(monkeypatch, tmp_path, child=True):
        assert main(["engine", "list"]) == 0
        assert "0 engines" in capsys.readouterr().out
        assert main(["engine", "build", "--model", model, "--max-faces", "2"]) == 0
        assert "built in" in capsys.readouterr().out
        assert main(["engine", "list"]) == 0
        listed = capsys.readouterr().out
        assert "1 engine" in listed
        assert "TensorRT 10.3.0, Double GPU (compute 8.7), auto, batch 1..2" in listed
        assert main(["engine", "check", "--model", model, "--max-faces", "2"]) == 0
        checked = capsys.readouterr().out
        for name in ("landmarks", "rotation", "presence", "sigma"):
            assert f"  {name:10} greatest 0.000" in checked
        next(EngineCache().folder.glob("*.engine")).write_bytes(b"")
        assert main(["engine", "list"]) == 1
        assert "REFUSED: engine has 0 bytes" in capsys.readouterr().out
        assert main(["engine", "clean"]) == 0
        assert "1 removed" in capsys.readouterr().out


def test_check_fails_when_it_is_too_far_off(monkeypatch, tmp_path, capsys):
    class Off(OnnxEngine):
        def run(self, crops):
            out = super().run(crops)
            return replace(out, landmarks=out.landmarks + 0.01)

    monkeypatch.setattr("atpn_ros.engines.select.load_tensorrt", lambda model, *_: Off(
        model, "tensorrt", "CPUExecutionProvider"))  # fmt: skip
    assert main(["engine", "check", "--backend", "tensorrt"]) == 1
    words = capsys.readouterr().out
    assert "landmarks  greatest 0.01, mean 0.01, limit 0.004: TOO FAR" in words
    assert words.count("TOO FAR") == 1


@pytest.mark.parametrize(
    "action", ["build", "check --backend tensorrt", "check --backend onnx-cuda"]
)
def test_without_a_gpu_the_reason_and_an_exit_code(action, capsys):
    assert main(["engine", *action.split()]) == 1
    assert "atpn engine: no engine: " in capsys.readouterr().err


def test_not_a_number_does_not_pass():
    reference = OnnxEngine(SHIPPED_MODEL, "onnx-cpu", "CPUExecutionProvider")

    class Broken:
        def run(self, crops):
            out = reference.run(crops)
            return NetworkOutput(out.landmarks, out.rotation, out.presence * np.nan, None)

    found = {d.output: d for d in compare(Broken(), reference, sample_crops(6))}
    assert found["landmarks"].passes
    assert not found["presence"].passes
    assert not found["sigma"].passes, "an output that is missing"


def test_bench_prints_and_writes_what_it_measured(tmp_path, capsys):
    out = tmp_path / "deep" / "bench.json"
    assert main(f"bench --network --seconds 1 --batches 1 4 --json {out}".split()) == 0
    words = capsys.readouterr().out
    result = json.loads(out.read_text())
    network = result["network"]
    assert [(f["threads"], f["batch"]) for f in network["figures"]] == [(1, 1), (1, 4)]
    assert result["machine"]["onnxruntime"] in words
    assert "onnx-cpu" in network["engines"][0]
    one, four = (f["call_best"] for f in network["figures"])
    assert f"a batch of four takes {four / 4 / one:.2f}"[:-1] in words


def test_gain_needs_both_sizes():
    assert batch_gain([NetworkTiming(1, 1, 1.0, 1.0, 1.0, 1.0, 9)], 1) is None


def test_a_reader_that_has_seen_enough_ends_a_command_quietly(tmp_path):
    """As `| head` does: no traceback, and the status that a shell expects of it."""
    code = "import sys; from atpn_ros.cli import main; sys.exit(main(sys.argv[1:]))"
    read_end, write_end = os.pipe()
    os.close(read_end)
    done = subprocess.run(
        [sys.executable, "-c", code, "engine", "list"],
        env=os.environ | {"PYTHONPATH": str(Path(atpn_ros.__file__).parents[1])},
        stdout=write_end, stderr=subprocess.PIPE, text=True, timeout=120,
    )  # fmt: skip
    os.close(write_end)
    assert (done.returncode, done.stderr) == (141, "")
