# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The border to ROS: messages to the core's types and back.

Every scalar goes through ``float()`` or ``int()``: numpy's are silently corrupted in a message.
"""

from __future__ import annotations

import array

import numpy as np
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from geometry_msgs.msg import TransformStamped
from sensor_msgs.msg import CameraInfo as CameraInfoMsg
from sensor_msgs.msg import CompressedImage
from sensor_msgs.msg import Image as ImageMsg
from std_msgs.msg import Header
from tf2_msgs.msg import TFMessage

from atpn_ros import geometry
from atpn_ros.camera import CameraInfo
from atpn_ros.images import MAX_PIXELS, decode_compressed, decode_raw
from atpn_ros.msg import (
    FaceBox,
    FaceBoxArray,
    FaceLandmarks,
    FaceLandmarksArray,
    GazeArray,
    HeadPoseArray,
)
from atpn_ros.msg import Gaze as GazeMsg
from atpn_ros.msg import HeadPose as HeadPoseMsg
from atpn_ros.types import Face, FaceFrame, Floats, Image


def stamp_ns(stamp: Time) -> int:
    """A message's time in nanoseconds."""
    return int(stamp.sec) * 1_000_000_000 + int(stamp.nanosec)


def time_message(ns: int) -> Time:
    """Nanoseconds as a message's time."""
    seconds, rest = divmod(int(ns), 1_000_000_000)
    return Time(sec=seconds, nanosec=rest)


def picture(message: ImageMsg | CompressedImage, max_pixels: int = MAX_PIXELS) -> Image:
    """The BGR picture in an image message.

    Raises:
        BadImage: It holds none.
    """
    if isinstance(message, CompressedImage):
        return decode_compressed(message.data, max_pixels)
    return decode_raw(
        message.width,
        message.height,
        message.encoding,
        bool(message.is_bigendian),
        message.step,
        message.data,
        max_pixels,
    )


def image_message(image: Image, header: Header) -> ImageMsg:
    """A BGR picture as a ``bgr8`` message."""
    height, width = image.shape[:2]
    message = ImageMsg(header=header, height=height, width=width, encoding="bgr8", step=3 * width)
    # frombytes on a fresh message: assigning an array would walk every byte in Python.
    message.data.frombytes(np.ascontiguousarray(image))
    return message


def camera_info(message: CameraInfoMsg) -> CameraInfo:
    """The fields of a camera_info that matter."""
    return CameraInfo(
        width=int(message.width),
        height=int(message.height),
        k=tuple(float(v) for v in message.k),
        d=tuple(float(v) for v in message.d),
        distortion_model=str(message.distortion_model),
        binning_x=int(message.binning_x),
        binning_y=int(message.binning_y),
        roi_x=int(message.roi.x_offset),
        roi_y=int(message.roi.y_offset),
        roi_width=int(message.roi.width),
        roi_height=int(message.roi.height),
        frame_id=str(message.header.frame_id),
    )


def boxes(result: FaceFrame, header: Header) -> FaceBoxArray:
    """All faces of a frame, the lost ones too."""
    return FaceBoxArray(header=header, faces=[_box(face) for face in result.faces])


def _box(face: Face) -> FaceBox:
    return FaceBox(
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


def landmarks(result: FaceFrame, header: Header) -> FaceLandmarksArray:
    """The landmarks of the faces that are held."""
    message = FaceLandmarksArray(header=header)
    for face in result.faces:
        if face.landmarks is None:
            continue
        item = FaceLandmarks(id=int(face.id), layout=FaceLandmarks.LAYOUT_WFLW98)
        item.xy = _floats(face.landmarks)
        if face.sigma is not None:
            item.sigma = _floats(face.sigma)
        message.faces.append(item)
    return message


def _floats(values: Floats) -> array.array[float]:
    out = array.array("f")
    out.frombytes(np.ascontiguousarray(values, np.float32).tobytes())
    return out


def head_poses(result: FaceFrame, header: Header) -> HeadPoseArray:
    """The head poses of the faces that are held."""
    message = HeadPoseArray(header=header)
    for face in result.faces:
        if face.pose is None:
            continue
        roll, pitch, yaw = geometry.roll_pitch_yaw(face.pose.rotation)
        item = HeadPoseMsg(id=int(face.id), roll=roll, pitch=pitch, yaw=yaw)
        item.has_position = face.pose.position is not None
        _set_quaternion(item.pose.pose.orientation, face.pose.rotation)
        if face.pose.position is not None:
            _set_xyz(item.pose.pose.position, face.pose.position)
        item.pose.covariance = face.pose.covariance.astype(np.float64).ravel()
        message.poses.append(item)
    return message


def gazes(result: FaceFrame, header: Header) -> GazeArray:
    """Where the faces that are held look."""
    message = GazeArray(header=header)
    for face in result.faces:
        if face.gaze is None:
            continue
        item = GazeMsg(
            id=int(face.id), source=int(face.gaze.source), confidence=float(face.gaze.confidence)
        )
        _set_xyz(item.direction, face.gaze.direction)
        if face.pose is not None and face.pose.position is not None:
            item.has_origin = True
            _set_xyz(item.origin, face.pose.position)
        message.gazes.append(item)
    return message


def transforms(result: FaceFrame, header: Header, prefix: str) -> TFMessage:
    """``face_<id>`` and ``gaze_<id>`` of the faces whose position is known.

    A face that was lost simply gets none. Without a frame_id there is nothing to attach them to.
    """
    message = TFMessage()
    parent = header.frame_id.removeprefix("/")
    if not parent:
        return message
    parented = Header(stamp=header.stamp, frame_id=parent)
    for face in result.faces:
        if face.pose is None or face.pose.position is None or face.gaze is None:
            continue
        for name, rotation in (
            (f"{prefix}face_{face.id}", face.pose.rotation),
            (f"{prefix}gaze_{face.id}", geometry.frame_along(face.gaze.direction)),
        ):
            item = TransformStamped(header=parented, child_frame_id=name)
            _set_xyz(item.transform.translation, face.pose.position)
            _set_quaternion(item.transform.rotation, rotation)
            message.transforms.append(item)
    return message


def _set_xyz(target: object, values: Floats) -> None:
    for name, value in zip("xyz", values, strict=True):
        setattr(target, name, float(value))


def _set_quaternion(target: object, rotation: Floats) -> None:
    for name, value in zip("xyzw", geometry.quaternion(rotation), strict=True):
        setattr(target, name, value)


def diagnostics(
    stamp: Time, name: str, hardware: str, level: int, summary: str, values: dict[str, str]
) -> DiagnosticArray:
    """Health in words and numbers."""
    status = DiagnosticStatus(
        level=bytes([level]),
        name=name,
        hardware_id=hardware,
        message=summary,
        values=[KeyValue(key=k, value=v) for k, v in values.items()],
    )
    return DiagnosticArray(header=Header(stamp=stamp), status=[status])
