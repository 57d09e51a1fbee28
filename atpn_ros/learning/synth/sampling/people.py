# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Random people: head shape, skin, eyes, hair and accessories."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from atpn_ros import geometry
from atpn_ros.learning.synth.assets.library import Assets
from atpn_ros.learning.synth.assets.tones import Palette
from atpn_ros.learning.synth.sampling import accessories, ages, expressions
from atpn_ros.learning.synth.scene.description import Colour, Eyes, Person, Skin, to_colour
from atpn_ros.types import Floats

_HAIR: tuple[tuple[Colour, float], ...] = (
    ((0.012, 0.010, 0.009), 0.34),
    ((0.035, 0.022, 0.014), 0.24),
    ((0.085, 0.048, 0.026), 0.15),
    ((0.20, 0.12, 0.06), 0.09),
    ((0.42, 0.30, 0.16), 0.06),
    ((0.25, 0.07, 0.025), 0.03),
    ((0.30, 0.29, 0.28), 0.05),
    ((0.62, 0.60, 0.58), 0.04),
)
"""Hair colours and how often they come."""


def sample_person(
    assets: Assets,
    palette: Palette,
    rng: np.random.Generator,
    rotation: Floats,
    position: Floats,
    worn: float = 1.0,
    number: int = 0,
) -> Person:
    """A random person with the given rotation (head to camera) and position (sellion, metres)."""
    head = assets.head
    tone, layer, base = palette.sample(rng, len(assets.skins.base))
    aged = None if assets.ages is None else ages.sample_shape(assets.ages, rng)
    identity = _identity(assets, rng, layer) if aged is None else aged.identity
    size = 1.0 if aged is None else aged.size
    to_camera = -rotation.T @ position
    gaze = expressions.sample_gaze(
        rng, to_camera / np.linalg.norm(to_camera), expressions.EYE_GAP * size
    )
    weights = expressions.add_lid_motion(expressions.sample_expression(rng), gaze)
    hair = hair_colour(rng, tone)
    male = rng.random() < 0.5
    if aged is not None:
        hair, male = ages.hair_of_age(hair, aged.age, rng), aged.male
    bearded = male and rng.random() < 0.16 * worn
    torso = np.asarray(geometry.roll_pitch_yaw(rotation))
    # Hair that covers the face is rare.
    styles = np.array(
        [0.3 if s.face_coverage > 0.01 or s.texture is None else 1.0 for s in assets.styles]
    )
    wears = tuple(
        accessories.sample_accessories(rng, hair, to_colour(base), styles, bearded, torso, worn)
    )
    if aged is not None:
        wears = ages.worn_at_age(wears, aged, rng)
    styled = any(w.kind == "style" for w in wears)
    bald = not any(w.kind in ("style", "fur") and w.values[0] != 1.0 for w in wears)
    skin = Skin(
        layer=layer,
        mirrored=bool(rng.random() < 0.5),
        base=to_colour(base),
        other=int(rng.integers(len(assets.skins.base))),
        mix=float(rng.uniform(0, 0.6)) if rng.random() < 0.5 else 0.0,
        gloss=float(min(rng.gamma(2.0, 0.4), 1.6)),
        contrast=float(rng.uniform(0.75, 1.15)),
        stubble=_stubble(rng, male, bearded),
        buzz=0.0 if bald and rng.random() < 0.4 else 0.95,
        hairline=0.7 if styled else float(rng.uniform(0.2, 0.4)),
        hair_colour=hair,
        lashes=float(rng.uniform(0.15, 0.45) if male else rng.uniform(0.3, 0.8)),
        makeup=float(rng.uniform(0.2, 0.8)) if not male and rng.random() < 0.3 else 0.0,
        seed=float(rng.random()),
    )
    person = Person(
        number, identity, head.coefficients(**weights), rotation, position, skin,
        _eyes(assets, rng, tone, gaze), wears, tone,
    )  # fmt: skip
    if aged is None:
        return person
    return replace(person, skin=ages.skin_of_age(skin, aged), age=aged.age, size=size)


def _stubble(rng: np.random.Generator, male: bool, bearded: bool) -> float:
    """How dark the beard's roots are painted."""
    if bearded:
        return float(rng.uniform(0.35, 0.65))
    return float(rng.uniform(0.1, 0.55)) if male and rng.random() < 0.2 else 0.0


def _identity(assets: Assets, rng: np.random.Generator, layer: int) -> Floats:
    """A shape: chance, drawn some way towards the person whose skin it is."""
    count = len(assets.head.identity)
    own = assets.skins.identity[layer]
    pull = float(rng.uniform(0.0, 0.7))
    chance = rng.normal(0, 0.85, count)
    return np.asarray(np.clip(pull * own + np.sqrt(1 - pull**2) * chance, -2.5, 2.5))


def _eyes(assets: Assets, rng: np.random.Generator, tone: int, gaze: Floats) -> Eyes:
    count = len(assets.irises)
    if rng.random() < (0.55, 0.6, 0.75, 0.9, 0.97, 0.98)[tone]:
        # Brown from any texture: its structure with brown's colours.
        depth = float(rng.uniform(0.12, 0.75))
        tint = (1.0 * depth, 0.62 * depth, 0.42 * depth)
        iris = min(2, count - 1)
    else:
        iris = int(rng.integers(count))
        level = float(rng.uniform(0.45, 1.0))
        c = level * np.exp(rng.normal(0, 0.08, 3))
        tint = to_colour(c)
    return Eyes(iris, tint, float(rng.uniform(0.2, 0.5)), gaze)


def hair_colour(rng: np.random.Generator, tone: int) -> Colour:
    """A hair colour that goes with a tone: mostly black for dark skins."""
    p = np.array([w for _, w in _HAIR])
    if tone >= 3:
        p = p * (6, 2, 0.5, 0.1, 0.03, 0.05, 0.8, 0.8)
    i = int(rng.choice(len(p), p=p / p.sum()))
    colour = np.asarray(_HAIR[i][0]) * np.exp(rng.normal(0, 0.2) + rng.normal(0, 0.06, 3))
    if rng.random() < 0.02:
        colour = rng.random(3) ** 2 * 0.5  # dyed
    return to_colour(colour)
