# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Calibrated camera model: built from a CameraInfo, converts between pixels and rays."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import cv2
import numpy as np

from atpn_ros.types import AtpnError, Floats

_MAX_TANGENT = float(np.tan(np.radians(89)))


class BadCamera(AtpnError):
    """A CameraInfo cannot be used for an image; the message gives the reason."""


@dataclass(frozen=True, slots=True)
class CameraInfo:
    """The used fields of ``sensor_msgs/CameraInfo``, as defined by REP-104.

    ``k``, ``d`` and ``p`` hold for the full resolution ``width`` x ``height``; the region of
    interest is in full-resolution pixels, all zero meaning the whole image; a binning of 0 means 1.
    ``r`` and ``p`` are those of the rectified image.
    """

    width: int
    height: int
    k: tuple[float, ...]
    d: tuple[float, ...] = ()
    distortion_model: str = ""
    binning_x: int = 0
    binning_y: int = 0
    roi_x: int = 0
    roi_y: int = 0
    roi_width: int = 0
    roi_height: int = 0
    frame_id: str = ""
    r: tuple[float, ...] = ()
    p: tuple[float, ...] = ()


class CameraModel(Protocol):
    """What the pipeline needs to know about a calibrated camera."""

    @property
    def focal(self) -> float:
        """Pixels per unit of a ray's x, at the centre of the image."""
        ...

    def rays(self, points: Floats) -> Floats:
        """(N, 3) rays (x, y, 1) in the camera frame through (N, 2) pixels; never NaN."""
        ...

    @property
    def axes(self) -> Floats:
        """(3, 3) from the image's axes to the camera frame.

        A rectified image of a stereo camera is rotated a little; of other cameras, and of raw
        images, this is the identity.
        """
        ...


@dataclass(frozen=True, slots=True)
class Camera:
    """A pinhole camera with distortion, for images of one size.

    Attributes:
        matrix: (3, 3) for the pixels of the actual image.
        distortion: OpenCV's coefficients, empty without distortion.
        fisheye: Whether they are those of the equidistant model.
        axes: (3, 3) from the image's axes to the camera frame, see :class:`CameraModel`.
    """

    matrix: Floats
    distortion: Floats
    fisheye: bool = False
    axes: Floats = field(default_factory=lambda: np.eye(3))

    @property
    def focal(self) -> float:
        """Pixels per unit of a ray's x, at the centre of the image."""
        return float(self.matrix[0, 0])

    def rays(self, points: Floats) -> Floats:
        """(N, 3) rays (x, y, 1) in the camera frame through (N, 2) pixels; never NaN.

        Far outside the image a distortion model may not be invertible; what OpenCV's iteration
        leaves there is clamped to a half angle of 89 degrees.
        """
        if self.fisheye:
            flat = cv2.fisheye.undistortPoints(
                np.asarray(points, np.float64)[:, None], self.matrix, self.distortion
            )
        else:
            flat = cv2.undistortPoints(
                np.asarray(points, np.float64)[:, None],
                self.matrix,
                self.distortion if self.distortion.size else None,
            )
        out = np.ones((len(flat), 3))
        xy = flat[:, 0]
        # Comparisons with NaN are false, so NaN takes this branch too.
        if not (len(xy) and xy.min() >= -_MAX_TANGENT and xy.max() <= _MAX_TANGENT):
            xy = np.nan_to_num(xy, nan=0.0, posinf=_MAX_TANGENT, neginf=-_MAX_TANGENT)
            xy = np.clip(xy, -_MAX_TANGENT, _MAX_TANGENT)
        out[:, :2] = xy
        turned = out @ self.axes.T
        return np.asarray(turned / np.maximum(turned[:, 2:], 0.01))

    def project(self, points: Floats) -> Floats:
        """(N, 2) pixels of (N, 3) points in the camera frame, z > 0."""
        p = (np.asarray(points, np.float64) @ self.axes)[:, None]
        zero = np.zeros(3)
        if self.fisheye:
            out, _ = cv2.fisheye.projectPoints(p, zero, zero, self.matrix, self.distortion)
        else:
            out, _ = cv2.projectPoints(p, zero, zero, self.matrix, self.distortion)
        return np.asarray(out[:, 0], np.float64)


_PINHOLE = frozenset(
    {
        "",
        "plumb_bob",
        "rational_polynomial",
        "radtan",
        "radial_tangential",
        "brown_conrady",
        "pinhole",
    }
)
"""Distortion models, in lower case, whose coefficients are those of OpenCV, in OpenCV's order."""
_FISHEYE = frozenset({"equidistant", "fisheye", "kannala_brandt", "kannala_brandt4", "kb4"})
"""Names of the model of ``cv2.fisheye``."""

CALIBRATIONS = ("auto", "raw", "rectified")
"""What an image is: raw (K and D apply), rectified (P and R), or as its topic's name implies."""


def is_rectified(calibration: str, topic: str) -> bool:
    """Whether P of the CameraInfo applies to the images of a topic, instead of K and D.

    >>> is_rectified("auto", "/left/image_rect_color"), is_rectified("auto", "/image_raw")
    (True, False)
    """
    if calibration != "auto":
        return calibration == "rectified"
    name = topic.removesuffix("/compressed").rpartition("/")[2]
    return re.search(r"(?<![a-z])rect(ified)?(?![a-z])", name) is not None


def camera_from_info(
    info: CameraInfo, image_width: int, image_height: int, rectified: bool = False
) -> Camera:
    """Build the camera of an image: K adapted to region of interest, binning and resolution.

    Args:
        info: The CameraInfo.
        image_width: Of the image.
        image_height: Of the image.
        rectified: Whether the image is rectified: P and R apply, and there is no distortion.

    Raises:
        BadCamera: The CameraInfo is uncalibrated, not finite, of an unknown distortion model, or
            has another aspect ratio than the image.
    """
    k: Floats = np.asarray(info.k, np.float64)
    axes: Floats = np.eye(3)
    distortion: Floats = np.empty(0)
    fisheye = False
    if rectified:
        k, axes = _projection(info)
    else:
        if k.size != 9 or not np.isfinite(k).all():
            raise BadCamera("camera_info: K is not nine finite numbers")
        if not k[0] > 0 or not k[4] > 0:
            raise BadCamera("camera_info: uncalibrated (K[0] or K[4] is not positive)")
        distortion, fisheye = _distortion(info)
    binning_x, binning_y = max(1, info.binning_x), max(1, info.binning_y)
    whole = info.roi_width == 0 or info.roi_height == 0
    width = (info.width if whole else info.roi_width) / binning_x
    height = (info.height if whole else info.roi_height) / binning_y
    offset_x, offset_y = (0, 0) if whole else (info.roi_x, info.roi_y)
    if image_width <= 0 or image_height <= 0:
        raise BadCamera("the image is empty")
    if width < 1 or height < 1:
        # Some drivers leave the size out; then K can only be meant for this image.
        width, height = float(image_width), float(image_height)
    scale_x, scale_y = image_width / width, image_height / height
    if abs(scale_x / scale_y - 1) > 0.02:
        raise BadCamera(
            f"camera_info is for {width:.0f}x{height:.0f}, "
            f"the image is {image_width}x{image_height}"
        )

    def shift(centre: float, offset: int, binning: int, scale: float) -> float:
        return ((centre - offset) / binning + 0.5) * scale - 0.5

    matrix = np.array(
        [
            [k[0] / binning_x * scale_x, 0.0, shift(k[2], offset_x, binning_x, scale_x)],
            [0.0, k[4] / binning_y * scale_y, shift(k[5], offset_y, binning_y, scale_y)],
            [0.0, 0.0, 1.0],
        ]
    )
    if not np.isfinite(matrix).all() or matrix[0, 0] < 1e-6 or matrix[1, 1] < 1e-6:
        raise BadCamera("camera_info: K is out of any range")
    return Camera(matrix, distortion, fisheye, axes)


def camera_from_field_of_view(degrees: float, image_width: int, image_height: int) -> Camera:
    """Build a camera without distortion from its horizontal field of view in degrees.

    Raises:
        BadCamera: The angle is out of range.

    >>> round(float(camera_from_field_of_view(90, 640, 480).matrix[0, 0]))
    320
    """
    if not 1 <= degrees <= 170:
        raise BadCamera(f"an angle of view of {degrees:g} degrees: must be 1 .. 170")
    focal = image_width / 2 / np.tan(np.radians(degrees) / 2)
    x, y = (image_width - 1) / 2, (image_height - 1) / 2
    return Camera(np.array([[focal, 0, x], [0, focal, y], [0, 0, 1.0]]), np.empty(0))


class Calibration:
    """The newest CameraInfo of a camera, and the camera model for its images, cached.

    Attributes:
        info: None until one was received. May be set by another thread.
        rectified: Whether the images are rectified.
        problem: Why it does not fit the last image, None if it does.
    """

    def __init__(self) -> None:
        self.info: CameraInfo | None = None
        self.rectified = False
        self.problem: str | None = None
        self._cached: tuple[tuple[object, ...], Camera | None] | None = None

    @property
    def status(self) -> str:
        """Status of the calibration as text."""
        if self.info is None:
            return "none has come"
        used = "P, for a rectified image" if self.rectified else "K and D, for a raw image"
        return self.problem or f"of frame {self.info.frame_id!r}: {used}"

    def camera(
        self, width: int, height: int, frame_id: str, warn: Callable[[str], None]
    ) -> Camera | None:
        """The camera of an image, None if there is none; ``warn`` is called once per problem."""
        info = self.info
        if info is None:
            return None
        key = (info, width, height, frame_id, self.rectified)
        if self._cached is None or self._cached[0] != key:
            camera, self.problem = None, None
            try:
                camera = camera_from_info(info, width, height, self.rectified)
            except BadCamera as error:
                self.problem = str(error)
                warn(f"{error}; publishing rotation without position")
            if camera is not None and info.frame_id not in ("", frame_id):
                self.problem = f"camera_info is of frame {info.frame_id!r}"
                warn(f"{self.problem}, the image of {frame_id!r}; it is used nevertheless")
            self._cached = (key, camera)
        return self._cached[1]


def _projection(info: CameraInfo) -> tuple[Floats, Floats]:
    """(9,) camera matrix of the rectified image, and (3, 3) from its axes to the camera frame."""
    p, r = np.asarray(info.p, np.float64), np.asarray(info.r, np.float64)
    if p.size != 12 or not np.isfinite(p).all() or not p[0] > 0 or not p[5] > 0:
        raise BadCamera(
            "camera_info: P is not set, which a rectified image needs; "
            "if the image is not rectified, set calibration to raw"
        )
    rotation = r.reshape(3, 3).T if r.size == 9 and np.isfinite(r).all() and r.any() else np.eye(3)
    if np.abs(rotation @ rotation.T - np.eye(3)).max() > 1e-3 or rotation[2, 2] < 0.5:
        raise BadCamera("camera_info: R is not a small rotation")
    return p.reshape(3, 4)[:, :3].ravel(), rotation


def _distortion(info: CameraInfo) -> tuple[Floats, bool]:
    """OpenCV's coefficients, and whether they are those of ``cv2.fisheye``.

    Drivers pad D with zeros, give fewer coefficients than their model has, or name the models
    differently from ROS.
    """
    d = np.asarray(info.d, np.float64)
    if not np.isfinite(d).all():
        raise BadCamera("camera_info: D is not finite")
    model = info.distortion_model.strip().lower()
    used = len(np.trim_zeros(d, "b"))
    # An ideal fisheye lens has zeros only; it is no pinhole.
    sizes = (4,) if model in _FISHEYE else (0, 4, 5, 8, 12, 14)
    if not used and model not in _FISHEYE:
        return np.empty(0), False
    fits = [size for size in sizes if size >= used]
    if not fits or model not in _PINHOLE | _FISHEYE:
        raise BadCamera(
            f"camera_info: {used} coefficients of model {info.distortion_model!r:.40} are not known"
        )
    return np.pad(d[: fits[0]], (0, max(0, fits[0] - d.size))), model in _FISHEYE
