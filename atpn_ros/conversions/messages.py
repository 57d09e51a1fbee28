# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Converts the package's types to ROS message fields, and image messages to arrays.

ROS's generated classes and those that rosbags makes from message definitions have the same fields.
The node and the replay of bags both use these functions, each with its own :class:`MessageTypes`.
Every scalar goes through ``float()`` or ``int()``: ROS silently corrupts numpy's.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from atpn_ros import geometry
from atpn_ros.camera import CameraInfo
from atpn_ros.images.compressed import JpegImage, open_compressed
from atpn_ros.images.raw import MAX_PIXELS, PixelDepth, decode_raw
from atpn_ros.pipeline.transform_tree import Transform, TransformTree
from atpn_ros.types import Face, FaceFrame, FaceState, Floats, Gaze, HeadPose, Image

LAYOUT_WFLW98 = 2
"""``FaceLandmarks.LAYOUT_WFLW98``."""

Message = Any
MessageConstructor = Callable[..., Message]


@dataclass(frozen=True, slots=True)
class MessageTypes:
    """Constructors of the messages: keywords set fields, the others have their defaults.

    ``floats`` converts an array to the value of a ``float32[]`` field.
    """

    FaceBox: MessageConstructor
    FaceBoxArray: MessageConstructor
    FaceLandmarks: MessageConstructor
    FaceLandmarksArray: MessageConstructor
    Gaze: MessageConstructor
    GazeArray: MessageConstructor
    Header: MessageConstructor
    HeadPose: MessageConstructor
    HeadPoseArray: MessageConstructor
    TFMessage: MessageConstructor
    TrackingStatus: MessageConstructor
    TransformStamped: MessageConstructor
    floats: Callable[[Floats], Any]


@dataclass(frozen=True, slots=True)
class FrameProgress:
    """The fields of ``TrackingStatus.msg`` that do not depend on the faces; see there."""

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


# From messages ------------------------------------------------------------------------------------


def stamp_ns(stamp: Message) -> int:
    """A ``builtin_interfaces/Time`` in nanoseconds."""
    return int(stamp.sec) * 1_000_000_000 + int(stamp.nanosec)


def open_image(
    message: Message, max_pixels: int = MAX_PIXELS, depth: PixelDepth | None = None
) -> Image | JpegImage:
    """The image of an Image or CompressedImage message, as the image of a ``Frame``.

    Args:
        message: The message.
        max_pixels: Limit of the image's size.
        depth: Infers the range of pixel values with more than 8 bits; None: the whole range.

    Returns:
        (H, W, 3) uint8 BGR; or a JPEG image, which is not decoded yet.

    Raises:
        BadImage: The message does not contain a valid image. Damage inside JPEG data is only
            detected when it is decoded.
    """
    if not hasattr(message, "encoding"):
        return open_compressed(message.data, max_pixels, depth, str(message.format))
    return decode_raw(
        int(message.width),
        int(message.height),
        str(message.encoding),
        bool(message.is_bigendian),
        int(message.step),
        message.data,
        max_pixels,
        depth,
    )


def camera_info(message: Message) -> CameraInfo:
    """The fields of a CameraInfo message that are used; ROS 1 names matrices with capitals."""
    is_ros1 = hasattr(message, "K")
    return CameraInfo(
        width=int(message.width),
        height=int(message.height),
        k=tuple(float(v) for v in (message.K if is_ros1 else message.k)),
        d=tuple(float(v) for v in (message.D if is_ros1 else message.d)),
        distortion_model=str(message.distortion_model),
        binning_x=int(message.binning_x),
        binning_y=int(message.binning_y),
        roi_x=int(message.roi.x_offset),
        roi_y=int(message.roi.y_offset),
        roi_width=int(message.roi.width),
        roi_height=int(message.roi.height),
        frame_id=str(message.header.frame_id),
        r=tuple(float(v) for v in (message.R if is_ros1 else message.r)),
        p=tuple(float(v) for v in (message.P if is_ros1 else message.p)),
    )


def add_transforms(tree: TransformTree, message: Message, is_static: bool = False) -> None:
    """Add the transforms of a TFMessage; ``is_static``: it comes from ``/tf_static``."""
    for item in message.transforms:
        t, q = item.transform.translation, item.transform.rotation
        pose = Transform(np.array([t.x, t.y, t.z]), np.array([q.x, q.y, q.z, q.w]))
        header = item.header
        tree.add(header.frame_id, item.child_frame_id, stamp_ns(header.stamp), pose, is_static)


# To messages --------------------------------------------------------------------------------------


def boxes(types: MessageTypes, result: FaceFrame, header: Message) -> Message:
    """``FaceBoxArray`` with all faces of a frame, including those lost in it."""
    return types.FaceBoxArray(header=header, faces=[_box(types, face) for face in result.faces])


def _box(types: MessageTypes, face: Face) -> Message:
    return types.FaceBox(
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


def landmarks(types: MessageTypes, result: FaceFrame, header: Message) -> Message:
    """``FaceLandmarksArray`` of the tracked faces."""
    items = [
        _landmarks(types, face.id, face.landmarks, face.sigma)
        for face in result.faces
        if face.landmarks is not None
    ]
    return types.FaceLandmarksArray(header=header, faces=items)


def _landmarks(types: MessageTypes, number: int, points: Floats, sigma: Floats | None) -> Message:
    item = types.FaceLandmarks(id=int(number), layout=LAYOUT_WFLW98)
    item.xy = types.floats(points)
    if sigma is not None:
        item.sigma = types.floats(sigma)
    return item


def head_poses(types: MessageTypes, result: FaceFrame, header: Message) -> Message:
    """``HeadPoseArray`` of the tracked faces."""
    items = [_head_pose(types, f.id, f.pose) for f in result.faces if f.pose is not None]
    return types.HeadPoseArray(header=header, faces=items)


def _head_pose(types: MessageTypes, number: int, pose: HeadPose) -> Message:
    roll, pitch, yaw = geometry.head_angles(pose)
    item = types.HeadPose(id=int(number), roll=roll, pitch=pitch, yaw=yaw)
    item.has_position = pose.position is not None
    _set_quaternion(item.pose.pose.orientation, pose.rotation)
    if pose.position is not None:
        set_xyz(item.pose.pose.position, pose.position)
    item.pose.covariance = pose.covariance.astype(np.float64).ravel()
    return item


def gazes(types: MessageTypes, result: FaceFrame, header: Message) -> Message:
    """``GazeArray`` of the tracked faces."""
    items = [_gaze(types, f.id, f.gaze, f.pose) for f in result.faces if f.gaze is not None]
    return types.GazeArray(header=header, faces=items)


def _gaze(types: MessageTypes, number: int, gaze: Gaze, pose: HeadPose | None) -> Message:
    item = types.Gaze(
        id=int(number), source=int(gaze.source), confidence=float(gaze.confidence),
        spread=math.degrees(gaze.spread), looking=bool(gaze.looking),
        angle_to_target=math.nan
        if gaze.angle_to_target is None
        else math.degrees(gaze.angle_to_target),
    )  # fmt: skip
    set_xyz(item.direction, gaze.direction)
    if pose is not None and pose.position is not None:
        item.has_origin = True
        set_xyz(item.origin, pose.position)
    return item


def transforms(
    types: MessageTypes, result: FaceFrame, header: Message, name_of: Callable[[str, int], str]
) -> Message:
    """``TFMessage`` with a face frame and a gaze frame for each face with a known position.

    Args:
        types: Constructors of the messages.
        result: Faces of the frame.
        header: Of the image; without a frame_id there is no parent, and the message is empty.
        name_of: Gives the name of a frame from ``"face"`` or ``"gaze"`` and the id.
    """
    message = types.TFMessage()
    parent = parent_header(types.Header, header)
    if parent is None:
        return message
    for face in result.faces:
        if face.pose is None or face.pose.position is None or face.gaze is None:
            continue
        for name, rotation in (
            (name_of("face", face.id), face.pose.rotation),
            (name_of("gaze", face.id), geometry.rotation_from_direction(face.gaze.direction)),
        ):
            item = types.TransformStamped(header=parent, child_frame_id=name)
            set_xyz(item.transform.translation, face.pose.position)
            _set_quaternion(item.transform.rotation, rotation)
            message.transforms.append(item)
    return message


def status(
    types: MessageTypes, result: FaceFrame, header: Message, progress: FrameProgress
) -> Message:
    """``TrackingStatus`` of one image: times, counts, and the engine and detector in use."""
    timing = result.timing
    message = types.TrackingStatus(
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


def parent_header(new_header: MessageConstructor, header: Message) -> Message | None:
    """The image's header as tf2 accepts it, without a leading slash; None without a frame_id."""
    frame_id = header.frame_id.removeprefix("/")
    return new_header(stamp=header.stamp, frame_id=frame_id) if frame_id else None


def set_time(target: Message, ns: int) -> None:
    """Set a time field to nanoseconds."""
    target.sec, target.nanosec = divmod(int(ns), 1_000_000_000)


def set_xyz(target: Message, values: Floats) -> None:
    """Set a point or vector to a (3,) array."""
    target.x, target.y, target.z = values.tolist()


def _set_quaternion(target: Message, rotation: Floats) -> None:
    target.x, target.y, target.z, target.w = geometry.quaternion(rotation)
