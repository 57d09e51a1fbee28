# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Whole pictures whose faces are labelled with boxes: a folder of scenes, or WIDER FACE."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from atpn_ros.learning.data.checks import DataError
from atpn_ros.learning.data.datasets.wider import read_wider
from atpn_ros.types import Box, Image


@dataclass(frozen=True, slots=True)
class LabelledPicture:
    """A picture file and its faces.

    Attributes:
        path: The file.
        faces: Boxes, pixels.
        ignored: Boxes of faces that are not counted: tiny, invalid or hardly to be seen.
        scale: The picture is shrunk by this factor before anything else; boxes are given so.
    """

    path: Path
    faces: tuple[Box, ...]
    ignored: tuple[Box, ...]
    scale: float = 1.0

    def read(self) -> Image:
        """(H, W, 3) uint8 BGR.

        Raises:
            DataError: The file cannot be read.
        """
        image = cv2.imread(str(self.path))
        if image is None:
            raise DataError(f"{self.path}: not an image that can be read")
        if self.scale < 1.0:
            image = cv2.resize(image, None, fx=self.scale, fy=self.scale,
                               interpolation=cv2.INTER_AREA)  # fmt: skip
        return np.asarray(image, np.uint8)


def scenes_folder(folder: Path) -> list[LabelledPicture]:
    """The pictures of ``labels.json``: a list of ``file`` and ``faces`` (``xywh``, ``ignore``).

    Raises:
        DataError: The folder is not made so; names the file.
    """
    path = folder / "labels.json"
    try:
        rows = json.loads(path.read_text())
        images = folder / "images"
        images = images if images.is_dir() else folder
        return [_labelled(images / row["file"], row["faces"]) for row in rows]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path}: not labels of scenes: {error!r}") from error


def _labelled(path: Path, faces: list[dict[str, object]]) -> LabelledPicture:
    kept: list[Box] = []
    ignored: list[Box] = []
    for face in faces:
        x, y, w, h = np.asarray(face["xywh"], float).tolist()
        (ignored if face.get("ignore") else kept).append(Box(x + w / 2, y + h / 2, w, h))
    return LabelledPicture(path, tuple(kept), tuple(ignored))


def wider(root: Path, longer: int = 640, smallest: float = 16.0) -> list[LabelledPicture]:
    """WIDER FACE's validation pictures, shrunk; smaller and invalid faces are not counted.

    Args:
        root: The set's folder.
        longer: Longer side of the pictures, pixels.
        smallest: Root of the area of the smallest counted box, pixels of the shrunk picture.
    """
    return list(_wider(root, longer, smallest))


def _wider(root: Path, longer: int, smallest: float) -> Iterator[LabelledPicture]:
    by_picture: dict[Path, list[tuple[Box, bool]]] = {}
    for face in read_wider(root, "val"):
        faces = by_picture.setdefault(face.image.path, [])
        if face.box is not None:
            faces.append((face.box, "invalid" in face.tags))
    for path, faces in by_picture.items():
        image = cv2.imread(str(path))
        if image is None:
            raise DataError(f"{path}: not an image that can be read")
        scale = min(1.0, longer / max(image.shape[:2]))
        kept, ignored = [], []
        for box, invalid in faces:
            small = Box(box.cx * scale, box.cy * scale, box.width * scale, box.height * scale)
            tiny = (small.width * small.height) ** 0.5 < smallest
            (ignored if invalid or tiny else kept).append(small)
        yield LabelledPicture(path, tuple(kept), tuple(ignored), scale)
