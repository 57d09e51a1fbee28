# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The GPU report's script, on machines without a GPU: skipped backends and the double's figures."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

pytest.importorskip("onnx", reason="small models are made with it")
from engine_world import machine, small_model

SCRIPT = Path(__file__).parents[1] / "tools" / "gpu_report.py"
if not SCRIPT.is_file():
    pytest.skip("not in a source checkout", allow_module_level=True)


@pytest.fixture(scope="module")
def report():
    spec = importlib.util.spec_from_file_location("gpu_report", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["gpu_report"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["gpu_report"]


def test_without_a_gpu_it_says_what_is_missing_and_measures_the_cpu(report, tmp_path):
    model = small_model(tmp_path / "m.onnx")
    assert report.main(["--out", str(tmp_path), "--model", str(model), "--seconds", "0.1"]) == 0
    (path,) = tmp_path.glob("gpu-report-????-??-??.md")
    text = path.read_text()
    assert "Not available: no engine: tensorrt: TensorRT is not installed" in text
    assert text.count("Not available: ") == 6
    cpu = text[text.index("## onnx-cpu") :]
    assert "| landmarks | 0 | 0 | 0.004 | ok |" in cpu
    for batch in (1, 2, 4, 8):
        assert f"\n| {batch} | " in cpu


def test_with_the_double(report, tmp_path, monkeypatch):
    model = small_model(tmp_path / "m.onnx")
    with machine(monkeypatch, tmp_path):
        found = report.measure_backend(model, "tensorrt", "fp16", 0.1, tmp_path / "c" / "engines")
    assert not found.error
    assert "CUDA graphs for batch 1, 2, 3, 4, 8" in found.report
    assert [f.batch for f in found.figures] == [1, 2, 4, 8]
    assert all(d.passes for d in found.differences)
    assert "| 8 | " in report.report_page([found], "2026-01-01")
