# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Frame sources of ``atpn demo``: two moving people, or the user's own picture, video or camera."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from atpn_ros.cli.demo_people import Person, people
from atpn_ros.drawing.video import MediaError, VideoReader, read_image, video_source
from atpn_ros.types import Floats, Image

WIDTH, HEIGHT, RATE = 640, 480, 15
"""Frame size in pixels and frame rate in Hz of the demo's camera."""

FOCAL = 600.0
"""Focal length of the demo's camera, pixels."""

_PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".avif", ".jp2")
_LONGEST = 1280
"""Longer side of the frames of a video, pixels; larger ones are reduced."""


@dataclass(frozen=True, slots=True)
class ShownFace:
    """A face that a frame contains: number of the person, centre and height in pixels."""

    person: int
    x: float
    y: float
    height: float


class Scene(Protocol):
    """A sequence of frames that can be read again.

    Attributes:
        rate: Frames per second.
    """

    rate: float

    def frames(self) -> Iterator[Image]:
        """The frames, all of the same size."""

    def shown(self, n: int) -> list[ShownFace] | None:
        """The faces in frame ``n``, None if they are unknown."""


def open_scene(source: str, seconds: float, recording: Path) -> Scene:
    """The scene of a source.

    Args:
        source: Empty for the demo's own people; a picture, a video, or a camera.
        seconds: Length of the scene; a video may end earlier.
        recording: File for the frames of a source that can be read only once.

    Raises:
        MediaError: The source cannot be read.
    """
    if not source:
        return PeopleScene(round(seconds * RATE))
    if _is_picture(source):
        return PictureScene(read_image(Path(source)), round(seconds * RATE))
    return ClipScene(source, seconds, recording)


def is_read_once(source: str) -> bool:
    """Whether a second reader would not get the same frames: of a camera, an address or a pipe.

    Raises:
        MediaError: There is no such source.
    """
    if not source or _is_picture(source):
        return False
    is_stream = "://" in source or source == "-" or Path(source).is_fifo()
    return is_stream or video_source(source).live


def _is_picture(source: str) -> bool:
    return Path(source).suffix.lower() in _PICTURES


class PeopleScene:
    """Two people who move independently; the second leaves the view and returns.

    Args:
        count: Number of frames.
    """

    rate = float(RATE)

    def __init__(self, count: int) -> None:
        self._count = count
        self._people = people()
        self._background = _background()

    def frames(self) -> Iterator[Image]:
        """The frames, (480, 640, 3) BGR."""
        for n in range(self._count):
            yield self.frame(n)

    def frame(self, n: int) -> Image:
        """One frame."""
        out = self._background
        for number in (1, 0):  # the nearer person is drawn last
            out = _paste(out, self._people[number], self._view(number, n))
        return out

    def shown(self, n: int) -> list[ShownFace]:
        """The faces of which at least the inner half is in the frame."""
        out = []
        for number, person in enumerate(self._people):
            view = self._view(number, n)
            x, y, w = view @ (*person.face, 1.0)
            height = person.face_height * float(np.sqrt(abs(np.linalg.det(view[:2, :2]))))
            face = ShownFace(number, float(x / w), float(y / w), height)
            margin = height / 4
            if margin <= face.x <= WIDTH - margin and margin <= face.y <= HEIGHT - margin:
                out.append(face)
        return out

    def _view(self, number: int, n: int) -> Floats:
        """(3, 3) projection from a person's pixels to those of frame ``n``."""
        t = n / max(1, self._count - 1)  # 0..1 over the scene
        turn = 2 * np.pi * t
        if number == 0:
            height = 125 + 28 * np.sin(2 * turn)
            x, y = 200 + 70 * np.sin(3 * turn + 0.5), 200 + 20 * np.sin(5 * turn)
            roll, yaw = 13 * np.sin(2.5 * turn), 22 * np.sin(4 * turn)
        else:
            height = 88 + 18 * np.sin(3 * turn + 2)
            x, y = 490 + 40 * np.sin(2 * turn + 1), 165 + 16 * np.sin(4 * turn + 1)
            roll, yaw = 9 * np.sin(4 * turn + 1), 26 * np.sin(3 * turn + 1)
            # Leaves the view to the right and returns.
            away = np.clip((t - 0.52) / 0.07, 0, 1) * np.clip((0.78 - t) / 0.07, 0, 1)
            x += 360 * away * away * (3 - 2 * away)
        person = self._people[number]
        return _projection(person, height / person.face_height, (x, y), roll, yaw)


class PictureScene:
    """A camera that moves over a picture.

    Args:
        picture: (H, W, 3) uint8 BGR.
        count: Number of frames.
    """

    rate = float(RATE)

    def __init__(self, picture: Image, count: int) -> None:
        height, width = picture.shape[:2]
        # Large pictures are reduced first: the view samples no finer than this.
        scale = min(1.0, 2 * WIDTH / width, 2 * HEIGHT / height)
        size = max(1, round(width * scale)), max(1, round(height * scale))
        self._picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        self._count = count

    def frames(self) -> Iterator[Image]:
        """The frames, (480, 640, 3) BGR."""
        height, width = self._picture.shape[:2]
        whole = min(WIDTH / width, HEIGHT / height)
        for n in range(self._count):
            turn = 2 * np.pi * n / max(1, self._count - 1)
            scale = whole * (1.08 - 0.08 * np.cos(2 * turn))
            angle = np.radians(8) * np.sin(2 * turn)
            c, s = np.cos(angle) * scale, np.sin(angle) * scale
            matrix = np.array([[c, -s], [s, c]])
            shift = np.array([WIDTH / 2, HEIGHT / 2]) - matrix @ (width / 2, height / 2)
            shift += (0.05 * WIDTH * np.sin(turn), 0.04 * HEIGHT * np.sin(3 * turn))
            view = np.concatenate([matrix, shift[:, None]], axis=1)
            frame = cv2.warpAffine(self._picture, view, (WIDTH, HEIGHT), borderValue=(96, 92, 88))
            yield np.asarray(frame, np.uint8)

    def shown(self, n: int) -> None:
        """None: they are unknown."""
        return None


class ClipScene:
    """The frames of a video, or of a source that is read once and recorded to be read again.

    Args:
        source: As for :class:`VideoReader`.
        seconds: Longest time.
        recording: File for the frames of such a source; it exists once they have been read.

    Raises:
        MediaError: The source cannot be opened.
    """

    def __init__(self, source: str, seconds: float, recording: Path) -> None:
        self._source, self._recording = source, recording
        self._recorded_once = is_read_once(source)
        self.rate, self._size = 30.0, (0, 0)
        self._reader: VideoReader | None = None
        if self._recorded_once and recording.exists():
            with recording.open("rb") as stream:
                self.rate, *size = np.fromfile(stream, np.float64, 3).tolist()
            self._size = round(size[0]), round(size[1])
        else:
            self._reader = VideoReader(source)
            self.rate = self._reader.fps
        self._count = max(1, round(seconds * self.rate))

    def frames(self) -> Iterator[Image]:
        """The frames, reduced to a longer side of at most 1280 pixels."""
        if not self._recorded_once:
            return self._read()
        return self._play_recording() if self._recording.exists() else self._record()

    def _read(self) -> Iterator[Image]:
        reader, self._reader = self._reader or VideoReader(self._source), None
        try:
            for frame in itertools.islice(reader, self._count):
                yield _reduced(frame.pixels())
        finally:
            reader.close()

    def _record(self) -> Iterator[Image]:
        try:
            with self._recording.open("wb") as stream:
                for image in self._read():
                    if not any(self._size):
                        self._size = image.shape[1], image.shape[0]
                        np.array([self.rate, *self._size]).tofile(stream)
                    stream.write(image.tobytes())
                    yield image
        except OSError as error:
            raise MediaError(f"{self._recording}: {error.strerror}") from error

    def _play_recording(self) -> Iterator[Image]:
        width, height = self._size
        with self._recording.open("rb") as stream:
            stream.seek(3 * 8)
            while len(data := stream.read(3 * width * height)) == 3 * width * height > 0:
                yield np.frombuffer(data, np.uint8).reshape(height, width, 3)

    def shown(self, n: int) -> None:
        """None: they are unknown."""
        return None


def _background() -> Image:
    """A photograph out of focus (a coffee table, CC0), (480, 640, 3) BGR."""
    from skimage import data

    photograph = cv2.cvtColor(np.asarray(data.coffee()), cv2.COLOR_RGB2BGR)
    frame = cv2.resize(photograph, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.GaussianBlur(frame, (0, 0), 14) * 0.75 + 40, np.uint8)


def _projection(
    person: Person, scale: float, at: tuple[float, float], roll: float, yaw: float
) -> Floats:
    """(3, 3) projection of a person's flat image, rotated by degrees, with the face at ``at``."""
    roll, yaw = np.radians(roll), np.radians(yaw)
    distance = 8 * person.face_height  # from the viewpoint of the perspective
    to_face = np.array([[1, 0, -person.face[0]], [0, 1, -person.face[1]], [0, 0, 1]])
    turned = np.array([[np.cos(yaw), 0, 0], [0, 1, 0], [np.sin(yaw) / distance, 0, 1]])
    c, s = np.cos(roll) * scale, np.sin(roll) * scale
    placed = np.array([[c, -s, at[0]], [s, c, at[1]], [0, 0, 1]])
    return np.asarray(placed @ turned @ to_face)


def _paste(background: Image, person: Person, view: Floats) -> Image:
    """A frame with a person drawn in front of it."""
    size = (background.shape[1], background.shape[0])
    image = cv2.warpPerspective(person.image, view, size, flags=cv2.INTER_LINEAR)
    through = cv2.cvtColor(cv2.bitwise_not(image[..., 3]), cv2.COLOR_GRAY2BGR)
    behind = cv2.multiply(background, through, scale=1 / 255)
    return np.asarray(cv2.add(behind, cv2.cvtColor(image, cv2.COLOR_BGRA2BGR)), np.uint8)


def _reduced(image: Image) -> Image:
    height, width = image.shape[:2]
    scale = min(1.0, _LONGEST / max(height, width))
    if scale == 1.0:
        return image
    size = (round(width * scale), round(height * scale))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
