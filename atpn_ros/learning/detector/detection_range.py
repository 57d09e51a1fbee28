# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Measures a detector's recall by distance, for several angles of view and image sizes.

Held-out people are cut out of their portraits and pasted into held-out pictures without a face, as
large as a camera would show them at a distance.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from atpn_ros.detectors import Detector
from atpn_ros.engines import Engine
from atpn_ros.geometry import FACING
from atpn_ros.learning.data.sprites import Sprite, frontal_outline
from atpn_ros.learning.detector import detection_counts, sprite_augmentation
from atpn_ros.learning.detector.canvas import Canvas
from atpn_ros.learning.detector.detection_counts import Rate
from atpn_ros.learning.detector.pipeline_recall import hold
from atpn_ros.learning.detector.scenes import Scene
from atpn_ros.learning.detector.sprite_appearance import head
from atpn_ros.pipeline.head_model import MEAN_HEAD
from atpn_ros.pipeline.pipeline import PipelineSettings
from atpn_ros.types import Box, Image

FACE_HEIGHT = float(np.ptp(frontal_outline((MEAN_HEAD @ FACING.T)[:, :2])[:, 1]))
"""Height of the mean adult's face box, from the chin to the hair, metres."""
VIEWS = (60.0, 90.0, 120.0)
"""Horizontal angles of view, degrees."""
SIZES = ((640, 480), (1280, 720), (1920, 1080))
"""Width and height of pictures, pixels."""
DISTANCES = (1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0)
"""Along the optical axis, metres."""

_PEOPLE = 6
"""Most people in a picture."""
_ROOM = 2.6
"""Width that a person takes, over the height of the face."""
_FRAMES = 4
"""Times that the pipeline processes each picture; more change nothing in such pictures."""
_Z95 = 1.96


@dataclass(frozen=True, slots=True)
class CameraView:
    """A pinhole camera.

    Attributes:
        degrees: Horizontal angle of view.
        size: Width and height of its pictures, pixels.
    """

    degrees: float
    size: tuple[int, int]

    def face_height(self, metres: float) -> float:
        """Height of the mean adult's face at a distance along the optical axis, pixels.

        >>> round(CameraView(90.0, (640, 480)).face_height(2.0), 1)
        31.0
        """
        focal = self.size[0] / 2 / np.tan(np.radians(self.degrees) / 2)
        return float(focal * FACE_HEIGHT / metres)


@dataclass(frozen=True, slots=True)
class Found:
    """Results of one detector with one camera at one distance.

    Attributes:
        detector: Its name.
        view: The camera.
        metres: The distance.
        found: Share of the faces that the detector found.
        held: Share that the pipeline tracks after equal frames.
    """

    detector: str
    view: CameraView
    metres: float
    found: Rate
    held: Rate


def cameras() -> list[CameraView]:
    """The cameras that are measured."""
    return [CameraView(degrees, size) for degrees in VIEWS for size in SIZES]


def measure_range(
    detectors: Sequence[tuple[str, Detector]],
    people: Sequence[Sprite],
    backgrounds: Sequence[Image],
    engine: Engine,
    settings: PipelineSettings,
    pictures: int,
    seed: int = 0,
) -> Iterator[Found]:
    """Measure all detectors on the same pictures of each camera and distance.

    Args:
        detectors: Name and detector, at its usual score.
        people: Cut-outs with the outline of their face.
        backgrounds: Pictures without a face.
        engine: Runs the face network.
        settings: Of the pipeline.
        pictures: Number of pictures for each camera and distance.
        seed: Of the random numbers.
    """
    for number, view in enumerate(cameras()):
        for metres in DISTANCES:
            rng = np.random.default_rng((seed, number, round(1000 * metres)))
            scenes = (compose(rng, people, backgrounds, view, metres) for _ in range(pictures))
            for name, rates in recall(detectors, scenes, engine, settings).items():
                yield Found(name, view, metres, *rates)


def recall(
    detectors: Sequence[tuple[str, Detector]],
    scenes: Iterable[Scene],
    engine: Engine,
    settings: PipelineSettings,
) -> dict[str, tuple[Rate, Rate]]:
    """Share of the faces that each detector detects, and that the pipeline tracks, by name.

    Args:
        detectors: Name and detector, at its usual score.
        scenes: Pictures with the boxes of all their faces.
        engine: Runs the face network.
        settings: Of the pipeline.
    """
    counts = {name: np.zeros(3, int) for name, _ in detectors}
    for scene in scenes:
        faces = [Box.from_xyxy(*corners) for corners in scene.boxes.tolist()]
        for name, detector in detectors:
            finds = detector.detect(scene.image)
            boxes = [find.box for find in finds]
            held = hold(scene.image, finds, detector.name, engine, settings, _FRAMES)
            hits = [detection_counts.count(b, faces, ()).found.sum() for b in (boxes, held)]
            counts[name] += (len(faces), *hits)
    return {
        name: (share(found, total), share(held, total))
        for name, (total, found, held) in ((n, c.tolist()) for n, c in counts.items())
    }


def compose(
    rng: np.random.Generator,
    people: Sequence[Sprite],
    backgrounds: Sequence[Image],
    view: CameraView,
    metres: float,
) -> Scene:
    """A picture of a few people side by side at one distance, as the camera would take it."""
    width, height = view.size
    background = backgrounds[int(rng.integers(len(backgrounds)))]
    part = sprite_augmentation.window(rng, background, width / height, 0.7)
    canvas = Canvas(sprite_augmentation.plain(part, width, height))
    tall = view.face_height(metres)
    places = max(1, min(_PEOPLE, int(width / (_ROOM * tall))))
    room = width / places
    for i in rng.permutation(places):
        sprite = people[int(rng.integers(len(people)))]
        outline = sprite.outline
        if outline is None:
            continue
        size = head(sprite)[1] * tall / float(np.ptp(outline[:, 1]))
        sprite = sprite_augmentation.shrunk(sprite, size)
        free = max(0.0, room - _ROOM * tall) / 2
        place = np.array([(i + 0.5) * room + rng.uniform(-free, free),
                          rng.uniform(0.9 * tall, max(0.95 * tall, 0.6 * height))])  # fmt: skip
        turn, mirrored = float(rng.normal(0, 0.05)), -1.0 if rng.random() < 0.5 else 1.0
        sprite_augmentation.torso(rng, canvas, sprite, place, size, turn)
        canvas.paste(_relit(rng, sprite), place, size, turn, mirrored)
    return Scene(_camera_image(rng, canvas.image), *canvas.truth())


def _relit(rng: np.random.Generator, sprite: Sprite) -> Sprite:
    """A cut-out with a random brightness and colour of the light."""
    gain = np.append(np.exp(rng.normal(-0.1, 0.12) + rng.normal(0, 0.03, 3)), 1.0)
    image = np.clip(sprite.image * gain, 0, 255).astype(np.uint8)
    return Sprite(image, sprite.outline)


def _camera_image(rng: np.random.Generator, image: Image) -> Image:
    """The picture with the blur, noise and JPEG compression of an ordinary camera."""
    soft = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.4, 0.7)))
    noise = np.empty((128, 128, 3), np.int16)
    cv2.setRNGSeed(int(rng.integers(2**31)))
    cv2.randn(noise, (0, 0, 0), (2.5, 2.5, 2.5))
    height, width = image.shape[:2]
    tiled = np.tile(noise, (-(-height // 128), -(-width // 128), 1))[:height, :width]
    noisy = cv2.add(soft, tiled, dtype=cv2.CV_8U)
    coded = cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, 90])[1]
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)


def share(part: int, whole: int) -> Rate:
    """A share with Wilson's interval of 95 %, which is valid for 0 and 100 % too.

    >>> rate = share(48, 48)
    >>> round(rate.low, 3), rate.high
    (0.926, 1.0)
    """
    if whole == 0:
        return Rate(float("nan"), float("nan"), float("nan"), 0)
    p, z2 = part / whole, _Z95**2
    middle = (p + z2 / (2 * whole)) / (1 + z2 / whole)
    half = _Z95 / (1 + z2 / whole) * float(np.sqrt(p * (1 - p) / whole + z2 / (4 * whole**2)))
    return Rate(p, max(0.0, middle - half), min(1.0, middle + half), whole)
