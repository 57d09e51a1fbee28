# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the detector learns from: cut-outs, crowds, the pool, mistakes and finds."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from atpn_ros.crop import CROP_SIZE
from atpn_ros.detectors import Detection
from atpn_ros.learning.data.checks import DataError
from atpn_ros.learning.data.cutouts import Cutout, load_cutouts, save_cutouts
from atpn_ros.learning.data.sprites import Sprite
from atpn_ros.learning.detector import (
    hand_cutouts,
    hard_negatives,
    occluders,
    presence_crops,
    scene_cache,
    sprite_augmentation,
)
from atpn_ros.learning.detector.canvas import Canvas
from atpn_ros.learning.detector.scene_composer import CrowdPlan, Crowds, Pieces
from atpn_ros.learning.detector.scenes import Scene
from atpn_ros.learning.detector.segmentation import cut
from atpn_ros.learning.detector.source_photographs import Photograph
from atpn_ros.types import Box

NONE = np.zeros((0, 4), np.float32)
PLAN = CrowdPlan(size=(192, 160), faces=(8.0, 70.0), people=8)


def ring(x, y, w, h):
    turn = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    return np.stack([x + w * np.cos(turn), y + h * np.sin(turn)], 1).astype(np.float32)


def portrait():
    """A head with eyes before an even wall, 120 x 140."""
    image = np.full((140, 120, 3), 220, np.uint8)
    cv2.ellipse(image, (60, 60), (28, 36), 0, 0, 360, (90, 120, 170), -1)
    cv2.rectangle(image, (25, 105), (95, 140), (60, 40, 20), -1)
    for x in (50, 70):
        cv2.circle(image, (x, 52), 4, (20, 20, 20), -1)
    return image


def person():
    image = np.dstack([portrait(), np.full((140, 120), 255, np.uint8)])
    return Sprite(image, ring(60, 60, 24, 32))


def pieces(hard=()):
    view = np.random.default_rng(0).integers(0, 255, (120, 200, 3)).astype(np.uint8)
    return Pieces([person()], [view], list(hard))


@pytest.mark.parametrize("tiles", [0.0, 1.0])
def test_the_same_seed_makes_the_same_scene_and_faces_lie_in_it(tiles):
    crowds = Crowds(pieces(), replace(PLAN, tiles=tiles, empty=0.0))
    faces = 0
    for i in range(20):
        one, two = (crowds.scene(np.random.default_rng((1, i))) for _ in range(2))
        assert np.array_equal(one.image, two.image)
        assert one.image.shape == (160, 192, 3)
        shown = np.clip(one.boxes, 0, (192, 160, 192, 160))
        whole = (one.boxes[:, 2:] - one.boxes[:, :2]).prod(1)
        assert ((shown[:, 2:] - shown[:, :2]).prod(1) > 0.5 * whole).all()
        faces += len(one.boxes)
    assert faces > 40


def test_empty_scenes_hold_no_face():
    hard = [np.zeros((64, 64, 3), np.uint8)]
    crowds = Crowds(pieces(hard), replace(PLAN, empty=1.0, tiles=0.0, rows=0.0))
    scenes = [crowds.scene(np.random.default_rng((2, i))) for i in range(15)]
    assert sum(len(s.boxes) + len(s.ignored) for s in scenes) == 0


def test_a_head_from_behind_and_another_filling_hide_the_eyes():
    rng = np.random.default_rng(3)
    assert person().image[48:57, 46:75, :3].min() < 30
    for other in (
        sprite_augmentation.behind(person(), rng),
        sprite_augmentation.filled(person(), np.full((20, 20, 3), 99, np.uint8), rng),
    ):
        assert other.image[48:57, 46:75, :3].min() > 40
        assert other.outline is not None


def test_a_drawing_of_a_person_keeps_the_outline_and_changes_the_picture():
    for seed in range(6):
        other = sprite_augmentation.drawn(person(), np.random.default_rng(seed))
        assert np.array_equal(other.outline, person().outline)
        assert np.array_equal(other.image[..., 3], person().image[..., 3])
        changed = np.abs(other.image[..., :3].astype(int) - person().image[..., :3]).max(axis=2)
        assert changed[20:100, 30:90].mean() > 8


def test_small_faces_are_never_drawn(monkeypatch):
    def fail(*_):
        raise AssertionError("a drawing this small looks like a face")

    monkeypatch.setattr(sprite_augmentation, "drawn", fail)
    plan = replace(PLAN, faces=(8.0, 19.0), empty=0.5, tiles=0.0, rows=0.0)
    crowds = Crowds(pieces(), plan)
    assert sum(len(crowds.scene(np.random.default_rng((4, i))).boxes) for i in range(20)) > 20


@pytest.mark.parametrize("kind", ["_edge", "_bars", "_balls", "_letters"])
def test_what_stands_in_front_of_a_face_hides_as_much_as_it_covers(monkeypatch, kind):
    chosen = getattr(occluders, kind)
    for name in ("_edge", "_bars", "_balls", "_letters"):
        monkeypatch.setattr(occluders, name, chosen)
    changed, shares = [], []
    for seed in range(30):
        canvas = Canvas(np.full((120, 160, 3), 128, np.uint8))
        canvas.paste(person(), np.array([80.0, 60.0]), 50.0, 0.0, 1.0)
        before = canvas.image.copy()
        ((corners, _),) = canvas._faces
        x0, y0, x1, y1 = np.round(corners).astype(int)
        occluders.occlude(np.random.default_rng(seed), canvas, np.array([80.0, 60.0]), 50.0)
        other = np.abs(canvas.image.astype(int) - before).max(axis=2) > 4
        changed.append(other[y0:y1, x0:x1].mean())
        shares.append(1 - canvas._faces[0][1].mean())
    assert 0.02 < np.mean(changed) < 0.7
    # Veils and soft rims change pixels that are still seen.
    assert 0.4 * np.mean(changed) < np.mean(shares) < np.mean(changed) + 0.05


def test_hands_are_pasted_in_the_colour_of_skin_and_hide_what_is_behind():
    drawing = np.zeros((hand_cutouts.SIDE, hand_cutouts.SIDE, 4), np.uint8)
    cv2.circle(drawing, (80, 80), 55, (190, 190, 190, 255), -1)
    made_of = replace(pieces(), hands=[Sprite(drawing, None)])
    crowds = Crowds(made_of, PLAN)
    hidden, reddish = [], []
    for seed in range(30):
        canvas = Canvas(np.full((120, 160, 3), 128, np.uint8))
        canvas.paste(person(), np.array([80.0, 60.0]), 40.0, 0.0, 1.0)
        skin = np.array([60.0, 90.0, 160.0])
        crowds._limb(np.random.default_rng(seed), canvas, skin, np.array([80.0, 60.0]), 30.0)
        hidden.append(1 - canvas._faces[0][1].mean())
        reddish.append(canvas.image[60, 80].tolist())
    assert np.mean(hidden) > 0.3
    # As pasted; the others are drawn by `limb_distractors`.
    assert sum(np.abs(np.array(c) - skin).max() < 3 for c in reddish) > 10


def test_a_person_is_cut_out_and_comes_back_from_the_file(tmp_path):
    marks = np.concatenate([ring(60, 60, 22, 30), ring(60, 60, 15, 20)[:38]]).astype(float)
    photograph = Photograph("set/a.jpg", portrait(), ring(60, 60, 24, 32), marks, True, True)
    made = cut(photograph)
    assert made.sprite.image[60, 60, 3] > 250
    assert made.sprite.image[10, 8, 3] < 5
    assert save_cutouts(tmp_path / "c.npz", [made, Cutout(person(), marks, "b", False)]) == 2
    (back,) = load_cutouts(tmp_path / "c.npz", held_out=True)
    assert back.name == "set/a.jpg"
    assert np.array_equal(back.sprite.image, made.sprite.image)
    assert np.array_equal(back.sprite.outline, made.sprite.outline)
    assert np.array_equal(back.landmarks, made.landmarks)
    (tmp_path / "c.npz").write_bytes(b"x")
    with pytest.raises(DataError, match=r"c\.npz: no cut-outs"):
        load_cutouts(tmp_path / "c.npz", held_out=True)


def test_a_varied_scene_keeps_each_face_in_its_box():
    image = np.zeros((200, 260, 3), np.uint8)
    cv2.rectangle(image, (100, 80), (139, 129), (255, 255, 255), -1)
    scene = Scene(image, np.array([[100, 80, 139, 129]], np.float32), NONE)
    for seed in range(20):
        out = scene_cache.vary(np.random.default_rng(seed), scene, (192, 160))
        assert out.image.shape == (160, 192, 3)
        for x0, y0, x1, y1 in out.boxes:
            y, x = np.nonzero(out.image[..., 1] > 0.6 * out.image.max())
            shown = np.clip([x0, y0, x1, y1], 0, (191, 159, 191, 159))
            assert [x.min(), y.min(), x.max(), y.max()] == pytest.approx(shown, abs=2)


def test_scenes_come_back_from_files_and_damage_is_named(tmp_path):
    crowds = Crowds(pieces(), PLAN)
    scenes = [crowds.scene(np.random.default_rng(i)) for i in range(3)]
    scene_cache.write_shard(tmp_path / "scenes-00000.npz", scenes)
    back = scene_cache.read_shard(tmp_path / "scenes-00000.npz")
    assert [len(b) for _, b, _ in back] == [len(s.boxes) for s in scenes]
    kept = scene_cache.Pool(tmp_path, (160, 128))
    assert (kept.look(), kept.look()) == (3, 3)
    assert kept.draw(np.random.default_rng(0)).image.shape == (128, 160, 3)
    (tmp_path / "scenes-00001.npz").write_bytes(b"x")
    with pytest.raises(DataError, match=r"scenes-00001\.npz: not scenes"):
        kept.look()


def test_composing_resumes_and_stops_on_request(tmp_path, monkeypatch):
    monkeypatch.setattr(scene_cache, "SHARD", 1)
    crowds = Crowds(pieces(), PLAN)
    assert not scene_cache.compose(
        crowds, tmp_path, 1, range(3), lambda: len(list(tmp_path.iterdir())) < 2
    )
    assert len(list(tmp_path.iterdir())) == 2
    assert scene_cache.compose(crowds, tmp_path, 1, range(3))
    assert len(list(tmp_path.iterdir())) == 3


class Fixed:
    """A detector that finds the same in every picture."""

    name = "fixed"

    def __init__(self, *boxes):
        self.boxes = boxes

    def detect(self, image):
        return [Detection(b, 0.5) for b in self.boxes]


def test_mistakes_are_cut_out_with_what_is_around_them(tmp_path):
    view = np.zeros((480, 640, 3), np.uint8)
    view[90:110, 190:210] = 255
    found = list(
        hard_negatives.mine(Fixed(Box(200, 100, 20, 20)), [view], np.random.default_rng(0), 0)
    )
    assert len(found) == 1
    assert found[0].image.shape == (60, 60, 3)
    y, x = np.nonzero(found[0].image[..., 0] > 128)
    assert (x.mean(), y.mean()) == pytest.approx((found[0].box.cx, found[0].box.cy), abs=1)
    hard_negatives.write_mined(tmp_path / "m.npz", found)
    (back,) = hard_negatives.read_mined(tmp_path / "m.npz")
    assert np.array_equal(back.image, found[0].image)
    assert back.box == found[0].box
    hard_negatives.write_mined(tmp_path / "m.npz", [])
    assert hard_negatives.read_mined(tmp_path / "m.npz") == []


def test_detections_are_true_on_faces_and_false_elsewhere():
    scene = Scene(np.zeros((200, 200, 3), np.uint8), np.array([[20, 20, 60, 60]], np.float32),
                  np.array([[100, 20, 140, 60]], np.float32))  # fmt: skip
    detector = Fixed(Box(40, 40, 40, 40), Box(120, 40, 40, 40), Box(120, 150, 30, 30))
    got = list(presence_crops.of_scene(np.random.default_rng(0), scene, detector))
    assert [f.face for f in got] == [True, False]
    assert got[1].size == 30
    arrays = presence_crops.packed(got)
    assert arrays["crops"].shape == (2, CROP_SIZE, CROP_SIZE, 3)
    assert arrays["label"].tolist() == [1, 0]
