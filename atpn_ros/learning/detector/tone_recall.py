# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Measures a detector's recall by skin tone, on held-out people pasted at several distances."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from atpn_ros.detectors import Detector
from atpn_ros.engines import Engine
from atpn_ros.learning.data.cutouts import Cutout
from atpn_ros.learning.detector.detection_counts import Rate
from atpn_ros.learning.detector.detection_range import CameraView, compose, recall
from atpn_ros.learning.synth.assets.tones import ita, tone_bin
from atpn_ros.pipeline.pipeline import PipelineSettings
from atpn_ros.types import Image

VIEW = CameraView(60.0, (640, 480))
DISTANCES = (3.0, 4.0, 5.0, 6.0)
GROUPS = ("light", "medium", "dark")
"""Of two tone bins each: an angle above 41, 10 to 41, and below 10 degrees."""
_CHEEKS = ((54, 6), (54, 26))
"""Landmarks, nose tip and contour, between which the cheeks lie."""
_PATCH = 0.04
"""Half of a cheek's patch, over the height of the face."""


@dataclass(frozen=True, slots=True)
class ToneRecall:
    """One detector on the people of one group of skin tones.

    Attributes:
        detector: Its name.
        group: A name of :data:`GROUPS`.
        people: Number of portraits.
        found: Share of their faces that the detector found.
        held: Share that the pipeline tracks.
    """

    detector: str
    group: str
    people: int
    found: Rate
    held: Rate


def tone_group(person: Cutout) -> str:
    """The group of a person's skin tone, by the typology angle of the cheeks in the photograph."""
    points, image = person.landmarks, person.sprite.image
    half = max(1, round(_PATCH * float(np.ptp(points[:, 1]))))
    pixels = []
    for a, b in _CHEEKS:
        x, y = np.round((points[a] + points[b]) / 2).astype(int).tolist()
        part = image[max(0, y - half) : y + half + 1, max(0, x - half) : x + half + 1, :3]
        pixels.append(part.reshape(-1, 3))
    rgb = np.median(np.concatenate(pixels), axis=0)[::-1] / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return GROUPS[tone_bin(ita(linear)) // 2]


def measure_tones(
    detectors: Sequence[tuple[str, Detector]],
    people: Sequence[Cutout],
    backgrounds: Sequence[Image],
    engine: Engine,
    settings: PipelineSettings,
    pictures: int,
    seed: int = 0,
) -> Iterator[ToneRecall]:
    """Measure all detectors on the same pictures of each group.

    Args:
        detectors: Name and detector, at its usual score.
        people: Held-out people.
        backgrounds: Pictures without a face.
        engine: Runs the face network.
        settings: Of the pipeline.
        pictures: Number of pictures for each group and distance.
        seed: Of the random numbers.
    """
    for number, group in enumerate(GROUPS):
        own = [p.sprite for p in people if tone_group(p) == group]
        generators = [np.random.default_rng((seed, number, round(1000 * m))) for m in DISTANCES]
        scenes = (
            compose(rng, own, backgrounds, VIEW, metres)
            for rng, metres in zip(generators, DISTANCES, strict=True)
            for _ in range(pictures if own else 0)
        )
        for name, rates in recall(detectors, scenes, engine, settings).items():
            yield ToneRecall(name, group, len(own), *rates)
