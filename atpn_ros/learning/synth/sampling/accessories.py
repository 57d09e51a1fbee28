# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Random choice of accessories: clothes, hair, beard, cap, glasses, mask, hands, objects."""

from __future__ import annotations

import numpy as np

from atpn_ros.learning.synth.scene.description import Accessory, Colour, to_colour
from atpn_ros.types import Floats

_METAL: tuple[Colour, ...] = ((0.02, 0.02, 0.02), (0.5, 0.48, 0.45), (0.5, 0.36, 0.15),
                              (0.12, 0.06, 0.03), (0.3, 0.02, 0.03), (0.03, 0.05, 0.2))  # fmt: skip
_CLOTH: tuple[Colour, ...] = ((0.7, 0.72, 0.74), (0.35, 0.55, 0.7), (0.02, 0.02, 0.025),
                              (0.1, 0.14, 0.3), (0.6, 0.35, 0.4))  # fmt: skip


def sample_accessories(
    rng: np.random.Generator, hair: Colour, skin: Colour, styles: Floats, bearded: bool,
    torso: Floats, often: float,
) -> list[Accessory]:  # fmt: skip
    """Clothes, hair, a beard; sometimes a cap, glasses, a mask, hands or an object.

    Args:
        rng: The scene's numbers.
        hair: Its colour.
        skin: Its colour, for the hands.
        styles: (N,) relative probability of each hair mesh.
        bearded: Whether a beard grows.
        torso: Roll, pitch and yaw of the head.
        often: Factor on how often anything but hair and clothes comes.
    """
    out = [_clothes(rng, torso)]
    r = rng.random()
    capped = rng.random() < 0.09 * often
    if r < 0.55 and len(styles) and not capped:
        stretch = rng.normal(1.0, 0.02, 3)
        number = float(rng.choice(len(styles), p=styles / styles.sum()))
        out.append(Accessory("style", hair, (number, *(float(s) for s in stretch))))
    elif r < 0.9:
        thickness = float(np.exp(rng.uniform(np.log(0.004), np.log(0.03))))
        thickness = min(thickness, 0.006) if capped else thickness
        shells = float(np.clip(round(thickness / 0.003), 3, 7))
        out.append(Accessory("fur", hair, (0.0, thickness, float(rng.uniform(0.8, 1.3)), shells)))
    if bearded:
        thickness = float(np.exp(rng.uniform(np.log(0.001), np.log(0.006))))
        out.append(Accessory("fur", hair, (1.0, thickness, float(rng.uniform(0.3, 0.6)), 4.0)))
    if capped:
        out.append(_cap(rng))
    if rng.random() < 0.16 * often:
        out.append(_glasses(rng))
    r = rng.random()
    if r < 0.05 * often:
        out.append(_mask(rng))
    elif r < 0.11 * often:
        out += [_hand(rng, skin) for _ in range(1 + int(rng.random() < 0.2))]
    elif r < 0.15 * often:
        out.append(_occluder(rng))
    return out


def _clothes(rng: np.random.Generator, torso: Floats) -> Accessory:
    """A top; the head is turned against the body by part of how it is turned in the picture."""
    share = rng.uniform(0.3, 0.7, 3) * (1.0, 0.8, 1.0)
    roll, pitch, yaw = (float(a) for a in np.clip(torso * share, -0.6, 0.6))
    colour = rng.random() ** 2 * np.exp(rng.normal(0, 0.4, 3)) * 0.8
    width, collar = float(rng.uniform(0.88, 1.12)), float(rng.random())
    return Accessory(
        "shoulders", to_colour(np.clip(colour, 0.01, 0.9)), (roll, pitch, yaw, width, collar)
    )


def _glasses(rng: np.random.Generator) -> Accessory:
    dark = rng.random() < 0.3
    tint = float(rng.uniform(0.6, 0.97)) if dark else float(rng.uniform(0.02, 0.12))
    lens = rng.random(3) * (0.08 if dark else 0.8)
    u = rng.uniform
    values = (u(0.022, 0.029), u(0.014, 0.024), u(0.0, 1.2), u(0.0007, 0.0024), u(-0.002, 0.007),
              tint, *lens)  # fmt: skip
    colour = _METAL[int(rng.integers(len(_METAL)))]
    return Accessory("glasses", colour, tuple(float(v) for v in values))


def _mask(rng: np.random.Generator) -> Accessory:
    """Mostly over the nose, sometimes under it."""
    top = float(rng.uniform(0.2, 0.6)) if rng.random() < 0.8 else float(rng.uniform(1.1, 1.3))
    colour = _CLOTH[int(rng.integers(len(_CLOTH)))]
    return Accessory("mask", colour, (top, float(rng.uniform(0.003, 0.007)), 2.0))


def _cap(rng: np.random.Generator) -> Accessory:
    kind = rng.random()
    brim, around = 0.0, 0.0
    if kind < 0.5:
        brim = float(rng.uniform(0.05, 0.075))
    elif kind < 0.65:
        brim, around = float(rng.uniform(0.04, 0.07)), 1.0
    colour = to_colour(np.clip(rng.random() ** 2 * np.exp(rng.normal(0, 0.6, 3)), 0.01, 0.8))
    low, room = float(rng.uniform(0.04, 0.062)), float(rng.uniform(0.012, 0.028))
    return Accessory("cap", colour, (low, room, brim, around))


def _hand(rng: np.random.Generator, skin: Colour) -> Accessory:
    u = rng.uniform
    side = 1.0 if rng.random() < 0.5 else -1.0
    values = (side * u(0.0, 0.07), u(-0.13, 0.03), u(0.006, 0.05), -side * u(-0.3, 1.1),
              u(-0.5, 0.5), u(-0.4, 0.5), u(0.0, 0.9), u(0.2, 1.2),
              float(rng.random() < 0.5))  # fmt: skip
    return Accessory("hand", skin, tuple(float(v) for v in values))


def _occluder(rng: np.random.Generator) -> Accessory:
    u = rng.uniform
    bent = float(rng.random()) if rng.random() < 0.5 else 0.0
    values = (u(-0.08, 0.08), u(-0.15, 0.05), u(0.01, 0.08), u(-1.5, 1.5), u(0.05, 0.12),
              u(0.06, 0.18), bent)  # fmt: skip
    colour = to_colour(np.clip(rng.random() * np.exp(rng.normal(0, 0.7, 3)), 0.01, 0.9))
    return Accessory("occluder", colour, tuple(float(v) for v in values))
