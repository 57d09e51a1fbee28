# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Compares detectors: tables of recall and time, and images with the boxes drawn."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from atpn_ros.detectors import Detection, Detector
from atpn_ros.detectors.atpn import DETECTOR_MODEL, MIN_SCORE, AtpnDetector
from atpn_ros.detectors.yunet import YuNetDetector
from atpn_ros.drawing.contact_sheet import contact_sheet
from atpn_ros.drawing.video import VideoReader, write_image
from atpn_ros.learning.detector import evaluate
from atpn_ros.learning.detector.scene_composer import CrowdPlan, Crowds
from atpn_ros.learning.detector.scenes import Scene
from atpn_ros.learning.detector.third_party_detectors import RfbDetector
from atpn_ros.learning.detector.training_run import pieces
from atpn_ros.types import Image

ALARMS = 1.0
"""False alarms per 100 scenes at which recall is compared."""
_WEAK = 0.05
"""Score threshold of the detectors, low enough to evaluate every higher threshold."""
_USUAL = {"atpn": MIN_SCORE, "yunet": 0.6, "rfb320": 0.7}
"""The scores from which each is used on clips: what it comes with."""
_COLOURS = {"yunet": (0, 200, 255), "rfb320": (255, 0, 255),
            "atpn": (0, 255, 0)}  # fmt: skip


def line_up(model: Path | None, yunet: Path | None, rfb: Path | None) -> list[Detector]:
    """The detectors to compare: this package's own, and the peers that a file is given for."""
    found: list[Detector] = [AtpnDetector(model or DETECTOR_MODEL, _WEAK)]
    if yunet is not None:
        found.append(YuNetDetector(yunet, _WEAK))
    if rfb is not None:
        found.append(RfbDetector(rfb, _WEAK))
    return found


def held_out_scenes(cutouts: Path, root: Path, count: int, seed: int) -> list[Scene]:
    """Scenes of 448x352 pixels with faces of 8 to 200 pixels, of held-out people and views."""
    plan = CrowdPlan(size=(448, 352), faces=(8.0, 200.0), tiles=0.1, empty=0.2)
    crowds = Crowds(pieces(cutouts, root, None, held_out=True), plan)
    return [crowds.scene(np.random.default_rng((seed, i))) for i in range(count)]


def on_scenes(detectors: Sequence[Detector], scenes: Sequence[Scene], out: Path | None) -> str:
    """A table: recall at the same rate of false alarms, by size, and the time of a call."""
    bins = list(zip(evaluate.SIZES, evaluate.SIZES[1:], strict=False))
    sizes = (f"{a:.0f}-{b:.0f} px" if b < 1e4 else f"over {a:.0f}" for a, b in bins)
    head = ["detector", f"recall at {ALARMS:g}/100", *sizes, "score", "as used", "ms"]
    rows = []
    for detector in detectors:
        outcome = evaluate.run(detector, scenes)
        at, usual = outcome.threshold(ALARMS), _USUAL[detector.name]
        rows.append([
            detector.name, f"{100 * outcome.recall(at):.1f} %",
            *(f"{100 * outcome.recall(at, a, b):.0f} %" for a, b in bins), f"{at:.3f}",
            f"{100 * outcome.recall(usual):.1f} %, {outcome.alarms(usual):.1f}",
            f"{np.median(outcome.milliseconds):.2f}",
        ])  # fmt: skip
        if out is not None:
            out.mkdir(parents=True, exist_ok=True)
            cells = [_drawn(s.image, {detector.name: _from(detector.detect(s.image), at)})
                     for s in scenes[:24]]  # fmt: skip
            write_image(out / f"scenes_{detector.name}.jpg", contact_sheet(cells, 4, (400, 300)))
    faces = sum(len(s.boxes) for s in scenes)
    return f"{len(scenes)} scenes, {faces} faces\n" + _table([head, *rows])


def on_clips(
    detectors: Sequence[Detector], clips: Sequence[Path], every: int, out: Path | None
) -> str:
    """A table: the number of faces that each detects, and of those that no other detector detects.

    Clips have no labels: what only one detector sees may be a false alarm, or a face that the
    others miss. The pictures tell.
    """
    rows = [["clip", "frames", *(f"{d.name}: found, alone" for d in detectors)]]
    for path in clips:
        images = _frames(path, every)
        seen = [{d.name: d.detect(image) for d in detectors} for image in images]
        row = [path.name, str(len(images))]
        for detector in detectors:
            found = [_from(s[detector.name], _USUAL[detector.name]) for s in seen]
            alone = sum(_alone(d, s, detector.name) for f, s in zip(found, seen, strict=True)
                        for d in f)  # fmt: skip
            row.append(f"{sum(map(len, found))}, {alone}")
        rows.append(row)
        if out is not None:
            out.mkdir(parents=True, exist_ok=True)
            cells = [_drawn(image, {n: _from(f, _USUAL[n]) for n, f in s.items()})
                     for image, s in zip(images, seen, strict=True)]  # fmt: skip
            write_image(out / f"clip_{path.stem}.jpg", contact_sheet(cells[:20], 5, (380, 285)))
    return _table(rows)


def _frames(path: Path, every: int) -> list[Image]:
    clip = VideoReader(str(path))
    return [frame.pixels() for i, frame in enumerate(clip) if i % every == 0]


def _alone(detection: Detection, seen: dict[str, list[Detection]], name: str) -> bool:
    others = (o for n, found in seen.items() if n != name for o in _from(found, _USUAL[n] / 2))
    return not any(detection.box.iou(o.box) > 0.2 for o in others)


def _from(found: Sequence[Detection], score: float) -> list[Detection]:
    return [d for d in found if d.score >= score]


def _drawn(image: Image, found: dict[str, list[Detection]]) -> Image:
    image = image.copy()
    for name, faces in found.items():
        for face in faces:
            x0, y0, x1, y1 = (round(v) for v in face.box.xyxy)
            cv2.rectangle(image, (x0, y0), (x1, y1), _COLOURS[name], 2)
            cv2.putText(image, f"{face.score:.2f}", (x0, y0 - 3), 0, 0.4, _COLOURS[name], 1)
    return image


def _table(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(r[i]) for r in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join(v.ljust(w) for v, w in zip(r, widths, strict=True)) for r in rows)
