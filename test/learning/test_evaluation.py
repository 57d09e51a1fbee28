# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Figures of landmarks, pose, gaze, presence, identity and trembling, on made-up faces."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from atpn_ros import geometry, landmark_layouts
from atpn_ros.crop import Crop
from atpn_ros.learning.data.checks import DataError
from atpn_ros.learning.data.face_crops import exact_crop
from atpn_ros.learning.data.labelled_face import LabelledFace
from atpn_ros.learning.data.layouts import IBUG68, WFLW98
from atpn_ros.learning.evaluation import crops, jitter, report, spread_metrics
from atpn_ros.learning.evaluation.angle_metrics import gaze_metrics, pose_metrics
from atpn_ros.learning.evaluation.dataset_metrics import evaluate_set
from atpn_ros.learning.evaluation.label_adapter import fit_adapter
from atpn_ros.learning.evaluation.landmark_metrics import landmark_metrics
from atpn_ros.learning.evaluation.landmark_pairs import pair_landmarks
from atpn_ros.learning.evaluation.models import ModelOutput
from atpn_ros.learning.evaluation.statistics import area, estimate, failures, roc
from atpn_ros.learning.evaluation.tracking_metrics import TrueFace, tracking_metrics
from atpn_ros.pipeline.head_model import MEAN_HEAD
from atpn_ros.types import Box


def face(yaw: float = 0.0, number: int = 0, **more) -> LabelledFace:
    """A face of the mean head, on a picture that says where it is: pixel (0, 0) is its number."""
    rotation = geometry.head_rotation(0.0, 0.0, yaw)
    points = (MEAN_HEAD @ rotation.T)[:, :2] * 600 + (100, 90)
    image = np.full((200, 200, 3), 100, np.uint8)
    aside = rotation @ (0.8, 0.6, 0.0)
    return LabelledFace(image, points, WFLW98, f"face {number}", rotation=rotation,
                gaze=np.stack([rotation[:, 0], aside]), **more)  # fmt: skip


class Shifted:
    """A model that always answers the same points in its crop."""

    path = None
    layout = WFLW98
    plan = crops.CropPlan()
    size = 64
    engine = None

    def __init__(self, points: np.ndarray, presence: float = 1.0) -> None:
        self.points, self.presence = points, presence

    def run(self, batch: np.ndarray) -> ModelOutput:
        n = len(batch)
        rotation = np.repeat(geometry.FACING[None], n, axis=0)
        return ModelOutput(
            np.repeat(self.points[None], n, axis=0), rotation, np.full(n, self.presence),
            np.repeat(rotation[:, None, :, 0], 2, axis=1),
        )  # fmt: skip


def test_an_estimate_holds_the_truth_and_nothing_gives_none() -> None:
    values = np.random.default_rng(0).normal(5, 2, 400)
    found = estimate(values)
    assert found.low < found.value < found.high
    assert found.margin == pytest.approx(1.96 * 2 / 20, rel=0.15)
    assert estimate(np.array([])) is None
    assert failures(np.array([5.0, 15.0])).value == 50
    assert area(np.array([5.0, 5.0]), 8.0).value == pytest.approx(0.375)


def test_a_roc_knows_order_and_ties() -> None:
    assert roc(np.array([0.9, 0.8]), np.array([0.1, 0.2])).auc == 1
    assert roc(np.array([0.1]), np.array([0.9])).auc == 0
    assert roc(np.full(5, 0.5), np.full(7, 0.5)).auc == 0.5
    rng = np.random.default_rng(0)
    p, n = rng.normal(1, 1, 300).round(1), rng.normal(0, 1, 200).round(1)
    pairs = (p[:, None] > n).mean() + 0.5 * (p[:, None] == n).mean()
    curve = roc(p, n)
    assert curve.auc == pytest.approx(pairs)
    assert (np.diff(curve.hits) >= 0).all()
    assert (curve.hits[0], curve.hits[-1], curve.false_alarms[-1]) == (0, 1, 1)
    assert len(curve.hits) <= 101


def test_nme_is_over_the_outer_eye_corners_and_goes_by_part_and_subset() -> None:
    truth = np.stack([face().points, face(0.3).points])
    apart = np.linalg.norm(truth[:, 60] - truth[:, 72], axis=1)
    off = truth.copy()
    off[0, 76:96, 0] += 0.2 * apart[0]  # the first one's mouth, by 20 %
    figures = landmark_metrics(pair_landmarks(off, WFLW98, truth, WFLW98)["raw"], [{"a"}, {"b"}])
    assert figures.groups["mouth"].value == pytest.approx(10)
    assert figures.groups["jaw"].value == 0
    assert figures.errors[0] == pytest.approx(20 * 20 / 98, abs=1e-3)
    assert figures.subsets["b"]["nme"].value == 0
    assert figures.subsets["a"]["fr10"].value == 0


def test_brows_are_read_by_index_and_by_where_annotators_click() -> None:
    truth = face().points[None]
    middle = landmark_layouts.to_annotated_ibug68(truth)
    both = pair_landmarks(truth, WFLW98, middle, IBUG68)
    assert both["annotated"].distances().max() == pytest.approx(0)
    assert landmark_metrics(both["raw"], [()]).groups["brows"].value > 1
    peer = pair_landmarks(middle, IBUG68, truth, WFLW98)
    assert peer["annotated"].distances().max() == pytest.approx(0)
    assert set(pair_landmarks(truth, WFLW98, truth, WFLW98)) == {"raw"}


def test_pose_is_told_by_axis_and_by_turn() -> None:
    faces = [face(np.radians(y)) for y in (-70.0, 10.0, 40.0)]
    rotation = np.stack([f.rotation @ geometry.about_x(np.radians(5.0)) for f in faces])
    figures = pose_metrics(rotation, faces)
    assert figures.roll.value == pytest.approx(5)
    assert figures.yaw.value == pytest.approx(0, abs=1e-9)
    assert figures.angle.value == pytest.approx(5)
    assert [figures.by_yaw[b].count for b in ("0-30", "30-60", "60-90", "0-60")] == [1, 1, 1, 2]
    # Roll 179 and -179 degrees are 2 apart.
    over = LabelledFace(faces[0].image, faces[0].points, WFLW98, "over",
                rotation=geometry.head_rotation(np.radians(179), 0, 0))  # fmt: skip
    assert pose_metrics(
        geometry.head_rotation(np.radians(-179), 0, 0)[None], [over]
    ).roll.value == pytest.approx(2)


def test_gaze_counts_eyes_that_are_open_and_seen() -> None:
    one = face(eyes_open=(True, True), eyes_seen=(True, False))
    away = one.rotation @ (0.8, 0.6, 0.0)
    found = gaze_metrics(np.stack([one.gaze[0], -away])[None], one.rotation[None], [one])
    assert found["eyes"].value == pytest.approx(0, abs=1e-5)
    assert found["eyes"].count == 1
    assert found["eyes, hidden too"].count == 2
    assert found["eyes, hidden too"].value > 30
    both = gaze_metrics(None, one.rotation[None], [face()])
    assert both["head"].value == pytest.approx(np.degrees(np.arccos(0.8)) / 2)
    assert "eyes" not in both


def a_convention(rng: np.random.Generator, count: int, noise: float = 0.0):
    """Predictions, and labels that are a linear function of them in an upright frame."""
    shape = landmark_layouts.to_ibug68(MEAN_HEAD[:, 1:] * (1, -1))
    modes = np.stack([shape * (1, 0), shape * (0, 1), shape[::-1] * 0.1])
    upright = shape + np.tensordot(rng.normal(0, 0.08, (count, 3)), modes, axes=1)
    mixing = np.eye(136) + 0.02 * np.random.default_rng(7).normal(size=(136, 136))
    labels = (upright.reshape(count, -1) @ mixing).reshape(count, 68, 2) + np.array([0.004, -0.003])
    labels = labels + rng.normal(0, noise, labels.shape)
    out = []
    for points in (upright, labels):
        turned = []
        for i in range(count):
            crop = Crop(100 + i, 90 - i, 300 + 5 * i, 0.02 * (i % 20 - 10))
            turned.append(crop.to_image(points[i] + 0.5))
        out.append(np.stack(turned))
    return out


def test_an_adapter_finds_a_convention_that_a_line_can_tell() -> None:
    rng = np.random.default_rng(1)
    adapter = fit_adapter(*a_convention(rng, 200), IBUG68)
    predicted, labels = a_convention(rng, 50)
    size = np.linalg.norm(labels[:, 36] - labels[:, 45], axis=1)
    before = np.linalg.norm(predicted - labels, axis=-1).mean(axis=1) / size
    after = np.linalg.norm(adapter(predicted) - labels, axis=-1).mean(axis=1) / size
    assert before.mean() > 0.03
    assert after.mean() < 0.1 * before.mean()


def test_an_adapter_turns_and_grows_with_the_face() -> None:
    predicted, labels = a_convention(np.random.default_rng(2), 60)
    adapter = fit_adapter(predicted, labels, IBUG68)
    moved = Crop(30, -40, 2.5, 0.7)
    assert np.allclose(
        adapter(moved.to_image(predicted)), moved.to_image(adapter(predicted)), atol=1e-6
    )


def test_an_adapter_of_nothing_but_noise_is_held_back() -> None:
    """Labels that are the prediction and noise: a strong penalty must win, and little is lost."""
    rng = np.random.default_rng(3)
    predicted, _ = a_convention(rng, 150)
    labels = predicted + rng.normal(0, 3.0, predicted.shape)
    adapter = fit_adapter(predicted[:100], labels[:100], IBUG68)
    off = np.linalg.norm(adapter(predicted[100:]) - predicted[100:], axis=-1).mean()
    assert adapter.penalty >= 1.0
    assert off < 1.0
    with pytest.raises(DataError, match="too few"):
        fit_adapter(predicted[:5], labels[:5], IBUG68)


BOX = Box(50, 50, 20, 20)
FAR = Box(150, 50, 20, 20)


def test_a_perfect_tracker_is_perfect() -> None:
    truth = [{0: TrueFace(BOX), 1: TrueFace(FAR)}] * 10
    found = [{7: BOX, 8: FAR}] * 10
    figures = tracking_metrics(truth, found)
    assert (figures.idf1, figures.precision, figures.recall) == (100, 100, 100)
    assert (figures.switches, figures.lost, figures.mostly_lost) == (0, 0, 0)
    assert (figures.people, figures.frames) == (2, 10)


def test_an_id_switch_halves_idf1_and_is_one_switch() -> None:
    truth = [{0: TrueFace(BOX)}] * 10
    figures = tracking_metrics(truth, [{1: BOX}] * 5 + [{2: BOX}] * 5)
    assert figures.idf1 == 50
    assert (figures.switches, figures.lost, figures.recall) == (1, 0, 100)


def test_a_lost_track_is_a_visible_person_no_longer_held() -> None:
    truth = [{0: TrueFace(BOX)}] * 10
    figures = tracking_metrics(truth, [{1: BOX}] * 4 + [{}] * 3 + [{1: BOX}] * 3)
    assert (figures.lost, figures.switches, figures.mostly_lost) == (1, 0, 0)
    assert figures.idf1 == pytest.approx(100 * 14 / 17)
    hidden = (
        [{0: TrueFace(BOX)}] * 4 + [{0: TrueFace(BOX, counts=False)}] * 3 + [{0: TrueFace(BOX)}] * 3
    )
    assert tracking_metrics(hidden, [{1: BOX}] * 4 + [{}] * 3 + [{1: BOX}] * 3).lost == 0
    assert tracking_metrics(hidden, [{1: BOX}] * 10).idf1 == 100
    never = tracking_metrics(truth, [{}] * 10)
    assert (never.mostly_lost, never.recall, never.idf1) == (1, 0, 0)


def test_false_tracks_cost_precision() -> None:
    figures = tracking_metrics([{0: TrueFace(BOX)}] * 4, [{1: BOX, 2: FAR}] * 4)
    assert figures.precision == 50
    assert figures.idf1 == pytest.approx(100 * 8 / 12)


def test_a_model_is_measured_from_every_kind_of_box() -> None:
    groups = ("elder", "infant", "infant", None)
    visible = (1.0, 0.85, 0.3, None)
    faces = [face(0.0, i, tone=i % 2, age_group=groups[i], visible=visible[i]) for i in range(4)]
    inside = exact_crop(faces[0]).to_crop(faces[0].points)
    figures = evaluate_set(Shifted(inside), faces, crops.BOXES, empty=[faces[0].image])
    exact = figures.boxes["truth"]
    assert exact.landmarks["raw"].nme.value == pytest.approx(0, abs=1e-6)
    assert exact.pose.angle.value == pytest.approx(0, abs=1e-4)
    assert exact.gaze["eyes"].count == 8
    assert set(exact.tones) == {"0", "1"}
    assert [(name, g.faces) for name, g in exact.ages.items()] == [("infant", 2), ("elder", 1)]
    assert exact.ages["infant"].nme.value == pytest.approx(0, abs=1e-6)
    rows = dict(report._box_rows("set", exact))
    assert rows["set: NME %, infant (2 faces)"] == report.format_estimate(exact.ages["infant"].nme)
    assert "set: rotation deg, elder (1 faces)" in rows
    shown = [(name, g.faces) for name, g in exact.visibility.items()]
    assert shown == [("0-50", 1), ("50-85", 1), ("85-100", 1)]
    assert "set: rotation deg, 85-100 % visible (1 faces)" in rows
    assert figures.boxes["detector"].landmarks["raw"].nme.value > 1, "boxes are off"
    assert figures.presence.auc == 0.5
    assert (figures.faces, figures.detections) == (4, 0)
    assert figures.presence.negatives == 5


def test_a_plan_moves_and_grows_the_crop() -> None:
    crop = Crop(50, 60, 40, 0.3)
    plan = crops.CropPlan(margin=2.8, shift=(0.0, 0.25), upright=False)
    got = plan.fit(crop)
    assert got.side == pytest.approx(80)
    assert np.hypot(got.cx - 50, got.cy - 60) == pytest.approx(20)
    assert got.angle == 0
    assert crops.CropPlan().fit(crop) == crop


def test_the_trackers_crop_is_the_same_from_68_and_98_points() -> None:
    points = Crop(80, 90, 1, 0.4).to_image(face().points)
    whole = crops.tracked_crop(points, WFLW98)
    part = crops.tracked_crop(landmark_layouts.to_ibug68(points), IBUG68)
    assert part.angle == pytest.approx(whole.angle, abs=0.05)
    assert part.side == pytest.approx(whole.side, rel=0.05)


def test_a_model_that_does_not_look_at_the_picture_does_not_tremble() -> None:
    one = face()
    inside = crops.tracked_crop(one.points, WFLW98).to_crop(one.points)
    figures = jitter.measure_jitter(Shifted(inside), [one], frames=5)
    assert figures.raw.value == pytest.approx(0, abs=1e-6)
    assert figures.smoothed is None
    assert jitter.frontal_faces([face(1.2), one], 3) == [one]


def test_the_share_within_the_spreads_is_that_of_a_laplace_distribution() -> None:
    rng = np.random.default_rng(0)
    truth = rng.uniform(0, 100, (50, 98, 2))
    turn = rng.uniform(0, 2 * np.pi, (50, 98))
    sigma = rng.uniform(0.5, 3, (50, 98))
    distance = rng.gamma(2.0, sigma / 2)  # of mean sigma
    points = truth + distance[..., None] * np.stack([np.cos(turn), np.sin(turn)], -1)
    assert spread_metrics.points_within(points, sigma, truth).value == pytest.approx(90, abs=1)
    assert spread_metrics.points_within(points, sigma / 4, truth).value < 40


def test_a_gaze_counts_where_the_eye_is_seen_and_within_its_own_cone() -> None:
    faces = [face(0.0, eyes_seen=(True, True)), face(0.0, eyes_seen=(True, False))]
    straight = np.repeat(np.stack([f.rotation[:, 0] for f in faces])[:, None], 2, axis=1)
    # Exact for the right eyes; the left eye looks 37 degrees aside.
    wide = np.full((2, 2), np.radians(37 / spread_metrics.RADIUS_90))
    assert spread_metrics.gaze_within(straight, wide * 1.01, faces).value == 100
    found = spread_metrics.gaze_within(straight, wide * 0.9, faces)
    assert (found.value, found.count) == (pytest.approx(200 / 3), 3)


def test_spreads_of_a_model_are_in_pixels_of_the_picture() -> None:
    class Spread(Shifted):
        def run(self, batch: np.ndarray) -> ModelOutput:
            n = len(batch)
            return replace(
                super().run(batch), sigma=np.full((n, 98), 0.1), gaze_sigma=np.full((n, 2), 0.1)
            )

    faces = [face()]
    crop = exact_crop(faces[0])
    inside = crop.to_crop(faces[0].points)
    for off, share in ((0.19, 100), (0.2, 0)):
        box = evaluate_set(Spread(inside + np.array([off, 0.0])), faces, ["truth"]).boxes["truth"]
        assert box.points_within.value == share
        assert box.gaze_within.value == 50  # one of two looks aside
    rows = dict(report._box_rows("set", box))
    assert rows["set: % of points within their 90 % circle"].startswith("0.0 ")
