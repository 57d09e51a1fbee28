# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The data types shared by all modules, with their units and coordinate frames.

Pixels are those of the full incoming image: x to the right, y down, the centre of the first pixel
at (0, 0). The camera frame is the image's optical frame (REP-103: x right, y down, z forward). Both
are the camera's own, also where its images are turned for the network (``rotate``). The head frame
is REP-155's: x out of the face, y to the person's left, z towards the scalp, origin at the sellion.
Lengths are metres, angles radians, times integer nanoseconds (``_ns``).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]
Image = npt.NDArray[np.uint8]
Array = npt.NDArray[Any]


class AtpnError(Exception):
    """Base class of the errors that this package raises."""


class FaceState(IntEnum):
    """State of a face in this frame; the values are those of ``FaceBox.msg``."""

    DETECTED = 1
    """The detector found it in this frame and the network confirmed it."""
    TRACKED = 2
    """Tracked from its landmarks of the previous frame; no detector was needed."""
    LOST = 3
    """No longer tracked since this frame. The box is the last one that was tracked."""


class GazeSource(IntEnum):
    """Source of a gaze direction; the values are those of ``Gaze.msg``."""

    HEAD = 1
    """The x axis of the head: where the nose points."""
    EYES = 2
    """The network's estimate of the two eyes."""


class EncodedImage(Protocol):
    """An image that is decoded on demand, at the scale at which it is needed."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(H, W, 3) of the full image."""

    def decoded(self, reduction: int = 1) -> Image:
        """(H / reduction, W / reduction, 3) uint8 BGR.

        Args:
            reduction: 1, 2, 4 or 8; it divides H and W.

        Raises:
            AtpnError: It cannot be decoded.
        """


@dataclass(frozen=True, slots=True)
class Frame:
    """One image with its stamp, the input of the pipeline.

    Attributes:
        image: (H, W, 3) uint8, BGR; or an encoded image, which the pipeline decodes at the scale
            that it needs.
        stamp_ns: Time at which it was taken. The pipeline uses no other clock.
        frame_id: Name of the camera's optical frame.
    """

    image: Image | EncodedImage
    stamp_ns: int
    frame_id: str = ""

    def __post_init__(self) -> None:
        image = self.image
        if isinstance(image, np.ndarray) and (
            image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8
        ):
            raise ValueError(f"image must be (H, W, 3) uint8, is {image.shape} {image.dtype}")

    def pixels(self) -> Image:
        """(H, W, 3) uint8 BGR: the full image."""
        return self.image if isinstance(self.image, np.ndarray) else self.image.decoded()


@dataclass(frozen=True, slots=True)
class Box:
    """An upright rectangle in pixels.

    >>> Box.from_xyxy(10, 20, 30, 60)
    Box(cx=20.0, cy=40.0, width=20.0, height=40.0)
    """

    cx: float
    cy: float
    width: float
    height: float

    @classmethod
    def from_xyxy(cls, x0: float, y0: float, x1: float, y1: float) -> Box:
        """Build from the left, top, right and bottom edges."""
        return cls((x0 + x1) / 2, (y0 + y1) / 2, float(x1 - x0), float(y1 - y0))

    @classmethod
    def around(cls, points: Floats) -> Box:
        """The tight box of (N, 2) points, N >= 1."""
        (x0, y0), (x1, y1) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
        return cls.from_xyxy(x0, y0, x1, y1)

    @property
    def xyxy(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom edge."""
        w, h = self.width / 2, self.height / 2
        return self.cx - w, self.cy - h, self.cx + w, self.cy + h

    def iou(self, other: Box) -> float:
        """Intersection over union, 0 where either is empty.

        >>> Box(0, 0, 2, 2).iou(Box(1, 0, 2, 2)) == 1 / 3
        True
        >>> Box(0, 0, 0, 0).iou(Box(0, 0, 0, 0))
        0.0
        """
        ax0, ay0, ax1, ay1 = self.xyxy
        bx0, by0, bx1, by1 = other.xyxy
        inter = max(0.0, min(ax1, bx1) - max(ax0, bx0)) * max(0.0, min(ay1, by1) - max(ay0, by0))
        union = self.width * self.height + other.width * other.height - inter
        return inter / union if union > 0 else 0.0


@dataclass(frozen=True, slots=True)
class HeadPose:
    """Position and orientation of a head in the camera frame.

    Attributes:
        rotation: (3, 3) from the head frame to the camera frame. Without a calibrated camera it is
            relative to the ray from the camera to the face.
        position: (3,) of the sellion in metres, None without a calibrated camera.
        covariance: (6, 6) of x, y, z, and rotations about the camera's x, y, z axes, in m and rad.
        upright: Degrees, clockwise, by which the camera's picture is turned to show people upright:
            the setting ``rotate``. Only roll, pitch and yaw depend on it.
    """

    rotation: Floats
    position: Floats | None
    covariance: Floats
    upright: int = 0


HEAD_GAZE_SPREAD = 0.3
"""Expected angle between the direction of a head and that of its eyes, radians (17 degrees on
rendered faces)."""


@dataclass(frozen=True, slots=True)
class Gaze:
    """Gaze direction of a person.

    Attributes:
        direction: (3,) unit vector in the camera frame.
        source: Whether it comes from the head or the eyes.
        confidence: 0..1.
        spread: Expected angle between the direction and the true one, radians.
        angle_to_target: Angle between the direction and the line to the target, radians; None if
            the line is not known.
        looking: Whether the person looks at the target.
    """

    direction: Floats
    source: GazeSource
    confidence: float
    spread: float = HEAD_GAZE_SPREAD
    angle_to_target: float | None = None
    looking: bool = False


@dataclass(frozen=True, slots=True)
class Face:
    """One person's face in one frame.

    ``landmarks`` (98, 2) pixels in WFLW-98 order, ``sigma`` (98,) pixels, ``pose`` and ``gaze`` are
    None when ``state`` is LOST. ``age_ns`` counts from the frame in which the track started,
    ``frames_since_detection`` the frames since the detector last found this face.
    """

    id: int
    state: FaceState
    box: Box
    presence: float
    age_ns: int
    frames_since_detection: int
    landmarks: Floats | None = None
    sigma: Floats | None = None
    pose: HeadPose | None = None
    gaze: Gaze | None = None


@dataclass(frozen=True, slots=True)
class Timing:
    """Duration of each stage of a frame. No result depends on it.

    ``decode_ns`` is the time for decoding an :class:`EncodedImage`; 0 for others.
    """

    detect_ns: int = 0
    crop_ns: int = 0
    network_ns: int = 0
    track_ns: int = 0
    total_ns: int = 0
    decode_ns: int = 0


@dataclass(frozen=True, slots=True)
class FaceFrame:
    """The result of one frame; ``faces`` is empty when there is none."""

    stamp_ns: int
    frame_id: str
    width: int
    height: int
    faces: tuple[Face, ...] = ()
    detector_ran: bool = False
    timing: Timing = field(default_factory=Timing, compare=False)
