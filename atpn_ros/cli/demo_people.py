# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Cuts two people out of public-domain portraits that ship with scikit-image and matplotlib."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from atpn_ros.bench.sample_image import FACE_CENTER, portrait
from atpn_ros.types import Floats, Image

_COLLINS = (
    (0, 512), (22, 480), (24, 440), (40, 320), (60, 265), (110, 220), (120, 180), (150, 154),
    (182, 151), (181, 130), (168, 118), (155, 100), (153, 76), (162, 52), (185, 33), (205, 19),
    (230, 15), (262, 19), (285, 41), (298, 66), (300, 95), (293, 115), (280, 130), (272, 150),
    (262, 172), (288, 198), (303, 236), (330, 258), (350, 288), (360, 348), (400, 346), (450, 358),
    (488, 410), (500, 470), (512, 512),
)  # fmt: skip
_HOPPER = (
    (0, 600), (22, 500), (37, 422), (77, 380), (150, 347), (200, 319), (191, 295), (167, 280),
    (162, 255), (161, 220), (157, 190), (155, 140), (157, 102), (176, 86), (179, 66), (200, 46),
    (220, 38), (240, 26), (265, 24), (300, 37), (330, 52), (350, 76), (353, 90), (369, 102),
    (369, 175), (374, 195), (369, 240), (359, 262), (353, 290), (340, 308), (326, 320), (345, 341),
    (440, 367), (489, 387), (502, 422), (511, 480), (511, 600),
)  # fmt: skip
"""Outlines in pixels of the photographs."""

_BELOW = 2.5
"""Height of the clothes that are added below the photograph, over the photograph's height."""


@dataclass(frozen=True, slots=True)
class Person:
    """A cut-out person.

    Attributes:
        image: (H, W, 4) uint8: BGR multiplied by opacity, and opacity; with clothes added below.
        face: (x, y) of the centre of the face, pixels.
        face_height: Pixels from the chin to the brows.
    """

    image: Image
    face: Floats
    face_height: float


def people() -> list[Person]:
    """Two people: Eileen Collins (NASA) and Grace Hopper (US Navy), both in the public domain.

    Without matplotlib, which contains the second photograph, the second person is the first one
    mirrored.

    Raises:
        SampleImageMissing: scikit-image is not installed.
    """
    first = _cut(portrait(), _COLLINS, FACE_CENTER, 105.0)
    path = _hopper()
    photograph = None if path is None else cv2.imread(str(path))
    if photograph is None or photograph.shape != (600, 512, 3):
        face = np.array([first.image.shape[1] - 1 - first.face[0], first.face[1]])
        return [first, Person(first.image[:, ::-1].copy(), face, first.face_height)]
    image = np.asarray(photograph, np.uint8)
    return [first, _cut(image, _HOPPER, np.array([264.0, 215.0]), 190.0, 0.5)]


def _hopper() -> Path | None:
    """The path of the photograph in matplotlib, without importing it."""
    found = importlib.util.find_spec("matplotlib")
    if found is None or found.origin is None:
        return None
    path = Path(found.origin).parent / "mpl-data" / "sample_data" / "grace_hopper.jpg"
    return path if path.is_file() else None


def _cut(
    photograph: Image,
    outline: tuple[tuple[int, int], ...],
    face: Floats,
    face_height: float,
    scale: float = 1.0,
) -> Person:
    """Cut a person out of a photograph, and reduce it by ``scale``."""
    height, width = photograph.shape[:2]
    mask = np.zeros((height, width), np.uint8)
    cv2.fillPoly(mask, [np.array(outline, np.int32)], 255, cv2.LINE_AA)
    # Narrower by 3 pixels, which have the colour of the background.
    narrow = cv2.GaussianBlur(cv2.erode(mask, np.ones((7, 7), np.uint8)), (0, 0), 1.5)
    below = round(_BELOW * height)
    opacity = np.concatenate([narrow, np.repeat(narrow[-1:], below, axis=0)])
    clothes = np.median(photograph[-24:][narrow[-24:] > 200], axis=0)
    image = np.concatenate([photograph, np.full((below, width, 3), clothes, np.uint8)])
    weighted = cv2.multiply(image, cv2.cvtColor(opacity, cv2.COLOR_GRAY2BGR), scale=1 / 255)
    cut = np.asarray(np.concatenate([weighted, opacity[..., None]], axis=2), np.uint8)
    if scale != 1:
        size = round(cut.shape[1] * scale), round(cut.shape[0] * scale)
        cut = np.asarray(cv2.resize(cut, size, interpolation=cv2.INTER_AREA), np.uint8)
    return Person(cut, face * scale, face_height * scale)
