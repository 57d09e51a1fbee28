# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Turns a person into a statue: one material everywhere, no skin texture, blank eyes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from atpn_ros.learning.synth.scene.description import Colour, Person

_MATERIALS: tuple[Colour, ...] = (
    (0.75, 0.73, 0.70),  # marble
    (0.45, 0.42, 0.38),  # limestone
    (0.16, 0.15, 0.14),  # basalt
    (0.20, 0.13, 0.07),  # bronze
    (0.10, 0.22, 0.17),  # verdigris
    (0.38, 0.20, 0.12),  # terracotta
    (0.30, 0.19, 0.10),  # wood
    (0.80, 0.80, 0.80),  # plaster
)
"""Linear RGB albedo."""


def statue_of(person: Person, rng: np.random.Generator) -> Person:
    """The same head in one colour everywhere, hair and what is worn included."""
    material = _MATERIALS[int(rng.integers(len(_MATERIALS)))]
    material = _scaled(material, float(np.exp(rng.normal(0, 0.25))))
    skin = replace(
        person.skin, base=material, contrast=0.0, stubble=0.0, buzz=0.0, lashes=0.0, makeup=0.0,
        hair_colour=material, gloss=float(rng.uniform(0, 1.6)),
    )  # fmt: skip
    worn = tuple(replace(item, colour=material) for item in person.accessories)
    # A bright iris without a pupil reads as an eyeball of the same material.
    eyes = replace(person.eyes, tint=(6.0, 6.0, 6.0), pupil=0.02)
    return replace(person, skin=skin, accessories=worn, eyes=eyes, statue=True)


def _scaled(colour: Colour, factor: float) -> Colour:
    red, green, blue = (min(c * factor, 0.95) for c in colour)
    return red, green, blue
