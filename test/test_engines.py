# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Engines: what a bad model file is told, what the ladder takes, and that a batch is its parts."""

import sys

import numpy as np
import onnxruntime
import pytest

pytest.importorskip("onnx", reason="small wrong models are made with it")
from onnx import TensorProto, helper, numpy_helper

from atpn_ros.crop import CROP_SIZE
from atpn_ros.engines import BackendError, ModelError, load_engine
from atpn_ros.engines.onnx import OnnxEngine
from atpn_ros.settings import SHIPPED_MODEL

CPU = "CPUExecutionProvider"
SHAPES = {"landmarks": (98, 2), "rotation": (3, 3), "presence": (), "sigma": (98,)}


def write(path, shapes=SHAPES, crop=(CROP_SIZE, CROP_SIZE, 3), kind=TensorProto.UINT8, batch="N"):
    """A small model with outputs of given shapes per crop, filled with 0.5.

    The sizes of its outputs are left open in the file, as exporters do.
    """
    nodes = [
        helper.make_node("Cast", ["crops"], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node(
            "ReduceMean", ["numbers"], ["mean"], axes=list(range(1, 1 + len(crop))), keepdims=0
        ),
        helper.make_node("Mul", ["mean", "none"], ["nothing"]),
    ]
    constants = {"none": np.float32(0)}
    outputs = []
    for name, shape in shapes.items():
        constants[f"{name}_open"] = np.array([-1, *[1] * len(shape)])
        constants[f"{name}_fill"] = np.full((1, *shape), 0.5, np.float32)
        nodes += [
            helper.make_node("Reshape", ["nothing", f"{name}_open"], [f"{name}_zero"]),
            helper.make_node("Add", [f"{name}_zero", f"{name}_fill"], [name]),
        ]
        free = ["N", *[f"{name}_{i}" for i in range(len(shape))]]
        outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, free))
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("crops", kind, [batch, *crop])],
        outputs,
        [numpy_helper.from_array(np.asarray(v), k) for k, v in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    path.write_bytes(model.SerializeToString())
    return path


def without(name):
    return {k: v for k, v in SHAPES.items() if k != name}


@pytest.fixture(scope="module")
def shipped():
    return load_engine(SHIPPED_MODEL, "onnx-cpu", strict=True)


@pytest.fixture
def only_cpu(monkeypatch):
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [CPU])


def crops(count):
    return np.random.default_rng(1).integers(0, 256, (count, CROP_SIZE, CROP_SIZE, 3), np.uint8)


def test_a_small_right_model_is_taken(tmp_path):
    output = OnnxEngine(write(tmp_path / "m.onnx"), "x", CPU).run(crops(2))
    for name, shape in SHAPES.items():
        assert getattr(output, name).shape == (2, *shape)
    assert output.gaze is None
    assert OnnxEngine(write(tmp_path / "n.onnx", without("sigma")), "x", CPU).run(
        crops(1)
    ).sigma is None  # fmt: skip


def test_gaze_is_given_where_the_model_has_it(tmp_path):
    path = write(tmp_path / "m.onnx", SHAPES | {"gaze": (2, 3), "gaze_sigma": (2,)})
    output = OnnxEngine(path, "x", CPU).run(crops(2))
    assert output.gaze.shape == (2, 2, 3)
    assert output.gaze_sigma.shape == (2, 2)


WRONG_MODELS = {
    "no landmarks": ({"shapes": without("landmarks")}, "no output 'landmarks'"),
    "no presence": ({"shapes": without("presence")}, "no output 'presence'"),
    "68 points": ({"shapes": SHAPES | {"landmarks": (68, 2)}}, r"'landmarks' is \(2, 68, 2\)"),
    "3-D points": ({"shapes": SHAPES | {"landmarks": (98, 3)}}, r"\(2, 98, 3\)"),
    "flat points": ({"shapes": SHAPES | {"landmarks": (196,)}}, r"\(2, 196\)"),
    "quaternion": ({"shapes": SHAPES | {"rotation": (4,)}}, "'rotation'"),
    "presence in a column": ({"shapes": SHAPES | {"presence": (1,)}}, "'presence'"),
    "one sigma": ({"shapes": SHAPES | {"sigma": (1,)}}, "'sigma'"),
    "one eye": ({"shapes": SHAPES | {"gaze": (3,)}}, "'gaze'"),
    "other size": ({"crop": (112, 112, 3)}, "not .N, 128, 128, 3"),
    "channels first": ({"crop": (3, CROP_SIZE, CROP_SIZE)}, "not .N, 128, 128, 3"),
    "float input": ({"kind": TensorProto.FLOAT}, "uint8"),
    "fixed batch": ({"batch": 1}, "batch of 2"),
}


@pytest.mark.parametrize(("changes", "why"), WRONG_MODELS.values(), ids=WRONG_MODELS)
def test_a_model_of_another_shape_is_refused_in_one_line(tmp_path, changes, why):
    with pytest.raises(ModelError, match=why) as caught:
        load_engine(write(tmp_path / "wrong.onnx", **changes))
    assert "wrong.onnx" in str(caught.value)
    assert "\n" not in str(caught.value)


def files(folder):
    (folder / "empty.onnx").touch()
    (folder / "text.onnx").write_text("a model would be here\n" * 50)
    (folder / "noise.onnx").write_bytes(np.random.default_rng(2).bytes(5000))
    (folder / "half.onnx").write_bytes(SHIPPED_MODEL.read_bytes()[: 10**5])
    (folder / "folder.onnx").mkdir()
    return folder


@pytest.mark.parametrize("name", ["missing", "empty", "text", "noise", "half", "folder"])
def test_a_file_that_is_no_model_is_refused_in_one_line(tmp_path, name):
    path = files(tmp_path) / f"{name}.onnx"
    with pytest.raises(ModelError) as caught:
        load_engine(path)
    text = str(caught.value)
    assert text.startswith(f"{path}: ")
    assert "\n" not in text
    assert len(text) < len(str(path)) + 400


def test_an_unknown_provider_is_refused_and_the_known_ones_are_told(only_cpu):
    with pytest.raises(BackendError, match=f"no MoonExecutionProvider .*{CPU}"):
        OnnxEngine(SHIPPED_MODEL, "moon", "MoonExecutionProvider")


def test_a_provider_that_is_not_granted_is_refused(monkeypatch):
    """ONNX Runtime itself goes on with the CPU and only logs it."""
    absent = next(
        p for p in onnxruntime.get_all_providers() if p not in onnxruntime.get_available_providers()
    )
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [absent, CPU])
    with pytest.warns(UserWarning, match=absent), pytest.raises(BackendError, match=f"got {CPU}"):
        OnnxEngine(SHIPPED_MODEL, "x", absent)


def test_auto_goes_down_the_ladder_and_tells_why(only_cpu):
    loaded = load_engine(SHIPPED_MODEL, "auto")
    assert loaded.name == "onnx-cpu"
    refusal = next(r for r in loaded.skipped_backends if r.startswith("onnx-cuda: "))
    assert "CUDAExecutionProvider" in refusal


def test_a_named_rung_may_fall_but_not_when_strict(only_cpu):
    assert load_engine(SHIPPED_MODEL, "onnx-cuda").name == "onnx-cpu"
    with pytest.raises(BackendError, match="onnx-cuda"):
        load_engine(SHIPPED_MODEL, "onnx-cuda", strict=True)


def test_a_lower_rung_may_be_named(only_cpu):
    loaded = load_engine(SHIPPED_MODEL, "onnx-cpu", strict=True)
    assert loaded.name == "onnx-cpu"
    assert loaded.skipped_backends == ()


@pytest.mark.parametrize("backend", ["", "cpu", "tensorflow", "ONNX-CPU"])
def test_an_unknown_backend_is_refused_with_the_choices(backend):
    with pytest.raises(BackendError, match=r"none of auto, .*onnx-cpu"):
        load_engine(SHIPPED_MODEL, backend)


def test_without_onnx_runtime_the_answer_is_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(BackendError, match="pip install onnxruntime"):
        load_engine(SHIPPED_MODEL)


def test_the_report_says_what_was_asked_and_got(shipped):
    assert onnxruntime.__version__ in shipped.report
    assert f"active ['{CPU}']" in shipped.report


def test_a_batch_of_three_is_three_singles(shipped):
    three = crops(3)
    batch = shipped.run(three)
    for i in range(3):
        single = shipped.run(three[i : i + 1])
        for name in SHAPES:
            got, expected = getattr(batch, name)[i], getattr(single, name)[0]
            np.testing.assert_allclose(got, expected, atol=1e-5)


def test_the_shipped_models_answers_are_what_the_protocol_says(shipped):
    output = shipped.run(crops(4))
    product = output.rotation @ output.rotation.transpose(0, 2, 1)
    np.testing.assert_allclose(product, np.eye(3)[None].repeat(4, 0), atol=1e-5)
    np.testing.assert_allclose(np.linalg.det(output.rotation), 1, atol=1e-5)
    assert ((output.presence >= 0) & (output.presence <= 1)).all()
    assert (output.sigma > 0).all()


def test_what_the_backend_refuses_is_a_backend_error_in_one_line(shipped):
    with pytest.raises(BackendError, match=r"^onnx-cpu: ") as caught:
        shipped.run(np.zeros((1, 64, 64, 3), np.uint8))
    assert "\n" not in str(caught.value)
    assert shipped.run(crops(1)).presence.shape == (1,)
