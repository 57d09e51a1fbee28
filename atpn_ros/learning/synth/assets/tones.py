# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Skin tones: six bins of the individual typology angle (ITA) of the albedo, light to dark."""

from __future__ import annotations

import numpy as np

from atpn_ros.types import Floats

EDGES = (55.0, 41.0, 28.0, 10.0, -30.0)
"""ITA in degrees: above the first is bin 0 (very light), below the last bin 5 (dark)."""
_LIGHTEST, _DARKEST = 64.0, -52.0
_ALBEDO = 0.82
"""The portraits' exposure over albedo."""


def ita(linear: Floats) -> float:
    """Individual typology angle in degrees of a linear RGB albedo (D65, CIE Lab).

    >>> round(ita(np.array([0.5, 0.5, 0.5])))
    90
    """
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    f = np.cbrt(np.maximum(xyz @ linear / (0.9505, 1.0, 1.089), 1e-6))
    lightness, b = 116 * f[1] - 16, 200 * (f[1] - f[2])
    return float(np.degrees(np.arctan2(lightness - 50, b)))


def tone_bin(angle: float) -> int:
    """The bin of an angle.

    >>> [tone_bin(a) for a in (60, 50, 30, 20, 0, -40)]
    [0, 1, 2, 3, 4, 5]
    """
    return int(sum(angle < edge for edge in EDGES))


class Palette:
    """Plausible skin colours, from the colours of real skins.

    Args:
        base: (N, 3) linear RGB of the skins.
    """

    def __init__(self, base: Floats) -> None:
        colour = base * _ALBEDO
        luma = np.log(colour @ (0.2126, 0.7152, 0.0722))
        ratios = np.log(colour[:, [0, 2]] / colour[:, [1]])
        a = np.c_[np.ones(len(luma)), luma, luma**2] if len(luma) > 4 else np.ones((len(luma), 1))
        self._fit = np.linalg.lstsq(a, ratios, rcond=None)[0]
        self._own = ratios - a @ self._fit
        self._lumas = np.linspace(np.log(0.028), np.log(0.68), 80)
        self._range = float(luma.min()), float(luma.max())
        self._angles = np.array([ita(self._colour(y, np.zeros(2))) for y in self._lumas])
        self.angles = np.array([ita(c) for c in colour])
        """ITA of each real skin."""

    def _colour(self, luma: float, own: Floats) -> Floats:
        y = float(np.clip(luma, *self._range))
        ratio = np.array([1.0, y, y * y])[: len(self._fit)] @ self._fit + own
        rgb = np.array([np.exp(ratio[0]), 1.0, np.exp(ratio[1])])
        return np.asarray(rgb * np.exp(luma) / (rgb @ (0.2126, 0.7152, 0.0722)))

    def sample(self, rng: np.random.Generator, layer_count: int) -> tuple[int, int, Floats]:
        """(tone bin, skin, its base colour): bins evenly, skins near the tone preferred."""
        wanted = int(rng.integers(6))
        edges = (_LIGHTEST, *EDGES, _DARKEST)
        angle = float(rng.uniform(edges[wanted + 1] + 0.5, edges[wanted] - 0.5))
        near = np.exp(-np.abs(self.angles[:layer_count] - angle) / 14) + 0.003
        layer = int(rng.choice(layer_count, p=near / near.sum()))
        order = np.argsort(self._angles)
        luma = float(np.interp(angle, self._angles[order], self._lumas[order]))
        own = self._own[layer] * rng.uniform(0.2, 1.0) + rng.normal(0, (0.03, 0.04))
        colour = self._colour(luma, own)
        for _ in range(3):  # the person's own hue moves the angle a little: correct it
            luma += (angle - ita(colour)) * 0.012
            colour = self._colour(luma, own)
        colour = np.clip(colour, 0.012, 0.85)
        return tone_bin(ita(colour)), layer, colour
