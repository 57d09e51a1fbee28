# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Our decoding gives the same pictures as cv_bridge for all that both know; where it is there."""

from __future__ import annotations

import sys

import numpy as np
import pytest

cv_bridge = pytest.importorskip("cv_bridge", reason="comes with ROS distributions, not as a wheel")
pytest.importorskip("sensor_msgs", reason="needs ROS 2: make venv, or source a workspace")

from sensor_msgs.msg import Image

from atpn_ros.conversions import messages
from atpn_ros.images.raw import ENCODINGS
from test_images import BYTES, HEIGHT, PICTURE, WIDTH

GREY = PICTURE[..., 1]
GREYS = {
    "mono8": GREY,
    "8UC1": GREY,
    "mono16": GREY.astype(np.uint16) * 257,
    "16UC1": GREY.astype(np.uint16) * 257,
    "32FC1": GREY.astype(np.float32) / 255,
}
PIXELS = BYTES | GREYS
NOT_ALWAYS_ITS = {"nv12", "nv21", "uyvy", "yuyv"}
"""Some of its versions, or all, refuse these."""
COLOURLESS = {"8UC1", "8UC3", "8UC4", "16UC1", "16UC3", "32FC1"}
"""It makes no BGR of what does not say its colours; there the bare numbers are compared."""


def message_of(encoding: str, pad: int) -> Image:
    pixels = np.ascontiguousarray(PIXELS[encoding])
    height = len(pixels)
    rows = pixels.view(np.uint8).reshape(height, -1)
    # cv_bridge divides the step by the size of a pixel: padding of half a pixel is beyond it.
    size = rows.shape[1] // WIDTH
    rows = np.pad(rows, ((0, 0), (0, pad * size)), constant_values=0xAB)
    message = Image(width=WIDTH, height=HEIGHT, encoding=encoding, step=rows.shape[1])
    message.is_bigendian = int(sys.byteorder == "big")
    message.data.frombytes(rows.tobytes())
    return message


def test_all_encodings_are_compared() -> None:
    assert set(PIXELS) == set(ENCODINGS)


@pytest.mark.parametrize("pad", [0, 3])
@pytest.mark.parametrize("encoding", sorted(set(ENCODINGS) - COLOURLESS))
def test_the_same_picture_comes_out(encoding: str, pad: int) -> None:
    message = message_of(encoding, pad)
    try:
        theirs = cv_bridge.CvBridge().imgmsg_to_cv2(message, "bgr8")
    except cv_bridge.CvBridgeError:
        assert encoding in NOT_ALWAYS_ITS
        pytest.skip("cv_bridge does not know it")
    ours = messages.open_image(message)
    assert ours.shape == theirs.shape
    # 16 bit: we take the upper byte, it rounds.
    tolerance = 1 if "16" in encoding else 0
    assert np.abs(ours.astype(int) - theirs.astype(int)).max() <= tolerance


@pytest.mark.parametrize("encoding", sorted(COLOURLESS))
def test_the_same_numbers_go_in(encoding: str) -> None:
    message = message_of(encoding, 0)
    theirs = cv_bridge.CvBridge().imgmsg_to_cv2(message, "passthrough").astype(float)
    theirs *= {"8": 1, "1": 1 / 257, "3": 255}[encoding[0]]
    ours = messages.open_image(message).astype(float)
    if theirs.ndim == 2:
        theirs = theirs[..., None].repeat(3, axis=2)
    assert np.abs(ours - theirs[..., :3]).max() <= 1
