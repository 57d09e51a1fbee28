# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Loading and running engines with a double of TensorRT that enforces order, shapes, lifetimes."""

import threading

import numpy as np
import pytest

from atpn_ros.engines import BackendError, load_engine
from atpn_ros.engines.onnx import OnnxEngine
from atpn_ros.engines.tensorrt import precisions
from atpn_ros.settings import SHIPPED_MODEL

pytest.importorskip("onnx", reason="small models are made with it")
from engine_world import assert_alike, crops, load, machine


def test_batches_of_all_sizes_again_and_again(tensorrt_double, small_onnx, reference, tmp_path):
    engine = load(small_onnx, tmp_path, max_batch=3)
    half = tensorrt_double.flavour != "11"
    for round_ in range(3):
        for n in (1, 3, 2, 7, 1):
            batch = crops(n, seed=10 * round_ + n)
            assert_alike(engine.run(batch), reference.run(batch), 2e-3 if half else 1e-6)
    engine.close()
    assert tensorrt_double.gpu.held() == 0, "everything was given back"
    with pytest.raises(BackendError, match="closed"):
        engine.run(crops(1))


def test_graphs_are_used_where_the_version_allows(tensorrt_double, small_onnx, tmp_path):
    engine = load(small_onnx, tmp_path, max_batch=2)
    for n in (1, 2, 1, 2):
        engine.run(crops(n))
    if tensorrt_double.flavour == "8.5":
        assert tensorrt_double.gpu.launches == 0
        assert "batch none (TensorRT 8.5.3.1 allows one context)" in engine.report
    else:
        assert tensorrt_double.gpu.launches == 2
        assert engine.report.endswith("CUDA graphs for batch 1, 2")
    single = load(small_onnx, tmp_path, max_batch=1)
    before = tensorrt_double.gpu.launches
    for _ in range(3):
        single.run(crops(1))
    assert tensorrt_double.gpu.launches == before + 2, (
        "a context for one size only can always be recorded"
    )


def test_a_graph_that_cannot_be_recorded_costs_nothing_but_itself(
    tensorrt_10, small_onnx, reference, tmp_path
):
    engine = load(small_onnx, tmp_path)
    tensorrt_10.gpu.fail["cudaStreamEndCapture"] = (900, 1)
    for _ in range(3):
        assert_alike(engine.run(crops(2)), reference.run(crops(2)), 2e-3)
    assert "cudaErrorStreamCaptureUnsupported" in engine.report


def test_outputs_are_not_overwritten_by_the_next_batch(tensorrt_10, small_onnx, tmp_path):
    engine = load(small_onnx, tmp_path)
    first = engine.run(crops(1, seed=1))
    kept = first.landmarks.copy()
    engine.run(crops(1, seed=2))
    np.testing.assert_array_equal(first.landmarks, kept)


@pytest.mark.parametrize("open_", [(-1, -1, -1), (-1, 68, 2)])
def test_sizes_that_tensorrt_leaves_open_are_the_known_ones(
    tensorrt_10, small_onnx, tmp_path, monkeypatch, open_
):
    known = tensorrt_10.trt.ICudaEngine.get_tensor_shape
    monkeypatch.setattr(
        tensorrt_10.trt.ICudaEngine,
        "get_tensor_shape",
        lambda self, name: open_ if name == "landmarks" else known(self, name),
    )
    if open_[1] < 0:
        assert load(small_onnx, tmp_path).run(crops(2)).landmarks.shape == (2, 98, 2)
    else:
        with pytest.raises(BackendError, match=r"'landmarks' is \(68, 2\), not \(98, 2\)"):
            load(small_onnx, tmp_path)


def test_the_shipped_model(tensorrt_10, tmp_path):
    engine = load(SHIPPED_MODEL, tmp_path, precision="fp32")
    expected = OnnxEngine(SHIPPED_MODEL, "onnx-cpu", "CPUExecutionProvider").run(crops(2))
    assert_alike(engine.run(crops(2)), expected, 1e-5)


def test_calls_from_another_thread_are_refused(tensorrt_10, small_onnx, tmp_path):
    engine = load(small_onnx, tmp_path)
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
def test_out_of_memory_while_loading_leaves_nothing_behind(tensorrt_10, small_onnx, tmp_path, call):
    tensorrt_10.gpu.fail[call] = (2, 1)
    with pytest.raises(BackendError, match=f"{call}: cudaErrorMemoryAllocation"):
        load(small_onnx, tmp_path)
    assert tensorrt_10.gpu.held() == 0


def test_no_memory_for_a_context(monkeypatch, small_onnx, tmp_path):
    with (
        machine(monkeypatch, tmp_path, context="none"),
        pytest.raises(BackendError, match="out of memory"),
    ):
        load(small_onnx, tmp_path)


def test_a_lost_device_is_a_backend_error_and_closing_still_works(
    tensorrt_10, small_onnx, tmp_path
):
    engine = load(small_onnx, tmp_path)
    engine.run(crops(1))
    tensorrt_10.gpu.lost = True
    for n in (1, 2):
        with pytest.raises(BackendError, match=r"^tensorrt: "):
            engine.run(crops(n))
    engine.close()


@pytest.mark.parametrize("version", ["8.4.3", "7.2", "12.0.1"])
def test_versions_outside_of_the_range_are_refused(monkeypatch, small_onnx, tmp_path, version):
    with (
        machine(monkeypatch, tmp_path, tensorrt=version),
        pytest.raises(BackendError, match=f"{version} is not supported: 8.5 to 11"),
    ):
        load(small_onnx, tmp_path)


def test_no_gpu_no_driver_no_cuda_python(monkeypatch, small_onnx, tmp_path):
    with (
        machine(monkeypatch, tmp_path, gpus="0"),
        pytest.raises(BackendError, match="cudaErrorNoDevice"),
    ):
        load(small_onnx, tmp_path)
    with (
        machine(monkeypatch, tmp_path, cuda="neither"),
        pytest.raises(BackendError, match="cuda-python is not installed"),
    ):
        load(small_onnx, tmp_path)


def test_auto_chooses_and_reports_it(tensorrt_10, small_onnx):
    loaded = load_engine(small_onnx)
    assert loaded.name == "tensorrt"
    assert loaded.skipped_backends == ()
    assert "TensorRT 10.3.0 on Double GPU (compute 8.7)" in loaded.report


def test_a_backend_with_outputs_that_are_not_finite_is_skipped(monkeypatch, small_onnx, tmp_path):
    with machine(monkeypatch, tmp_path, output="nan"):
        loaded = load_engine(small_onnx)
        assert loaded.name == "onnx-cpu"
        assert loaded.skipped_backends[0] == "tensorrt: outputs values that are not finite"


def test_precisions_of_all_versions_schemas():
    split = '{"Layers": [{"Outputs": [{"Format": "Row major linear", "Datatype": "Half"}]}, {}]}'
    assert precisions(split) == "layers: 1 fp16"
    assert precisions('{"Layers": ["conv"]}') == "precision of layers unknown"
    assert precisions("") == "precision of layers unknown"
