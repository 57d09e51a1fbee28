# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Networks alone, on the same crops of the same frames: ours, and any landmark model in ONNX."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from atpn_ros.bench.pipeline_setup import load
from atpn_ros.bench.runner import PERIOD_NS
from atpn_ros.crop import Crop, crop_from_landmarks, cut_batch
from atpn_ros.types import AtpnError, Frame, Image

LAYOUTS: dict[str, int] = {"ibug68": 68, "wflw98": 98, "hri70": 70, "mesh468": 468, "mesh478": 478}
"""Names of landmark layouts, and their numbers of points."""

See = Callable[[int], int]


class BadPeer(AtpnError):
    """A model that cannot be compared; says why."""


def our_crops(frames: Image, faces: int) -> tuple[See, str]:
    """Cutting and network of this package."""
    engine, crops = load(faces).engine, tracked_crops(frames, faces)

    def see(n: int) -> int:
        i = n % len(frames)
        return len(engine.run(cut_batch(frames[i], crops[i])).presence)

    return see, f"ATPN, crop and network ({engine.name})"


def their_crops(frames: Image, faces: int, path: Path, layout: str) -> tuple[See, str]:
    """Cutting, turning into floats 0..1, and another network; one face after the other.

    Raises:
        BadPeer: It cannot be run, or gives other points than the layout has.
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
        raise BadPeer(f"{path}: cannot be run: {' '.join(str(error).split())[:200]}") from error
    if not any(_holds(shape, points) for shape in shapes):
        raise BadPeer(f"{path}: none of its outputs {shapes} holds the {points} points of {layout}")
    crops = tracked_crops(frames, faces)

    def see(n: int) -> int:
        i = n % len(frames)
        for crop in cut_batch(frames[i], crops[i], size):
            run(crop)
        return len(crops[i])

    return see, f"{path.name} ({layout}), crop and network"


def tracked_crops(frames: Image, faces: int) -> list[list[Crop]]:
    """For each frame the crops of the faces that are tracked there."""
    subject = load(faces)
    out = []
    for n in range(-len(frames), len(frames)):  # once around first, so that all are held
        frame = Frame(frames[n % len(frames)], (n + len(frames) + 1) * PERIOD_NS)
        found = subject.pipeline.process(frame, subject.camera).faces
        out.append([crop_from_landmarks(f.landmarks) for f in found if f.landmarks is not None])
    return out[len(frames) :]


def _open(path: Path) -> tuple[Any, str, int, bool]:
    """The session, its input's name, its side, and whether channels come first."""
    import onnxruntime as ort

    cv2.setNumThreads(1)
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise BadPeer(f"{path}: cannot be loaded: {' '.join(str(error).split())[:200]}") from error
    inputs = session.get_inputs()
    shape = list(inputs[0].shape)
    if len(inputs) != 1 or len(shape) != 4 or 3 not in shape[1:]:
        raise BadPeer(f"{path}: expected one input of pictures with 3 channels, has {shape}")
    first = shape[1] == 3
    side = shape[2] if first else shape[1]
    if not isinstance(side, int):
        raise BadPeer(f"{path}: its input {shape} leaves the picture's size open")
    return session, str(inputs[0].name), side, first


def _holds(shape: tuple[int, ...], points: int) -> bool:
    """Whether an output may be so many points: coordinates, or a map for each.

    >>> _holds((1, 136), 68), _holds((1, 468, 3), 468), _holds((1, 98, 64, 64), 98)
    (True, True, True)
    >>> _holds((1, 136), 98)
    False
    """
    size = int(np.prod(shape))
    return size in (2 * points, 3 * points) or (len(shape) == 4 and points in (shape[1], shape[3]))
