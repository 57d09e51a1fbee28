# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""From what the network says in a crop to a face in the camera frame: pose, gaze, smoothing."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from atpn_ros import geometry, landmark_layouts
from atpn_ros.camera import Camera
from atpn_ros.crop import Crop
from atpn_ros.engines.base import NetworkOutput
from atpn_ros.pipeline import head_model
from atpn_ros.pipeline.one_euro import OneEuro, OneEuroSettings
from atpn_ros.pipeline.tracker import Track
from atpn_ros.types import Face, Floats, Gaze, GazeSource, HeadPose

OPEN = 0.12
"""An eye whose lids are this far apart, over its width, is open enough to be seen looking."""

_LIDS = (
    (landmark_layouts.RIGHT_EYE, (61, 62, 63), (67, 66, 65)),
    (landmark_layouts.LEFT_EYE, (69, 70, 71), (75, 74, 73)),
)

_ANGLES = np.arange(3, 6)


@dataclass(frozen=True, slots=True)
class EstimatorSettings:
    """How faces are measured.

    Attributes:
        smoothing: The filter of landmarks, rotation and gaze, None for raw values.
        head_scale: The size of heads over the mean adult's.
        rotation_sigma: Standard deviation of each angle in radians, for the covariance.
    """

    smoothing: OneEuroSettings | None = field(default_factory=OneEuroSettings)
    head_scale: float = 1.0
    rotation_sigma: float = 0.09


@dataclass(frozen=True, slots=True)
class _Filters:
    landmarks: OneEuro
    rotation: OneEuro
    gaze: OneEuro


class FaceEstimator:
    """Measures faces, with one set of filters per id."""

    def __init__(self, settings: EstimatorSettings) -> None:
        self._settings = settings
        self._filters: dict[int, _Filters] = {}

    @property
    def settings(self) -> EstimatorSettings:
        """May be replaced between frames; another smoothing begins anew."""
        return self._settings

    @settings.setter
    def settings(self, settings: EstimatorSettings) -> None:
        if settings.smoothing != self._settings.smoothing:
            self._filters.clear()
        self._settings = settings

    def forget(self, track_id: int) -> None:
        """Drop the filters of a face that was lost."""
        self._filters.pop(track_id, None)

    def forget_all(self) -> None:
        """Drop all filters."""
        self._filters.clear()

    def face(
        self,
        track: Track,
        output: NetworkOutput,
        crop: Crop,
        stamp_ns: int,
        camera: Camera | None,
    ) -> Face:
        """What is known of a held face in this frame.

        Args:
            track: The face; its look says which crop of the batch it is.
            output: Of the network, for the whole batch.
            crop: That the network looked into.
            stamp_ns: Of the image.
            camera: Its calibration, None if unknown.
        """
        index = track.look.index
        # The crop was turned by its angle, and lies off the optical axis by its ray.
        turn = geometry.about_z(crop.angle)
        filters = self._filters_of(track.id)
        landmarks = track.landmarks
        if filters is not None:
            # Speeds count in faces per second, so that near and far faces are smoothed alike.
            size = max(track.box.width, track.box.height)
            landmarks = filters.landmarks(landmarks, stamp_ns, unit=size)
        rays = None
        if camera is not None:
            rays = camera.rays(np.concatenate([landmarks, [[crop.cx, crop.cy]]]))
            turn = geometry.rotation_to_ray(rays[-1]) @ turn
        rotation = turn @ output.rotation[index]
        eyes = None if output.gaze is None else output.gaze[index] @ turn.T
        if filters is not None:
            rotation = geometry.nearest_rotation(filters.rotation(rotation, stamp_ns))
        gaze = _gaze(track, rotation, eyes)
        if filters is not None and gaze.source is GazeSource.EYES:
            direction = filters.gaze(gaze.direction, stamp_ns)
            norm = float(np.linalg.norm(direction))
            if norm > 1e-6:
                gaze = Gaze(direction / norm, gaze.source, gaze.confidence)
        sigma = None if output.sigma is None else output.sigma[index] * crop.side
        return Face(
            id=track.id,
            state=track.state,
            box=track.box,
            presence=float(track.presence),
            age_ns=stamp_ns - track.start_ns,
            frames_since_detection=track.frames_since_detection,
            landmarks=landmarks,
            sigma=sigma,
            pose=self._pose(rays, rotation, sigma, camera),
            gaze=gaze,
        )

    def _filters_of(self, track_id: int) -> _Filters | None:
        settings = self._settings.smoothing
        if settings is None:
            return None
        filters = self._filters.get(track_id)
        if filters is None:
            filters = _Filters(OneEuro(settings), OneEuro(settings), OneEuro(settings))
            self._filters[track_id] = filters
        return filters

    def _pose(
        self,
        rays: Floats | None,
        rotation: Floats,
        sigma: Floats | None,
        camera: Camera | None,
    ) -> HeadPose:
        covariance = np.zeros((6, 6))
        covariance[_ANGLES, _ANGLES] = self._settings.rotation_sigma**2
        if camera is None or rays is None:
            return HeadPose(rotation, None, covariance)
        pixels = 2.0 if sigma is None else float(sigma.mean())
        try:
            position, spread = head_model.locate_head(
                rays, rotation, pixels / float(camera.matrix[0, 0]),
                self._settings.head_scale,
            )  # fmt: skip
        except head_model.PositionError:
            return HeadPose(rotation, None, covariance)
        covariance[:3, :3] = spread
        return HeadPose(rotation, position, covariance)


def eye_openness(landmarks: Floats) -> Floats:
    """(2,) distance of the lids over the width of the right and left eye, from (98, 2) points."""
    out = []
    for corners, upper, lower in _LIDS:
        width = np.linalg.norm(landmarks[corners[0]] - landmarks[corners[4]])
        apart = np.linalg.norm(landmarks[list(upper)] - landmarks[list(lower)], axis=1).mean()
        out.append(apart / max(float(width), 1e-6))
    return np.array(out)


def _gaze(track: Track, rotation: Floats, eyes: Floats | None) -> Gaze:
    """The mean direction of the open eyes, or where the face points.

    Args:
        track: The face.
        rotation: (3, 3) of its head.
        eyes: (2, 3) directions of the eyes in the camera frame, if the network has them.
    """
    along = Gaze(rotation[:, 0].copy(), GazeSource.HEAD, float(track.presence) * 0.5)
    if eyes is None or not np.isfinite(eyes).all():
        return along
    openness = eye_openness(track.landmarks)
    seen = openness > OPEN
    if not seen.any():
        return along
    direction = eyes[seen].mean(axis=0)
    norm = float(np.linalg.norm(direction))
    if norm < 0.1:  # the eyes contradict each other
        return along
    # Half closed eyes tell less.
    clear = float(np.clip(openness[seen].max() / (2 * OPEN), 0, 1))
    return Gaze(direction / norm, GazeSource.EYES, float(track.presence) * clear * min(1.0, norm))
