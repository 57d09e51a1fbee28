# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Rendered faces as the trainer wants them, drawn once and kept as numbered ``.npz`` shards."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from atpn_ros.learning.data import DataError, Sample

_FIELDS = ("images", "landmarks", "rotations", "gazes", "eyes_open")


def save_shard(path: Path, samples: list[Sample]) -> None:
    """Write samples that have a gaze; whole or not at all.

    Raises:
        DataError: One has none.
    """
    gazes = [s.gaze for s in samples if s.gaze is not None]
    if len(gazes) != len(samples):
        raise DataError(f"{path}: a sample has no gaze")
    part = path.with_suffix(".part.npz")
    np.savez(
        part,
        images=np.stack([s.image for s in samples]),
        landmarks=np.stack([s.landmarks for s in samples]),
        rotations=np.stack([s.rotation for s in samples]),
        gazes=np.stack(gazes),
        eyes_open=np.array([s.eyes_open for s in samples]),
    )
    part.replace(path)


def load_shards(folder: Path) -> list[Sample]:
    """All samples of a folder's shards, in order.

    Raises:
        DataError: There is none, or one is damaged; names the file.
    """
    samples: list[Sample] = []
    for path in sorted(p for p in folder.glob("*.npz") if not p.name.endswith(".part.npz")):
        try:
            with np.load(path, allow_pickle=False) as shard:
                images, landmarks, rotations, gazes, eyes_open = (shard[f] for f in _FIELDS)
        except (OSError, KeyError, ValueError) as error:
            raise DataError(f"{path}: not a shard of renders: {error}") from error
        if landmarks.shape[1:] != (98, 2) or not np.isfinite(landmarks).all():
            raise DataError(f"{path}: landmarks: {landmarks.shape}, or not finite")
        for i in range(len(images)):
            samples.append(
                Sample(
                    images[i], landmarks[i], np.ones(98), rotations[i], None,
                    f"{path.name}[{i}]", gazes[i], (float(eyes_open[i][0]), float(eyes_open[i][1])),
                )
            )  # fmt: skip
    if not samples:
        raise DataError(f"{folder}: holds no shard of renders")
    return samples
