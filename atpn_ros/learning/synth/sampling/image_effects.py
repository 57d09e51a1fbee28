# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Random image effects: blur, noise, exposure, colour cast, low resolution, JPEG."""

from __future__ import annotations

import numpy as np

from atpn_ros.learning.synth.scene.description import Effects


def sample_effects(rng: np.random.Generator, face: float, hard: float = 1.0) -> Effects:
    """Plausible faults for a face of ``face`` pixels; ``hard`` scales how often they come."""
    u = rng.uniform

    def often(chance: float) -> bool:
        return bool(rng.random() < chance * hard)

    shrink = float(np.exp(u(0, np.log(max(face / 20.0, 1.01))))) if often(0.3) else 1.0
    dark = often(0.12)
    level = (
        float(np.exp(u(np.log(0.15), np.log(0.6)))) if dark else float(np.exp(rng.normal(0, 0.12)))
    )
    cast = np.exp(rng.normal(0, 0.07 if often(0.4) else 0.02, 3))
    motion = (0.0, 0.0)
    if often(0.2):
        turn, length = u(0, 2 * np.pi), face * u(0.01, 0.09)
        motion = (float(np.cos(turn) * length), float(np.sin(turn) * length))
    noisy = dark or often(0.35)
    gain = tuple(float(np.clip(level * c, 0.05, 1.8)) for c in cast)
    return Effects(
        defocus=float(face * u(0.003, 0.022)) if often(0.25) else 0.0,
        motion=motion,
        gain=(gain[0], gain[1], gain[2]),
        contrast=float(np.exp(rng.normal(0, 0.12))),
        saturation=float(np.clip(rng.normal(1.0, 0.22), 0, 1.6)),
        vignette=float(u(0, 0.5)) if often(0.3) else 0.0,
        shrink=shrink,
        shot_noise=float(u(0.1, 0.9)) if noisy else 0.0,
        read_noise=float(u(0.5, 9.0 if dark else 5.0)) if noisy else 0.6,
        jpeg=int(u(25, 92)) if often(0.6) else 0,
        grey=often(0.06),
        seed=int(rng.integers(2**31)),
    )
