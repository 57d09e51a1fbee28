# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Benchmarks of a crop and the network on it, for ATPN and for any ONNX landmark model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from atpn_ros.bench.frames import PERIOD_NS, FrameFunction
from atpn_ros.bench.pipeline_setup import load
from atpn_ros.crop import Crop, crop_from_landmarks, cut_batch
from atpn_ros.detectors.session import cpu_session
from atpn_ros.types import AtpnError, Frame, Image

LAYOUTS: dict[str, int] = {"ibug68": 68, "wflw98": 98, "hri70": 70, "mesh468": 468, "mesh478": 478}
"""Number of points of each landmark layout, by name."""


class UnusableModel(AtpnError):
    """A model that cannot be benchmarked; the message gives the reason."""


def our_crops(frames: Image, faces: int) -> tuple[FrameFunction, str]:
    """Crops of the tracked faces of a frame, and this package's network on them as one batch."""
    engine, crops = load(faces).engine, tracked_crops(frames, faces)

    def process(n: int) -> int:
        i = n % len(frames)
        return len(engine.run(cut_batch(frames[i], crops[i])).presence)

    return process, f"ATPN, crop and network ({engine.name})"


def their_crops(frames: Image, faces: int, path: Path, layout: str) -> tuple[FrameFunction, str]:
    """Crops of the tracked faces, scaled to 0..1, and another network on them, one face at a time.

    Raises:
        UnusableModel: The model cannot be run, or has no output of the layout's size.
    """
    session, name, size, first = _open(path)
    points = LAYOUTS[layout]
    kind = np.uint8 if session.get_inputs()[0].type == "tensor(uint8)" else np.float32

    def run(crop: Image) -> list[Any]:
        values = crop if kind is np.uint8 else crop.astype(np.float32) * np.float32(1 / 255)
        values = values.transpose(2, 0, 1) if first else values
        found: list[Any] = session.run(None, {name: np.ascontiguousarray(values[None])})
        return found

    try:
        shapes = [np.shape(v) for v in run(np.zeros((size, size, 3), np.uint8))]
    except Exception as error:  # ONNX Runtime's own types are not importable by name
        raise UnusableModel(
            f"{path}: cannot be run: {' '.join(str(error).split())[:200]}"
        ) from error
    if not any(_holds(shape, points) for shape in shapes):
        raise UnusableModel(
            f"{path}: none of its outputs {shapes} holds the {points} points of {layout}"
        )
    crops = tracked_crops(frames, faces)

    def process(n: int) -> int:
        i = n % len(frames)
        for crop in cut_batch(frames[i], crops[i], size):
            run(crop)
        return len(crops[i])

    return process, f"{path.name} ({layout}), crop and network"


def tracked_crops(frames: Image, faces: int) -> list[list[Crop]]:
    """The crops of the faces that the pipeline tracks in each frame."""
    setup = load(faces)
    out = []
    for n in range(-len(frames), len(frames)):  # a full loop first, so that all faces are tracked
        frame = Frame(frames[n % len(frames)], (n + len(frames) + 1) * PERIOD_NS)
        found = setup.pipeline.process(frame, setup.camera).faces
        out.append([crop_from_landmarks(f.landmarks) for f in found if f.landmarks is not None])
    return out[len(frames) :]


def _open(path: Path) -> tuple[Any, str, int, bool]:
    """The session, the input's name and side in pixels, and whether channels come first."""
    cv2.setNumThreads(1)
    try:
        session = cpu_session(path)
    except Exception as error:
        raise UnusableModel(
            f"{path}: cannot be loaded: {' '.join(str(error).split())[:200]}"
        ) from error
    inputs = session.get_inputs()
    shape = list(inputs[0].shape)
    if len(inputs) != 1 or len(shape) != 4 or 3 not in shape[1:]:
        raise UnusableModel(f"{path}: expected one image input with 3 channels, got {shape}")
    first = shape[1] == 3
    side = shape[2] if first else shape[1]
    if not isinstance(side, int):
        raise UnusableModel(f"{path}: the input {shape} has no fixed image size")
    return session, str(inputs[0].name), side, first


def _holds(shape: tuple[int, ...], points: int) -> bool:
    """Whether an output can hold that many points, as coordinates or as a heat map per point.

    >>> _holds((1, 136), 68), _holds((1, 468, 3), 468), _holds((1, 98, 64, 64), 98)
    (True, True, True)
    >>> _holds((1, 136), 98)
    False
    """
    size = int(np.prod(shape))
    return size in (2 * points, 3 * points) or (len(shape) == 4 and points in (shape[1], shape[3]))
