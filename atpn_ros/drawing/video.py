# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Reads images, video files and cameras, and writes images and video files, with OpenCV."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from atpn_ros.files import atomic_replace
from atpn_ros.types import AtpnError, Frame, Image

_DEFAULT_FPS = 25.0


class MediaError(AtpnError):
    """An image, video or camera cannot be read or written."""


def read_image(path: Path) -> Image:
    """Read an image file to (H, W, 3) uint8 BGR, rotated by its orientation tag.

    Raises:
        MediaError: The file does not exist or is not an image.
    """
    try:
        raw = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as error:
        raise MediaError(f"{path}: {error.strerror}") from error
    try:
        image = cv2.imdecode(raw, cv2.IMREAD_COLOR) if raw.size else None
    except cv2.error as error:
        raise MediaError(f"{path}: {error.err}") from error
    if image is None:
        raise MediaError(f"{path}: not an image that OpenCV can read")
    return np.asarray(image, np.uint8)


def write_image(path: Path, image: Image) -> None:
    """Write an image file atomically.

    Raises:
        MediaError: It cannot be written.
    """
    try:
        _, data = cv2.imencode(path.suffix, image)
    except cv2.error as error:
        raise MediaError(f"{path}: OpenCV cannot write {path.suffix}") from error
    try:
        with atomic_replace(path) as part:
            part.write_bytes(data.tobytes())
    except OSError as error:
        raise MediaError(f"{path}: {error.strerror}") from error


class VideoReader:
    """The frames of a video file, a GIF or a live camera.

    Args:
        source: A path, or the number of a camera.

    Attributes:
        live: Whether it is a camera: stamps are the system time, and frames do not end.
        frames: Number of frames by the file's header, 0 if unknown.
        fps: Frames per second by the file's header.

    Raises:
        MediaError: It cannot be opened.
    """

    def __init__(self, source: str) -> None:
        self.source = source
        self.live = source.isdecimal() and not Path(source).exists()
        if not self.live and not Path(source).is_file():
            raise MediaError(f"{source}: no such file")
        self._capture = cv2.VideoCapture(int(source) if self.live else source)
        if not self._capture.isOpened():
            self._capture.release()
            if self.live:
                raise MediaError(f"camera {source}: cannot be opened; see v4l2-ctl --list-devices")
            raise MediaError(f"{source}: not a video that OpenCV can read")
        if self.live:
            self._capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # old frames are of no use
        fps = self._capture.get(cv2.CAP_PROP_FPS)
        self.fps = float(fps) if 0.1 < fps < 1000 else _DEFAULT_FPS
        self.frames = 0 if self.live else max(0, int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT)))

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
            yield Frame(np.asarray(image, np.uint8), stamp, f"clip_{Path(self.source).stem}")

    def close(self) -> None:
        """Release the file or the camera."""
        self._capture.release()


class VideoWriter:
    """Writes an MP4 file, which appears under its name when it is closed with ``keep``.

    Args:
        path: Ends in ``.mp4``.
        fps: Frames per second.
    """

    def __init__(self, path: Path, fps: float) -> None:
        self.path, self._fps = path, fps
        self._part = path.with_name(f".{path.stem}.part{path.suffix}")
        self._writer: cv2.VideoWriter | None = None
        self._size = (0, 0)

    def write(self, image: Image) -> None:
        """Add a frame, resized to the size of the first one.

        Raises:
            MediaError: It cannot be written.
        """
        size = (image.shape[1], image.shape[0])
        if self._writer is None:
            code = cv2.VideoWriter.fourcc(*"mp4v")
            self._writer, self._size = cv2.VideoWriter(str(self._part), code, self._fps, size), size
            if not self._writer.isOpened():
                raise MediaError(f"{self.path}: cannot be written by this OpenCV")
        self._writer.write(image if size == self._size else cv2.resize(image, self._size))

    def close(self, keep: bool) -> None:
        """Finish the file; move it to its name, or remove it."""
        if self._writer is not None:
            self._writer.release()
        if keep and self._writer is not None:
            self._part.replace(self.path)
        else:
            self._part.unlink(missing_ok=True)
