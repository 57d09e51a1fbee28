# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Pictures, clips and cameras in; annotated clips out. All through OpenCV."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from atpn_ros.files import atomic_replace
from atpn_ros.types import AtpnError, Frame, Image

_USUAL_FPS = 25.0


class MediaError(AtpnError):
    """A picture, clip or camera that cannot be read or written, in one line."""


def read_image(path: Path) -> Image:
    """A picture file as (H, W, 3) BGR, upright as its orientation tag says.

    Raises:
        MediaError: There is none, or it is none.
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
        raise MediaError(f"{path}: no picture that OpenCV can read")
    return np.asarray(image, np.uint8)


def write_image(path: Path, image: Image) -> None:
    """Write a picture file, in one piece.

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
        source: A file, or the number of a camera.

    Attributes:
        live: Whether it is a camera: its stamps are this machine's clock, and it does not end.
        frames: How many it says to hold, 0 if it does not know.
        fps: Frames per second, as it says.

    Raises:
        MediaError: It cannot be opened.
    """

    def __init__(self, source: str) -> None:
        self.source = source
        self.live = source.isdecimal() and not Path(source).exists()
        if not self.live and not Path(source).is_file():
            raise MediaError(f"{source}: there is no such file")
        self._capture = cv2.VideoCapture(int(source) if self.live else source)
        if not self._capture.isOpened():
            self._capture.release()
            if self.live:
                raise MediaError(f"camera {source}: cannot be opened; see v4l2-ctl --list-devices")
            raise MediaError(f"{source}: no clip that OpenCV can read")
        if self.live:
            self._capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # what is old is of no use
        fps = self._capture.get(cv2.CAP_PROP_FPS)
        self.fps = float(fps) if 0.1 < fps < 1000 else _USUAL_FPS
        self.frames = 0 if self.live else max(0, int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT)))

    def __iter__(self) -> Iterator[Frame]:
        """Its frames, each with a greater stamp than the one before; from 0 in a file."""
        last, n = -1, 0
        while True:
            ok, image = self._capture.read()
            if not ok:
                return
            if self.live:
                stamp = time.time_ns()
            else:
                stamp = round(self._capture.get(cv2.CAP_PROP_POS_MSEC) * 1e6)
                if stamp <= last:  # some containers have no times, or wrong ones
                    stamp = max(last + 1, round(n * 1e9 / self.fps))
            last, n = stamp, n + 1
            yield Frame(np.asarray(image, np.uint8), stamp, f"clip_{Path(self.source).stem}")

    def close(self) -> None:
        """Free the file or the camera."""
        self._capture.release()


class VideoWriter:
    """An MP4 file that appears when it is closed well.

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
        """Add a frame; the first fixes the size, others are scaled to it.

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
        """End the file; keep it under its name, or remove it."""
        if self._writer is not None:
            self._writer.release()
        if keep and self._writer is not None:
            self._part.replace(self.path)
        else:
            self._part.unlink(missing_ok=True)
