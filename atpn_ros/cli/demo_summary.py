# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Summary of ``atpn demo``: frames, tracked people, latency, detector calls and engine."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from atpn_ros.cli.demo_scene import Scene, ShownFace
from atpn_ros.timing import percentiles_ms
from atpn_ros.types import FaceState

_NEAR = 0.5
"""Largest distance of a box from the face to which it belongs, over the face's height."""


def summarise(records: list[dict[str, Any]], scene: Scene) -> dict[str, Any]:
    """Summary of the demo.

    Args:
        records: One per frame sent, as ``demo_client`` writes them; ``received_ns`` is null for a
            frame without a result.
        scene: The frames that were sent.
    """
    processed = [r for r in records if r["received_ns"] is not None]
    latency = [r["received_ns"] - r["stamp_ns"] for r in processed]
    outside = [
        1 - r["network_ns"] / max(1, t)
        for r, t in zip(processed, latency, strict=True)
        if r["faces"]
    ]
    p50, p95, worst = percentiles_ms(latency, 50, 95, 100)
    detector_calls = sum(r["detector_ran"] for r in processed)
    span = (records[-1]["stamp_ns"] - records[0]["stamp_ns"]) * 1e-9 if records else 0.0
    tracked = {r["n"]: _not_lost(r) for r in processed}
    return {
        "frames": {
            "sent": len(records),
            "processed": len(processed),
            "dropped": len(records) - len(processed),
            "rate_hz": round((len(records) - 1) / span, 2) if span > 0 else 0.0,
        },
        "faces": {
            "frames_with_face": sum(bool(faces) for faces in tracked.values()),
            "track_ids": sorted({f["id"] for faces in tracked.values() for f in faces}),
        }
        | _compare_people(tracked, scene),
        "latency_ms": {
            "p50": round(p50, 2),
            "p95": round(p95, 2),
            "max": round(worst, 2),
            "share_outside_network_p50": round(float(np.median(outside)), 3) if outside else None,
        },
        "detector": {
            "name": processed[-1]["detector"] if processed else None,
            "calls": detector_calls,
            "share_of_frames": round(detector_calls / max(1, len(processed)), 3),
        },
        "engine": processed[-1]["engine"] if processed else None,
    }


def print_summary(summary: dict[str, Any]) -> None:
    """Print a summary, one line for each part and for each person."""
    frames, faces = summary["frames"], summary["faces"]
    latency, detector = summary["latency_ms"], summary["detector"]
    share = latency["share_outside_network_p50"]
    print(
        f"\nframes    {frames['sent']} sent at {frames['rate_hz']} Hz,"
        f" {frames['processed']} processed, {frames['dropped']} dropped"
    )
    print(f"faces     in {faces['frames_with_face']} frames; ids {faces['track_ids']}")
    for number, person in enumerate(faces.get("people", ()), 1):
        share_tracked = person["tracked"] / max(1, person["shown"])
        print(
            f"person {number}  in view in {person['shown']} processed frames, tracked under one id"
            f" in {person['tracked']} ({share_tracked:.0%}); ids {person['ids']}"
        )
    if faces.get("false_faces"):
        print(f"false     {faces['false_faces']} faces where no person is shown")
    print(
        f"latency   image stamp to landmarks received: p50 {latency['p50']} ms,"
        f" p95 {latency['p95']} ms"
        + ("" if share is None else f"; {share:.0%} of it outside the network (p50)")
        + f"\ndetector  {detector['name']}: {detector['calls']} calls,"
        f" {detector['share_of_frames']:.1%} of frames"
        f"\nengine    {summary['engine']}"
    )


def _not_lost(record: dict[str, Any]) -> list[dict[str, Any]]:
    return [f for f in record["faces"] if f["state"] != FaceState.LOST]


def _compare_people(tracked: dict[int, list[dict[str, Any]]], scene: Scene) -> dict[str, Any]:
    """The tracking of each person in view, and the number of false faces; empty if unknown.

    A person is tracked in a frame if there is a face at the person's place with the id that the
    person has most often from entering the view to leaving it.
    """
    intervals: dict[int, list[list[int | None]]] = {}  # ids by frame, for each time in view
    previous: set[int] = set()
    false_faces = 0
    for n in sorted(tracked):
        shown = scene.shown(n)
        if shown is None:
            return {}
        unmatched = list(tracked[n])
        for person in shown:
            face = _nearest(person, unmatched)
            if face is not None:
                unmatched.remove(face)
            ids = intervals.setdefault(person.person, [])
            if person.person not in previous:
                ids.append([])
            ids[-1].append(None if face is None else face["id"])
        false_faces += len(unmatched)
        previous = {person.person for person in shown}
    people = []
    for number in sorted(intervals):
        counts = [Counter(i for i in part if i is not None) for part in intervals[number]]
        people.append(
            {
                "shown": sum(len(part) for part in intervals[number]),
                "tracked": sum(max(c.values(), default=0) for c in counts),
                "ids": sorted({i for c in counts for i in c}),
                "times_in_view": len(counts),
            }
        )
    return {"people": people, "false_faces": false_faces}


def _nearest(shown: ShownFace, faces: list[dict[str, Any]]) -> dict[str, Any] | None:
    def distance(face: dict[str, Any]) -> float:
        return float(np.hypot(face["box"][0] - shown.x, face["box"][1] - shown.y))

    face = min(faces, key=distance, default=None)
    return face if face is not None and distance(face) < _NEAR * shown.height else None
