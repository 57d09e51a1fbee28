# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Creates ROS 2 messages from the package's types, with the fields of ``conversions.messages``."""

from __future__ import annotations

import array
from functools import partial

import cv2
import numpy as np
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from geometry_msgs.msg import Point, TransformStamped
from sensor_msgs.msg import CompressedImage
from sensor_msgs.msg import Image as ImageMsg
from std_msgs.msg import ColorRGBA, Header
from tf2_msgs.msg import TFMessage
from visualization_msgs.msg import Marker, MarkerArray

from atpn_ros.conversions import markers, messages
from atpn_ros.conversions.messages import MessageTypes
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
from atpn_ros.types import Floats, Image


def _floats(values: Floats) -> array.array[float]:
    # frombytes: assigning a numpy array would iterate over every value in Python.
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


boxes = partial(messages.boxes, _ROS)
landmarks = partial(messages.landmarks, _ROS)
head_poses = partial(messages.head_poses, _ROS)
gazes = partial(messages.gazes, _ROS)
transforms = partial(messages.transforms, _ROS)
status = partial(messages.status, _ROS)
marker_array = partial(markers.markers, _MARKERS)
"""The functions of :mod:`atpn_ros.conversions`, bound to the ROS message types."""


def time_message(ns: int) -> Time:
    """A ``Time`` message of a time in ns."""
    out = Time()
    messages.set_time(out, ns)
    return out


def image_message(image: Image, header: Header) -> ImageMsg:
    """An (H, W, 3) uint8 BGR image as a ``bgr8`` Image message."""
    height, width = image.shape[:2]
    message = ImageMsg(header=header, height=height, width=width, encoding="bgr8", step=3 * width)
    # frombytes on a fresh message: assigning an array would iterate over every byte in Python.
    message.data.frombytes(np.ascontiguousarray(image))
    return message


def compressed_message(image: Image, header: Header) -> CompressedImage:
    """An (H, W, 3) uint8 BGR image as a JPEG, with the format string of image_transport."""
    _, data = cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, 90))
    message = CompressedImage(header=header, format="bgr8; jpeg compressed bgr8")
    message.data.frombytes(data.tobytes())
    return message


def diagnostics(
    stamp: Time, name: str, hardware: str, level: int, summary: str, values: dict[str, str]
) -> DiagnosticArray:
    """A DiagnosticArray with one status: level, message and values."""
    status = DiagnosticStatus(
        level=bytes([level]),
        name=name,
        hardware_id=hardware,
        message=summary,
        values=[KeyValue(key=k, value=v) for k, v in values.items()],
    )
    return DiagnosticArray(header=Header(stamp=stamp), status=[status])
