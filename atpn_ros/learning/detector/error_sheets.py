# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Draws what a detector, or the pipeline with it, gets wrong: missed faces and false ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from atpn_ros.crop import Crop, cut
from atpn_ros.drawing.contact_sheet import contact_sheet
from atpn_ros.drawing.video import write_image
from atpn_ros.learning.detector.detection_counts import BINS
from atpn_ros.learning.detector.labelled_images import LabelledPicture
from atpn_ros.learning.detector.pipeline_recall import Outcome
from atpn_ros.types import Box, Image

TILE = 200
"""Side of a tile in pixels."""
_COLUMNS = 8
_MOST = 96
"""Largest number of tiles of a sheet: the largest faces come first."""
_REACH = 2.5
"""Side of the region that a tile shows, over the longer side of the box."""
_LABEL, _FIND = (0, 255, 0), (0, 160, 255)


def write_sheets(folder: Path, pictures: Sequence[LabelledPicture], outcome: Outcome) -> list[Path]:
    """Write ``missed_NAME.png`` and ``false_NAME.png`` of one detector; returns their paths.

    Missed and false are the faces that the pipeline tracks, or those that the detector finds if the
    pipeline was not measured. Each tile shows the region around a box: labelled faces in green,
    detections in orange, a false face's box in red, and the box's size in pixels of the image. At
    most 96 tiles are drawn, the largest faces first. A sheet without a tile is not written.

    Args:
        folder: Is made.
        pictures: Those that were measured, in the same order.
        outcome: Of :func:`~atpn_ros.learning.detector.pipeline_recall.measure`.
    """
    counts = outcome.alone if outcome.held is None else outcome.held
    missed: list[tuple[float, LabelledPicture, Box, list[Box]]] = []
    false: list[tuple[float, LabelledPicture, Box, list[Box]]] = []
    for picture, count, finds in zip(pictures, counts, outcome.finds, strict=True):
        for face, size, found in zip(picture.faces, count.sizes, count.found, strict=True):
            if not found and size >= BINS[0]:
                missed.append((float(size), picture, face, finds))
        for box in count.false_finds:
            false.append(((box.width * box.height) ** 0.5, picture, box, finds))
    written = []
    for kind, places in (("missed", missed), ("false", false)):
        places.sort(key=lambda place: -place[0])
        tiles = [
            _tile(picture, box, finds, size, (0, 0, 255) if kind == "false" else _LABEL)
            for size, picture, box, finds in places[:_MOST]
        ]
        if tiles:
            folder.mkdir(parents=True, exist_ok=True)
            written.append(folder / f"{kind}_{outcome.name}.png")
            write_image(written[-1], contact_sheet(tiles, min(_COLUMNS, len(tiles)), (TILE, TILE)))
    return written


def _tile(
    picture: LabelledPicture, box: Box, finds: Sequence[Box], size: float, colour: tuple[int, ...]
) -> Image:
    crop = Crop(box.cx, box.cy, _REACH * max(box.width, box.height))
    tile = cut(picture.read(), crop, TILE)
    labels = [(face, _LABEL) for face in picture.faces]
    for shown, line in [*((find, _FIND) for find in finds), *labels, (box, colour)]:
        corners = np.reshape(shown.xyxy, (2, 2))
        low, high = np.round(crop.to_crop(corners) * TILE).astype(int).tolist()
        cv2.rectangle(tile, low, high, line, 1)
    cv2.putText(tile, f"{size:.0f} px", (4, 16), 0, 0.5, (255, 255, 255), 1, cv2.LINE_AA)
    return tile
