# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Building engines with the double of TensorRT: precision, child process, progress and cache."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import atpn_ros
from atpn_ros.engines import BackendError, LoadCancelled, LoadControl
from atpn_ros.engines.cache import EngineCache
from atpn_ros.engines.child import build_in_child
from atpn_ros.engines.model_inspection import inspect_model
from atpn_ros.engines.onnx import OnnxEngine
from atpn_ros.engines.tensorrt_build import BuildOptions, build
from atpn_ros.engines.tensorrt_load import load_tensorrt

pytest.importorskip("onnx", reason="small models are made with it")
from engine_world import DOUBLES, assert_alike, crops, load, machine, small_model


def test_the_reported_precision_is_that_of_the_engine(tensorrt_double, small_onnx, tmp_path):
    report = load(small_onnx, tmp_path, precision="auto").report
    if tensorrt_double.flavour == "11":
        assert "fp16" not in report
        with pytest.raises(BackendError, match=r"takes the precision from the model.*FP32"):
            load(small_onnx, tmp_path, precision="fp16")
    else:
        assert "fp16" in report
        assert "fp32" in report
        assert "fp16" in load(small_onnx, tmp_path, precision="fp16").report
    assert "fp16" not in load(small_onnx, tmp_path, precision="fp32").report


def test_no_fast_fp16(monkeypatch, small_onnx, tmp_path):
    with machine(monkeypatch, tmp_path, tensorrt="8.6", fast_fp16="0"):
        assert "fp16" not in load(small_onnx, tmp_path).report
        with pytest.raises(BackendError, match="no fast FP16"):
            load(small_onnx, tmp_path, precision="fp16")


def test_int8_only_from_quantized_models(tensorrt_double, tmp_path):
    path = small_model(tmp_path / "q.onnx", quantized=True)
    plan = build(path.read_bytes(), BuildOptions(), print)
    assert (b'"int8": true' in plan) == (tensorrt_double.flavour != "11"), "11 has no such flag"
    path = small_model(tmp_path / "f.onnx")
    assert b'"int8": false' in build(path.read_bytes(), BuildOptions(), print)


def test_tf32_does_not_pass_for_fp32(tensorrt_10, small_onnx):
    assert b'"tf32": false' in build(small_onnx.read_bytes(), BuildOptions("fp32"), print)


def test_a_model_that_transposes_bytes_is_built_all_the_same(tensorrt_double, tmp_path):
    """The double refuses it like TensorRT does, unless its input is declared float."""
    path = small_model(tmp_path / "t.onnx", transposed=True)
    assert not inspect_model(path.read_bytes()).cast_first
    engine = load(path, tmp_path)
    expected = OnnxEngine(path, "onnx-cpu", "CPUExecutionProvider").run(crops(3))
    assert_alike(engine.run(crops(3)), expected, 2e-3)


def test_a_missing_onnx_package_is_a_reason(tensorrt_double, small_onnx, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(BackendError, match=r"the onnx package is not installed.*pip install onnx"):
        load(small_onnx, tmp_path)


def test_the_builder_s_reason_is_passed_on(monkeypatch, small_onnx, tmp_path):
    with (
        machine(monkeypatch, tmp_path, child=True, build="refuse"),
        pytest.raises(BackendError, match="Could not find any implementation"),
    ):
        load(small_onnx, tmp_path)
    assert not list((tmp_path / "engines").glob("*.engine"))


def test_a_builder_that_is_killed_is_only_a_reason(monkeypatch, small_onnx, tmp_path):
    with (
        machine(monkeypatch, tmp_path, child=True, build="crash"),
        pytest.raises(BackendError, match="SIGKILL, perhaps because memory ran out"),
    ):
        load(small_onnx, tmp_path)


def test_progress_is_reported(monkeypatch, small_onnx, tmp_path):
    for flavour, words in (("10", "Building Engine"), ("8.6", "does not report progress")):
        reports: list[str] = []
        with (
            monkeypatch.context() as patch,
            machine(monkeypatch, tmp_path, child=True, tensorrt=flavour, build_s="0.8"),
        ):
            patch.setattr("atpn_ros.engines.child._REPORT_INTERVAL_S", 0.2)
            load(small_onnx, tmp_path / flavour, LoadControl(reports.append))
        assert any("building the engine" in t and words in t for t in reports), reports


def test_a_build_is_stopped_at_once_and_leaves_the_cache_usable(monkeypatch, small_onnx, tmp_path):
    stop = threading.Event()
    with machine(monkeypatch, tmp_path, child=True, build_s="30") as world:
        threading.Timer(0.5, stop.set).start()
        with pytest.raises(LoadCancelled):
            build_in_child(small_onnx.read_bytes(), BuildOptions(), LoadControl(cancel=stop))
        assert world.gpu.held() == 0
        stop.clear()
        threading.Timer(0.5, stop.set).start()
        with pytest.raises(LoadCancelled):
            load(small_onnx, tmp_path, LoadControl(cancel=stop))
    assert not list((tmp_path / "engines").glob("*.engine"))
    with machine(monkeypatch, tmp_path):
        assert "built in" in load(small_onnx, tmp_path).report


def test_the_builder_of_a_killed_process_ends_too(monkeypatch, small_onnx, tmp_path):
    log = tmp_path / "log"
    program = (
        "import sys; from pathlib import Path; from atpn_ros.engines import load_engine;"
        "load_engine(Path(sys.argv[1]), 'tensorrt', strict=True)"
    )
    with machine(monkeypatch, tmp_path, child=True, build_s="30", build_log=str(log)):
        path = os.pathsep.join([str(Path(atpn_ros.__file__).parents[1]), str(DOUBLES)])
        process = subprocess.Popen(
            [sys.executable, "-c", program, str(small_onnx)], env=os.environ | {"PYTHONPATH": path}
        )
        wait_until(lambda: log.is_file() and log.read_text().endswith("\n"))
        builder = Path("/proc") / log.read_text().strip()
        assert builder.is_dir()
        process.kill()
        process.wait()
        wait_until(lambda: not builder.is_dir() or "State:\tZ" in (builder / "status").read_text())
    with machine(monkeypatch, tmp_path):
        cache = EngineCache()
        loaded = load_tensorrt(small_onnx, BuildOptions(), cache, LoadControl())
        assert "built in" in loaded.report
        assert [e.problem for e in cache.entries()] == [""]


def wait_until(condition, seconds=15):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_another_gpu_or_version_is_another_engine(monkeypatch, small_onnx, tmp_path):
    seen = set()
    for environment in ({}, {"gpu": "Other GPU"}, {"tensorrt": "8.6"}):
        with machine(monkeypatch, tmp_path, **environment):
            assert "built in" in load(small_onnx, tmp_path).report
            assert "from the cache" in load(small_onnx, tmp_path).report
            seen.add(len(list((tmp_path / "engines").glob("*.engine"))))
    assert seen == {1, 2, 3}


def test_a_cached_engine_that_does_not_load_is_built_again(
    tensorrt_10, small_onnx, tmp_path, monkeypatch
):
    """The key is right, but what TensorRT made of it is not taken any more."""
    monkeypatch.setattr(
        "atpn_ros.engines.tensorrt_load.build_in_child", lambda *_: b"not what it was" * 9
    )
    with pytest.raises(BackendError, match="cannot load the engine"):
        load(small_onnx, tmp_path)
    monkeypatch.undo()
    reports: list[str] = []
    with machine(monkeypatch, tmp_path):
        assert "built in" in load(small_onnx, tmp_path, LoadControl(reports.append)).report
    assert any("building again" in t for t in reports)
