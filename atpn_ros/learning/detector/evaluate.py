# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Measures recall, false detections and run time of a detector on composed scenes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from atpn_ros.detectors import Detection, Detector
from atpn_ros.learning.detector.scenes import Scene
from atpn_ros.types import Box, Floats

MATCH = 0.35
"""Overlap over union from which a box is a face's: each detector draws boxes in its own way."""
SIZES = (16.0, 24.0, 40.0, 80.0, 1e9)
"""Bounds of the size bins (root of the box's area, pixels)."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a detector made of some scenes.

    Attributes:
        scores: (D,) of all detections that count, any order.
        hits: (D,) bool: whether each is the first of a face.
        face: (D,) which face, -1 for none.
        sizes: (F,) of all faces: root of the box's area, pixels.
        scenes: How many.
        milliseconds: (scenes,) of a processor core that each call took.
    """

    scores: Floats
    hits: Floats
    face: Floats
    sizes: Floats
    scenes: int
    milliseconds: Floats

    def threshold(self, alarms: float) -> float:
        """The least score at which there are at most so many false alarms per 100 scenes."""
        false = np.sort(self.scores[~self.hits])[::-1]
        allowed = int(alarms * self.scenes / 100)
        return 0.0 if allowed >= len(false) else float(np.nextafter(false[allowed], 2.0))

    def recall(self, threshold: float, low: float = 0.0, high: float = np.inf) -> float:
        """Share of the faces between two sizes that are found; NaN where there are none."""
        wanted = (self.sizes >= low) & (self.sizes < high)
        found = np.unique(self.face[self.hits & (self.scores >= threshold)]).astype(int)
        return float(wanted[found].sum() / wanted.sum()) if wanted.any() else float("nan")

    def alarms(self, threshold: float) -> float:
        """False alarms per 100 scenes."""
        return float((~self.hits & (self.scores >= threshold)).sum() * 100 / self.scenes)


def run(detector: Detector, scenes: Sequence[Scene]) -> Outcome:
    """A detector, which should report weak faces too, on scenes."""
    scores, hits, which, sizes, times = [], [], [], [], []
    for scene in scenes:
        began = time.process_time()
        found = detector.detect(scene.image)
        times.append((time.process_time() - began) * 1e3)
        for detection, face in assign(found, scene):
            if face is not None:
                scores.append(detection.score)
                hits.append(face >= 0)
                which.append(len(sizes) + face if face >= 0 else -1)
        sides = scene.boxes[:, 2:] - scene.boxes[:, :2]
        sizes.extend(np.sqrt(sides.prod(axis=1)).tolist())
    return Outcome(np.array(scores), np.array(hits, bool), np.array(which, int),
                   np.array(sizes), len(scenes), np.array(times))  # fmt: skip


def assign(found: Sequence[Detection], scene: Scene) -> list[tuple[Detection, int | None]]:
    """Each detection with its face's number; -1: a false alarm; None: it does not count.

    Detections are matched by descending score; those on ignored faces are not counted.
    """
    taken: set[int] = set()
    out: list[tuple[Detection, int | None]] = []
    faces = [Box.from_xyxy(*(float(v) for v in b)) for b in scene.boxes]
    ignored = [Box.from_xyxy(*(float(v) for v in b)) for b in scene.ignored]
    for detection in sorted(found, key=lambda d: -d.score):
        overlaps = [0.0 if i in taken else detection.box.iou(f) for i, f in enumerate(faces)]
        best = int(np.argmax(overlaps)) if overlaps else -1
        if best >= 0 and overlaps[best] >= MATCH:
            taken.add(best)
            out.append((detection, best))
        elif any(detection.box.iou(box) >= MATCH / 2 for box in ignored):
            out.append((detection, None))
        else:
            out.append((detection, -1))
    return out
