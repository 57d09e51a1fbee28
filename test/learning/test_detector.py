# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The detector's learning side: scenes and their truth, targets, training, evaluation."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from atpn_ros.detectors import Detection, atpn
from atpn_ros.detectors.atpn import AtpnDetector, decode, distinct
from atpn_ros.learning.data.checks import DataError
from atpn_ros.learning.data.sprites import Sprite
from atpn_ros.learning.detector import evaluate, report, scene_cache
from atpn_ros.learning.detector.canvas import Canvas
from atpn_ros.learning.detector.export import export
from atpn_ros.learning.detector.heatmap_targets import Targets, encode, loss, mirrored
from atpn_ros.learning.detector.network import Detector, DetectorSettings
from atpn_ros.learning.detector.scenes import Scene
from atpn_ros.learning.detector.sprite_appearance import blanked
from atpn_ros.learning.detector.sprite_augmentation import shrunk
from atpn_ros.learning.detector.train import DetectorTraining, load_average, train
from atpn_ros.learning.export.weights_file import read_weights, write_weights
from atpn_ros.types import Box

SMALL = DetectorSettings(stem=(8, 8), channels=(8, 8, 8), blocks=(1, 0, 1))
NONE = np.zeros((0, 4), np.float32)


def person(side: int = 96, face: bool = True) -> Sprite:
    """A ball with eyes and a mouth on shoulders; its face spans 30..66 across, 20..60 down."""
    image = np.zeros((side, side, 4), np.uint8)
    k = side / 96
    centre, axes = (int(48 * k), int(40 * k)), (int(18 * k), int(20 * k))
    cv2.ellipse(image, centre, axes, 0, 0, 360, (140, 170, 220, 255), -1)
    cv2.rectangle(image, (int(20 * k), int(62 * k)), (int(76 * k), side), (90, 60, 40, 255), -1)
    if not face:
        return Sprite(image, None)
    for x in (41, 55):
        cv2.circle(image, (int(x * k), int(36 * k)), max(1, int(3 * k)), (20, 20, 20, 255), -1)
    cv2.line(image, (int(42 * k), int(50 * k)), (int(54 * k), int(50 * k)), (40, 40, 160, 255), 2)
    turn = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    ring = np.stack([48 + 18 * np.cos(turn), 40 + 20 * np.sin(turn)], 1) * k
    return Sprite(image, ring.astype(np.float32))


def corners(points):
    return np.concatenate([points.min(0), points.max(0)])


@pytest.mark.parametrize("wide", [1.0, -1.1])
@pytest.mark.parametrize("size", [12.0, 40.0, 90.0])
def test_a_pasted_face_lies_in_its_box(size, wide):
    """The face alone is bright: what is bright is where the box says."""
    sprite = person()
    image = np.zeros_like(sprite.image)
    cv2.fillPoly(image, [sprite.outline.astype(np.int32)], (255, 255, 255, 255))
    canvas = Canvas(np.zeros((200, 240, 3), np.uint8))
    small = shrunk(Sprite(image, sprite.outline), size)
    canvas.paste(small, np.array([110.0, 90.0]), size, 0.5, wide)
    boxes, ignored = canvas.truth()
    assert (len(boxes), len(ignored)) == (1, 0)
    y, x = np.nonzero(canvas.image[..., 0] > 100)
    found = corners(np.stack([x, y], 1).astype(float))
    assert found == pytest.approx(boxes[0], abs=1.2 + 0.045 * size)
    assert np.sqrt((boxes[0, 2:] - boxes[0, :2]).prod()) == pytest.approx(size, rel=0.2)


def test_a_face_behind_another_is_hidden():
    canvas = Canvas(np.zeros((200, 200, 3), np.uint8))
    canvas.paste(person(), np.array([100.0, 100.0]), 20.0, 0.0, 1.0)
    canvas.paste(person(), np.array([102.0, 100.0]), 60.0, 0.0, 1.0)
    boxes, ignored = canvas.truth()
    assert len(boxes) == 1
    assert boxes[0, 2] - boxes[0, 0] > 40
    assert len(ignored) == 0


def test_a_face_cut_by_the_border_is_not_counted():
    for x, counted, ignored in ((20, 1, 0), (-1, 0, 1), (-14, 0, 0)):
        canvas = Canvas(np.zeros((100, 100, 3), np.uint8))
        canvas.paste(person(), np.array([float(x), 50.0]), 30.0, 0.0, 1.0)
        assert [len(t) for t in canvas.truth()] == [counted, ignored]


def test_a_tile_shows_nothing_beyond_its_rectangle():
    canvas = Canvas(np.zeros((100, 120, 3), np.uint8))
    white = np.full((60, 60, 4), 255, np.uint8)
    canvas.tile(Sprite(white, None), (20, 30, 40, 25), 200.0, 0.3, 1.0, (30.0, 30.0))
    y, x = np.nonzero(canvas.image[..., 0])
    assert (x.min(), x.max(), y.min(), y.max()) == (20, 59, 30, 54)


def test_a_blanked_face_is_none_and_has_no_eyes():
    rng = np.random.default_rng(1)
    plain = blanked(person(), rng)
    assert plain.outline is None
    assert person().image[30:45, 38:60, :3].min() < 30
    assert plain.image[30:45, 38:60, :3].min() > 60


def test_targets_hold_the_box_that_is_read_back():
    boxes = np.array([[20, 30, 44, 60], [90, 40, 170, 130]], np.float32)
    heat, care, coded, weight = encode(boxes, NONE, (192, 160))
    assert (heat > 0.999).sum() == 2
    assert care.all()
    assert weight.sum() == pytest.approx(2, abs=1e-5)
    found = distinct(*decode(np.where(heat > 0.999, heat, 0), coded, 1.0, 0.5))
    assert sorted(d.box.xyxy for d in found) == [pytest.approx(b, abs=1e-3) for b in boxes.tolist()]


def test_ignored_areas_are_not_trained_unless_a_face_is_there():
    _, care, _, _ = encode(NONE, np.array([[16, 16, 48, 48]], np.float32), (64, 64))
    assert care[3, 3] == 0
    assert care[7, 7] == 1
    face = np.array([[24, 24, 40, 40]], np.float32)
    _, care, _, _ = encode(face, np.array([[16, 16, 48, 48]], np.float32), (64, 64))
    assert care[4, 4] == 1


def test_mirrored_targets_are_those_of_the_mirrored_boxes():
    boxes = np.array([[21, 30, 47, 60], [91, 40, 173, 130]], np.float32)
    other = boxes[:, [2, 1, 0, 3]] * (-1, 1, -1, 1) + (192, 0, 192, 0)
    one = mirrored(Targets(*(np.stack([v]) for v in encode(boxes, NONE, (192, 160)))))
    two = encode(other.astype(np.float32), NONE, (192, 160))
    for a, b in zip(one, two, strict=True):
        assert a[0] == pytest.approx(b, abs=1e-4)


def test_the_loss_is_least_for_the_truth():
    boxes = np.array([[20, 30, 44, 60]], np.float32)
    truth = Targets(*(np.stack([v]) for v in encode(boxes, NONE, (64, 64))))
    tensors = Targets(*(torch.as_tensor(t) for t in truth))
    right = torch.cat([(tensors[0][:, None] - 0.5) * 20, tensors[2]], 1)
    wrong = right.clone()
    wrong[:, 1] += 0.5
    far = torch.cat([-right[:, :1], right[:, 1:]], 1)
    assert loss(right, tensors)[1] == 0
    assert loss(wrong, tensors)[1] > 0.05
    assert loss(far, tensors)[0] > 20 * loss(right, tensors)[0]


def test_onnx_and_pytorch_agree_at_several_sizes(tmp_path, monkeypatch):
    monkeypatch.setattr(atpn, "input_sides", lambda longer, min_face: [longer])  # one run
    torch.manual_seed(3)
    network = Detector(SMALL).eval()
    torch.nn.init.normal_(network.out.weight)  # no two cells say the same
    export(network, tmp_path / "d.onnx")
    detector = AtpnDetector(tmp_path / "d.onnx", 0.0, 14.0)
    for height, width in ((64, 96), (96, 160)):
        rng = np.random.default_rng(height)
        image = rng.integers(0, 255, (height, width, 3)).astype(np.uint8)
        with torch.no_grad():
            cells = network(torch.as_tensor(image[None]))[0]
        assert cells.shape == (5, height // 8, width // 8)
        wanted = distinct(*decode(cells[0].sigmoid().numpy(), cells[1:].numpy(), 1.0, 0.0))
        found = detector.detect(image)
        assert len(found) == len(wanted) > 0
        for a, b in zip(found, wanted, strict=True):
            assert a.score == pytest.approx(b.score, abs=1e-4)
            assert a.box.xyxy == pytest.approx(b.box.xyxy, abs=1e-2)


RUN = DetectorTraining(
    steps=2, finish=2, batch=2, size=(96, 64), warmup=1, save_every=2, least=1, network=SMALL
)


@pytest.fixture
def scenes(tmp_path):
    rng = np.random.default_rng(2)
    made = [
        Scene(rng.integers(0, 255, (80, 120, 3)).astype(np.uint8),
              np.array([[20, 20, 40, 44], [60, 30, 90, 70]], np.float32), NONE)
        for _ in range(3)
    ]  # fmt: skip
    scene_cache.write_shard(tmp_path / "scenes-00000.npz", made)
    return tmp_path


def test_an_interrupted_run_ends_like_one_that_was_not(scenes, tmp_path):
    whole = train(RUN, scenes, tmp_path / "whole", 0)
    train(RUN, scenes, tmp_path / "parts", 0, stop=2)
    parts = train(RUN, scenes, tmp_path / "parts", 0)
    for name, value in whole.state_dict().items():
        assert torch.allclose(value.float(), parts.state_dict()[name].float(), atol=1e-6), name
    kept = load_average(tmp_path / "parts" / "checkpoint.pt")
    assert kept.settings == SMALL
    assert AtpnDetector(tmp_path / "parts" / "detector.onnx").name == "atpn"


def test_a_checkpoint_of_another_run_and_a_damaged_one_are_refused(scenes, tmp_path):
    train(RUN, scenes, tmp_path / "run", 0, stop=2)
    with pytest.raises(DataError, match=r"other settings: seed"):
        train(replace(RUN, seed=9), scenes, tmp_path / "run", 0)
    (tmp_path / "run" / "checkpoint.pt").write_bytes(b"nothing")
    with pytest.raises(DataError, match=r"checkpoint\.pt: corrupt checkpoint"):
        train(RUN, scenes, tmp_path / "run", 0)


def test_the_learning_rate_rises_stays_and_falls_to_0_from_any_step():
    run = DetectorTraining(steps=1000, finish=200, warmup=10)
    assert run.rate_at(0, 1000) == pytest.approx(run.rate / 10)
    assert run.rate_at(999, 1000) == run.rate
    assert run.rate_at(1100, 1000) == pytest.approx(run.rate / 2)
    assert run.rate_at(600, 500) == pytest.approx(run.rate / 2)
    assert run.rate_at(1200, 1000) == 0


def test_weights_at_half_precision_begin_another_training(tmp_path):
    torch.manual_seed(1)
    one, two = Detector(SMALL), Detector(SMALL)
    write_weights(one, tmp_path / "w.npz")
    read_weights(two, tmp_path / "w.npz", "detector")
    for a, b in zip(one.parameters(), two.parameters(), strict=True):
        assert torch.allclose(a, b, rtol=1e-3, atol=1e-4)
    with pytest.raises(DataError, match=r"w\.npz: no weights of this detector"):
        read_weights(Detector(), tmp_path / "w.npz", "detector")


class Fixed:
    """A detector that says what it is told to."""

    name = "fixed"

    def __init__(self, answers):
        self.answers = list(answers)

    def detect(self, image):
        return self.answers.pop(0)


def at(x, y, side, score):
    return Detection(Box(x, y, side, side), score)


def test_recall_at_a_rate_of_false_alarms_is_counted():
    blank = np.zeros((100, 100, 3), np.uint8)
    faces = np.array([[10, 10, 30, 30], [50, 50, 90, 90]], np.float32)
    hidden = np.array([[70, 0, 90, 20]], np.float32)
    scenes = [Scene(blank, faces, hidden), Scene(blank, faces, NONE)]
    outcome = evaluate.run(
        Fixed([
            [at(20, 20, 20, 0.9), at(21, 20, 20, 0.8), at(80, 10, 20, 0.95)],  # twice; not counted
            [at(20, 20, 20, 0.5), at(70, 70, 36, 0.7), at(20, 80, 10, 0.6)],
        ]),
        scenes,
    )  # fmt: skip
    assert len(outcome.sizes) == 4
    assert outcome.recall(0.0) == 0.75
    assert outcome.alarms(0.0) == 100.0
    assert outcome.recall(outcome.threshold(0.0)) == 0.25
    assert outcome.recall(outcome.threshold(50.0)) == 0.5
    assert outcome.recall(outcome.threshold(100.0)) == 0.75
    assert outcome.recall(0.0, 30, 50) == 0.5
    assert np.isnan(outcome.recall(0.0, 500))


def test_a_table_is_made_of_scenes(tmp_path):
    rng = np.random.default_rng(0)
    scenes = [
        Scene(rng.integers(0, 255, (96, 128, 3)).astype(np.uint8),
              np.array([[20, 20, 50, 60]], np.float32), NONE)
        for _ in range(3)
    ]  # fmt: skip
    export(Detector(SMALL), tmp_path / "d.onnx")
    detectors = report.line_up(tmp_path / "d.onnx", None, None)
    table = report.on_scenes(detectors, scenes, tmp_path / "out")
    assert "atpn" in table
    assert (tmp_path / "out" / "scenes_atpn.jpg").exists()
