# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The plan of the tracking comparison, and the frames of what it names."""

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
        people: How many take part.
        seconds: How long.
    """

    seed: int
    people: int
    seconds: float = 10.0

    @property
    def name(self) -> str:
        """Name of its folder."""
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
        """Name in tables."""
        return Path(self.file).stem


@dataclass(frozen=True, slots=True)
class TrackingPlan:
    """Plan of the comparison.

    Attributes:
        max_faces: Largest number of faces, of both systems.
        rate_hz: Rate of the stamps of all frames, whatever the rate of a clip.
        clip_frames: Largest number of frames of a clip.
        still_frames: Number of frames of each still photograph.
        settled_after: Frames at its beginning that are not measured, while smoothing settles.
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
    """Names and frames of the stills: held-out people, each in the middle of the picture.

    Raises:
        DataError: A photograph cannot be read.
    """
    width, height = SIZE
    for folder in plan.stills:
        numbers: Counter[str] = Counter()
        for face in read_lens(data / folder, "test"):
            numbers[folder] += 1
            scale = height / face.image.shape[0]
            small = cv2.resize(face.image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            left = max(0, (width - small.shape[1]) // 2)
            right = max(0, width - left - small.shape[1])
            wide = cv2.copyMakeBorder(small, 0, 0, left, right, cv2.BORDER_REPLICATE)
            image = np.asarray(wide[:height, :width], np.uint8)
            yield f"{folder}_{numbers[folder]}", _still_frames(image, plan, numbers[folder])


def _still_frames(image: Image, plan: TrackingPlan, seed: int) -> Frames:
    return lambda: noisy(image, plan.still_frames, plan.noise, seed)
