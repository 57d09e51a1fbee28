# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Exports true and false detections as face crops, to train the presence head.

They teach presence: a crop around a true find holds a face, however small, blurred, turned, cut off
or half hidden it is; one around a false find holds none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from atpn_ros.crop import cut
from atpn_ros.detectors import Detector, square_of
from atpn_ros.detectors.atpn import AtpnDetector
from atpn_ros.learning.data.checks import DataError
from atpn_ros.learning.detector.hard_negatives import Mined, read_mined
from atpn_ros.learning.detector.scene_cache import read_shard
from atpn_ros.learning.detector.scenes import Scene
from atpn_ros.types import Box, Floats, Image

_NONE = 0.15
"""Overlap with a face below which a detection is false."""
_SHIFT, _GROW = 0.07, 0.12
"""Spread of a true box's place and size, as a detector errs, in sides of the box."""


@dataclass(frozen=True, slots=True)
class Find:
    """A crop and whether it holds a face.

    Attributes:
        crop: (128, 128, 3) uint8 BGR, as the pipeline cuts it.
        face: Whether a face is there.
        size: Root of the box's area in the picture, pixels.
    """

    crop: Image
    face: bool
    size: float


def of_scene(
    rng: np.random.Generator, scene: Scene, detector: Detector | None, trues: int = 6
) -> Iterator[Find]:
    """Some of a scene's faces, found with errors, and the detector's false finds.

    Args:
        rng: Chooses faces and errors.
        scene: With its truth.
        detector: Asked for false finds; None: none are wanted.
        trues: Most faces that are taken.
    """
    faces = [Box.from_xyxy(*b) for b in scene.boxes.tolist()]
    others = [Box.from_xyxy(*b) for b in scene.ignored.tolist()]
    for i in rng.permutation(len(faces))[:trues]:
        yield _find(scene.image, _erring(rng, faces[i]), True)
    for find in detector.detect(scene.image) if detector is not None else ():
        overlap = max((find.box.iou(b) for b in (*faces, *others)), default=0.0)
        if overlap < _NONE and not _touches(find.box, (*faces, *others)):
            yield _find(scene.image, find.box, False)


def of_mined(rng: np.random.Generator, mined: Iterable[Mined]) -> Iterator[Find]:
    """Crops of mined finds, each once, with a small error."""
    for one in mined:
        yield _find(one.image, _erring(rng, one.box), False)


def _find(image: Image, box: Box, face: bool) -> Find:
    return Find(cut(image, square_of(box)), face, (box.width * box.height) ** 0.5)


def _erring(rng: np.random.Generator, box: Box) -> Box:
    side = (box.width * box.height) ** 0.5
    x, y = rng.normal(0, _SHIFT, 2) * side
    w, h = np.exp(rng.normal(0, _GROW, 2)) * (box.width, box.height)
    return Box(box.cx + float(x), box.cy + float(y), float(w), float(h))


def _touches(box: Box, others: tuple[Box, ...]) -> bool:
    """Whether the middle of another box lies in it, or its middle in another."""
    return any(_holds(box, o) or _holds(o, box) for o in others)


def _holds(box: Box, other: Box) -> bool:
    x0, y0, x1, y1 = box.xyxy
    return x0 < other.cx < x1 and y0 < other.cy < y1


def collect(
    folder: Path, out: Path, model: Path, score: float, shards: Iterable[int], seed: int = 0
) -> str:
    """Write crops of the detections in a training's scenes and mistakes; returns their number.

    Args:
        folder: Of the training.
        out: The file, see :func:`packed`.
        model: ONNX file of the detector.
        score: False finds below are left out.
        shards: Numbers of the files of scenes.
        seed: Chooses faces and errors.
    """
    detector, rng = AtpnDetector(model, score), np.random.default_rng(seed)
    finds: list[Find] = []
    for number in shards:
        path = folder / "pool" / f"scenes-{number:05d}.npz"
        for coded, boxes, ignored in read_shard(path) if path.exists() else ():
            image = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)
            finds += of_scene(rng, Scene(image, boxes, ignored), detector)
    for path in sorted(folder.glob("mined-?.npz")):
        finds += of_mined(rng, read_mined(path))
    if not finds:
        raise DataError(f"{folder}: holds no scenes (pool/scenes-*.npz)")
    np.savez(out, **packed(finds))
    true = sum(f.face for f in finds)
    return f"{true} crops of faces, {len(finds) - true} of none"


def packed(finds: Iterable[Find]) -> dict[str, Floats]:
    """Arrays ``crops`` (N, 128, 128, 3), ``label`` (N,) 1 for a face, ``size`` (N,) pixels."""
    rows = list(finds)
    return {
        "crops": np.stack([f.crop for f in rows]),
        "label": np.array([f.face for f in rows], np.uint8),
        "size": np.array([f.size for f in rows], np.float32),
    }
