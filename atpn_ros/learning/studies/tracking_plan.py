# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Reads the plan of the tracking comparison, and opens the frames of its items."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from atpn_ros.learning.config import ConfigError, read_config
from atpn_ros.learning.data.checks import DataError
from atpn_ros.learning.data.datasets.camera_gaze import read_lens
from atpn_ros.learning.evaluation.jitter import noisy
from atpn_ros.types import Image

SIZE = (640, 480)
"""Width and height of sequences and stills, pixels."""

Frames = Callable[[], Iterable[Image]]
"""Opens the frames of one item, from the first."""


@dataclass(frozen=True, slots=True)
class RenderedSequence:
    """A sequence that ``atpn synth --sequence`` renders, 640x480.

    Attributes:
        seed: Of the renderer.
        people: Number of people.
        seconds: Duration.
    """

    seed: int
    people: int
    seconds: float = 10.0

    @property
    def name(self) -> str:
        """Name of the folder and of the tracks."""
        return f"people{self.people}_seed{self.seed}_{self.seconds:g}s"


@dataclass(frozen=True, slots=True)
class Clip:
    """A clip of real people.

    Attributes:
        file: Path below the data folder.
        people: Number of people, all of whose faces are visible in every frame.
    """

    file: str
    people: int

    @property
    def name(self) -> str:
        """Name in tables and of the tracks."""
        return Path(self.file).stem


@dataclass(frozen=True, slots=True)
class TrackingPlan:
    """Plan of the comparison.

    Attributes:
        max_faces: Largest number of faces, of both systems.
        rate_hz: Rate of the stamps of all frames; the rate of a clip is ignored.
        clip_frames: Largest number of frames of a clip.
        still_frames: Number of frames of each still photograph.
        settled_after: First frames of a still that are not measured, while smoothing settles.
        noise: Standard deviation of the noise of stills, grey levels.
        sequences: Rendered sequences.
        clips: Clips.
        stills: Folders of photographs of people below the data folder; the held-out people are
            used.
    """

    max_faces: int = 4
    rate_hz: float = 30.0
    clip_frames: int = 300
    still_frames: int = 30
    settled_after: int = 10
    noise: float = 4.0
    sequences: tuple[RenderedSequence, ...] = ()
    clips: tuple[Clip, ...] = ()
    stills: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.max_faces < 1 or not self.rate_hz > 0 or self.clip_frames < 2:
            raise ValueError("max_faces and rate_hz must be positive, clip_frames at least 2")
        if self.still_frames < self.settled_after + 2:
            raise ValueError("still_frames: must be at least settled_after + 2")
        # Results and stored tracks are by name.
        names = [*(s.name for s in self.sequences), *(c.name for c in self.clips), *self.stills]
        for name, count in Counter(names).items():
            if count > 1:
                raise ValueError(f"sequences, clips, stills: {count} are named {name}")


def load_plan(path: Path) -> TrackingPlan:
    """Read a plan.

    Raises:
        ConfigError: The file is not a valid plan; the message names the field.
    """
    plan: TrackingPlan = read_config(path, TrackingPlan)
    if not (plan.sequences or plan.clips or plan.stills):
        raise ConfigError(f"{path}: needs sequences, clips or stills")
    return plan


def render_missing(
    plan: TrackingPlan, assets: Path, folder: Path, report: Callable[[str], None] = print
) -> None:
    """Render the sequences of a plan that are not in the folder yet, as ``atpn synth`` does."""
    missing = [s for s in plan.sequences if not (folder / s.name / "truth.jsonl").is_file()]
    if not missing:
        return
    from atpn_ros.learning.synth.output import recording
    from atpn_ros.learning.synth.render import stream
    from atpn_ros.learning.synth.render.sequences import SequenceRenderer
    from atpn_ros.learning.synth.sampling.motion import SequencePlan

    loaded = stream.load_assets(assets)
    for sequence in missing:
        report(f"rendering {sequence.name}")
        what = SequencePlan(sequence.seconds, plan.rate_hz, SIZE, sequence.people)
        recording.write(
            SequenceRenderer(loaded, sequence.seed, what), folder / sequence.name, "frames"
        )


def clip_frames(path: Path, most: int) -> Frames:
    """The first frames of a clip, at most so many.

    Raises:
        DataError: By the returned function: the clip cannot be read.
    """

    def read() -> Iterator[Image]:
        capture, number = cv2.VideoCapture(str(path)), 0
        while number < most:
            done, image = capture.read()
            if not done:
                break
            number += 1
            yield np.asarray(image, np.uint8)
        if not number:
            raise DataError(f"{path}: missing or not a video")

    return read


def stills(plan: TrackingPlan, data: Path) -> Iterator[tuple[str, Frames]]:
    """Names and frames of the stills: held-out people, each in the middle of the image.

    Raises:
        DataError: A photograph cannot be read.
    """
    for folder in plan.stills:
        for number, face in enumerate(read_lens(data / folder, "test"), 1):
            yield f"{folder}_{number}", _still_frames(centred(face.image), plan, number)


def centred(image: Image) -> Image:
    """An image of :data:`SIZE` with the whole height of another one, cut or extended sideways."""
    width, height = SIZE
    size = (round(image.shape[1] * height / image.shape[0]), height)
    scaled = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    left = (width - size[0]) // 2
    right = width - size[0] - left
    cut = scaled[:, max(0, -left) : size[0] - max(0, -right)]
    wide = cv2.copyMakeBorder(cut, 0, 0, max(0, left), max(0, right), cv2.BORDER_REPLICATE)
    return np.asarray(wide, np.uint8)


def _still_frames(image: Image, plan: TrackingPlan, seed: int) -> Frames:
    return lambda: noisy(image, plan.still_frames, plan.noise, seed)
