# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import pytest
import torch
from drawn_face import drawn

from atpn_ros import geometry, landmark_layouts
from atpn_ros.learning.data.augment import face_crop
from atpn_ros.learning.data.batches import BatchSettings, TrainingBatches, TrainingSet, Truth, stack
from atpn_ros.learning.data.checks import DataError
from atpn_ros.learning.data.head_point_model import AssetError, HeadPointModel, fit, load_points
from atpn_ros.learning.data.training_faces import complete_landmarks, load_training_photographs
from atpn_ros.learning.networks.atpn import Atpn, AtpnOutput, AtpnSettings
from atpn_ros.learning.training import checkpoints
from atpn_ros.learning.training.losses import atpn_loss, brow_middles, spread_loss
from atpn_ros.learning.training.train import TrainSettings, load_average, train
from atpn_ros.learning.training.validation import annotated_nme, validate
from atpn_ros.pipeline.head_model import MEAN_HEAD
from atpn_ros.types import Box

# A head that can be fitted without any asset: the mean head, made longer or wider.
STRETCH = np.stack([MEAN_HEAD * (0, 0, 1), MEAN_HEAD * (0, 1, 0)])
MODEL = HeadPointModel(MEAN_HEAD, STRETCH, np.array([0.1, 0.1]))


def test_a_fit_finds_the_pose_and_the_points() -> None:
    rotation = geometry.head_rotation(0.2, -0.15, 0.5)
    truth = MEAN_HEAD * (1, 1.03, 1.05)
    points = (truth @ rotation.T)[:, :2] * 900 + (150, 140)
    result = fit(MODEL, landmark_layouts.to_ibug68(points))
    assert np.degrees(geometry.angle_between(result.rotation, rotation)) < 1.5
    assert np.abs(result.points - points).max() < 1.5
    assert result.residual < 1.0


def test_the_98_points_are_completed_from_68() -> None:
    sample = drawn()
    completed, trust = complete_landmarks(landmark_layouts.to_ibug68(sample.landmarks))
    clicked = landmark_layouts.to_ibug68(completed)
    assert np.array_equal(clicked, landmark_layouts.to_ibug68(sample.landmarks)), (
        "clicked points stay"
    )
    assert (trust[list(landmark_layouts.IBUG68_IN_WFLW98)] == 1).all()
    others = np.linalg.norm(completed - sample.landmarks, axis=1)
    assert others[trust > 0].max() < 4.0
    assert trust[[landmark_layouts.RIGHT_PUPIL, landmark_layouts.LEFT_PUPIL]].sum() == 0
    assert trust[[lower for _, lower in landmark_layouts.BROW_EDGES98]].sum() == 0


def truth(count: int, trust: float) -> Truth:
    return Truth(
        torch.full((count, 98, 2), 0.5), torch.full((count, 98), trust), torch.zeros(count),
        torch.eye(3).expand(count, 3, 3), torch.full((count,), trust),
        torch.ones(count), torch.full((count,), trust), torch.zeros(count, 2, 3),
        torch.full((count, 2), trust),
    )  # fmt: skip


def test_a_perfect_answer_costs_nothing_and_a_missing_truth_teaches_nothing() -> None:
    out = AtpnOutput(
        torch.full((2, 98, 2), 0.5), torch.full((2, 98), -3.0), torch.eye(3).expand(2, 3, 3),
        torch.full((2,), 20.0),
    )  # fmt: skip
    losses = atpn_loss(out, truth(2, 1.0))
    assert float(losses.landmarks) == 0
    assert float(losses.pose) < 1e-3
    assert float(losses.presence) < 1e-6
    worse = out._replace(landmarks=out.landmarks + 0.1, presence=-out.presence)
    assert float(atpn_loss(worse, truth(2, 1.0)).landmarks) > 10
    assert float(atpn_loss(worse, truth(2, 0.0)).total) == 0


def test_the_expected_error_of_an_exact_gaze_does_not_sink_below_a_degree() -> None:
    known = truth(1, 1.0)._replace(gaze=torch.tensor([[[0.0, 0.0, -1.0]] * 2]))
    for degrees, rises in ((0.5, True), (2.0, False)):
        log_sigma = torch.full((1, 2), math.log(math.radians(degrees)), requires_grad=True)
        spread_loss(known.gaze, log_sigma, known).backward()
        assert ((log_sigma.grad < 0) == rises).all(), "a step against the gradient"


def test_clicked_brows_teach_the_middle_and_nothing_about_the_edges() -> None:
    edges = torch.zeros(2, 98, 2, requires_grad=True)
    moved = brow_middles(edges, torch.tensor([1.0, 0.0]))
    upper, lower = landmark_layouts.BROW_EDGES98[0]
    moved[:, upper].sum().backward()
    assert edges.grad is not None
    assert edges.grad[0, upper, 0] == edges.grad[0, lower, 0] == 0.5
    assert (edges.grad[1, upper, 0], edges.grad[1, lower, 0]) == (1.0, 0.0)


SMALL = TrainSettings(
    steps=6, batch=4, warmup=2, save_every=3, network=AtpnSettings(width=4, gaze=True)
)


def a_source() -> TrainingSet:
    return TrainingSet([drawn(yaw=y) for y in (-0.3, 0.0, 0.3)], [], [])


def go(folder: Path, settings: TrainSettings = SMALL) -> Atpn:
    torch.set_num_threads(1)
    source = a_source()
    return train(settings, source, {"faces": source.renders}, folder, workers=0)


@pytest.mark.parametrize("order", ["together", "in_turn"])
def test_an_interrupted_run_goes_on_as_if_it_had_not_been(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, order: Literal["together", "in_turn"]
) -> None:
    settings = replace(SMALL, order=order, steps=8)
    whole = go(tmp_path / "whole", settings)

    class Interrupted(Exception):
        pass

    original = checkpoints.save

    def save_and_stop(*args: object) -> None:
        original(*args)  # type: ignore[arg-type]
        raise Interrupted

    monkeypatch.setattr(checkpoints, "save", save_and_stop)
    for _ in range(2):
        with pytest.raises(Interrupted):
            go(tmp_path / "cut", settings)
    monkeypatch.undo()
    resumed = go(tmp_path / "cut", settings)
    for a, b in zip(whole.state_dict().values(), resumed.state_dict().values(), strict=True):
        assert torch.equal(a, b)
    assert load_average(tmp_path / "cut" / "checkpoint.pt").settings == SMALL.network


def test_in_turn_teaches_alignment_and_then_the_heads_alone(tmp_path: Path) -> None:
    settings = replace(SMALL, order="in_turn", average=0.0, steps=6, save_every=3)
    kept: list[dict[str, torch.Tensor]] = []
    original = checkpoints.save

    def save_and_keep(path: Path, known: object, step: int, network: Atpn, *rest: object) -> None:
        original(path, known, step, network, *rest)  # type: ignore[arg-type]
        kept.append({k: v.clone() for k, v in network.state_dict().items()})

    torch.manual_seed(settings.seed)
    kept.append(Atpn(settings.network).state_dict())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoints, "save", save_and_keep)
        go(tmp_path, settings)
    begun, half, whole = kept
    for name, value in begun.items():
        moved = (not torch.equal(value, half[name]), not torch.equal(half[name], whole[name]))
        part = name.split(".")[0]
        aligns = part not in ("drawn", "heads", "cells", "coordinates", "mix", "pose", "presence",
                              "gaze")  # fmt: skip
        assert not moved[1 if aligns else 0], name
        if part in ("stem", "deep", "maps", "pose", "presence") and name.endswith(".weight"):
            assert moved[0 if aligns else 1], name
    rates = [settings.rate(i) for i in range(6)]
    assert rates[:3] == rates[3:], "each half has a schedule of its own"


def test_a_corrupt_or_foreign_checkpoint_is_named(tmp_path: Path) -> None:
    short = replace(SMALL, steps=3)
    go(tmp_path, short)
    with pytest.raises(DataError, match="other settings: steps"):
        go(tmp_path, replace(SMALL, steps=9))
    (tmp_path / "checkpoint.pt").write_bytes(b"nonsense")
    with pytest.raises(DataError, match=r"checkpoint\.pt: corrupt"):
        go(tmp_path, short)
    with pytest.raises(DataError, match="corrupt"):
        load_average(tmp_path / "checkpoint.pt")


def test_a_run_may_begin_with_what_another_learned(tmp_path: Path) -> None:
    source = a_source()
    learned = go(tmp_path / "first")
    still = replace(SMALL, steps=1, learning_rate=0.0, warmup=0, save_every=1)
    begun = train(
        still, source, {}, tmp_path / "second", workers=0,
        begin_with=tmp_path / "first" / "checkpoint.pt",
    )  # fmt: skip
    weight = begun.state_dict()["maps.weight"]
    assert torch.allclose(weight, learned.state_dict()["maps.weight"], atol=1e-6)


def test_a_batch_is_the_same_in_every_run_and_differs_between_processes() -> None:
    mix = BatchSettings(
        batch=3, steps=9, photographs_share=0.5, empty_share=0.2, clean_fraction=0.3, seed=1
    )
    source = a_source()
    one, again = (TrainingBatches(source, mix).batch(4)[0] for _ in range(2))
    other = TrainingBatches(source, mix, rank=1, count=2).batch(4)[0]
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


def test_each_kind_of_face_teaches_what_it_knows() -> None:
    known = drawn()
    photograph = replace(known, rotation=None, brow_middles=True)
    mix = BatchSettings(
        batch=40, steps=1, photographs_share=0.5, empty_share=0.0, clean_fraction=0.0, seed=1
    )
    _, *columns = TrainingBatches(TrainingSet([known], [photograph], []), mix).batch(0)
    truths = dict(zip(Truth._fields, columns, strict=True))
    assert 8 < truths["middles"].sum() < 32
    held = truths["landmark_weight"].sum(1) > 0
    assert (truths["pose_weight"][held] <= 1 - truths["middles"][held]).all()


def a_data_set(folder: Path, **changes: object) -> Path:
    (folder / "images").mkdir()
    sample = drawn()
    cv2.imwrite(str(folder / "images" / "a.png"), sample.image)
    row = {
        "file": "a.png", "split": "train",
        "landmarks68": landmark_layouts.to_ibug68(sample.landmarks).tolist(),
        "face_box_xywh_score": [60, 60, 150, 170, 0.9],
    } | changes  # fmt: skip
    (folder / "labels.json").write_text(json.dumps([row]))
    return folder


def test_a_data_set_is_read(tmp_path: Path) -> None:
    (sample,) = load_training_photographs(a_data_set(tmp_path), "train")
    assert sample.landmarks.shape == (98, 2)
    assert sample.detection == Box(135.0, 145.0, 150.0, 170.0)
    assert sample.weights.min() < sample.weights.max() == 1.0
    assert sample.rotation is None
    assert sample.brow_middles


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"file": "b.png"}, r"labels.json: b.png: file: images/b.png is missing"),
        ({"landmarks68": [[1, 2]] * 67}, r"a.png: landmarks68: has shape \(67, 2\)"),
        ({"landmarks68": [[float("nan"), 2]] * 68}, "a.png: landmarks68"),
        ({"split": "val"}, "no face of 'train'"),
        ({"split": None}, "a.png: split: expected a word"),
        ({"face_box_xywh_score": [60, 60]}, "a.png: face_box_xywh_score: has shape"),
    ],
)
def test_bad_data_names_the_file_and_the_field(
    tmp_path: Path, changes: dict[str, object], word: str
) -> None:
    with pytest.raises(DataError, match=word):
        load_training_photographs(a_data_set(tmp_path, **changes), "train")


def test_missing_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"labels\.json"):
        load_training_photographs(tmp_path, "train")
    with pytest.raises(AssetError, match="no ICT head"):
        load_points(tmp_path)


def test_progress_counts_in_the_eyes_distance() -> None:
    sample = drawn()
    apart = np.linalg.norm(sample.landmarks[60] - sample.landmarks[72])
    off = sample.landmarks + np.array([0.05 * apart, 0])
    assert annotated_nme(off, sample) == pytest.approx(5.0)
    told = validate(Atpn(AtpnSettings(width=4)).eval(), [sample, replace(sample, rotation=None)])
    assert np.isfinite([told.nme, told.degrees]).all()
    assert np.isnan(told.gaze)


def test_the_network_can_learn_a_face_by_heart() -> None:
    """A few steps on one crop must bring every loss down: wrong axes or signs would not."""
    torch.manual_seed(0)
    sample = drawn()
    example = face_crop(replace(sample, detection=None), np.random.default_rng(1))
    crops, *fields = (torch.from_numpy(v) for v in stack([example] * 4))
    wanted = Truth(*fields)
    network = Atpn(AtpnSettings(width=8))
    optimiser = torch.optim.Adam(network.parameters(), 3e-3)
    first = atpn_loss(network(crops), wanted)
    for _ in range(40):
        losses = atpn_loss(network(crops), wanted)
        optimiser.zero_grad()
        losses.total.backward()
        optimiser.step()
    assert float(losses.landmarks) < 0.3 * float(first.landmarks)
    assert float(losses.pose) < 0.3 * float(first.pose)


def test_a_checkpoint_with_older_names_is_resumed(tmp_path: Path) -> None:
    go(tmp_path, replace(SMALL, steps=3))
    path = tmp_path / "checkpoint.pt"
    state = torch.load(path, weights_only=True)
    state["settings"]["calm"] = state["settings"].pop("clean_fraction")
    state["settings"] |= {"teach": "all", "flip_consistency": 0.0}
    for part in ("network", "average"):
        state[part] = {k.replace("coordinates.", "places."): v for k, v in state[part].items()}
    torch.save(state, path)
    assert any(k.startswith("places.") for k in state["average"])
    assert load_average(path).settings == SMALL.network
    go(tmp_path, replace(SMALL, steps=3))
    state["settings"]["teach"] = "gaze"
    torch.save(state, path)
    with pytest.raises(DataError, match="other settings: teach"):
        go(tmp_path, replace(SMALL, steps=3))
