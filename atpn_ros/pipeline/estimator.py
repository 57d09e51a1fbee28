# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Computes a face's head pose and gaze from the network's output, and smooths them over time."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np

from atpn_ros import geometry, landmark_layouts
from atpn_ros.camera import CameraModel
from atpn_ros.crop import Crop
from atpn_ros.engines.base import NetworkOutput
from atpn_ros.pipeline import head_model
from atpn_ros.pipeline.looking import (
    CAMERA_ORIGIN,
    LookingEstimator,
    LookingSettings,
    line_to_target,
)
from atpn_ros.pipeline.one_euro import OneEuro, OneEuroSettings
from atpn_ros.pipeline.track import Track
from atpn_ros.types import Face, Floats, Gaze, GazeSource, HeadPose

OPEN = 0.12
"""Minimum distance of the lids, over the eye's width, at which an eye's gaze is used."""

WIDEST_GAZE = math.radians(12.0)
"""Expected error of the eyes' direction above which the direction of the head is given instead."""

DEFAULT_GAZE_SPREAD = math.radians(6.0)
"""Expected error of the eyes' direction if the model has no such output."""

_LIDS = (
    (landmark_layouts.RIGHT_EYE, (61, 62, 63), (67, 66, 65)),
    (landmark_layouts.LEFT_EYE, (69, 70, 71), (75, 74, 73)),
)

_ANGLES = np.arange(3, 6)
_AHEAD = np.array([0.0, 0.0, 1.0])


@dataclass(frozen=True, slots=True)
class EstimatorSettings:
    """Settings of a :class:`FaceEstimator`.

    Attributes:
        smoothing: Filter of landmarks, rotation and gaze; None for unfiltered values.
        head_scale: Size of the heads relative to the mean adult head.
        rotation_sigma: Standard deviation of each angle in radians, for the covariance.
        looking: When a person looks at the target.
    """

    smoothing: OneEuroSettings | None = field(default_factory=OneEuroSettings)
    head_scale: float = 1.0
    rotation_sigma: float = 0.09
    looking: LookingSettings = field(default_factory=LookingSettings)


@dataclass(frozen=True, slots=True)
class _Filters:
    landmarks: OneEuro
    rotation: OneEuro
    gaze: OneEuro


class FaceEstimator:
    """Computes :class:`~atpn_ros.types.Face` values, with one set of filters per track."""

    def __init__(self, settings: EstimatorSettings) -> None:
        self._settings = settings
        self._filters: dict[int, _Filters] = {}
        self._looking = LookingEstimator(settings.looking)

    @property
    def settings(self) -> EstimatorSettings:
        """May be replaced between frames; a change of ``smoothing`` restarts the filters."""
        return self._settings

    @settings.setter
    def settings(self, settings: EstimatorSettings) -> None:
        if settings.smoothing != self._settings.smoothing:
            self._filters.clear()
        self._settings = settings
        self._looking.settings = settings.looking

    def drop(self, track_id: int) -> None:
        """Drop the filters of a face that was lost."""
        self._filters.pop(track_id, None)
        self._looking.drop(track_id)

    def reset(self) -> None:
        """Drop all filters."""
        self._filters.clear()
        self._looking.reset()

    def estimate(
        self,
        track: Track,
        output: NetworkOutput,
        crop: Crop,
        stamp_ns: int,
        camera: CameraModel | None,
        target: Floats | None = CAMERA_ORIGIN,
    ) -> Face:
        """The face of one track in the current frame.

        Args:
            track: The track, after its update with an observation of this frame.
            output: The network's output for the whole batch.
            crop: The crop of the track's observation.
            stamp_ns: Stamp of the image.
            camera: The calibrated camera, None if unknown; then there is no position.
            target: (3,) metres in the camera frame, where people may look; None if unknown.
        """
        index = track.observation.index
        # The crop is rotated by its angle, and its ray is not the optical axis.
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
            # A rectified image has axes of its own.
            axes = camera.axes
            turn = axes @ geometry.rotation_to_ray(axes.T @ rays[-1]) @ turn
        rotation = turn @ output.rotation[index]
        eyes = None if output.gaze is None else output.gaze[index] @ turn.T
        eye_spreads = None if output.gaze_sigma is None else output.gaze_sigma[index]
        if filters is not None:
            rotation = geometry.nearest_rotation(filters.rotation(rotation, stamp_ns))
        gaze = _gaze(track, rotation, eyes, eye_spreads)
        if filters is not None and gaze.source is GazeSource.EYES:
            direction = filters.gaze(gaze.direction, stamp_ns)
            norm = float(np.linalg.norm(direction))
            if norm > 1e-6:
                gaze = replace(gaze, direction=direction / norm)
        sigma = None if output.sigma is None else output.sigma[index] * crop.side
        pose = self._pose(rays, rotation, sigma, camera)
        # Without a camera the gaze is relative to the ray, which then counts as the optical axis.
        line = line_to_target(target, pose.position, _AHEAD if rays is None else rays[-1])
        gaze = self._looking.estimate(track.id, gaze, line, stamp_ns)
        return Face(
            id=track.id,
            state=track.state,
            box=track.box,
            presence=float(track.presence),
            age_ns=stamp_ns - track.start_ns,
            frames_since_detection=track.frames_since_detection,
            landmarks=landmarks,
            sigma=sigma,
            pose=pose,
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
        camera: CameraModel | None,
    ) -> HeadPose:
        covariance = np.zeros((6, 6))
        covariance[_ANGLES, _ANGLES] = self._settings.rotation_sigma**2
        if camera is None or rays is None:
            return HeadPose(rotation, None, covariance)
        pixels = 2.0 if sigma is None else float(sigma.mean())
        try:
            position, spread = head_model.locate_head(
                rays, rotation, pixels / camera.focal,
                self._settings.head_scale,
            )  # fmt: skip
        except head_model.PositionError:
            return HeadPose(rotation, None, covariance)
        covariance[:3, :3] = spread
        return HeadPose(rotation, position, covariance)


def eye_openness(landmarks: Floats) -> Floats:
    """(2,) openness of the right and left eye: distance of the lids over the eye's width.

    Args:
        landmarks: (98, 2) pixels.
    """
    out = []
    for corners, upper, lower in _LIDS:
        width = np.linalg.norm(landmarks[corners[0]] - landmarks[corners[4]])
        apart = np.linalg.norm(landmarks[list(upper)] - landmarks[list(lower)], axis=1).mean()
        out.append(apart / max(float(width), 1e-6))
    return np.array(out)


def _gaze(
    track: Track, rotation: Floats, eyes: Floats | None, eye_spreads: Floats | None = None
) -> Gaze:
    """The mean direction of the open eyes, or else the direction of the head.

    Eyes whose direction is uncertain, behind glare or dark glasses for example, count less. If the
    expected error exceeds :data:`WIDEST_GAZE` the head's direction is the better answer.

    Args:
        track: The track of the face.
        rotation: (3, 3) head to camera.
        eyes: (2, 3) unit directions of the eyes in the camera frame, if the network has them.
        eye_spreads: (2,) expected error of each, radians, if the network has them.
    """
    head_gaze = Gaze(rotation[:, 0].copy(), GazeSource.HEAD, float(track.presence) * 0.5)
    if eyes is None or not np.isfinite(eyes).all():
        return head_gaze
    openness = eye_openness(track.landmarks)
    is_open = openness > OPEN
    if not is_open.any():
        return head_gaze
    spreads = np.full(2, DEFAULT_GAZE_SPREAD) if eye_spreads is None else eye_spreads
    spreads = np.maximum(np.nan_to_num(spreads[is_open], nan=np.inf), 1e-3)
    weights = spreads**-2
    if not weights.sum() > 0:
        return head_gaze
    weights /= weights.sum()
    # The errors of both eyes are mostly the same, so that the mean is no more certain than they.
    spread = float(weights @ np.minimum(spreads, np.pi))
    direction = weights @ eyes[is_open]
    norm = float(np.linalg.norm(direction))
    if norm < 0.1 or spread > WIDEST_GAZE:  # the eyes contradict each other, or are not seen
        return head_gaze
    # Half closed eyes are less certain.
    clear = float(np.clip(openness[is_open].max() / (2 * OPEN), 0, 1))
    confidence = float(track.presence) * clear * min(1.0, norm)
    return Gaze(direction / norm, GazeSource.EYES, confidence, spread)
