# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""True-positive rate of presence on face crops at a given false-positive rate, by face size."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from atpn_ros.crop import Crop, cut
from atpn_ros.detectors.base import square_of
from atpn_ros.engines.base import Engine
from atpn_ros.learning.data.backgrounds import without_faces
from atpn_ros.learning.data.checks import DataError
from atpn_ros.learning.data.labelled_face import ImageFile
from atpn_ros.learning.evaluation.statistics import Estimate, estimate
from atpn_ros.types import Box, Floats, Image

SIZES: Mapping[str, tuple[float, float]] = {
    "16-24": (16, 24),
    "24-40": (24, 40),
    "16-40": (16, 40),
    "40-80": (40, 80),
    "over 80": (80, np.inf),
}
"""Root of the box's area, pixels."""

_PIECES, _SMALLEST, _SEED, _BATCH = 60, 20.0, 5, 32


@dataclass(frozen=True, slots=True)
class PresenceMetrics:
    """Of one model.

    Attributes:
        threshold: Presence that 1 % of the pieces without a face exceed.
        kept: Percent of the faces with at least that presence, by size.
        kept_at: Percent of all faces above the presences 0.5 and 0.7, which hold and start a track.
        taken_at: The same of the pieces without a face.
    """

    threshold: float
    kept: Mapping[str, Estimate | None]
    kept_at: Mapping[float, float]
    taken_at: Mapping[float, float]


def measure_presence(engine: Engine, scenes: Path, without_faces: Path) -> PresenceMetrics:
    """Measure on first crops of true boxes, and on random pieces of pictures without a face.

    Args:
        engine: The model.
        scenes: Folder with ``labels.json`` (``faces`` with ``xywh`` and ``ignore``) and pictures.
        without_faces: Folder with ``images/``, of which every tenth is held out and used.

    Raises:
        DataError: A folder cannot be used.
    """
    faces, sizes = _faces(scenes)
    true, false = _presence(engine, faces), _presence(engine, _pieces(without_faces))
    threshold = float(np.quantile(false, 0.99))
    kept = {
        name: estimate(100.0 * (true[(sizes >= low) & (sizes < high)] >= threshold))
        for name, (low, high) in SIZES.items()
    }
    return PresenceMetrics(
        threshold,
        kept,
        {t: float(100 * (true > t).mean()) for t in (0.5, 0.7)},
        {t: float(100 * (false > t).mean()) for t in (0.5, 0.7)},
    )


def _faces(folder: Path) -> tuple[list[Image], Floats]:
    path = folder / "labels.json"
    pictures = folder / "images" if (folder / "images").is_dir() else folder
    crops, sizes = [], []
    try:
        for row in json.loads(path.read_text()):
            image = ImageFile(pictures / str(row["file"])).read()
            for face in row["faces"]:
                x, y, w, h = (float(v) for v in face["xywh"])
                if not face.get("ignore"):
                    crops.append(cut(image, square_of(Box.from_xyxy(x, y, x + w, y + h))))
                    sizes.append((w * h) ** 0.5)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path}: {error}") from error
    if not crops:
        raise DataError(f"{path}: holds no face")
    return crops, np.array(sizes)


def _pieces(folder: Path) -> list[Image]:
    images = without_faces(folder, held_out=True) if (folder / "images").is_dir() else ()
    rng = np.random.default_rng(_SEED)
    pieces = []
    for _, image in images:
        height, width = image.shape[:2]
        for _ in range(_PIECES):
            x, y = float(rng.uniform(0, width)), float(rng.uniform(0, height))
            side = float(np.exp(rng.uniform(np.log(_SMALLEST), np.log(min(height, width)))))
            pieces.append(cut(image, Crop(x, y, side)))
    if not pieces:
        raise DataError(f"{folder}: holds no images/")
    return pieces


def _presence(engine: Engine, crops: Sequence[Image]) -> Floats:
    parts = [
        engine.run(np.stack(crops[i : i + _BATCH])).presence for i in range(0, len(crops), _BATCH)
    ]
    return np.concatenate(parts)
