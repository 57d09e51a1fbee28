# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Cuts rendered people out of their images, so that scenes can contain them beside photographs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from atpn_ros.learning.data.cutouts import Cutout
from atpn_ros.learning.data.labelled_face import LabelledFace
from atpn_ros.learning.data.renders import load_renders
from atpn_ros.learning.data.sprites import forehead, outline
from atpn_ros.learning.detector.segmentation import cut
from atpn_ros.learning.detector.source_photographs import Photograph
from atpn_ros.types import Floats


def cut_renders(folder: Path) -> Iterator[Cutout]:
    """The visible faces of rendered training images.

    Args:
        folder: Shards of ``atpn synth --part train``.

    Raises:
        DataError: The folder holds no renders.
    """
    for face in load_renders(folder):
        if face.presence and face.rotation is not None:
            points = turned_outline(face)
            yield cut(Photograph(face.name, face.image, points, face.landmarks, False, False))


def turned_outline(face: LabelledFace) -> Floats:
    """(60, 2) points that the box of a face with a known rotation contains.

    The forehead extends along the head's vertical axis as seen in the image, by the same share of
    the distance from chin to brows as in :func:`~atpn_ros.learning.data.sprites.outline`.
    """
    if face.rotation is None:
        raise ValueError(f"{face.name}: no rotation")
    return outline(face.landmarks, forehead(face.landmarks, face.rotation[:2, 2]))
