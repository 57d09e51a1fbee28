# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Markdown tables of the tracking comparison."""

from __future__ import annotations

from collections.abc import Mapping

from atpn_ros.learning.evaluation.statistics import Estimate
from atpn_ros.learning.evaluation.step_errors import Jitter
from atpn_ros.learning.evaluation.tracking_metrics import TrackingMetrics
from atpn_ros.learning.evaluation.tracking_times import TrackingTimes
from atpn_ros.learning.studies import pages
from atpn_ros.learning.studies.tracking_plan import TrackingPlan
from atpn_ros.learning.studies.tracking_study import ALL, SystemReport


def tables(plan: TrackingPlan, reports: Mapping[str, SystemReport]) -> str:
    """All tables, without those that the plan has no items for."""
    parts = []
    if plan.sequences:
        parts += ["### Moving people, ids known", _sequences(plan, reports)]
        parts += ["### Recall by size of the face", _recall(reports)]
    if plan.sequences or plan.stills:
        parts += ["### Jitter", _jitter(reports)]
    if plan.clips:
        parts += ["### Clips", _clips(plan, reports)]
    return "\n\n".join(parts)


def _sequences(plan: TrackingPlan, reports: Mapping[str, SystemReport]) -> str:
    head = ["sequence", "system", "IDF1", "recall", "precision", "tracked, s", "id switches",
            "lost", "found after, s", "untracked, s", "longest, s", "never found"]  # fmt: skip
    people = next(iter(reports.values())).sequences[ALL][0].people
    titles = {ALL: f"**all**: {people} people"}
    for s in plan.sequences:
        titles[s.name] = f"{s.people} people, {s.seconds:g} s, seed {s.seed}"
    rows = []
    for name, title in titles.items():
        for place, (system, report) in enumerate(reports.items()):
            metrics, times = report.sequences[name]
            first = title if place == 0 else ""
            rows.append([first, system, *_identity(metrics, times, plan.rate_hz)])
    return pages.markdown_table(head, rows)


def _identity(metrics: TrackingMetrics, times: TrackingTimes, rate_hz: float) -> list[str]:
    found = "-"
    if times.found_after:
        found = f"{sum(times.found_after) / len(times.found_after) / rate_hz:.2f}"
    return [
        f"{metrics.idf1:.1f}",
        f"{metrics.recall:.1f}",
        f"{metrics.precision:.1f}",
        f"{times.tracked / rate_hz:.1f}",
        str(metrics.switches),
        str(metrics.lost),
        found,
        f"{times.untracked / rate_hz:.2f}",
        f"{times.longest / rate_hz:.2f}",
        str(times.never),
    ]


def _recall(reports: Mapping[str, SystemReport]) -> str:
    sizes = next(iter(reports.values())).recall
    rows = [
        [system, *(f"{percent:.1f}" for percent, _ in report.recall.values())]
        for system, report in reports.items()
    ]
    rows.append(["*faces*", *(str(count) for _, count in sizes.values())])
    return pages.markdown_table(["system", *(f"{name} pixels, %" for name in sizes)], rows)


def _jitter(reports: Mapping[str, SystemReport]) -> str:
    head = ["system", "still: landmarks, %", "still: rotation, degrees",
            "moving: landmarks, %", "moving: rotation, degrees"]  # fmt: skip
    rows = [
        [system, *_estimates(report.still), *_estimates(report.moving)]
        for system, report in reports.items()
    ]
    counts = next(iter(reports.values()))
    rows.append(["*steps*", *_counts(counts.still), *_counts(counts.moving)])
    return pages.markdown_table(head, rows)


def _estimates(jitter: Jitter) -> list[str]:
    return [_estimate(jitter.points), _estimate(jitter.rotation)]


def _estimate(value: Estimate | None) -> str:
    return "-" if value is None else f"{value.value:.3f}"


def _counts(jitter: Jitter) -> list[str]:
    return [str(e.count if e is not None else 0) for e in (jitter.points, jitter.rotation)]


def _clips(plan: TrackingPlan, reports: Mapping[str, SystemReport]) -> str:
    head = ["clip", "people", "frames", "system", "ids per person", "complete frames, %",
            "too many faces, %", "longest gap, frames"]  # fmt: skip
    people = {clip.name: clip.people for clip in plan.clips}
    rows = []
    for name, count in people.items():
        for place, (system, report) in enumerate(reports.items()):
            clip = report.clips[name]
            title = [f"`{name}`", str(count), str(clip.frames)] if place == 0 else ["", "", ""]
            rows.append([
                *title, system, f"{clip.ids / count:.2f}", f"{clip.complete:.1f}",
                f"{clip.too_many:.1f}", str(clip.longest),
            ])  # fmt: skip
    return pages.markdown_table(head, rows)
