# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Random ages: the shape and size of a head of all ages, and the look that goes with an age."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from atpn_ros.learning.data.age_groups import GROUP_EDGES
from atpn_ros.learning.synth.assets.anny_files import AGES, GENDERS, ORIGINS
from atpn_ros.learning.synth.assets.library import AgedShapes
from atpn_ros.learning.synth.scene.description import Accessory, Colour, Skin, to_colour
from atpn_ros.types import Floats

_CHILD, _YOUTH, _ADULT, _ELDER = GROUP_EDGES

_FEATURES = 0.22
"""Standard deviation of a feature's change; 1 is the package's limit."""
_FEATURE_LIMIT = 0.6
_BUILD = {"muscle": 0.3, "weight": 0.4}
"""Standard deviations of the build; 1 is the package's limit."""


@dataclass(frozen=True, slots=True)
class AgedShape:
    """The shape of one person.

    Attributes:
        age: 0 a baby to 1 an old person.
        male: Whether hair and beard are a man's.
        identity: (I,) weights of the head's shapes.
        size: Size of the head over that of the head model.
    """

    age: float
    male: bool
    identity: Floats
    size: float


def sample_shape(shapes: AgedShapes, rng: np.random.Generator) -> AgedShape:
    """A random shape; the five age groups come equally often."""
    edges = (0.0, *GROUP_EDGES, 1.0)
    group = int(rng.integers(len(edges) - 1))
    age = float(rng.uniform(edges[group], edges[group + 1]))
    # Most faces are clearly a woman's or a man's; children's faces differ little anyway.
    male = float(rng.beta(0.5, 0.5))
    origin = rng.dirichlet([0.6] * len(ORIGINS))
    build = {name: float(np.clip(rng.normal(0, s), -1, 1)) for name, s in _BUILD.items()}
    features = dict.fromkeys(name[:-1] for name in shapes.names if name[-1] in "+-")
    chance = {name: float(rng.normal(0, _FEATURES)) for name in features}
    weights = shape_weights(shapes, age, male, origin, build, chance)
    return AgedShape(age, male > 0.5, weights, float(weights @ shapes.sizes))


def shape_weights(
    shapes: AgedShapes,
    age: float,
    male: float,
    origin: Floats,
    build: dict[str, float],
    features: dict[str, float],
) -> Floats:
    """(I,) weights of the shapes of one person.

    Args:
        shapes: Of the head.
        age: 0..1.
        male: 0 a woman to 1 a man.
        origin: (3,) shares of the package's three sets of shapes, with sum one.
        build: ``muscle`` and ``weight``, -1 the least to 1 the most.
        features: Change of a feature by name, -1..1.
    """
    stages = np.array(list(AGES.values()))
    hats = [float(np.interp(age, stages, np.eye(len(stages))[i])) for i in range(len(stages))]
    by_age = dict(zip(AGES, hats, strict=True))
    by_gender = dict(zip(GENDERS, (1.0 - male, male), strict=True))
    by_origin = dict(zip(ORIGINS, (float(v) for v in origin), strict=True))
    out = np.zeros(len(shapes.names))
    for i, name in enumerate(shapes.names):
        if name[-1] in "+-":
            value = float(np.clip(features.get(name[:-1], 0.0), -_FEATURE_LIMIT, _FEATURE_LIMIT))
            out[i] = max(value if name[-1] == "+" else -value, 0.0)
            continue
        first, second, *rest = name.split("-")
        if len(rest) == 1:
            out[i] = by_origin[first] * by_gender[second] * by_age[rest[0]]
            continue
        muscle, weight = rest
        kind, end = ("muscle", muscle) if weight == "average" else ("weight", weight)
        value = build.get(kind, 0.0) if end == "max" else -build.get(kind, 0.0)
        out[i] = by_gender[first] * by_age[second] * max(value, 0.0)
    return out


def hair_of_age(colour: Colour, age: float, rng: np.random.Generator) -> Colour:
    """The hair's colour: most old people's is grey or white."""
    grey = float(np.clip((age - 0.75) / 0.2, 0, 1)) * float(rng.uniform(0.3, 1.0))
    white = np.full(3, rng.uniform(0.25, 0.7))
    return to_colour(np.asarray(colour) * (1 - grey) + white * grey)


def skin_of_age(skin: Skin, shape: AgedShape) -> Skin:
    """The skin at an age: children have faint brows and smooth skin, no beard and no paint."""
    detail = float(np.interp(shape.age, (0, _CHILD, _YOUTH, _ADULT, _ELDER, 1),
                             (0.4, 0.55, 0.8, 1.0, 1.1, 1.25)))  # fmt: skip
    if shape.age >= _ADULT:
        return replace(skin, contrast=skin.contrast * detail)
    return replace(
        skin, contrast=skin.contrast * detail, stubble=0.0,
        makeup=0.0 if shape.age < _YOUTH else skin.makeup,
    )  # fmt: skip


def worn_at_age(
    items: tuple[Accessory, ...], shape: AgedShape, rng: np.random.Generator
) -> tuple[Accessory, ...]:
    """What a person of an age wears: no beard on children, little hair on babies."""
    out = []
    for item in items:
        beard = item.kind == "fur" and item.values[0] == 1.0
        hair = item.kind == "style" or (item.kind == "fur" and not beard)
        if beard and shape.age < _ADULT:
            continue
        if item.kind in ("glasses", "mask") and rng.random() > shape.age / _YOUTH:
            continue
        if hair and shape.age < _CHILD:
            if rng.random() < 0.6:
                thickness = float(rng.uniform(0.002, 0.006))
                density = float(rng.uniform(0.4, 0.9))
                out.append(Accessory("fur", item.colour, (0.0, thickness, density, 3.0)))
            continue
        if hair and shape.male and shape.age > _ELDER and rng.random() < 0.3:
            continue
        if item.kind == "shoulders":
            # Beside the head, a child's shoulders are narrow.
            narrow = float(np.interp(shape.age, (0, _YOUTH, _ADULT), (0.62, 0.85, 1.0)))
            values = (*item.values[:3], item.values[3] * narrow, *item.values[4:])
            item = replace(item, values=values)
        out.append(item)
    return tuple(out)
