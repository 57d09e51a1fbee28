# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A machine with a GPU that is none: the doubles of TensorRT and cuda-python in their place."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from atpn_ros.crop import CROP_SIZE
from atpn_ros.engines import LoadControl
from atpn_ros.engines.base import Engine, NetworkOutput
from atpn_ros.engines.cache import EngineCache
from atpn_ros.engines.tensorrt_build import BuildOptions, build
from atpn_ros.engines.tensorrt_load import load_tensorrt

DOUBLES = Path(__file__).parent / "doubles"
_OURS = {"tensorrt", "cuda", "cuda_double", "gpu_double"}
SHAPES = {"landmarks": (98, 2), "rotation": (3, 3), "presence": (), "sigma": (98,)}


@contextmanager
def machine(
    monkeypatch: pytest.MonkeyPatch, cache: Path, child: bool = False, **environment: str
) -> Iterator[Any]:
    """Doubles in this process and, by the environment, in its children.

    Args:
        monkeypatch: Undoes it all.
        cache: The user's cache folder.
        child: Build in a child, as outside of tests; here costs less time.
        environment: Names are those after ``ATPN_DOUBLE_``, in small letters.

    Yields:
        The modules and the GPU.
    """
    with monkeypatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(f"ATPN_DOUBLE_{name.upper()}", value)
        patch.setenv("XDG_CACHE_HOME", str(cache))
        patch.syspath_prepend(DOUBLES)
        if not child:
            patch.setattr(
                "atpn_ros.engines.tensorrt_load.build_in_child",
                lambda model, options, control: build(model, options, control.report),
            )
        _forget()
        gpu = importlib.import_module("gpu_double")
        trt = importlib.import_module("tensorrt")
        try:
            yield SimpleNamespace(trt=trt, gpu=gpu.GPU, misuse=gpu.Misuse)
        finally:
            _forget()


def _forget() -> None:
    for name in [n for n in sys.modules if n.split(".")[0] in _OURS]:
        del sys.modules[name]


def load(model: Path, folder: Path, control: LoadControl | None = None, **options: Any) -> Engine:
    """TensorRT's engine of a model, with its cache in a folder and options of the build."""
    return load_tensorrt(
        model, BuildOptions(**options), EngineCache(folder / "engines"), control or LoadControl()
    )


def assert_alike(got: NetworkOutput, expected: NetworkOutput, atol: float) -> None:
    """Check that two outputs of the network are equal within ``atol``."""
    for name in SHAPES:
        np.testing.assert_allclose(getattr(got, name), getattr(expected, name), atol=atol)


def crops(count: int, seed: int = 1) -> np.ndarray:
    """(count, 128, 128, 3) uint8 noise."""
    shape = (count, CROP_SIZE, CROP_SIZE, 3)
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def small_model(path: Path, transposed: bool = False, quantized: bool = False) -> Path:
    """A tiny ATPN model whose answers depend on the crop's mean and its first pixels.

    Args:
        path: Where to write it.
        transposed: The uint8 input goes through a transpose before the cast.
        quantized: With a Q/DQ pair.
    """
    first = (
        [
            helper.make_node("Transpose", ["crops"], ["moved"], perm=[0, 3, 1, 2]),
            helper.make_node("Cast", ["moved"], ["numbers"], to=TensorProto.FLOAT),
        ]
        if transposed
        else [helper.make_node("Cast", ["crops"], ["numbers"], to=TensorProto.FLOAT)]
    )
    nodes = [
        *first,
        helper.make_node("ReduceMean", ["numbers"], ["mean"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Mul", ["mean", "small"], ["scaled" if quantized else "value"]),
    ]
    constants: dict[str, Any] = {"small": np.float32(1 / 1000)}
    if quantized:
        constants |= {"step": np.float32(1 / 256), "zero": np.int8(0)}
        nodes += [
            helper.make_node("QuantizeLinear", ["scaled", "step", "zero"], ["q"]),
            helper.make_node("DequantizeLinear", ["q", "step", "zero"], ["value"]),
        ]
    outputs = []
    rng = np.random.default_rng(0)
    for name, shape in SHAPES.items():
        constants[f"{name}_open"] = np.array([-1, *[1] * len(shape)])
        constants[f"{name}_fill"] = rng.random((1, *shape)).astype(np.float32)
        nodes += [
            helper.make_node("Reshape", ["value", f"{name}_open"], [f"{name}_one"]),
            helper.make_node("Add", [f"{name}_one", f"{name}_fill"], [name]),
        ]
        free = ["N", *[f"{name}_{i}" for i in range(len(shape))]]
        outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, free))
    source = helper.make_tensor_value_info(
        "crops", TensorProto.UINT8, ["N", CROP_SIZE, CROP_SIZE, 3]
    )
    weights = [numpy_helper.from_array(np.asarray(v), k) for k, v in constants.items()]
    graph = helper.make_graph(nodes, "small", [source], outputs, weights)
    opset = [helper.make_opsetid("", 17)]
    path.write_bytes(
        helper.make_model(graph, opset_imports=opset, ir_version=9).SerializeToString()
    )
    return path
