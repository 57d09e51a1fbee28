# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The TensorRT rung against a double of its API that enforces call order, shapes and lifetimes."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import atpn_ros
from atpn_ros.engines import BackendError, LoadCancelled, LoadControl, ModelError, load_engine
from atpn_ros.engines.cache import EngineCache
from atpn_ros.engines.child import build_in_child
from atpn_ros.engines.model_inspection import inspect_model, with_float_input
from atpn_ros.engines.onnx import OnnxEngine
from atpn_ros.engines.tensorrt import precisions
from atpn_ros.engines.tensorrt_build import BuildOptions, build
from atpn_ros.engines.tensorrt_load import load_tensorrt
from atpn_ros.settings import SHIPPED_MODEL

pytest.importorskip("onnx", reason="small models are made with it")
from engine_world import DOUBLES, FLAVOURS, crops, machine, small_model

OUTPUTS = ("landmarks", "rotation", "presence", "sigma")
PYTHON = {"8.5": "old", "8.6": "old", "10": "new", "11": "new"}


@pytest.fixture(params=FLAVOURS)
def double(request, monkeypatch, tmp_path):
    flavour = request.param
    with machine(monkeypatch, tmp_path, tensorrt=flavour, cuda=PYTHON[flavour]) as world:
        world.flavour = flavour
        yield world


@pytest.fixture
def ten(monkeypatch, tmp_path):
    with machine(monkeypatch, tmp_path, tensorrt="10") as world:
        yield world


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return small_model(tmp_path_factory.mktemp("model") / "small.onnx")


@pytest.fixture(scope="module")
def reference(model):
    return OnnxEngine(model, "onnx-cpu", "CPUExecutionProvider")


def load(model: Path, folder: Path, control: LoadControl | None = None, **options):
    return load_tensorrt(
        model, BuildOptions(**options), EngineCache(folder / "engines"), control or LoadControl()
    )


def assert_alike(got, expected, atol):
    for name in OUTPUTS:
        np.testing.assert_allclose(getattr(got, name), getattr(expected, name), atol=atol)


def test_batches_of_all_sizes_again_and_again(double, model, reference, tmp_path):
    engine = load(model, tmp_path, max_batch=3)
    half = double.flavour != "11"
    for round_ in range(3):
        for n in (1, 3, 2, 7, 1):
            batch = crops(n, seed=10 * round_ + n)
            assert_alike(engine.run(batch), reference.run(batch), 2e-3 if half else 1e-6)
    engine.close()
    assert double.gpu.held() == 0, "everything was given back"
    with pytest.raises(BackendError, match="closed"):
        engine.run(crops(1))


def test_graphs_are_used_where_the_version_allows(double, model, tmp_path):
    engine = load(model, tmp_path, max_batch=2)
    for n in (1, 2, 1, 2):
        engine.run(crops(n))
    if double.flavour == "8.5":
        assert double.gpu.launches == 0
        assert "batch none (TensorRT 8.5.3.1 allows one context)" in engine.report
    else:
        assert double.gpu.launches == 2
        assert engine.report.endswith("CUDA graphs for batch 1, 2")
    single = load(model, tmp_path, max_batch=1)
    before = double.gpu.launches
    for _ in range(3):
        single.run(crops(1))
    assert double.gpu.launches == before + 2, "a context for one size only can always be recorded"


def test_a_graph_that_cannot_be_recorded_costs_nothing_but_itself(ten, model, reference, tmp_path):
    engine = load(model, tmp_path)
    ten.gpu.fail["cudaStreamEndCapture"] = (900, 1)
    for _ in range(3):
        assert_alike(engine.run(crops(2)), reference.run(crops(2)), 2e-3)
    assert "cudaErrorStreamCaptureUnsupported" in engine.report


def test_answers_are_not_overwritten_by_the_next_batch(ten, model, tmp_path):
    engine = load(model, tmp_path)
    first = engine.run(crops(1, seed=1))
    kept = first.landmarks.copy()
    engine.run(crops(1, seed=2))
    np.testing.assert_array_equal(first.landmarks, kept)


def test_precision_is_what_the_engine_says_not_what_was_wished(double, model, tmp_path):
    report = load(model, tmp_path, precision="auto").report
    if double.flavour == "11":
        assert "fp16" not in report
        with pytest.raises(BackendError, match=r"takes the precision from the model.*FP32"):
            load(model, tmp_path, precision="fp16")
    else:
        assert "fp16" in report
        assert "fp32" in report
        assert "fp16" in load(model, tmp_path, precision="fp16").report
    assert "fp16" not in load(model, tmp_path, precision="fp32").report


def test_no_fast_fp16(monkeypatch, model, tmp_path):
    with machine(monkeypatch, tmp_path, tensorrt="8.6", fast_fp16="0"):
        assert "fp16" not in load(model, tmp_path).report
        with pytest.raises(BackendError, match="no fast FP16"):
            load(model, tmp_path, precision="fp16")


def test_int8_only_from_quantized_models(double, tmp_path):
    path = small_model(tmp_path / "q.onnx", quantized=True)
    plan = build(path.read_bytes(), BuildOptions(), print)
    assert (b'"int8": true' in plan) == (double.flavour != "11"), "11 has no such flag"
    path = small_model(tmp_path / "f.onnx")
    assert b'"int8": false' in build(path.read_bytes(), BuildOptions(), print)


def test_tf32_does_not_pass_for_fp32(ten, model):
    assert b'"tf32": false' in build(model.read_bytes(), BuildOptions("fp32"), print)


def test_a_model_that_transposes_bytes_is_built_all_the_same(double, tmp_path):
    """The double refuses it like TensorRT does, unless its input is declared float."""
    path = small_model(tmp_path / "t.onnx", transposed=True)
    assert not inspect_model(path.read_bytes()).cast_first
    engine = load(path, tmp_path)
    expected = OnnxEngine(path, "onnx-cpu", "CPUExecutionProvider").run(crops(3))
    assert_alike(engine.run(crops(3)), expected, 2e-3)


@pytest.mark.parametrize("open_", [(-1, -1, -1), (-1, 68, 2)])
def test_sizes_that_tensorrt_leaves_open_are_the_known_ones(
    ten, model, tmp_path, monkeypatch, open_
):
    known = ten.trt.ICudaEngine.get_tensor_shape
    monkeypatch.setattr(
        ten.trt.ICudaEngine,
        "get_tensor_shape",
        lambda self, name: open_ if name == "landmarks" else known(self, name),
    )
    if open_[1] < 0:
        assert load(model, tmp_path).run(crops(2)).landmarks.shape == (2, 98, 2)
    else:
        with pytest.raises(BackendError, match=r"'landmarks' is \(68, 2\), not \(98, 2\)"):
            load(model, tmp_path)


def test_the_shipped_model(ten, tmp_path):
    engine = load(SHIPPED_MODEL, tmp_path, precision="fp32")
    expected = OnnxEngine(SHIPPED_MODEL, "onnx-cpu", "CPUExecutionProvider").run(crops(2))
    assert_alike(engine.run(crops(2)), expected, 1e-5)


def test_float_input_changes_only_the_inputs_type(tmp_path):
    data = small_model(tmp_path / "m.onnx").read_bytes()
    changed = with_float_input(data)
    assert sum(a != b for a, b in zip(data, changed, strict=True)) == 1
    assert inspect_model(changed).uint8_input == ""
    assert with_float_input(changed) == changed


def test_a_missing_onnx_package_is_a_reason(double, model, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(BackendError, match=r"the onnx package is not installed.*pip install onnx"):
        load(model, tmp_path)


@pytest.mark.parametrize("data", [b"", b"\x00", b"not a model", bytes(range(256)), b"\x3a\x7f"])
def test_what_is_no_onnx_is_told_so(data):
    with pytest.raises(ModelError, match="not an ONNX"):
        inspect_model(data)


def test_every_prefix_of_a_model_is_read_or_refused(tmp_path):
    data = small_model(tmp_path / "m.onnx").read_bytes()
    for end in range(0, len(data), 7):
        try:
            inspect_model(data[:end])
        except ModelError:
            continue


def test_another_thread_is_told_off(ten, model, tmp_path):
    engine = load(model, tmp_path)
    caught = []

    def intrude():
        for action in (lambda: engine.run(crops(1)), engine.close):
            try:
                action()
            except RuntimeError as error:
                caught.append(str(error))

    thread = threading.Thread(target=intrude, name="intruder")
    thread.start()
    thread.join()
    assert len(caught) == 2
    assert "not intruder" in caught[0]
    engine.run(crops(1))


@pytest.mark.parametrize("call", ["cudaMalloc", "cudaMallocHost", "cudaStreamCreateWithFlags"])
def test_out_of_memory_while_loading_leaves_nothing_behind(ten, model, tmp_path, call):
    ten.gpu.fail[call] = (2, 1)
    with pytest.raises(BackendError, match=f"{call}: cudaErrorMemoryAllocation"):
        load(model, tmp_path)
    assert ten.gpu.held() == 0


def test_no_memory_for_a_context(monkeypatch, model, tmp_path):
    with (
        machine(monkeypatch, tmp_path, context="none"),
        pytest.raises(BackendError, match="out of memory"),
    ):
        load(model, tmp_path)


def test_a_lost_device_is_a_backend_error_and_closing_still_works(ten, model, tmp_path):
    engine = load(model, tmp_path)
    engine.run(crops(1))
    ten.gpu.lost = True
    for n in (1, 2):
        with pytest.raises(BackendError, match=r"^tensorrt: "):
            engine.run(crops(n))
    engine.close()


@pytest.mark.parametrize("version", ["8.4.3", "7.2", "12.0.1"])
def test_versions_outside_of_the_range_are_refused(monkeypatch, model, tmp_path, version):
    with (
        machine(monkeypatch, tmp_path, tensorrt=version),
        pytest.raises(BackendError, match=f"{version} is not supported: 8.5 to 11"),
    ):
        load(model, tmp_path)


def test_no_gpu_no_driver_no_cuda_python(monkeypatch, model, tmp_path):
    with (
        machine(monkeypatch, tmp_path, gpus="0"),
        pytest.raises(BackendError, match="cudaErrorNoDevice"),
    ):
        load(model, tmp_path)
    with (
        machine(monkeypatch, tmp_path, cuda="neither"),
        pytest.raises(BackendError, match="cuda-python is not installed"),
    ):
        load(model, tmp_path)


def test_the_builder_s_reason_is_passed_on(monkeypatch, model, tmp_path):
    with (
        machine(monkeypatch, tmp_path, child=True, build="refuse"),
        pytest.raises(BackendError, match="Could not find any implementation"),
    ):
        load(model, tmp_path)
    assert not list((tmp_path / "engines").glob("*.engine"))


def test_a_builder_that_is_killed_is_only_a_reason(monkeypatch, model, tmp_path):
    with (
        machine(monkeypatch, tmp_path, child=True, build="crash"),
        pytest.raises(BackendError, match="SIGKILL, perhaps because memory ran out"),
    ):
        load(model, tmp_path)


def test_progress_is_told(monkeypatch, model, tmp_path):
    for flavour, words in (("10", "Building Engine"), ("8.6", "does not report progress")):
        told: list[str] = []
        with (
            monkeypatch.context() as patch,
            machine(monkeypatch, tmp_path, child=True, tensorrt=flavour, build_s="0.8"),
        ):
            patch.setattr("atpn_ros.engines.child._REPORT_INTERVAL_S", 0.2)
            load(model, tmp_path / flavour, LoadControl(told.append))
        assert any("building the engine" in t and words in t for t in told), told


def test_a_build_is_stopped_at_once_and_leaves_the_cache_usable(monkeypatch, model, tmp_path):
    stop = threading.Event()
    with machine(monkeypatch, tmp_path, child=True, build_s="30") as world:
        threading.Timer(0.5, stop.set).start()
        with pytest.raises(LoadCancelled):
            build_in_child(model.read_bytes(), BuildOptions(), LoadControl(cancel=stop))
        assert world.gpu.held() == 0
        stop.clear()
        threading.Timer(0.5, stop.set).start()
        with pytest.raises(LoadCancelled):
            load(model, tmp_path, LoadControl(cancel=stop))
    assert not list((tmp_path / "engines").glob("*.engine"))
    with machine(monkeypatch, tmp_path):
        assert "built in" in load(model, tmp_path).report


def test_a_process_that_is_killed_takes_its_builder_along(monkeypatch, model, tmp_path):
    log = tmp_path / "log"
    program = (
        "import sys; from pathlib import Path; from atpn_ros.engines import load_engine;"
        "load_engine(Path(sys.argv[1]), 'tensorrt', strict=True)"
    )
    with machine(monkeypatch, tmp_path, child=True, build_s="30", build_log=str(log)):
        path = os.pathsep.join([str(Path(atpn_ros.__file__).parents[1]), str(DOUBLES)])
        process = subprocess.Popen(
            [sys.executable, "-c", program, str(model)], env=os.environ | {"PYTHONPATH": path}
        )
        wait_until(lambda: log.is_file() and log.read_text().endswith("\n"))
        builder = Path("/proc") / log.read_text().strip()
        assert builder.is_dir()
        process.kill()
        process.wait()
        wait_until(lambda: not builder.is_dir() or "State:\tZ" in (builder / "status").read_text())
    with machine(monkeypatch, tmp_path):
        cache = EngineCache()
        loaded = load_tensorrt(model, BuildOptions(), cache, LoadControl())
        assert "built in" in loaded.report
        assert [e.problem for e in cache.entries()] == [""]


def wait_until(condition, seconds=15):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_another_gpu_or_version_is_another_engine(monkeypatch, model, tmp_path):
    seen = set()
    for environment in ({}, {"gpu": "Other GPU"}, {"tensorrt": "8.6"}):
        with machine(monkeypatch, tmp_path, **environment):
            assert "built in" in load(model, tmp_path).report
            assert "from the cache" in load(model, tmp_path).report
            seen.add(len(list((tmp_path / "engines").glob("*.engine"))))
    assert seen == {1, 2, 3}


def test_a_cached_engine_that_does_not_load_is_built_again(ten, model, tmp_path, monkeypatch):
    """The key is right, but what TensorRT made of it is not taken any more."""
    monkeypatch.setattr(
        "atpn_ros.engines.tensorrt_load.build_in_child", lambda *_: b"not what it was" * 9
    )
    with pytest.raises(BackendError, match="cannot load the engine"):
        load(model, tmp_path)
    monkeypatch.undo()
    told: list[str] = []
    with machine(monkeypatch, tmp_path):
        assert "built in" in load(model, tmp_path, LoadControl(told.append)).report
    assert any("building again" in t for t in told)


def test_auto_takes_it_and_reports_it(ten, model):
    loaded = load_engine(model)
    assert loaded.name == "tensorrt"
    assert loaded.skipped_backends == ()
    assert "TensorRT 10.3.0 on Double GPU (compute 8.7)" in loaded.report


def test_answers_that_are_not_finite_refuse_the_rung(monkeypatch, model, tmp_path):
    with machine(monkeypatch, tmp_path, output="nan"):
        loaded = load_engine(model)
        assert loaded.name == "onnx-cpu"
        assert loaded.skipped_backends[0] == "tensorrt: outputs values that are not finite"


def test_precisions_of_all_versions_schemas():
    split = '{"Layers": [{"Outputs": [{"Format": "Row major linear", "Datatype": "Half"}]}, {}]}'
    assert precisions(split) == "layers: 1 fp16"
    assert precisions('{"Layers": ["conv"]}') == "precision of layers unknown"
    assert precisions("") == "precision of layers unknown"
