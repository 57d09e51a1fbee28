# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Writes evaluation results as JSON and as a text table with a column per model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from atpn_ros.learning.evaluation.dataset_metrics import CropMetrics, SetMetrics
from atpn_ros.learning.evaluation.detection_metrics import DetectionMetrics
from atpn_ros.learning.evaluation.jitter import JitterMetrics
from atpn_ros.learning.evaluation.sequences import SequenceMetrics
from atpn_ros.learning.evaluation.statistics import Estimate, Roc

FORMAT = 1
"""Of the JSON."""


@dataclass(frozen=True, slots=True)
class Report:
    """All that was measured of one model; None for what was not asked for.

    Attributes:
        model: Its file's name.
        sha256: Of the file.
        layout: Of its landmarks.
        photographs: Where no truth of pose and gaze is known.
        renders: Where everything is known.
        smaller: Renders whose faces were reduced to so many pixels.
        sequence: People who move.
        still: Faces that do not.
        data_sets: Public data sets, by ``KIND:FOLDER``.
        detection: Data sets of face boxes; the report is then of a detector.
    """

    model: str
    sha256: str
    layout: str
    photographs: SetMetrics | None = None
    renders: SetMetrics | None = None
    smaller: Mapping[float, SetMetrics] = field(default_factory=dict)
    sequence: SequenceMetrics | None = None
    still: JitterMetrics | None = None
    data_sets: Mapping[str, SetMetrics] = field(default_factory=dict)
    detection: Mapping[str, DetectionMetrics] = field(default_factory=dict)


def as_json(reports: Sequence[Report]) -> dict[str, Any]:
    """Plain values, each face's own error included."""
    return {"format": FORMAT, "models": [asdict(r) for r in reports]}


def table(reports: Sequence[Report]) -> str:
    """One row per figure, one column per model."""
    columns = [dict(_rows(r) + _against(r, reports[0])) for r in reports]
    names = list(dict.fromkeys(name for column in columns for name in column))
    body = [[name, *(column.get(name, "") for column in columns)] for name in names]
    lines = [["", *(r.model for r in reports)], *body]
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return "\n".join(
        "  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def format_estimate(value: Estimate | None, digits: int = 2) -> str:
    """A figure with its interval.

    >>> format_estimate(Estimate(4.041, 3.9, 4.2, 302))
    '4.04 (3.90-4.20)'
    """
    if value is None:
        return "-"
    return f"{value.value:.{digits}f} ({value.low:.{digits}f}-{value.high:.{digits}f})"


_SUBSET_ROWS = (("nme", "NME %", 2), ("fr10", "FR@10 %", 2), ("auc10", "AUC@10", 3))


def _rows(report: Report) -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    named = {"photographs": report.photographs, "renders": report.renders}
    named |= {f"renders, {side:g} px": figures for side, figures in report.smaller.items()}
    named |= report.data_sets
    for name, figures in named.items():
        if figures is not None:
            rows += _set_rows(name, figures)
    for name, found in report.detection.items():
        rows += _detection_rows(name, found)
    if report.sequence is not None:
        s = report.sequence
        rows += [
            ("sequence: IDF1 %", f"{s.identity.idf1:.1f}"),
            ("sequence: recall %", f"{s.identity.recall:.1f}"),
            ("sequence: precision %", f"{s.identity.precision:.1f}"),
            ("sequence: id switches", str(s.identity.switches)),
            ("sequence: lost tracks", str(s.identity.lost)),
            ("sequence: people mostly lost", f"{s.identity.mostly_lost} of {s.identity.people}"),
            ("sequence: NME % of held faces", format_estimate(s.nme)),
        ]
    if report.still is not None:
        rows += [
            ("still face: jitter, raw, px/frame", format_estimate(report.still.raw, 3)),
            (
                "still face: jitter, raw, % of inter-ocular",
                format_estimate(report.still.raw_percent, 3),
            ),
            ("still face: jitter, smoothed, px/frame", format_estimate(report.still.smoothed, 3)),
        ]
    return rows


def _against(report: Report, first: Report) -> list[tuple[str, str]]:
    """By how much of itself the first model's NME grew: what a smaller copy of it lost."""
    if report is first:
        return []
    rows = []
    for name in ("photographs", "renders"):
        own, other = getattr(report, name), getattr(first, name)
        if own is None or other is None:
            continue
        for kind in own.boxes:
            a, b = (_raw_nme(s, kind) for s in (own, other))
            if a is not None and b is not None:
                more = (a.value / b.value - 1) * 100
                rows.append((f"{name}, {kind}, raw: NME more than the first's %", f"{more:+.2f}"))
    return rows


def _raw_nme(figures: SetMetrics, kind: str) -> Estimate | None:
    raw = figures.boxes[kind].landmarks.get("raw")
    return None if raw is None else raw.nme


def _set_rows(name: str, figures: SetMetrics) -> list[tuple[str, str]]:
    rows = [(f"{name}: faces", str(figures.faces))]
    for kind, box in figures.boxes.items():
        rows += _box_rows(f"{name}, {kind}", box)
    return rows + _presence_rows(name, figures.presence)


def _box_rows(where: str, box: CropMetrics) -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for reading, f in box.landmarks.items():
        rows += [
            (f"{where}, {reading}: NME %", format_estimate(f.nme)),
            (f"{where}, {reading}: FR@10 %", format_estimate(f.fr10)),
            (f"{where}, {reading}: AUC@10", format_estimate(f.auc10, 3)),
            (f"{where}, {reading}: AUC@8", format_estimate(f.auc8, 3)),
        ]
        rows += [
            (f"{where}, {reading}: NME %, {g}", format_estimate(v)) for g, v in f.groups.items()
        ]
        rows += [
            (f"{where}, {reading}: {title}, {subset}", format_estimate(v[key], digits))
            for subset, v in f.subsets.items()
            for key, title, digits in _SUBSET_ROWS
        ]
    rows += [(f"{where}: NME %, turned {b}", format_estimate(v)) for b, v in box.nme_by_yaw.items()]
    rows += _pose_rows(where, box)
    rows += [(f"{where}: gaze deg, by the {k}", format_estimate(v)) for k, v in box.gaze.items()]
    if box.points_within is not None:
        share = format_estimate(box.points_within, 1)
        rows.append((f"{where}: % of points within their 90 % circle", share))
    if box.gaze_within is not None:
        share = format_estimate(box.gaze_within, 1)
        rows.append((f"{where}: % of gazes within their 90 % cone", share))
    groups = [(f"skin tone {tone}", g) for tone, g in box.tones.items()]
    groups += [(f"{age} ({g.faces} faces)", g) for age, g in box.ages.items()]
    groups += [(f"{v} % visible ({g.faces} faces)", g) for v, g in box.visibility.items()]
    for name, g in groups:
        rows.append((f"{where}: NME %, {name}", format_estimate(g.nme)))
        rows.append((f"{where}: rotation deg, {name}", format_estimate(g.angle)))
    return rows


def _pose_rows(where: str, box: CropMetrics) -> list[tuple[str, str]]:
    if box.pose is None:
        return []
    axes: Mapping[str, Estimate | None] = {
        "roll": box.pose.roll,
        "pitch": box.pose.pitch,
        "yaw": box.pose.yaw,
        "rotation": box.pose.angle,
    }
    rows = [(f"{where}: {axis} deg", format_estimate(v)) for axis, v in axes.items()]
    return rows + [
        (f"{where}: rotation deg, turned {b}", format_estimate(v))
        for b, v in box.pose.by_yaw.items()
    ]


def _detection_rows(name: str, found: DetectionMetrics) -> list[tuple[str, str]]:
    return [
        (f"{name}: pictures", str(found.pictures)),
        (f"{name}: recall %", format_estimate(found.recall, 1)),
        *(
            (f"{name}: recall %, {size}", format_estimate(v, 1))
            for size, v in found.by_size.items()
        ),
        (f"{name}: false detections per picture", f"{found.false_per_picture:.2f}"),
    ]


def _presence_rows(name: str, presence: Roc | None) -> list[tuple[str, str]]:
    if presence is None:
        return []
    return [
        (f"{name}: presence AUC", f"{presence.auc:.4f}"),
        (f"{name}: presence, % found at 1 % false", f"{presence.hits_at_1:.1f}"),
    ]
