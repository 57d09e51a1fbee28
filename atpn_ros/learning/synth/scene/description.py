# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Dataclasses that describe a scene: camera, people, accessories, light, background, effects.

Lengths are metres, angles radians, colours linear RGB. The camera frame is the image's optical
frame; the head frame is that of :mod:`atpn_ros.types`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from atpn_ros.types import Floats

Colour = tuple[float, float, float]
"""Linear RGB."""


def to_colour(values: Floats) -> Colour:
    """A (3,) array as a colour."""
    return float(values[0]), float(values[1]), float(values[2])


@dataclass(frozen=True, slots=True)
class SceneCamera:
    """A pinhole without distortion; pixel centres are at integers."""

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float

    @property
    def matrix(self) -> Floats:
        """(3, 3) camera matrix."""
        return np.array([[self.fx, 0, self.cx], [0, self.fy, self.cy], [0, 0, 1.0]])

    def project(self, points: Floats) -> Floats:
        """(..., 2) pixels of (..., 3) points in the camera frame with z > 0.

        >>> SceneCamera(8, 8, 10, 10, 3.5, 3.5).project(np.array([0.1, 0.0, 2.0])).tolist()
        [4.0, 3.5]
        """
        xy = points[..., :2] / points[..., 2:]
        return xy * (self.fx, self.fy) + (self.cx, self.cy)


@dataclass(frozen=True, slots=True)
class Skin:
    """The look of a skin: which photograph's detail, and on which colour."""

    layer: int
    mirrored: bool
    base: Colour
    other: int
    mix: float
    """Share of the other photograph's detail, outside brows, lips and eyes."""
    gloss: float
    contrast: float
    """Exponent on the detail: 1 as photographed."""
    stubble: float
    buzz: float
    """How dense short hair on the scalp is painted, 0..1."""
    hairline: float
    """How far inside the scalp that paint begins: 0 at its soft edge, 1 deep inside."""
    hair_colour: Colour
    lashes: float
    makeup: float
    seed: float


@dataclass(frozen=True, slots=True)
class Eyes:
    """Two irises and where they look: (2, 3) unit vectors in the head frame, right eye first."""

    iris: int
    tint: Colour
    pupil: float
    gaze: Floats


@dataclass(frozen=True, slots=True)
class Accessory:
    """Something a person wears or holds, such as hair, glasses or a mask.

    ``values`` are the parameters of its mesh (see the functions of ``accessories``).
    """

    kind: str
    colour: Colour
    values: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Person:
    """One person. ``position`` is the sellion in the camera frame, ``rotation`` head to camera.

    A ``statue`` has the shape of a person and does not count as a face. ``age`` is that of a head
    of all ages, 0 a baby to 1 an old person; None for a head without ages. ``size`` is that of the
    head over the head model's.
    """

    id: int
    identity: Floats
    expression: Floats
    rotation: Floats
    position: Floats
    skin: Skin
    eyes: Eyes
    accessories: tuple[Accessory, ...] = ()
    tone: int = 0
    statue: bool = False
    age: float | None = None
    size: float = 1.0


@dataclass(frozen=True, slots=True)
class Lamp:
    """A far light with a sharp shadow; ``direction`` points to it, camera frame."""

    direction: Floats
    colour: Colour


@dataclass(frozen=True, slots=True)
class Light:
    """A panorama as light, and at most one lamp.

    Attributes:
        panorama: Which one.
        rotation: (3, 3) camera frame to panorama frame (x right, y down, z ahead).
        strength: Factors on the panorama's channels; its mean radiance was brought to 1 before.
        lamp: Or None.
    """

    panorama: int
    rotation: Floats
    strength: Colour
    lamp: Lamp | None = None


@dataclass(frozen=True, slots=True)
class Effects:
    """What lens and sensor do, in the order of the fields. Lengths are pixels of the result."""

    defocus: float = 0.0
    motion: tuple[float, float] = (0.0, 0.0)
    background_blur: float = 0.0
    gain: Colour = (1.0, 1.0, 1.0)
    """Per channel, before noise: light level and colour cast."""
    contrast: float = 1.0
    saturation: float = 1.0
    vignette: float = 0.0
    shrink: float = 1.0
    """The sensor has this many times fewer pixels; the picture is enlarged again."""
    shot_noise: float = 0.0
    read_noise: float = 0.0
    jpeg: int = 0
    """Quality, 0 for none."""
    grey: bool = False
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Backdrop:
    """The background: ``kind`` is "panorama", "noise", "shapes" or "plain"."""

    kind: str
    seed: int
    colours: tuple[Colour, Colour] = ((0.5, 0.5, 0.5), (0.3, 0.3, 0.3))


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything that determines a picture and its labels."""

    camera: SceneCamera
    people: tuple[Person, ...]
    light: Light
    backdrop: Backdrop
    effects: Effects = field(default_factory=Effects)
