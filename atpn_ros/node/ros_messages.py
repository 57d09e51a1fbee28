# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Fills ROS 2 message classes from core types, by :mod:`atpn_ros.conversions.messages`."""

from __future__ import annotations

import array
from collections.abc import Callable

import cv2
import numpy as np
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from geometry_msgs.msg import Point, TransformStamped
from sensor_msgs.msg import CameraInfo as CameraInfoMsg
from sensor_msgs.msg import CompressedImage
from sensor_msgs.msg import Image as ImageMsg
from std_msgs.msg import ColorRGBA, Header
from tf2_msgs.msg import TFMessage
from visualization_msgs.msg import Marker, MarkerArray

from atpn_ros.camera import CameraInfo
from atpn_ros.conversions import markers, messages
from atpn_ros.conversions.messages import FrameProgress, MessageTypes
from atpn_ros.images import MAX_PIXELS
from atpn_ros.msg import (
    FaceBox,
    FaceBoxArray,
    FaceLandmarks,
    FaceLandmarksArray,
    Gaze,
    GazeArray,
    HeadPose,
    HeadPoseArray,
    TrackingStatus,
)
from atpn_ros.types import FaceFrame, Floats, Image


def _floats(values: Floats) -> array.array[float]:
    # frombytes: assigning a numpy array would walk every value in Python.
    out = array.array("f")
    out.frombytes(np.ascontiguousarray(values, np.float32).tobytes())
    return out


_ROS = MessageTypes(
    FaceBox=FaceBox,
    FaceBoxArray=FaceBoxArray,
    FaceLandmarks=FaceLandmarks,
    FaceLandmarksArray=FaceLandmarksArray,
    Gaze=Gaze,
    GazeArray=GazeArray,
    Header=Header,
    HeadPose=HeadPose,
    HeadPoseArray=HeadPoseArray,
    TFMessage=TFMessage,
    TrackingStatus=TrackingStatus,
    TransformStamped=TransformStamped,
    floats=_floats,
)
_MARKERS = markers.MarkerTypes(
    ColorRGBA=ColorRGBA, Header=Header, Marker=Marker, MarkerArray=MarkerArray, Point=Point
)


def stamp_ns(stamp: Time) -> int:
    """A message's time in nanoseconds."""
    return messages.stamp_ns(stamp)


def time_message(ns: int) -> Time:
    """Nanoseconds as a message's time."""
    out = Time()
    messages.set_time(out, ns)
    return out


def picture(message: ImageMsg | CompressedImage, max_pixels: int = MAX_PIXELS) -> Image:
    """The BGR picture in an image message.

    Raises:
        BadImage: It holds none.
    """
    return messages.decode_image(message, max_pixels)


def image_message(image: Image, header: Header) -> ImageMsg:
    """A BGR picture as a ``bgr8`` message."""
    height, width = image.shape[:2]
    message = ImageMsg(header=header, height=height, width=width, encoding="bgr8", step=3 * width)
    # frombytes on a fresh message: assigning an array would walk every byte in Python.
    message.data.frombytes(np.ascontiguousarray(image))
    return message


def compressed_message(image: Image, header: Header) -> CompressedImage:
    """A BGR picture as JPEG, named as image_transport does."""
    _, data = cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, 90))
    message = CompressedImage(header=header, format="bgr8; jpeg compressed bgr8")
    message.data.frombytes(data.tobytes())
    return message


def camera_info(message: CameraInfoMsg) -> CameraInfo:
    """The fields of a camera_info that matter."""
    return messages.camera_info(message)


def boxes(result: FaceFrame, header: Header) -> FaceBoxArray:
    """All faces of a frame, the lost ones too."""
    return messages.boxes(_ROS, result, header)


def landmarks(result: FaceFrame, header: Header) -> FaceLandmarksArray:
    """The landmarks of the faces that are held."""
    return messages.landmarks(_ROS, result, header)


def head_poses(result: FaceFrame, header: Header) -> HeadPoseArray:
    """The head poses of the faces that are held."""
    return messages.head_poses(_ROS, result, header)


def gazes(result: FaceFrame, header: Header) -> GazeArray:
    """Where the faces that are held look."""
    return messages.gazes(_ROS, result, header)


def transforms(result: FaceFrame, header: Header, name_of: Callable[[str, int], str]) -> TFMessage:
    """The frames of the faces whose position is known, and of their gazes."""
    return messages.transforms(_ROS, result, header, name_of)


def marker_array(result: FaceFrame, header: Header, head_scale: float) -> MarkerArray:
    """Heads, gazes and ids in space."""
    return markers.markers(_MARKERS, result, header, head_scale)


def status(result: FaceFrame, header: Header, progress: FrameProgress) -> TrackingStatus:
    """How the node dealt with one image."""
    return messages.status(_ROS, result, header, progress)


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
