# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Smaller copies say nearly what the whole model says; costs are counted, not guessed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from atpn_ros.cli import main
from atpn_ros.engines import load_engine
from atpn_ros.engines.base import ModelError
from atpn_ros.engines.model_inspection import inspect_model
from atpn_ros.learning.data.checks import DataError
from atpn_ros.learning.export import quantization
from atpn_ros.learning.export.model_cost import Percentiles, count_operations, measure_cost
from atpn_ros.settings import RESEARCH_MODEL, SHIPPED_MODEL


def crops(count: int) -> np.ndarray:
    """Blurred noise: pictures with light and dark places."""
    rng = np.random.default_rng(1)
    small = rng.integers(0, 256, (count, 16, 16, 3), np.uint8)
    small[count // 2 :] //= 16
    return np.ascontiguousarray(small.repeat(8, axis=1).repeat(8, axis=2))


@pytest.mark.parametrize("source", [SHIPPED_MODEL, RESEARCH_MODEL], ids=lambda p: p.stem)
def test_smaller_copies_say_nearly_the_same(tmp_path: Path, source: Path) -> None:
    seen = crops(8)
    half, whole = tmp_path / "a_fp16.onnx", load_engine(source, "onnx-cpu").run(seen)
    integer = tmp_path / "a_int8.onnx"
    quantization.convert_to_fp16(source, half)
    quantization.convert_to_int8(source, integer, seen)
    for path, pixels, share in ((half, 0.5, 0.7), (integer, 12.0, 0.5)):
        found = load_engine(path, "onnx-cpu").run(seen)
        off = np.linalg.norm(found.landmarks - whole.landmarks, axis=-1) * 128
        assert off.mean() < pixels
        assert off.max() > 0, "nothing was changed"
        identity = found.rotation @ found.rotation.transpose(0, 2, 1)
        assert np.allclose(identity, np.eye(3), atol=1e-3), "the heads are as exact as they were"
        assert path.stat().st_size < share * source.stat().st_size
    assert inspect_model(half.read_bytes()).half
    assert inspect_model(integer.read_bytes()).quantized
    for path in (half, integer):
        assert inspect_model(path.read_bytes()).cast_first


def test_an_int8_copy_has_a_scale_per_channel_and_a_float_first_layer_and_read_out(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.onnx"
    quantization.convert_to_int8(SHIPPED_MODEL, path, crops(4))
    graph = onnx.load(path).graph
    scales = {t.name: t.dims for t in graph.initializer if t.name.endswith("_scale")}
    assert any(len(d) == 1 and d[0] > 1 for d in scales.values())
    read_out = quantization._landmark_convolutions(onnx.load(SHIPPED_MODEL))
    assert len(read_out) == 1
    first = next(n.name for n in graph.node if n.op_type == "Conv")
    tensors = {t.name: t for t in graph.initializer}
    for node in (n for n in graph.node if n.name in (first, *read_out)):
        assert tensors[node.input[1]].data_type == TensorProto.FLOAT


def test_the_command_writes_copies_beside_the_model(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "out" / "m.onnx"
    assert main(["export", str(SHIPPED_MODEL), str(target), "--fp16"]) == 0
    assert target.read_bytes() == SHIPPED_MODEL.read_bytes()
    assert sorted(p.name for p in target.parent.iterdir()) == ["m.onnx", "m_fp16.onnx"]
    assert main(["export", str(SHIPPED_MODEL), str(target), "--int8"]) == 1
    assert "--int8 needs --calibrate" in capsys.readouterr().err
    half = target.with_name("m_fp16.onnx")
    assert main(["export", str(half), str(tmp_path / "x.onnx"), "--fp16"]) == 1
    assert "m_fp16.onnx" in capsys.readouterr().err or "x.onnx: is not in 32 bit"
    (tmp_path / "bad.onnx").write_bytes(b"nonsense")
    assert main(["export", str(tmp_path / "bad.onnx"), str(tmp_path / "y.onnx"), "--fp16"]) == 1
    assert "y.onnx: not a readable ONNX model" in capsys.readouterr().err


def convolution(path: Path) -> Path:
    """3x3 from 3 to 5 channels over 10x12 pixels, and a bias."""
    value = helper.make_tensor_value_info
    node = helper.make_node("Conv", ["x", "w", "b"], ["y"], pads=[1, 1, 1, 1])
    weights = [
        helper.make_tensor("w", TensorProto.FLOAT, [5, 3, 3, 3], np.zeros(135)),
        helper.make_tensor("b", TensorProto.FLOAT, [5], np.zeros(5)),
    ]
    graph = helper.make_graph(
        [node], "one", [value("x", TensorProto.FLOAT, [1, 3, 10, 12])],
        [value("y", TensorProto.FLOAT, [1, 5, 10, 12])], weights,
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, path)
    return path


def test_costs_are_those_of_a_known_convolution(tmp_path: Path) -> None:
    path = convolution(tmp_path / "one.onnx")
    parameters, operations = count_operations(path, {"x": np.zeros((1, 3, 10, 12), np.float32)})
    assert parameters == 140
    multiplied = 5 * 3 * 9 * 10 * 12
    assert multiplied <= operations <= multiplied + 2 * 5 * 10 * 12, "a bias may count too"
    with pytest.raises(DataError, match=r"expected yunet_n_320\.onnx"):
        measure_cost(SHIPPED_MODEL, path, 10)
    (tmp_path / "bad.onnx").write_bytes(b"nonsense")
    with pytest.raises(ModelError, match=r"bad\.onnx: cannot be loaded"):
        measure_cost(tmp_path / "bad.onnx", path, 10)


def test_a_spread_is_a_median_between_tenths() -> None:
    assert Percentiles.of(np.arange(101.0)) == Percentiles(50, 10, 90)


def test_the_shipped_models_keep_to_the_counted_budget() -> None:
    # The research model's refinement is larger.
    for model, largest in ((SHIPPED_MODEL, 1_000_000), (RESEARCH_MODEL, 1_300_000)):
        crop = {"crops": np.zeros((1, 128, 128, 3), np.uint8)}
        parameters, operations = count_operations(model, crop)
        assert parameters <= largest
        assert 10_000_000 < operations <= 80_000_000


def test_the_budget_command_prints_limits(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("Relu", ["input"], ["y"])], "like YuNet",
        [value("input", TensorProto.FLOAT, [1, 3, 320, 320])],
        [value("y", TensorProto.FLOAT, [1, 3, 320, 320])],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, tmp_path / "yunet.onnx")
    assert main(["budget", str(SHIPPED_MODEL), "--yunet", str(tmp_path / "yunet.onnx"),
                 "--calls", "10"]) == 0  # fmt: skip
    told = capsys.readouterr().out
    assert "80 M" in told
    assert "0.45" in told
