# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Stores labelled faces that are ready for training in one small file, with pictures as WebP.

All preparation (landmarks and rotations that a network estimates, the layout of a data set) is done
before they are stored, so that a training on another machine needs this file alone.
"""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from atpn_ros.files import atomic_replace
from atpn_ros.learning.data.checks import DataError, stored_arrays
from atpn_ros.learning.data.encoded_images import decode_images, encode_images
from atpn_ros.learning.data.labelled_face import LabelledFace
from atpn_ros.learning.data.layouts import WFLW98
from atpn_ros.types import Box, Floats, Image

SUFFIX = ".npz"
"""Suffix of files of packed faces; a data set in place of one is a folder."""

_OPTIONAL = {"points": (98, 2), "weights": (98,), "rotation": (3, 3), "gaze": (2, 3)}
"""Fields that may be missing (stored as NaN), and their shapes."""


def save_packed_faces(path: Path, faces: Sequence[LabelledFace], quality: int) -> None:
    """Write faces, and pictures without a face, atomically.

    The fields ``box``, ``tone`` and ``tags`` are not kept: training uses none of them.

    Args:
        path: To write.
        faces: With 98 landmarks each, or without a face.
        quality: Of the pictures, 1..100.

    Raises:
        DataError: A face has other landmarks.
    """
    for face in faces:
        if face.points is not None and face.layout != WFLW98:
            raise DataError(f"{face.name}: {face.layout.name} landmarks cannot be packed")
    arrays: dict[str, Any] = {
        name: np.stack(
            [np.full(shape, np.nan) if (v := getattr(f, name)) is None else v for f in faces]
        ).astype(np.float32)
        for name, shape in _OPTIONAL.items()
    }
    arrays["detection"] = np.array(
        [[np.nan] * 4 if (b := f.detection) is None else [b.cx, b.cy, b.width, b.height]
         for f in faces], np.float32,
    )  # fmt: skip
    arrays["overlap"] = np.array([np.nan if f.overlap is None else f.overlap for f in faces])
    for name in ("eyes_open", "eyes_seen", "presence", "brow_middles"):
        arrays[name] = np.array([getattr(f, name) for f in faces], bool)
    arrays["names"] = np.array([f.name for f in faces])
    arrays["pictures"], arrays["picture_lengths"] = encode_images([f.image for f in faces], quality)
    opacities = [f.opacity for f in faces if f.opacity is not None]
    arrays["opacities"], arrays["opacity_lengths"] = encode_images(opacities, quality)
    arrays["has_opacity"] = np.array([f.opacity is not None for f in faces], bool)
    with atomic_replace(path) as part:
        np.savez_compressed(part, **arrays)


def load_packed_faces(path: Path) -> list[LabelledFace]:
    """The faces of :func:`save_packed_faces`, and the pictures without one.

    Raises:
        DataError: The file is missing or damaged.
    """
    try:
        v = stored_arrays(path)
        pictures = decode_images(v["pictures"], v["picture_lengths"])
        opacities = iter(decode_images(v["opacities"], v["opacity_lengths"], grey=True))
        return [_face(v, i, picture, opacities) for i, picture in enumerate(pictures)]
    except (OSError, KeyError, ValueError, EOFError, IndexError, zipfile.BadZipFile) as error:
        raise DataError(f"{path}: not a file of packed faces: {error}") from error
    except DataError as error:
        raise DataError(f"{path}: {error}") from error


def _face(v: dict[str, Any], i: int, picture: Image, opacities: Any) -> LabelledFace:
    known: dict[str, Floats | None] = {name: _known(v[name][i]) for name in _OPTIONAL}
    found, overlap = _known(v["detection"][i]), _known(v["overlap"][i])
    return LabelledFace(
        picture,
        layout=WFLW98,
        name=str(v["names"][i]),
        eyes_open=(bool(v["eyes_open"][i, 0]), bool(v["eyes_open"][i, 1])),
        eyes_seen=(bool(v["eyes_seen"][i, 0]), bool(v["eyes_seen"][i, 1])),
        presence=bool(v["presence"][i]),
        detection=None if found is None else Box(*(float(x) for x in found)),
        brow_middles=bool(v["brow_middles"][i]),
        overlap=None if overlap is None else float(overlap),
        opacity=next(opacities) if v["has_opacity"][i] else None,
        **known,
    )


def _known(values: Floats) -> Floats | None:
    """Stored values, or None where they are NaN."""
    return None if np.isnan(values).any() else np.asarray(values, np.float64)
