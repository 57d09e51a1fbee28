# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Reads images, video files and cameras, and writes images and video files, with OpenCV."""

from __future__ import annotations

import os
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from atpn_ros.files import atomic_replace, printable
from atpn_ros.images.compressed import JPEG_START, decode_jpeg_file
from atpn_ros.images.raw import BadImage, PixelDepth
from atpn_ros.types import Array, AtpnError, Frame, Image

os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # quiet: errors are reported here

_DEFAULT_FPS = 25.0
_CHECK_S, _SPACE = 1.0, 2**16
"""Seconds between checks for space on the disk while a video is written, and its bytes."""


class MediaError(AtpnError):
    """An image, video or camera cannot be read or written."""


def read_image(path: Path) -> Image:
    """Read an image file to (H, W, 3) uint8 BGR, rotated by its orientation tag.

    Values of more than 8 bits are scaled by the range that they need.

    Raises:
        MediaError: The file does not exist or is not an image.
    """
    if re.match(r"[a-zA-Z][a-zA-Z0-9+.-]+:/", str(path)) and not path.exists():
        raise MediaError(f"{printable(path)}: addresses are not read: download the image first")
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise MediaError(f"{printable(path)}: {error.strerror}") from error
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH
    image: Array | None
    try:
        if raw.startswith(JPEG_START):
            image = decode_jpeg_file(raw, flags)
        else:
            image = cv2.imdecode(np.frombuffer(raw, np.uint8), flags) if raw else None
    except BadImage as error:
        raise MediaError(f"{printable(path)}: {error}") from error
    except cv2.error as error:
        raise MediaError(f"{printable(path)}: {error.err}") from error
    if image is None:
        raise MediaError(f"{printable(path)}: not an image that OpenCV can read")
    return np.asarray(PixelDepth().to_8_bits("16 bits", np.asarray(image)), np.uint8)


def write_image(path: Path, image: Image) -> None:
    """Write an image file atomically.

    Raises:
        MediaError: It cannot be written.
    """
    try:
        _, data = cv2.imencode(path.suffix, image)
    except cv2.error as error:
        raise MediaError(f"{printable(path)}: OpenCV cannot write {path.suffix}") from error
    try:
        with atomic_replace(path) as part:
            part.write_bytes(data.tobytes())
    except OSError as error:
        raise MediaError(f"{printable(path)}: {error.strerror}") from error


_LIVE_SCHEMES = ("rtsp", "rtsps", "rtp", "rtmp", "rtmps", "udp", "tcp", "srt", "mms")


@dataclass(frozen=True, slots=True)
class VideoSource:
    """What a video is read from.

    Attributes:
        address: The number of a camera, the path of a file or pipe, or an address.
        name: For messages: an address is without its user name and password.
        stem: A file name without suffix for its outputs.
        live: Whether it is a camera or a stream of one.
    """

    address: int | str
    name: str
    stem: str
    live: bool = False


def video_source(text: str) -> VideoSource:
    """Recognise a camera, an address, a pipe (``-``: standard input) or a file.

    Raises:
        MediaError: There is nothing of that name, or it cannot contain a video.

    >>> video_source("rtsp://me:secret@door:554/live/1").name
    'rtsp://door:554/live/1'
    """
    path = Path("/dev/stdin" if text == "-" else text)
    if text.isdecimal() and not path.exists():
        return VideoSource(int(text), f"camera {text}", f"camera{text}", live=True)
    if re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*://", text):
        scheme, _, rest = text.partition("://")
        place = re.sub(r"^[^/?#]*@", "", rest)  # without user and password
        stem = re.sub(r"[^A-Za-z0-9]+", "_", place.partition("?")[0]).strip("_")[:80]
        live = scheme.lower() in _LIVE_SCHEMES
        return VideoSource(text, f"{scheme}://{place}", stem or scheme, live)
    name = printable(text)
    if not text:
        raise MediaError("the name of a video is empty")
    if not path.exists():
        raise MediaError(f"{name}: no such file")
    if path.is_dir():
        raise MediaError(f"{name}: is a folder")
    if path.is_char_device() or path.is_block_device():
        number = re.fullmatch(r"/dev/video(\d+)", str(path.resolve()))
        if number is None:
            raise MediaError(f"{name}: is not a camera's device, such as /dev/video0")
        return VideoSource(int(number[1]), name, f"camera{number[1]}", live=True)
    return VideoSource(str(path), name, "stdin" if text == "-" else path.stem)


class VideoReader:
    """The frames of a video file, a GIF, a pipe, a live camera or a stream.

    Args:
        source: A path, ``-`` for the standard input, the number or device of a camera, or an
            address such as ``rtsp://...``.

    Attributes:
        source: The source's name, without a password.
        live: Whether it is a camera: stamps are the system time, and frames do not end.
        frames: Number of frames by the file's header, 0 if unknown.
        fps: Frames per second by the file's header.

    Raises:
        MediaError: It does not exist or cannot be opened.
    """

    def __init__(self, source: str) -> None:
        found = video_source(source)
        self.source, self.live, self._stem = found.name, found.live, found.stem
        self._read, self._last_ns = 0, 0
        with _opencv_errors_only():
            self._capture = _open_capture(found.address)
        if not self._capture.isOpened():
            self._capture.release()
            if isinstance(found.address, int):
                raise MediaError(f"{self.source}: cannot be opened; see v4l2-ctl --list-devices")
            if "://" in found.address:
                raise MediaError(f"{self.source}: no video can be received from this address")
            raise MediaError(f"{self.source}: not a video that OpenCV can read")
        if self.live:
            self._capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # the newest frame only
        fps = self._capture.get(cv2.CAP_PROP_FPS)
        self.fps = float(fps) if 0.1 < fps < 1000 else _DEFAULT_FPS
        self.frames = 0 if self.live else max(0, int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT)))

    def early_end(self) -> str:
        """Why the frames so far are fewer than expected, empty if they are not.

        Many containers store the duration only, from which the number of frames is computed: a clip
        with few frames, far apart, is complete.
        """
        if not self._read:
            return "contains no frames"
        if self.live:
            return f"delivered no more images after {self._read}"
        seconds, expected = self._last_ns / 1e9, self.frames / self.fps
        if self._read < 0.9 * self.frames and seconds + 2 / self.fps < 0.9 * expected:
            return f"ended after {seconds:.1f} s of {expected:.1f} s ({self._read} frames)"
        return ""

    def __iter__(self) -> Iterator[Frame]:
        """The frames, with increasing stamps; a file's stamps start at 0."""
        last = offset = 0
        started = False
        while True:
            ok, image = self._capture.read()
            if not ok:
                return
            if self.live:
                stamp = time.time_ns()
            else:
                at = round(self._capture.get(cv2.CAP_PROP_POS_MSEC) * 1e6)
                if started and at <= last:  # no times in the container, or its clock restarts
                    offset += last - at + round(1e9 / self.fps)
                last, started = at, True
                stamp = at + offset
            self._read, self._last_ns = self._read + 1, stamp
            yield Frame(np.asarray(image, np.uint8), stamp, f"clip_{self._stem}")

    def close(self) -> None:
        """Release the file or the camera."""
        self._capture.release()


def _open_capture(address: int | str) -> cv2.VideoCapture:
    if isinstance(address, int):
        return cv2.VideoCapture(address)
    path = Path(address)
    if "://" in address or path.is_fifo():  # the other backends would read from it too
        return cv2.VideoCapture(address, cv2.CAP_FFMPEG)
    with _utf8_path(path) as name:
        return cv2.VideoCapture(name)


@contextmanager
def _utf8_path(path: Path) -> Iterator[str]:
    """A path for OpenCV, which takes UTF-8 only; valid in the block."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        with tempfile.TemporaryDirectory() as folder:
            suffix = path.suffix if path.suffix.isascii() else ""
            link = Path(folder, f"video{suffix}")
            link.symlink_to(path.absolute())
            yield str(link)
    else:
        yield str(path)


@contextmanager
def _opencv_errors_only() -> Iterator[None]:
    """Suppress OpenCV's own warnings during the block: errors are reported here."""
    before = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(before)


class VideoWriter:
    """Writes an MP4 file, which appears under its name when it is closed with ``keep``.

    Args:
        path: Ends in ``.mp4``.
        fps: Frames per second.
    """

    def __init__(self, path: Path, fps: float) -> None:
        self.path, self._fps = path, fps
        self._replacing = ExitStack()
        self._part = path  # until the first frame
        self._writer: cv2.VideoWriter | None = None
        self._size = (0, 0)
        self._frames = 0
        self._next_check = time.monotonic() + _CHECK_S

    def write(self, image: Image) -> None:
        """Add a frame, resized to the size of the first one.

        Raises:
            MediaError: It cannot be written.
        """
        size = (image.shape[1], image.shape[0])
        if self._writer is None:
            self._writer, self._size = self._open(size), size
        self._writer.write(image if size == self._size else cv2.resize(image, self._size))
        self._frames += 1
        if time.monotonic() >= self._next_check:
            self._next_check = time.monotonic() + _CHECK_S
            self._check_space()

    def close(self, keep: bool) -> None:
        """Finish the file; move it to its name, or remove it.

        Raises:
            MediaError: The file is not complete, because the disk is full; it is removed.
        """
        try:
            if self._writer is None:
                return
            self._writer.release()
            self._writer = None
            if keep:
                self._check_complete()
                self._replacing.close()
        except OSError as error:
            raise MediaError(f"{printable(self.path)}: {error.strerror}") from error
        finally:
            # If it was not moved: with an exception, atomic_replace removes it.
            self._replacing.__exit__(MediaError, MediaError(), None)

    def _open(self, size: tuple[int, int]) -> cv2.VideoWriter:
        try:
            self._part = self._replacing.enter_context(atomic_replace(self.path))
        except OSError as error:
            raise MediaError(f"{printable(self.path)}: {error.strerror}") from error
        code = cv2.VideoWriter.fourcc(*"mp4v")
        with _utf8_path(self._part) as name:
            writer = cv2.VideoWriter(name, code, self._fps, size)
        if not writer.isOpened():
            self._check_space()
            raise MediaError(f"{printable(self.path)}: cannot be written by this OpenCV")
        return writer

    def _check_space(self) -> None:
        """Check for free disk space by writing a file: OpenCV does not report a full disk."""
        probe = self._part.with_name("space")
        try:
            probe.write_bytes(bytes(_SPACE))
            probe.unlink()
        except OSError as error:
            raise MediaError(f"{printable(self.path)}: {error.strerror}") from error

    def _check_complete(self) -> None:
        """Check that the finished file has all frames."""
        capture = _open_capture(str(self._part))
        count = round(capture.get(cv2.CAP_PROP_FRAME_COUNT)) if capture.isOpened() else 0
        capture.release()
        if count < self._frames:
            self._check_space()
            raise MediaError(f"{printable(self.path)}: could not be written completely")
