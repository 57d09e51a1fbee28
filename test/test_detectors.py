# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Detectors: real faces, synthetic outputs, and one line for everything that is missing."""

import sys

import cv2
import numpy as np
import pytest

pytest.importorskip("onnx", reason="small wrong models are made with it")
from onnx import TensorProto, helper, numpy_helper

from atpn_ros.detectors import DetectorError, load_detector, square_of
from atpn_ros.detectors.atpn import DETECTOR_MODEL
from atpn_ros.detectors.session import cpu_session
from atpn_ros.detectors.yunet import YuNetDetector
from atpn_ros.settings import SHIPPED_MODEL
from atpn_ros.types import Box

FACE = Box(224, 118, 105, 105)


@pytest.fixture(scope="module")
def portrait():
    data = pytest.importorskip("skimage.data", reason="the photographs come with scikit-image")
    return cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2BGR)


@pytest.mark.parametrize("scale", [0.5, 1.0, 2.0])
def test_the_shipped_detector_finds_a_real_face_at_any_size_of_picture(portrait, scale):
    picture = cv2.resize(portrait, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    best = load_detector().detect(picture)[0]
    box = Box(*(v / scale for v in (best.box.cx, best.box.cy, best.box.width, best.box.height)))
    assert box.iou(FACE) > 0.5
    assert 0 < best.score <= 1


def test_a_session_plans_no_memory_for_one_shape_of_input():
    session = cpu_session(DETECTOR_MODEL)
    assert not session.get_session_options().enable_mem_pattern


def test_the_best_face_comes_first(portrait):
    scores = [d.score for d in load_detector().detect(np.hstack([portrait, portrait[:, ::-1]]))]
    assert len(scores) >= 2
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("size", [(1, 1), (23, 500), (24, 24), (20, 30000), (30000, 1), (60, 4000)])
def test_nothing_is_found_in_blank_pictures_of_any_shape(size):
    assert load_detector().detect(np.full((*size, 3), 128, np.uint8)) == []


def test_the_first_crop_is_square_larger_and_lower_than_the_box():
    crop = square_of(Box(100, 80, 40, 90))
    assert crop.side == pytest.approx(1.25 * 60)
    assert (crop.cx, crop.angle) == (100, 0)
    assert crop.cy > 80


def yunet(path, faces, width=64, height=64, sizes=None, leave_out=()):
    """A YuNet that sees the same faces in every picture.

    ``faces``: (stride, row, column, score, the four numbers of the box as the network codes them).
    """
    outputs = []
    for stride in (8, 16, 32):
        columns, rows = width // stride, height // stride
        score, box = np.zeros((1, rows * columns, 1)), np.zeros((1, rows * columns, 4))
        for at, row, column, value, *code in faces:
            if at == stride:
                score[0, row * columns + column], box[0, row * columns + column] = value, code
        outputs += [(f"cls_{stride}", score), (f"obj_{stride}", score), (f"bbox_{stride}", box)]
    outputs = [(n, v.astype(np.float32)) for n, v in outputs if n not in leave_out]
    graph = helper.make_graph(
        [
            helper.make_node("Constant", [], [name], value=numpy_helper.from_array(value))
            for name, value in outputs
        ],
        "yunet",
        [
            helper.make_tensor_value_info(
                "input", TensorProto.FLOAT, [1, 3, *(sizes or (height, width))]
            )
        ],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, v.shape) for n, v in outputs],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    path.write_bytes(model.SerializeToString())
    return path


def blank(height, width):
    return np.zeros((height, width, 3), np.uint8)


def close(box, *expected):
    return (box.cx, box.cy, box.width, box.height) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("stride", [8, 16, 32])
def test_yunet_boxes_are_offsets_from_their_anchor_in_strides(tmp_path, stride):
    face = (stride, 0, 1, 0.9, 0.5, 0.25, np.log(2), np.log(3))
    detector = load_detector(str(yunet(tmp_path / "y.onnx", [face])))
    (found,) = detector.detect(blank(64, 64))
    assert close(found.box, 1.5 * stride, 0.25 * stride, 2 * stride, 3 * stride)
    assert found.score == pytest.approx(0.9)


def test_yunet_boxes_are_in_pixels_of_the_whole_picture(tmp_path):
    """The picture is shrunk into the input's upper left corner."""
    detector = YuNetDetector(yunet(tmp_path / "y.onnx", [(16, 1, 2, 0.9, 0.0, 0.0, 0.0, 0.0)]))
    (found,) = detector.detect(blank(100, 256))  # by 4
    assert close(found.box, 2 * 16 * 4, 1 * 16 * 4, 64, 64)


def test_yunet_with_a_free_input_gets_320_columns(tmp_path):
    path = yunet(tmp_path / "y.onnx", [(32, 4, 9, 0.9, 0, 0, 0, 0)], 320, 160, ("h", "w"))
    (found,) = YuNetDetector(path).detect(blank(320, 640))
    assert close(found.box, 9 * 32 * 2, 4 * 32 * 2, 64, 64)


def test_yunet_reports_each_face_once_best_first_and_no_weak_ones(tmp_path):
    faces = [
        (8, 1, 1, 0.7, 0, 0, np.log(3), np.log(3)),
        (8, 1, 2, 0.9, -0.8, 0, np.log(3), np.log(3)),  # the same face
        (8, 6, 6, 0.95, 0, 0, 0, 0),
        (16, 3, 0, 0.59, 0, 0, 0, 0),
    ]
    found = YuNetDetector(yunet(tmp_path / "y.onnx", faces)).detect(blank(64, 64))
    assert [round(d.score, 2) for d in found] == [0.95, 0.9]
    assert YuNetDetector(yunet(tmp_path / "n.onnx", [])).detect(blank(64, 64)) == []


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1)])
@pytest.mark.parametrize("sizes", [None, ("h", "w")])
def test_yunet_takes_pictures_of_any_shape(tmp_path, size, sizes):
    path = yunet(tmp_path / "y.onnx", [], 320, 320, sizes)
    assert YuNetDetector(path).detect(blank(*size)) == []


def test_a_missing_yunet_is_told_in_one_line(tmp_path):
    with pytest.raises(DetectorError, match=r"nowhere\.onnx: cannot be loaded") as caught:
        load_detector(str(tmp_path / "nowhere.onnx"))
    assert "\n" not in str(caught.value)


def test_home_is_known_in_a_yunets_path(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    yunet(tmp_path / "y.onnx", [])
    assert load_detector("~/y.onnx").name == "yunet"


def test_garbage_is_no_yunet(tmp_path):
    (tmp_path / "y.onnx").write_text("no model\n" * 100)
    with pytest.raises(DetectorError, match="cannot be loaded") as caught:
        load_detector(str(tmp_path / "y.onnx"))
    assert "\n" not in str(caught.value)


def test_another_network_is_no_yunet(tmp_path):
    with pytest.raises(DetectorError, match=r"not a YuNet.*landmarks"):
        load_detector(str(SHIPPED_MODEL))
    with pytest.raises(DetectorError, match="not a YuNet"):
        load_detector(str(yunet(tmp_path / "y.onnx", [], leave_out=["obj_16"])))


def test_yunet_without_onnx_runtime_says_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(DetectorError, match="pip install onnxruntime"):
        YuNetDetector(tmp_path / "y.onnx")
