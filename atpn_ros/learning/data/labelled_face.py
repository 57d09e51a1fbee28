# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One labelled face of a data set: the type that every reader returns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import overload

import cv2
import numpy as np

from atpn_ros.learning.data.checks import DataError
from atpn_ros.learning.data.layouts import IBUG68, Layout
from atpn_ros.types import Box, Floats, Image


@dataclass(frozen=True, slots=True)
class ImageFile:
    """A picture that stays on disk until it is needed.

    Attributes:
        path: An image file, or a video file.
        frame: Of a video, from 0; None for an image file.
    """

    path: Path
    frame: int | None = None

    def read(self) -> Image:
        """(H, W, 3) uint8 BGR.

        Raises:
            DataError: It cannot be read.
        """
        if self.frame is not None:
            return _VIDEO.read(self.path, self.frame)
        # OpenCV would print a line of its own for a file that is not there.
        image = cv2.imread(str(self.path)) if self.path.is_file() else None
        if image is None:
            raise DataError(f"{self.path}: missing or not an image")
        return np.asarray(image, np.uint8)


class _OpenVideo:
    """The video that was read last, kept open: frames are mostly read in order."""

    def __init__(self) -> None:
        self._path: Path | None = None
        self._capture: cv2.VideoCapture | None = None
        self._next = 0

    def read(self, path: Path, frame: int) -> Image:
        if self._capture is None or path != self._path or frame < self._next:
            self._capture, self._path, self._next = cv2.VideoCapture(str(path)), path, 0
        # Seeking by number is inexact in many formats; skipped frames are decoded.
        while self._next < frame and self._capture.grab():
            self._next += 1
        done, image = self._capture.read()
        if not done:
            raise DataError(f"{path}: frame {frame} cannot be read")
        self._next += 1
        return np.asarray(image, np.uint8)


_VIDEO = _OpenVideo()


@dataclass(frozen=True, slots=True)
class LabelledFace:
    """One labelled face, or a picture without one; None for what a data set does not label.

    Attributes:
        picture: (H, W, 3) uint8 BGR, or the file that holds it.
        points: (layout.count, 2) landmarks in pixels, the first pixel's centre at (0, 0).
        layout: What the points are.
        name: For messages.
        weights: (layout.count,) weight of each point in training: 1 where it is annotated, 0
            where it is unknown. None: all are annotated.
        rotation: (3, 3) head to the crop's own camera.
        gaze: (2, 3) unit directions of the right and left eye in the crop's own camera.
        eyes_open: Whether the right and the left eye are open enough to have a gaze.
        eyes_seen: Whether they are open and not hidden by hair, a hand, glasses or the nose.
        visible: Share of the landmarks that nothing hides, the head itself included.
        presence: False in a picture without a visible face.
        box: The face's box as the data set annotates it.
        detection: The box that a real detector found.
        brow_middles: Whether the brows' upper points were annotated along the brows' middles, as
            iBUG's are.
        tone: Skin tone bin, 0 light to 5 dark.
        age_group: One of :data:`atpn_ros.learning.data.age_groups.AGE_GROUPS`.
        overlap: Intersection over union of the whole picture and the face's crop, for pictures
            that are crops themselves.
        opacity: (H, W) uint8, 255 on the person and 0 on the background; None if it is not known.
        tags: Names that hold, such as the part of the data set or WFLW's attributes.
    """

    picture: Image | ImageFile
    points: Floats | None
    layout: Layout = IBUG68
    name: str = ""
    weights: Floats | None = None
    rotation: Floats | None = None
    gaze: Floats | None = None
    eyes_open: tuple[bool, bool] = (True, True)
    eyes_seen: tuple[bool, bool] = (True, True)
    visible: float | None = None
    presence: bool = True
    box: Box | None = None
    detection: Box | None = None
    brow_middles: bool = False
    tone: int | None = None
    age_group: str | None = None
    overlap: float | None = None
    opacity: Image | None = None
    tags: frozenset[str] = field(default_factory=frozenset)

    @property
    def image(self) -> Image:
        """(H, W, 3) uint8 BGR, read from its file where it has one.

        Raises:
            DataError: The file cannot be read.
        """
        return self.picture.read() if isinstance(self.picture, ImageFile) else self.picture

    @property
    def landmarks(self) -> Floats:
        """The points, which must be labelled.

        Raises:
            DataError: They are not.
        """
        if self.points is None:
            raise DataError(f"{self.name}: has no landmarks")
        return self.points


class Images(Sequence[Image]):
    """The pictures of labelled faces, each read when it is asked for."""

    def __init__(self, faces: Sequence[LabelledFace]) -> None:
        self._faces = faces

    def __len__(self) -> int:
        return len(self._faces)

    @overload
    def __getitem__(self, index: int) -> Image: ...

    @overload
    def __getitem__(self, index: slice) -> Images: ...

    def __getitem__(self, index: int | slice) -> Image | Images:
        if isinstance(index, slice):
            return Images(self._faces[index])
        return self._faces[index].image
