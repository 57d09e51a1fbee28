# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Measures a detector on held-out turned heads and on held-out images without a face."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from atpn_ros.detectors import Detection, Detector
from atpn_ros.engines import Engine
from atpn_ros.learning.data.backgrounds import without_faces
from atpn_ros.learning.data.checks import DataError
from atpn_ros.learning.data.held_out import POINTING_PEOPLE
from atpn_ros.learning.data.labelled_face import ImageFile
from atpn_ros.learning.detector.pipeline_recall import hold
from atpn_ros.pipeline.pipeline import PipelineSettings
from atpn_ros.types import Box

_MOST = 3.0
"""Largest size of a detection, over that of the labelled inner face."""
_STRAIGHT = 31
"""Heads tilted further up or down, in degrees, are counted separately."""


@dataclass(frozen=True, slots=True)
class Turned:
    """Heads of one pan.

    Attributes:
        pan: Degrees, either side.
        steep: Whether they are tilted by more than 30 degrees.
        heads: How many.
        found: How many of them the detector found.
        held: How many the pipeline held after equal frames.
    """

    pan: int
    steep: bool
    heads: int
    found: int
    held: int


def turned_heads(
    folder: Path, detector: Detector, engine: Engine, settings: PipelineSettings
) -> list[Turned]:
    """Pointing'04's held-out people, by pan.

    Args:
        folder: With ``labels.json`` and ``images``.
        detector: At its usual score.
        engine: Runs the face network.
        settings: Of the pipeline.

    Raises:
        DataError: The set is missing or made otherwise.
    """
    sums: dict[tuple[bool, int], list[int]] = {}
    try:
        for row in json.loads((folder / "labels.json").read_text()):
            if row["person"] not in POINTING_PEOPLE:
                continue
            image = ImageFile(folder / "images" / row["file"]).read()
            (x, y), (w, h) = row["centre_xy"], row["size_wh"]
            finds = detector.detect(image)
            held = hold(image, finds, detector.name, engine, settings)
            face = Box(x, y, w, h)
            sum_ = sums.setdefault((abs(row["tilt"]) > _STRAIGHT, abs(row["pan"])), [0, 0, 0])
            sum_[0] += 1
            sum_[1] += any(_on(find.box, face) for find in finds)
            sum_[2] += any(_on(box, face) for box in held)
    except (OSError, KeyError, ValueError) as error:
        raise DataError(f"{folder}: not Pointing'04: {error!r}") from error
    return [Turned(pan, steep, *sums[steep, pan]) for steep, pan in sorted(sums)]


def _on(find: Box, face: Box) -> bool:
    """Whether a detection contains the middle of a labelled inner face and is not much larger."""
    x0, y0, x1, y1 = find.xyxy
    larger = (find.width * find.height / max(face.width * face.height, 1e-9)) ** 0.5
    return x0 < face.cx < x1 and y0 < face.cy < y1 and 1 / _MOST < larger < _MOST


@dataclass(frozen=True, slots=True)
class Empty:
    """Images without a face that are not in the training data.

    Attributes:
        pictures: How many.
        found: In how many of them the detector found something.
        held: In how many something was held after equal frames.
    """

    pictures: int
    found: int
    held: int


def empty_pictures(
    folder: Path, detector: Detector, engine: Engine, settings: PipelineSettings
) -> Empty:
    """See :class:`Empty`; the folder is ``nofaces``."""
    pictures, found, held = 0, 0, 0
    for _, image in without_faces(folder, held_out=True):
        finds: list[Detection] = detector.detect(image)
        pictures += 1
        found += bool(finds)
        held += bool(hold(image, finds, detector.name, engine, settings))
    return Empty(pictures, found, held)


def format_results(turned: list[Turned], empty: Empty | None) -> str:
    """A table of both."""
    lines = ["tilt      pan  heads  found %  held %"]
    for t in turned:
        tilt = "over 30" if t.steep else "to 30"
        lines.append(f"{tilt:8}  {t.pan:3}  {t.heads:5}  {100 * t.found / t.heads:7.0f}"
                     f"  {100 * t.held / t.heads:6.0f}")  # fmt: skip
    if not turned:
        lines = []
    if empty is not None:
        lines.append(f"{empty.pictures} pictures without a face: something found in {empty.found}, "
                     f"held in {empty.held}")  # fmt: skip
    return "\n".join(lines)
