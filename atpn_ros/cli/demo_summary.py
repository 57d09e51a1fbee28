# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Figures of ``atpn demo``: frames, people against what was shown, latency, detector, engine."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from atpn_ros.cli.demo_scene import Scene, ShownFace
from atpn_ros.timing import percentiles_ms
from atpn_ros.types import FaceState

_NEAR = 0.5
"""Distance of a box from the face it belongs to, over the face's height."""


def summarise(records: list[dict[str, Any]], scene: Scene) -> dict[str, Any]:
    """Summary of the demo.

    Args:
        records: One per frame sent, as ``demo_client`` writes them; ``received_ns`` is null for a
            frame without a result.
        scene: What was shown.
    """
    answered = [r for r in records if r["received_ns"] is not None]
    latency = [r["received_ns"] - r["stamp_ns"] for r in answered]
    outside = [
        1 - r["network_ns"] / max(1, t)
        for r, t in zip(answered, latency, strict=True)
        if r["faces"]
    ]
    p50, p95, worst = percentiles_ms(latency, 50, 95, 100)
    detector_calls = sum(r["detector_ran"] for r in answered)
    span = (records[-1]["stamp_ns"] - records[0]["stamp_ns"]) * 1e-9 if records else 0.0
    held = {r["n"]: _held(r) for r in answered}
    return {
        "frames": {
            "sent": len(records),
            "processed": len(answered),
            "dropped": len(records) - len(answered),
            "rate_hz": round((len(records) - 1) / span, 2) if span > 0 else 0.0,
        },
        "faces": {
            "frames_with_face": sum(bool(faces) for faces in held.values()),
            "track_ids": sorted({f["id"] for faces in held.values() for f in faces}),
        }
        | _against(held, scene),
        "latency_ms": {
            "p50": round(p50, 2),
            "p95": round(p95, 2),
            "max": round(worst, 2),
            "share_outside_network_p50": round(float(np.median(outside)), 3) if outside else None,
        },
        "detector": {
            "name": answered[-1]["detector"] if answered else None,
            "calls": detector_calls,
            "share_of_frames": round(detector_calls / max(1, len(answered)), 3),
        },
        "engine": answered[-1]["engine"] if answered else None,
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
        print(
            f"person {number}  in view in {person['shown']} processed frames, held under one id in"
            f" {person['held']} ({person['held'] / max(1, person['shown']):.0%}); ids"
            f" {person['ids']}"
        )
    if faces.get("faces_of_nobody"):
        print(f"nobody    {faces['faces_of_nobody']} faces where nobody was")
    print(
        f"latency   image stamp to landmarks received: p50 {latency['p50']} ms,"
        f" p95 {latency['p95']} ms"
        + ("" if share is None else f"; {share:.0%} of it outside the network (p50)")
        + f"\ndetector  {detector['name']}: {detector['calls']} calls,"
        f" {detector['share_of_frames']:.1%} of frames"
        f"\nengine    {summary['engine']}"
    )


def _held(record: dict[str, Any]) -> list[dict[str, Any]]:
    return [f for f in record["faces"] if f["state"] != FaceState.LOST]


def _against(held: dict[int, list[dict[str, Any]]], scene: Scene) -> dict[str, Any]:
    """The faces of each person who was shown, and those of nobody; empty if nobody knows.

    A person is held in a frame if a face is at the place of theirs under the id that this person
    has most often between coming into view and leaving it.
    """
    stretches: dict[int, list[list[int | None]]] = {}  # ids by frame, of each time in view
    seen_before: set[int] = set()
    nobody = 0
    for n in sorted(held):
        shown = scene.shown(n)
        if shown is None:
            return {}
        free = list(held[n])
        for person in shown:
            face = _nearest(person, free)
            if face is not None:
                free.remove(face)
            ids = stretches.setdefault(person.person, [])
            if person.person not in seen_before:
                ids.append([])
            ids[-1].append(None if face is None else face["id"])
        nobody += len(free)
        seen_before = {person.person for person in shown}
    people = []
    for number in sorted(stretches):
        counts = [Counter(i for i in part if i is not None) for part in stretches[number]]
        people.append(
            {
                "shown": sum(len(part) for part in stretches[number]),
                "held": sum(max(c.values(), default=0) for c in counts),
                "ids": sorted({i for c in counts for i in c}),
                "times_in_view": len(counts),
            }
        )
    return {"people": people, "faces_of_nobody": nobody}


def _nearest(shown: ShownFace, faces: list[dict[str, Any]]) -> dict[str, Any] | None:
    def distance(face: dict[str, Any]) -> float:
        return float(np.hypot(face["box"][0] - shown.x, face["box"][1] - shown.y))

    face = min(faces, key=distance, default=None)
    return face if face is not None and distance(face) < _NEAR * shown.height else None
