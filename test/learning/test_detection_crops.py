# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Tests of crops of a detector's finds, which train presence alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from atpn_ros.learning.data.augment import find_crop
from atpn_ros.learning.data.batches import BatchSettings, TrainingBatches, TrainingSet, Truth
from atpn_ros.learning.data.checks import DataError
from atpn_ros.learning.data.detection_crops import load_detection_crops
from atpn_ros.learning.data.labelled_face import LabelledFace
from atpn_ros.learning.data.layouts import WFLW98


def write(path: Path, **changes: np.ndarray) -> Path:
    arrays = {"crops": np.full((4, 128, 128, 3), 90, np.uint8), "label": np.array([1, 0, 1, 0])}
    np.savez(path, **(arrays | changes))
    return path


def test_finds_train_presence_and_nothing_else(tmp_path: Path) -> None:
    finds = load_detection_crops(write(tmp_path / "finds.npz"))
    face = LabelledFace(
        np.full((90, 90, 3), 40, np.uint8),
        np.random.default_rng(0).uniform(20, 70, (98, 2)),
        WFLW98,
    )
    data = TrainingSet([face], [], [], finds)
    batches = TrainingBatches(data, BatchSettings(64, 1, 0.5, 0.0, 0.0, 1, finds_share=1.0))
    crops, *truth = batches.batch(0)
    fields = dict(zip(Truth._fields, truth, strict=True))
    assert (crops == 90).all()
    assert set(fields["presence"].tolist()) == {0.0, 1.0}
    assert fields["presence_weight"].all()
    assert not any(fields[name].any() for name in ("landmark_weight", "pose_weight", "gaze_weight"))


def test_a_face_in_the_dark_counts_as_neither() -> None:
    dark = np.zeros((128, 128, 3), np.uint8)
    rng = np.random.default_rng(0)
    assert find_crop(dark, 1.0, rng).presence_weight == 0
    assert find_crop(dark, 0.0, rng).presence_weight == 1


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"crops": np.zeros((4, 64, 64, 3), np.uint8)}, "crops"),
        ({"crops": np.zeros((4, 128, 128, 3), np.float32)}, "crops"),
        ({"label": np.array([0, 1, 2, 1])}, "label"),
        ({"label": np.zeros(0)}, "crops"),
    ],
)
def test_another_archive_is_named(
    tmp_path: Path, changes: dict[str, np.ndarray], word: str
) -> None:
    with pytest.raises(DataError, match=rf"finds\.npz: {word}"):
        load_detection_crops(write(tmp_path / "finds.npz", **changes))
    (tmp_path / "none.npz").write_bytes(b"x")
    with pytest.raises(DataError, match=r"none\.npz"):
        load_detection_crops(tmp_path / "none.npz")
