# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The detector's learning side: scenes and their truth, targets, training, evaluation."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from atpn_ros.detectors import Detection
from atpn_ros.detectors.atpn import AtpnDetector, decode, distinct
from atpn_ros.learning.data.checks import DataError
from atpn_ros.learning.detector import evaluate, report, sprites
from atpn_ros.learning.detector.canvas import Canvas
from atpn_ros.learning.detector.export import export
from atpn_ros.learning.detector.looks import blanked, shrunk
from atpn_ros.learning.detector.material import square
from atpn_ros.learning.detector.network import Detector, DetectorSettings
from atpn_ros.learning.detector.scenes import Composer, Material, Scene, ScenePlan
from atpn_ros.learning.detector.sprites import Sprite
from atpn_ros.learning.detector.targets import Targets, encode, loss, mirrored
from atpn_ros.learning.detector.train import DetectorTraining, load_average, train
from atpn_ros.learning.training import checkpoints
from atpn_ros.types import Box

SMALL = DetectorSettings(stem=(8, 8), fine=8, coarse=8)
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


def material() -> Material:
    view = np.random.default_rng(0).integers(0, 255, (64, 128, 3)).astype(np.uint8)
    solid = person().image.copy()
    solid[..., 3] = 255
    squares = [Sprite(solid, person().outline), Sprite(solid, None)]
    return Material([person(), person(face=False)], [person()], squares, [view])


PLAN = ScenePlan(size=(160, 128), faces=(10.0, 60.0), people=3)


def corners(points):
    return np.concatenate([points.min(0), points.max(0)])


def test_the_same_seed_makes_the_same_scene_and_boxes_lie_in_it():
    composer = Composer(material(), PLAN)
    for i in range(40):
        scene, again = (composer.scene(np.random.default_rng((5, i))) for _ in range(2))
        assert np.array_equal(scene.image, again.image)
        assert scene.image.shape == (128, 160, 3)
        assert scene.boxes.shape[1:] == scene.ignored.shape[1:] == (4,)
        shown = np.clip(scene.boxes, 0, (160, 128, 160, 128))
        area = (shown[:, 2:] - shown[:, :2]).prod(1)
        whole = (scene.boxes[:, 2:] - scene.boxes[:, :2]).prod(1)
        assert (area > 0.6 * whole).all()


def test_empty_scenes_hold_people_but_no_face():
    composer = Composer(material(), replace(PLAN, empty=1.0))
    scenes = [composer.scene(np.random.default_rng((6, i))) for i in range(20)]
    assert sum(len(s.boxes) + len(s.ignored) for s in scenes) == 0


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
    for x, counted, ignored in ((20, 1, 0), (0, 0, 1), (-9, 0, 0)):
        canvas = Canvas(np.zeros((100, 100, 3), np.uint8))
        canvas.paste(person(), np.array([float(x), 50.0]), 30.0, 0.0, 1.0)
        assert [len(t) for t in canvas.truth()] == [counted, ignored]


def test_squares_keep_their_box_when_mirrored():
    sprite = person()
    for flip in (False, True):
        canvas = Canvas(np.zeros((100, 100, 3), np.uint8))
        canvas.square(sprite.image[..., :3], sprite.outline + np.float32([10, 0]), (4, 2), 48, flip)
        (box,), _ = canvas.truth()
        middle = 4 + ((58.5 / 2 - 0.5) if not flip else 47 - (58.5 / 2 - 0.5))
        assert (box[0] + box[2]) / 2 == pytest.approx(middle, abs=0.6)


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


def test_what_is_ignored_is_not_taught_unless_a_face_is_there():
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


def test_onnx_says_what_pytorch_says_at_several_sizes(tmp_path):
    torch.manual_seed(3)
    network = Detector(SMALL).eval()
    export(network, tmp_path / "d.onnx")
    detector = AtpnDetector(tmp_path / "d.onnx", 0.0, (384,))
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


RUN = DetectorTraining(steps=4, batch=2, warmup=1, save_every=2, network=SMALL, scenes=PLAN)


def test_an_interrupted_run_ends_like_one_that_was_not(tmp_path, monkeypatch):
    whole = train(RUN, material(), tmp_path / "whole", 0)
    real = checkpoints.save

    def stop(*arguments):
        real(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(checkpoints, "save", stop)
    with pytest.raises(KeyboardInterrupt):
        train(RUN, material(), tmp_path / "parts", 0)
    monkeypatch.setattr(checkpoints, "save", real)
    parts = train(RUN, material(), tmp_path / "parts", 0)
    for name, value in whole.state_dict().items():
        assert torch.allclose(value.float(), parts.state_dict()[name].float(), atol=1e-6), name
    kept = load_average(tmp_path / "parts" / "checkpoint.pt")
    assert kept.settings == SMALL
    assert AtpnDetector(tmp_path / "parts" / "detector.onnx").name == "atpn"


def test_another_run_and_damage_are_told(tmp_path):
    train(replace(RUN, steps=2), material(), tmp_path, 0)
    with pytest.raises(DataError, match=r"other settings: seed"):
        train(replace(RUN, steps=2, seed=9), material(), tmp_path, 0)
    (tmp_path / "checkpoint.pt").write_bytes(b"nothing")
    with pytest.raises(DataError, match=r"checkpoint\.pt: corrupt checkpoint"):
        train(replace(RUN, steps=2), material(), tmp_path, 0)


def test_the_rate_falls_to_each_end_and_starts_lower_each_time():
    run = DetectorTraining(steps=1000, warmup=10)
    rates = [run.rate(i) for i in range(1000)]
    for share, peak in zip(run.ends, run.peaks, strict=True):
        assert rates[round(share * 1000) - 1] < 0.001 * peak + 1e-6
    assert rates[400] == pytest.approx(run.peaks[1], rel=0.01)
    assert max(rates[750:]) == pytest.approx(run.peaks[2], rel=0.01)


def test_sprites_come_back_and_damage_is_named(tmp_path):
    sprites.save(tmp_path / "people-0.npz", [person(), person(face=False)])
    one, two = sprites.load(tmp_path, "people-*.npz")
    assert np.array_equal(one.image, person().image)
    assert two.outline is None
    with pytest.raises(DataError, match="no sprites"):
        sprites.load(tmp_path, "portraits.npz")
    (tmp_path / "people-1.npz").write_bytes(b"x")
    with pytest.raises(DataError, match=r"people-1\.npz"):
        sprites.load(tmp_path, "people-*.npz")


def test_a_kept_render_becomes_a_square_with_the_box_of_its_face():
    points = np.zeros((98, 3))
    points[:, 2] = 1.0
    points[:33, 0], points[:33, 1] = np.linspace(-0.07, 0.07, 33), 0.08
    points[33:51, 1] = -0.03
    camera = np.array([[500.0, 0, 96], [0, 500, 96], [0, 0, 1]])
    flat = points[:, :2] * 500 + 96
    up = np.zeros((3, 3))
    up[:, 2] = (0, -1, 0)
    face = {"points98": points, "landmarks98": flat, "rotation": up, "visible98": [1] * 98}
    made = square(np.zeros((192, 192, 3), np.uint8), {"camera": camera, "face": face})
    k = made.image.shape[1] / 192
    wanted = (np.array([96 - 35, 96 - 37.5, 96 + 35, 96 + 40]) + 0.5) * k - 0.5
    assert corners(made.outline) == pytest.approx(wanted, abs=0.01)


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
    scenes = [Composer(material(), PLAN).scene(np.random.default_rng(i)) for i in range(3)]
    export(Detector(SMALL), tmp_path / "d.onnx")
    detectors = report.line_up(tmp_path / "d.onnx", None, None)
    table = report.on_scenes(detectors, scenes, tmp_path / "out")
    assert "haar" in table
    assert "atpn" in table
    assert (tmp_path / "out" / "scenes_atpn.jpg").exists()
