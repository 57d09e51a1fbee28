# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The fields of the messages, once: core types into messages and back, whatever classes carry them.

ROS's generated classes and those that are made from a bag's definitions have the same fields, so
the node and the replay of a bag fill and read them here, each with its own :class:`MessageTypes`. Every
scalar goes through ``float()`` or ``int()``: ROS silently corrupts numpy's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from atpn_ros import geometry
from atpn_ros.camera import CameraInfo
from atpn_ros.images import MAX_PIXELS, decode_compressed, decode_raw
from atpn_ros.types import Face, FaceFrame, FaceState, Floats, Image

LAYOUT_WFLW98 = 2
"""As ``FaceLandmarks.msg`` numbers it."""

Message = Any
Maker = Callable[..., Message]


@dataclass(frozen=True, slots=True)
class MessageTypes:
    """Makers of messages: with no arguments a blank one, by keyword with some fields set.

    ``floats`` makes what a ``float32[]`` field takes.
    """

    FaceBox: Maker
    FaceBoxArray: Maker
    FaceLandmarks: Maker
    FaceLandmarksArray: Maker
    Gaze: Maker
    GazeArray: Maker
    Header: Maker
    HeadPose: Maker
    HeadPoseArray: Maker
    TFMessage: Maker
    TrackingStatus: Maker
    TransformStamped: Maker
    floats: Callable[[Floats], Any]


@dataclass(frozen=True, slots=True)
class FrameProgress:
    """What a status says besides the faces; the meanings are those of ``TrackingStatus.msg``."""

    received_ns: int
    started_ns: int
    finished_ns: int
    decode_ns: int
    publish_ns: int
    frames_received: int
    frames_processed: int
    frames_dropped: int
    frames_refused: int
    engine: str
    detector: str
    detector_runs: int


# In -----------------------------------------------------------------------------------------------


def stamp_ns(stamp: Message) -> int:
    """A message's time in nanoseconds."""
    return int(stamp.sec) * 1_000_000_000 + int(stamp.nanosec)


def decode_image(message: Message, max_pixels: int = MAX_PIXELS) -> Image:
    """The BGR picture in an Image or CompressedImage message.

    Raises:
        BadImage: It holds none.
    """
    if not hasattr(message, "encoding"):
        return decode_compressed(message.data, max_pixels)
    return decode_raw(
        int(message.width),
        int(message.height),
        str(message.encoding),
        bool(message.is_bigendian),
        int(message.step),
        message.data,
        max_pixels,
    )


def camera_info(message: Message) -> CameraInfo:
    """The fields of a CameraInfo message that matter; ROS 1 writes K and D with capitals."""
    one = hasattr(message, "K")
    return CameraInfo(
        width=int(message.width),
        height=int(message.height),
        k=tuple(float(v) for v in (message.K if one else message.k)),
        d=tuple(float(v) for v in (message.D if one else message.d)),
        distortion_model=str(message.distortion_model),
        binning_x=int(message.binning_x),
        binning_y=int(message.binning_y),
        roi_x=int(message.roi.x_offset),
        roi_y=int(message.roi.y_offset),
        roi_width=int(message.roi.width),
        roi_height=int(message.roi.height),
        frame_id=str(message.header.frame_id),
    )


# Out ----------------------------------------------------------------------------------------------


def boxes(kinds: MessageTypes, result: FaceFrame, header: Message) -> Message:
    """All faces of a frame, the lost ones too."""
    return kinds.FaceBoxArray(header=header, faces=[_box(kinds, face) for face in result.faces])


def _box(kinds: MessageTypes, face: Face) -> Message:
    return kinds.FaceBox(
        id=int(face.id),
        state=int(face.state),
        center_x=float(face.box.cx),
        center_y=float(face.box.cy),
        width=float(face.box.width),
        height=float(face.box.height),
        presence=float(face.presence),
        age_ns=int(face.age_ns),
        frames_since_detection=int(face.frames_since_detection),
    )


def landmarks(kinds: MessageTypes, result: FaceFrame, header: Message) -> Message:
    """The landmarks of the faces that are held."""
    message = kinds.FaceLandmarksArray(header=header)
    for face in result.faces:
        if face.landmarks is None:
            continue
        item = kinds.FaceLandmarks(id=int(face.id), layout=LAYOUT_WFLW98)
        item.xy = kinds.floats(face.landmarks)
        if face.sigma is not None:
            item.sigma = kinds.floats(face.sigma)
        message.faces.append(item)
    return message


def head_poses(kinds: MessageTypes, result: FaceFrame, header: Message) -> Message:
    """The head poses of the faces that are held."""
    message = kinds.HeadPoseArray(header=header)
    for face in result.faces:
        if face.pose is None:
            continue
        roll, pitch, yaw = geometry.roll_pitch_yaw(face.pose.rotation)
        item = kinds.HeadPose(id=int(face.id), roll=roll, pitch=pitch, yaw=yaw)
        item.has_position = face.pose.position is not None
        _set_quaternion(item.pose.pose.orientation, face.pose.rotation)
        if face.pose.position is not None:
            set_xyz(item.pose.pose.position, face.pose.position)
        item.pose.covariance = face.pose.covariance.astype(np.float64).ravel()
        message.faces.append(item)
    return message


def gazes(kinds: MessageTypes, result: FaceFrame, header: Message) -> Message:
    """Where the faces that are held look."""
    message = kinds.GazeArray(header=header)
    for face in result.faces:
        if face.gaze is None:
            continue
        item = kinds.Gaze(
            id=int(face.id), source=int(face.gaze.source), confidence=float(face.gaze.confidence)
        )
        set_xyz(item.direction, face.gaze.direction)
        if face.pose is not None and face.pose.position is not None:
            item.has_origin = True
            set_xyz(item.origin, face.pose.position)
        message.faces.append(item)
    return message


def transforms(
    kinds: MessageTypes, result: FaceFrame, header: Message, name_of: Callable[[str, int], str]
) -> Message:
    """The frames of the faces whose position is known, and of their gazes.

    ``name_of`` names them, from the words face or gaze and the id.

    A face that was lost simply gets none. Without a frame_id there is nothing to attach them to.
    """
    message = kinds.TFMessage()
    parent = header.frame_id.removeprefix("/")
    if not parent:
        return message
    parented = kinds.Header(stamp=header.stamp, frame_id=parent)
    for face in result.faces:
        if face.pose is None or face.pose.position is None or face.gaze is None:
            continue
        for name, rotation in (
            (name_of("face", face.id), face.pose.rotation),
            (name_of("gaze", face.id), geometry.rotation_from_direction(face.gaze.direction)),
        ):
            item = kinds.TransformStamped(header=parented, child_frame_id=name)
            set_xyz(item.transform.translation, face.pose.position)
            _set_quaternion(item.transform.rotation, rotation)
            message.transforms.append(item)
    return message


def status(
    kinds: MessageTypes, result: FaceFrame, header: Message, progress: FrameProgress
) -> Message:
    """How one image was dealt with."""
    timing = result.timing
    message = kinds.TrackingStatus(
        header=header,
        decode_ns=int(progress.decode_ns),
        detect_ns=int(timing.detect_ns),
        crop_ns=int(timing.crop_ns),
        network_ns=int(timing.network_ns),
        track_ns=int(timing.track_ns),
        publish_ns=int(progress.publish_ns),
        frames_received=int(progress.frames_received),
        frames_processed=int(progress.frames_processed),
        frames_dropped=int(progress.frames_dropped),
        frames_refused=int(progress.frames_refused),
        engine=progress.engine,
        detector=progress.detector,
        detector_ran=result.detector_ran,
        detector_runs=int(progress.detector_runs),
        faces=sum(face.state is not FaceState.LOST for face in result.faces),
    )
    set_time(message.received, progress.received_ns)
    set_time(message.started, progress.started_ns)
    set_time(message.finished, progress.finished_ns)
    return message


def set_time(target: Message, ns: int) -> None:
    """Set a time field to nanoseconds."""
    target.sec, target.nanosec = divmod(int(ns), 1_000_000_000)


def set_xyz(target: Message, values: Floats) -> None:
    """Set a point or vector to (3,) numbers."""
    target.x, target.y, target.z = values.tolist()


def _set_quaternion(target: Message, rotation: Floats) -> None:
    target.x, target.y, target.z, target.w = geometry.quaternion(rotation)
