# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Fits a linear map from a model's landmarks to a data set's labelling convention.

Data sets place points differently, so a model that was not trained on a set's labels is evaluated
twice: as it is, and after an adapter. Each prediction is aligned with the mean prediction by a
similarity transform; there a ridge regression from all its points gives the offsets of the labelled
points. The penalty is chosen by five-fold cross-validation. The adapter is fitted on one split and
applied to another.

The adapter is only an evaluation instrument: it is never shipped and trains nothing, and it says
nothing about a model that was trained with those labels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from atpn_ros.learning.data.checks import DataError
from atpn_ros.learning.data.layouts import Layout
from atpn_ros.types import Floats

_PENALTIES = 10.0 ** np.arange(-6.0, 4.5, 0.5)
"""Candidates, in units of the mean square of the features."""
_FOLDS = 5
_ROUNDS = 4


@dataclass(frozen=True, slots=True)
class Adapter:
    """A fitted adapter.

    Attributes:
        layout: Of the predictions.
        mean: (K, 2) the mean prediction, of unit size about the origin.
        penalty: The one that cross-validation chose.
        weights: (2 K, 2 * 68).
        offset: (68, 2) of the mean prediction.
    """

    layout: Layout
    mean: Floats
    penalty: float
    weights: Floats
    offset: Floats

    def __call__(self, predicted: Floats) -> Floats:
        """(N, 68, 2) expected labels of (N, K, 2) predictions, pixels."""
        turns, centres = _to_mean(predicted, self.mean)
        aligned = (predicted - centres[:, None]) @ turns
        given = (aligned - self.mean).reshape(len(predicted), -1)
        offsets = (given @ self.weights).reshape(-1, 68, 2) + self.offset
        placed = self.layout.to68(aligned) + offsets
        return np.asarray(placed @ np.linalg.inv(turns) + centres[:, None])


def fit_adapter(predicted: Floats, labels68: Floats, layout: Layout) -> Adapter:
    """Fit on one split.

    Args:
        predicted: (N, K, 2) pixels, N >= 10.
        labels68: (N, 68, 2) pixels, iBUG's order.
        layout: Of the predictions.

    Raises:
        DataError: Too few faces, or a prediction whose points all fall together.
    """
    if len(predicted) < 2 * _FOLDS:
        raise DataError(f"{len(predicted)} faces are too few to fit an adapter")
    if not (np.ptp(predicted, axis=1) > 0).all():
        raise DataError("no adapter can be fitted: a prediction's points all fall together")
    mean = _mean_shape(predicted)
    turns, centres = _to_mean(predicted, mean)
    aligned = (predicted - centres[:, None]) @ turns
    labels = (labels68 - centres[:, None]) @ turns
    x = (aligned - mean).reshape(len(predicted), -1)
    y = (labels - layout.to68(aligned)).reshape(len(predicted), -1)
    penalty = _best_penalty(x, y)
    centre = x.mean(axis=0)
    weights = _ridge(x - centre, y - y.mean(axis=0), [penalty])[0]
    offset = y.mean(axis=0) - centre @ weights
    return Adapter(layout, mean, penalty, weights, offset.reshape(68, 2))


def _best_penalty(x: Floats, y: Floats) -> float:
    """The penalty with the least mean distance of points on the folds that were not fitted on."""
    folds = np.random.default_rng(0).permutation(len(x)) % _FOLDS
    errors = np.zeros(len(_PENALTIES))
    for fold in range(_FOLDS):
        kept, left = folds != fold, folds == fold
        cx, cy = x[kept].mean(axis=0), y[kept].mean(axis=0)
        for i, weights in enumerate(_ridge(x[kept] - cx, y[kept] - cy, _PENALTIES.tolist())):
            rest = y[left] - cy - (x[left] - cx) @ weights
            errors[i] += np.linalg.norm(rest.reshape(left.sum(), -1, 2), axis=-1).sum()
    return float(_PENALTIES[int(np.argmin(errors))])


def _ridge(x: Floats, y: Floats, penalties: list[float]) -> list[Floats]:
    """The weights of each penalty, for centred (N, P) features and (N, Q) targets."""
    u, s, vt = np.linalg.svd(x, full_matrices=False)
    projected = u.T @ y
    size = float((s**2).mean()) or 1.0
    return [vt.T @ ((s / (s**2 + p * size))[:, None] * projected) for p in penalties]


def _mean_shape(shapes: Floats) -> Floats:
    """(K, 2) the mean of aligned shapes (generalised Procrustes)."""
    mean = shapes[0] - shapes[0].mean(axis=0)
    mean = mean / np.linalg.norm(mean)
    for _ in range(_ROUNDS):
        turns, centres = _to_mean(shapes, mean)
        mean = ((shapes - centres[:, None]) @ turns).mean(axis=0)
        mean = (mean - mean.mean(axis=0)) / np.linalg.norm(mean - mean.mean(axis=0))
    return np.asarray(mean)


def _to_mean(shapes: Floats, mean: Floats) -> tuple[Floats, Floats]:
    """The similarity transform that aligns each of (N, K, 2) shapes with the mean.

    Returns:
        (N, 2, 2) turns with scale and (N, 2) centres: ``(shape - centre) @ turn``.
    """
    centres = shapes.mean(axis=1)
    local = shapes - centres[:, None]
    size = (local**2).sum(axis=(1, 2))
    # As complex numbers a turn with scale is one factor.
    a = (local * mean).sum(axis=(1, 2)) / size
    b = (local[..., 0] * mean[:, 1] - local[..., 1] * mean[:, 0]).sum(axis=1) / size
    return np.stack([np.stack([a, b], -1), np.stack([-b, a], -1)], axis=1), centres
