# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Our own detector: its decoding on made outputs, and how it is chosen."""

import sys

import numpy as np
import pytest

pytest.importorskip("onnx", reason="small wrong models are made with it")
from onnx import TensorProto, helper, numpy_helper

from atpn_ros.detectors import DetectorError, atpn, detector_file, load_detector, select
from atpn_ros.detectors.atpn import AtpnDetector, combined, decode, distinct, evidence_of
from atpn_ros.settings import SHIPPED_MODEL


def answer(faces, rows=12, columns=16):
    """Scores and boxes of faces: (row, column, score, dx, dy, log width, log height)."""
    scores, boxes = np.zeros((rows, columns), np.float32), np.zeros((4, rows, columns), np.float32)
    for row, column, score, *code in faces:
        scores[row, column], boxes[:, row, column] = score, code
    return scores, boxes


def model(path, faces=(), outputs=("scores", "boxes"), rows=12, columns=16):
    """A detector that sees the same faces in every picture."""
    values = dict(zip(("scores", "boxes"), answer(faces, rows, columns), strict=True))
    values = {name: values[name][None] for name in outputs}
    graph = helper.make_graph(
        [
            helper.make_node("Constant", [], [name], value=numpy_helper.from_array(value))
            for name, value in values.items()
        ],
        "detector",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, [1, "h", "w", 3])],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, v.shape) for n, v in values.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    path.write_bytes(made.SerializeToString())
    return path


def read(faces, scale=1.0):
    return distinct(*decode(*answer(faces), scale, 0.5))


def sides(detection):
    box = detection.box
    return box.cx, box.cy, box.width, box.height


def test_a_box_is_told_from_its_cell_in_pixels_of_the_whole_picture():
    faces = [(2, 5, 0.9, 0.25, -0.5, np.log(3), np.log(4))]
    (found,) = read(faces, 0.5)
    assert sides(found) == pytest.approx((5.75 * 16, 2.0 * 16, 48, 64), rel=1e-5)
    assert found.score == pytest.approx(0.9)


def test_each_face_is_told_once_and_the_surest_first():
    faces = [
        (3, 3, 0.7, 0, 0, np.log(4), np.log(4)),
        (3, 4, 0.8, -1, 0, np.log(4), np.log(4)),  # the same face, from the cell beside
        (8, 12, 0.95, 0, 0, 0, 0),
        (8, 2, 0.4, 0, 0, 0, 0),
    ]
    found = read(faces)
    assert [round(d.score, 2) for d in found] == [0.95, 0.8]


def test_faces_side_by_side_are_two():
    wide = (0, 0, np.log(3), np.log(3))
    found = read([(5, 3, 0.9, *wide), (5, 5, 0.8, *wide)])
    assert len(found) == 2  # a third of each is shared: a fifth of both together


def test_part_of_a_face_is_no_face_of_its_own():
    eye = (3, 4, 0.6, 0, 0, np.log(3), np.log(3))
    assert len(read([eye, (5, 6, 0.8, 0, 0, np.log(10), np.log(10))])) == 1


def test_small_and_large_faces_come_from_two_looks_and_each_face_once(tmp_path, monkeypatch):
    """The same cell means another face at each look."""
    path = model(tmp_path / "d.onnx", [(2, 3, 0.9, 0, 0, 0, 0)])
    monkeypatch.setattr(atpn, "input_sides", lambda longer, min_face: [160, 320])
    found = AtpnDetector(path).detect(np.zeros((320, 320, 3), np.uint8))
    assert sorted(sides(d) for d in found) == [
        pytest.approx((28, 20, 8, 8)), pytest.approx((56, 40, 16, 16))
    ]  # fmt: skip
    monkeypatch.setattr(atpn, "input_sides", lambda longer, min_face: [310, 320])
    found = AtpnDetector(path).detect(np.zeros((320, 320, 3), np.uint8))
    assert len(found) == 1


def test_a_face_that_two_scales_find_gets_a_higher_score():
    box = np.array([[100.0, 100.0, 40.0, 40.0]])
    far = np.array([[300.0, 100.0, 40.0, 40.0]])
    (one,) = combined([(box, np.array([0.5])), (box + 2, np.array([0.4]))])
    assert one.score == pytest.approx(0.5 + 0.35 * 0.4 * 0.5)
    assert one.box.cx == 100
    scores = [d.score for d in combined([(box, np.array([0.5])), (far, np.array([0.4]))])]
    assert scores == pytest.approx([0.5, 0.4])
    assert combined([(box[:0], np.zeros(0)), (box[:0], np.zeros(0))]) == []


def test_nothing_is_found_in_nothing():
    assert read([]) == []


def test_a_mad_size_stays_finite():
    found = read([(0, 0, 0.9, 0, 0, 1e9, -1e9)])
    assert np.isfinite(sides(found[0])).all()


@pytest.mark.parametrize(("height", "width"), [(480, 640), (1080, 1920), (640, 480), (90, 120)])
def test_pictures_of_any_shape_give_boxes_in_their_own_pixels(tmp_path, monkeypatch, height, width):
    monkeypatch.setattr(atpn, "input_sides", lambda longer, min_face: [min(longer, 384)])
    path = model(tmp_path / "d.onnx", [(1, 2, 0.9, 0, 0, 0, 0)])
    (found,) = AtpnDetector(path).detect(np.zeros((height, width, 3), np.uint8))
    scale = min(1.0, 384 / max(height, width))
    assert sides(found) == pytest.approx((2.5 * 8 / scale, 1.5 * 8 / scale, 8 / scale, 8 / scale))


def test_a_smaller_wanted_face_or_a_larger_picture_needs_a_larger_look():
    assert atpn.input_sides(640, 20.0)[-1] < atpn.input_sides(640, 15.0)[-1]
    assert atpn.input_sides(640, 20.0)[-1] < atpn.input_sides(1280, 20.0)[-1]
    for longer in (1, 100, 640, 10_000):
        for min_face in (0.0, 8.0, 20.0, 1e6):
            looks = atpn.input_sides(longer, min_face)
            assert looks == sorted(set(looks))
            assert 1 <= looks[-1] <= longer


@pytest.mark.parametrize("shape", [(1, 1), (1, 4000), (4000, 1), (33, 31)])
def test_odd_pictures_do_no_harm(tmp_path, shape):
    detector = AtpnDetector(model(tmp_path / "d.onnx"))
    assert detector.detect(np.zeros((*shape, 3), np.uint8)) == []


def test_views_of_a_larger_picture_are_taken(tmp_path):
    detector = AtpnDetector(model(tmp_path / "d.onnx"))
    assert detector.detect(np.zeros((100, 200, 3), np.uint8)[::-1, ::2]) == []


def test_it_is_chosen_by_name(tmp_path, monkeypatch):
    monkeypatch.setattr(select, "DETECTOR_MODEL", model(tmp_path / "d.onnx"))
    assert load_detector("atpn").name == "atpn"
    assert detector_file("atpn") == tmp_path / "d.onnx"
    assert detector_file("/some/yunet.onnx").name == "yunet.onnx"
    assert load_detector("").name == select.DEFAULT


def test_a_missing_file_another_network_and_no_onnx_runtime_are_told(tmp_path, monkeypatch):
    with pytest.raises(DetectorError, match=r"none\.onnx: cannot be loaded"):
        AtpnDetector(tmp_path / "none.onnx")
    with pytest.raises(DetectorError, match=r"not a detector of atpn_ros: has outputs"):
        AtpnDetector(SHIPPED_MODEL)
    with pytest.raises(DetectorError, match="not a detector of atpn_ros"):
        AtpnDetector(model(tmp_path / "d.onnx", outputs=["scores"]))
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(DetectorError, match="pip install onnxruntime"):
        AtpnDetector(tmp_path / "d.onnx")


def test_evidence_is_positive_for_high_scores_and_negative_for_low_ones():
    scores = (0.45, 0.75, 0.9)
    evidence = [evidence_of(score) for score in scores]
    assert evidence == sorted(evidence)
    assert evidence[0] < -3
    assert evidence[1] == pytest.approx(0, abs=1e-9)
    assert evidence[2] > 3
