# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Decodes JPEG and PNG data to BGR; invalid data raises :class:`BadImage`."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import cv2
import numpy as np

from atpn_ros.images.raw import (
    BAYER_ENCODINGS,
    MAX_PIXELS,
    BadImage,
    Bytes,
    PixelDepth,
    bayer_to_bgr,
    byte_array,
    check_size,
    scale_to_8_bits,
)
from atpn_ros.types import Array, Image

JPEG_START, _JPEG_END = b"\xff\xd8", b"\xff\xd9"
_PNG, _PNG_END = b"\x89PNG\r\n\x1a\n", b"IEND"


@dataclass(frozen=True, slots=True)
class _Header:
    """The header of a file.

    Attributes:
        width: Pixels.
        height: Pixels.
        channels: Values per pixel.
        bits: Bits per value.
        end: Offset of the first byte after the header.
        sequential: Whether the rows are stored one after the other, so that a truncated file lacks
            rows. A truncated progressive JPEG lacks details everywhere.
    """

    width: int
    height: int
    channels: int
    bits: int
    end: int
    sequential: bool = True


_REDUCED = {
    1: cv2.IMREAD_COLOR,
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}


class JpegImage:
    """A JPEG image that is decoded on demand, at a requested scale: an ``EncodedImage``.

    A reduced scale is faster, since the file's coefficients are transformed to fewer pixels. Each
    scale is decoded once and kept; its pixels must not be changed.

    Attributes:
        shape: (H, W, 3) of the full image.
    """

    def __init__(self, data: Array, width: int, height: int) -> None:
        self.shape = (height, width, 3)
        self._data = data
        self._decoded: dict[int, Image] = {}

    def decoded(self, reduction: int = 1) -> Image:
        """(H / reduction, W / reduction, 3) uint8 BGR.

        Args:
            reduction: 1, 2, 4 or 8; it divides H and W.

        Raises:
            BadImage: The file is corrupt.
        """
        if reduction not in self._decoded:
            image = _imdecode(self._data, _REDUCED[reduction] | cv2.IMREAD_IGNORE_ORIENTATION)
            if image is None:
                raise BadImage("corrupt", "the picture cannot be decoded")
            expected = (self.shape[0] // reduction, self.shape[1] // reduction)
            if image.shape[:2] != expected:
                raise BadImage("corrupt", f"{image.shape[:2]} pixels instead of {expected}")
            self._decoded[reduction] = image
        return self._decoded[reduction]


def open_compressed(
    data: Bytes,
    max_pixels: int = MAX_PIXELS,
    depth: PixelDepth | None = None,
    format_field: str = "",
) -> Image | JpegImage:
    """Open the data of a ``sensor_msgs/CompressedImage``: JPEG or PNG, detected from the bytes.

    The size is read from the file's own header before anything is decoded. Orientation tags are
    ignored: ``camera_info`` refers to the pixels as they are stored. A JPEG may lack its end mark,
    like those of some USB cameras, if no rows are missing.

    Args:
        data: The file.
        max_pixels: Limit of the image's size.
        depth: Infers the range of values of a PNG with 16 bits; None: the whole range.
        format_field: The message's ``format``. If it begins with a Bayer encoding, a grey file is
            a Bayer image: image_transport compresses those of ``bayer_*`` without conversion.

    Returns:
        A :class:`JpegImage`, which is not decoded yet, for a complete JPEG; else (H, W, 3) uint8
        BGR: PNG has no reduced scales, and the other JPEGs have to be decoded to be checked or
        converted.

    Raises:
        BadImage: Not JPEG or PNG, too large, truncated or corrupt.
    """
    raw = byte_array(data).tobytes()
    if not raw:
        raise BadImage("empty", "no bytes")
    if raw.startswith(JPEG_START):
        header = _jpeg_header(raw)
    elif raw.startswith(_PNG):
        header = _png_header(raw)
    else:
        raise BadImage("unknown_format", f"neither JPEG nor PNG: starts with {raw[:4]!r}")
    check_size(header.width, header.height, max_pixels)
    encoding = format_field.partition(";")[0].strip()
    mosaic = header.channels == 1 and encoding in BAYER_ENCODINGS
    if raw.startswith(JPEG_START) and not mosaic and _is_complete(raw, header):
        if depth is not None:
            depth.clear_note()
        return JpegImage(byte_array(data), header.width, header.height)
    flags = cv2.IMREAD_IGNORE_ORIENTATION
    flags |= cv2.IMREAD_GRAYSCALE if mosaic else cv2.IMREAD_COLOR
    flags |= cv2.IMREAD_ANYDEPTH if header.bits == 16 else 0
    pixels = _decode(raw, header, flags)
    pixels = scale_to_8_bits(pixels) if depth is None else depth.to_8_bits("16-bit PNG", pixels)
    return bayer_to_bgr(encoding, pixels) if mosaic else pixels


def decode_jpeg_file(raw: bytes, flags: int) -> Array:
    """Decode a JPEG file with flags of ``cv2.imdecode``; its end mark may be missing.

    Raises:
        BadImage: Truncated or corrupt.
    """
    return _decode(raw, _jpeg_header(raw), flags)


def _is_complete(raw: bytes, header: _Header) -> bool:
    return raw.find(_JPEG_END if raw.startswith(JPEG_START) else _PNG_END, header.end) >= 0


def _decode(raw: bytes, header: _Header, flags: int) -> Array:
    truncated = BadImage("truncated", f"{len(raw)} bytes without an end mark")
    complete = _is_complete(raw, header)
    if not complete:
        if not (raw.startswith(JPEG_START) and header.sequential):
            raise truncated
        # Cameras with buffers of a fixed size pad the file with zeros.
        raw = raw.rstrip(b"\0") + _JPEG_END
    image = _imdecode(np.frombuffer(raw, np.uint8), flags)
    if not complete and (image is None or _lacks_rows(image)):
        raise truncated
    if image is None:
        raise BadImage("corrupt", "the picture cannot be decoded")
    return image


def _imdecode(data: Array, flags: int) -> Array | None:
    try:
        image: Array | None = cv2.imdecode(data, flags)
    except cv2.error as error:
        raise BadImage("corrupt", str(error.err)) from error
    return image


def _lacks_rows(image: Array) -> bool:
    """Whether a JPEG's last block is missing: libjpeg makes those blocks grey, exactly 128."""
    return bool((image[-8:, -8:] == 128).all())


def _png_header(raw: bytes) -> _Header:
    if len(raw) < 33 or raw[12:16] != b"IHDR":
        raise BadImage("corrupt", "PNG without a header")
    width, height = struct.unpack(">II", raw[16:24])
    return _Header(width, height, 1 if raw[25] == 0 else 3, raw[24], 33)


def _jpeg_header(raw: bytes) -> _Header:
    """The frame header, found by the segments of a JPEG file."""
    at = 2
    while at + 10 <= len(raw):
        if raw[at] != 0xFF:
            break
        kind = raw[at + 1]
        if kind == 0xFF:  # fill byte
            at += 1
            continue
        if kind == 0x01 or 0xD0 <= kind <= 0xD8:
            at += 2
            continue
        length = struct.unpack(">H", raw[at + 2 : at + 4])[0]
        if 0xC0 <= kind <= 0xCF and kind not in (0xC4, 0xC8, 0xCC):
            bits, height, width, channels = struct.unpack(">BHHB", raw[at + 4 : at + 10])
            return _Header(width, height, channels, bits, at + 2 + length, kind in (0xC0, 0xC1))
        if kind in (0xD9, 0xDA) or length < 2:
            break
        at += 2 + length
    raise BadImage("corrupt", "JPEG without a frame header")
