# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Rotates the images and camera models of cameras that are mounted rotated, and the results back.

The pipeline works on the turned picture, in which people are upright. Its results refer to the
camera's own picture and optical frame.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from atpn_ros.camera import CameraModel
from atpn_ros.types import Box, Face, Floats, Gaze, HeadPose, Image

ROTATIONS = (0, 90, 180, 270)
"""Degrees, clockwise, by which pictures can be turned."""

_CODES = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}
_ABOUT_Z: dict[int, Floats] = {
    90: np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]),
    180: np.array([[-1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, 1.0]]),
    270: np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]),
}
"""(3, 3) from the camera's optical frame to the turned picture's: the same turn, about z."""


@dataclass(frozen=True, slots=True)
class CameraRotation:
    """The rotation of one camera's pictures, for pictures of one size.

    Attributes:
        degrees: 90, 180 or 270: by how much the pictures are turned clockwise to be upright.
        width: Of the camera's own picture, pixels.
        height: Likewise.
    """

    degrees: int
    width: int
    height: int

    def upright_image(self, image: Image) -> Image:
        """The turned picture; (W, H, 3) of an (H, W, 3) one for 90 and 270 degrees."""
        return np.asarray(cv2.rotate(image, _CODES[self.degrees]), np.uint8)

    def upright_camera(self, camera: CameraModel) -> CameraModel:
        """The model of a camera that takes the turned picture."""
        return _UprightCamera(self, camera)

    def original_points(self, points: Floats) -> Floats:
        """(..., 2) pixels of the turned picture to pixels of the camera's own one."""
        x, y = points[..., 0], points[..., 1]
        if self.degrees == 90:
            parts = (y, self.height - 1 - x)
        elif self.degrees == 180:
            parts = (self.width - 1 - x, self.height - 1 - y)
        else:
            parts = (self.width - 1 - y, x)
        return np.stack(parts, axis=-1)

    def upright_rays(self, rays: Floats) -> Floats:
        """(N, 3) rays in the camera's optical frame to the turned picture's frame."""
        return rays @ _ABOUT_Z[self.degrees].T

    def original_face(self, face: Face) -> Face:
        """A face of the turned picture, as it is in the camera's own picture and optical frame.

        ``pose.upright`` keeps the turn, since roll, pitch and yaw are those of an upright person.
        """
        return replace(
            face,
            box=self._original_box(face.box),
            landmarks=None if face.landmarks is None else self.original_points(face.landmarks),
            pose=None if face.pose is None else self._original_pose(face.pose),
            gaze=None if face.gaze is None else self._original_gaze(face.gaze),
        )

    def _original_box(self, box: Box) -> Box:
        cx, cy = self.original_points(np.array([box.cx, box.cy])).tolist()
        if self.degrees == 180:
            return Box(cx, cy, box.width, box.height)
        return Box(cx, cy, box.height, box.width)

    def _original_pose(self, pose: HeadPose) -> HeadPose:
        back = _ABOUT_Z[self.degrees].T
        both = np.kron(np.eye(2), back)  # of the position and of the rotation vector
        return HeadPose(
            back @ pose.rotation,
            None if pose.position is None else back @ pose.position,
            both @ pose.covariance @ both.T,
            upright=self.degrees,
        )

    def _original_gaze(self, gaze: Gaze) -> Gaze:
        return replace(gaze, direction=_ABOUT_Z[self.degrees].T @ gaze.direction)


@dataclass(frozen=True, slots=True)
class _UprightCamera:
    """A camera model for the turned picture.

    Pixels are turned back before they are undistorted, instead of turning K and the distortion:
    that works for every lens model, also for those whose coefficients cannot be turned.
    """

    rotation: CameraRotation
    camera: CameraModel

    @property
    def focal(self) -> float:
        """Pixels per unit of a ray's x, at the centre of the picture."""
        return self.camera.focal

    @property
    def axes(self) -> Floats:
        """(3, 3) from the turned picture's axes to the frame in which its rays are given."""
        turn = _ABOUT_Z[self.rotation.degrees]
        return np.asarray(turn @ self.camera.axes @ turn.T)

    def rays(self, points: Floats) -> Floats:
        """(N, 3) rays (x, y, 1) in the turned picture's frame through its (N, 2) pixels."""
        return self.rotation.upright_rays(self.camera.rays(self.rotation.original_points(points)))
