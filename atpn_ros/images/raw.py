# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Decodes raw image messages to BGR; invalid input raises :class:`BadImage`.

Encodings are those of ``sensor_msgs/image_encodings`` plus ``nv12``. 16-bit values are scaled to
8 bits by their full range and 32-bit floats are taken as 0..1, unless a :class:`PixelDepth` infers
the range from the images of a camera.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np

from atpn_ros.types import Array, AtpnError, Image

Bytes: TypeAlias = "bytes | bytearray | memoryview | Array"

MAX_PIXELS = 64_000_000
"""Default limit of an image's size, checked before anything is decoded or allocated."""


class BadImage(AtpnError):
    """An image message does not hold a valid image.

    Attributes:
        reason: A short name by which errors are counted, e.g. ``short_data``.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason


@dataclass(frozen=True, slots=True)
class _PixelFormat:
    """Data type, channels per pixel, rows per image row, and conversion of 8-bit values to BGR."""

    dtype: type[np.generic]
    channels: int
    convert: Callable[[Array], Array]
    rows: float = 1.0
    even: bool = False


def _color_conversion(code: int) -> Callable[[Array], Array]:
    return lambda pixels: cv2.cvtColor(pixels, code)


def _unchanged(pixels: Array) -> Array:
    return pixels


_BITS = (8, 10, 12, 14, 16)
"""Depths of sensors whose values come in 16-bit encodings."""

_DEPTH_ENCODINGS = ("16UC1", "32FC1")
"""Encodings of depth images."""


class PixelDepth:
    """The range of pixel values of a camera with more than 8 bits, inferred from its images.

    Sensors of 10 or 12 bits often send 16-bit encodings without scaling the values, which would be
    almost black. The range only grows, so that the brightness does not change from image to image.

    Attributes:
        note: What was inferred from the last image, for people; empty if nothing had to be.
        may_be_depth: Whether the last image had an encoding of depth images and values beyond 0..1.

    >>> depth = PixelDepth()
    >>> int(depth.to_8_bits("mono16", np.full((4, 4), 1023, np.uint16)).max())
    255
    >>> depth.note
    'mono16 with values below 1024: taken as 10 bits'
    """

    def __init__(self) -> None:
        self.note = ""
        self.may_be_depth = False
        self._bits: dict[str, int] = {}

    def to_8_bits(self, encoding: str, pixels: Array) -> Array:
        """Scale (H, W) or (H, W, C) uint16 or float32 values to uint8; uint8 is returned as is."""
        if pixels.dtype == np.uint8:
            self.clear_note()
            return pixels
        # Every 15th pixel: enough to see the range, and both columns and rows of a Bayer pattern.
        sample = pixels[::3, ::5]
        sample = sample[np.isfinite(sample)]
        greatest = float(sample.max()) if sample.size else 0.0
        whole = pixels.dtype == np.uint16
        bits = self._bits.get(encoding, _BITS[0] if whole else 0)
        if not whole and greatest <= 1.0:
            needed = 0  # floats of 0 .. 1
        else:
            needed = next((b for b in _BITS if greatest < 2**b), 16)
        bits = self._bits[encoding] = max(bits, needed)
        may_be_depth, note = encoding in _DEPTH_ENCODINGS and bits > 0, ""
        if may_be_depth:
            note = f"{encoding} with values below {2**bits}: taken as brightness"
        elif bits not in (0, 16):
            note = f"{encoding} with values below {2**bits}: taken as {bits} bits"
        # Assigned once: another thread reads them for the diagnostics.
        self.note, self.may_be_depth = note, may_be_depth
        return scale_to_8_bits(pixels, bits)

    def clear_note(self) -> None:
        """The last image has 8 bits: nothing had to be inferred."""
        self.note, self.may_be_depth = "", False


def scale_to_8_bits(pixels: Array, bits: int | None = None) -> Array:
    """Scale values of a number of bits (0: floats of 0..1; None: the whole range of the type)."""
    if pixels.dtype == np.uint8:
        return pixels
    if pixels.dtype == np.uint16:
        shifted = pixels >> (8 if bits is None else bits - 8)
        return np.asarray(np.minimum(shifted, 255), np.uint8)
    white = 2.0**bits - 1 if bits else 1.0
    grey = np.nan_to_num(np.clip(pixels, 0.0, white), nan=0.0) * (255.0 / white)
    return np.asarray(grey.astype(np.uint8))


def _pixel_formats() -> dict[str, _PixelFormat]:
    u8, u16 = np.uint8, np.uint16
    bgr = _PixelFormat(u8, 3, _unchanged)
    grey8 = _PixelFormat(u8, 1, _color_conversion(cv2.COLOR_GRAY2BGR))
    bgra = _PixelFormat(u8, 4, _color_conversion(cv2.COLOR_BGRA2BGR))
    uyvy = _PixelFormat(u8, 2, _color_conversion(cv2.COLOR_YUV2BGR_UYVY), even=True)
    yuyv = _PixelFormat(u8, 2, _color_conversion(cv2.COLOR_YUV2BGR_YUYV), even=True)
    table = {
        "bgr8": bgr,
        "8UC3": bgr,
        "rgb8": _PixelFormat(u8, 3, _color_conversion(cv2.COLOR_RGB2BGR)),
        "bgra8": bgra,
        "8UC4": bgra,
        "rgba8": _PixelFormat(u8, 4, _color_conversion(cv2.COLOR_RGBA2BGR)),
        "bgr16": _PixelFormat(u16, 3, _unchanged),
        "16UC3": _PixelFormat(u16, 3, _unchanged),
        "rgb16": _PixelFormat(u16, 3, _color_conversion(cv2.COLOR_RGB2BGR)),
        "mono8": grey8,
        "8UC1": grey8,
        "mono16": _PixelFormat(u16, 1, grey8.convert),
        "16UC1": _PixelFormat(u16, 1, grey8.convert),
        "32FC1": _PixelFormat(np.float32, 1, grey8.convert),
        "yuv422": uyvy,
        "uyvy": uyvy,
        "yuv422_yuy2": yuyv,
        "yuyv": yuyv,
        "nv12": _PixelFormat(u8, 1, _color_conversion(cv2.COLOR_YUV2BGR_NV12), rows=1.5, even=True),
        "nv21": _PixelFormat(u8, 1, _color_conversion(cv2.COLOR_YUV2BGR_NV21), rows=1.5, even=True),
    }
    # OpenCV names a Bayer pattern by its second row's second and third pixel, ROS by its first two.
    patterns = {
        "rggb": cv2.COLOR_BayerBG2BGR,
        "bggr": cv2.COLOR_BayerRG2BGR,
        "gbrg": cv2.COLOR_BayerGR2BGR,
        "grbg": cv2.COLOR_BayerGB2BGR,
    }
    for name, code in patterns.items():
        convert = _color_conversion(code)
        table[f"bayer_{name}8"] = _PixelFormat(u8, 1, convert)
        table[f"bayer_{name}16"] = _PixelFormat(u16, 1, convert)
    return table


_FORMATS = _pixel_formats()

ENCODINGS: tuple[str, ...] = tuple(_FORMATS)
"""Every raw encoding that can be decoded."""

BAYER_ENCODINGS = tuple(encoding for encoding in ENCODINGS if encoding.startswith("bayer_"))


def bayer_to_bgr(encoding: str, pixels: Array) -> Image:
    """Convert (H, W) uint8 pixels of one of :data:`BAYER_ENCODINGS` to (H, W, 3) uint8 BGR.

    Raises:
        BadImage: The image is too small.
    """
    return _convert(_FORMATS[encoding], encoding, pixels)


def _convert(pixel_format: _PixelFormat, encoding: str, pixels: Array) -> Image:
    try:
        return np.asarray(pixel_format.convert(pixels), np.uint8)
    except cv2.error as error:  # e.g. a Bayer image of one row
        height, width = pixels.shape[:2]
        raise BadImage("not_convertible", f"{encoding} {width}x{height}: {error.err}") from error


def decode_raw(
    width: int,
    height: int,
    encoding: str,
    is_bigendian: bool,
    step: int,
    data: Bytes,
    max_pixels: int = MAX_PIXELS,
    depth: PixelDepth | None = None,
) -> Image:
    """Decode the fields of a ``sensor_msgs/Image``.

    Args:
        width: Columns.
        height: Rows.
        encoding: One of :data:`ENCODINGS`.
        is_bigendian: Byte order of 16-bit and 32-bit values.
        step: Bytes from one row to the next.
        data: The pixels.
        max_pixels: Limit of the image's size.
        depth: Infers the range of values with more than 8 bits; None: the whole range.

    Returns:
        (height, width, 3) uint8 BGR. For ``bgr8`` without padding it shares memory with ``data``.

    Raises:
        BadImage: The fields do not describe a valid image.
    """
    pixel_format = _FORMATS.get(encoding)
    if pixel_format is None:
        raise BadImage("unknown_encoding", f"encoding {encoding!r:.40} is not known")
    check_size(width, height, max_pixels)
    if pixel_format.even and (width % 2 or (pixel_format.rows != 1 and height % 2)):
        raise BadImage("odd_size", f"{encoding} needs even sides, not {width}x{height}")
    dtype = np.dtype(pixel_format.dtype)
    row = width * pixel_format.channels * dtype.itemsize
    rows = int(height * pixel_format.rows)
    if step < row:
        raise BadImage("short_step", f"step {step} is less than the {row} bytes of a row")
    buffer = byte_array(data)
    # The last row may come without its padding.
    if buffer.size < step * (rows - 1) + row:
        raise BadImage(
            "short_data", f"{buffer.size} bytes, {encoding} {width}x{height} needs {step * rows}"
        )
    if buffer.size >= step * rows:
        lines = buffer[: step * rows].reshape(rows, step)[:, :row]
    else:
        lines = np.lib.stride_tricks.as_strided(buffer, (rows, row), (step, 1))
    pixels = np.ascontiguousarray(lines).view(dtype)
    if dtype.itemsize > 1:
        pixels = pixels.astype(dtype, copy=False).view(
            dtype.newbyteorder(">" if is_bigendian else "<")
        )
        pixels = pixels.astype(dtype)
    shape = (rows, width) if pixel_format.channels == 1 else (rows, width, pixel_format.channels)
    pixels = pixels.reshape(shape)
    pixels = scale_to_8_bits(pixels) if depth is None else depth.to_8_bits(encoding, pixels)
    return _convert(pixel_format, encoding, pixels)


def byte_array(data: Bytes) -> Array:
    """The bytes as (N,) uint8, without copying them where possible."""
    if isinstance(data, np.ndarray):
        return np.ascontiguousarray(data).reshape(-1).view(np.uint8)
    return np.frombuffer(data, np.uint8) if len(data) else np.empty(0, np.uint8)


def check_size(width: int, height: int, max_pixels: int) -> None:
    """Raise :class:`BadImage` if an image has no pixels or more than ``max_pixels``."""
    if width <= 0 or height <= 0:
        raise BadImage("empty", f"{width}x{height}")
    if width * height > max_pixels:
        raise BadImage("too_large", f"{width}x{height} is over {max_pixels} pixels")
