# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Made-up records of a demo's run, as ``demo_client`` writes them."""

from atpn_ros.cli.demo_scene import RATE

COUNT = 120
"""Frames of the run."""

MS = 1_000_000


def record(n, ids=(), state=2, has_result=True, detector_ran=False, at=()):
    """As demo_client writes it: 20 ms after the stamp, 5 of them in the network."""
    stamp = 10**9 + round(n * 1e9 / RATE)
    places = at or [(320.0, 200.0)] * len(ids)
    faces = [
        {"id": i, "state": state, "box": [*place, 100, 120], "presence": 0.9, "xy": [],
         "rotation": None, "position": None, "gaze": None, "gaze_source": None, "looking": False}
        for i, place in zip(ids, places, strict=True)
    ]  # fmt: skip
    return {
        "n": n,
        "stamp_ns": stamp,
        "received_ns": stamp + 20 * MS if has_result else None,
        "network_ns": 5 * MS,
        "detector_ran": detector_ran,
        "detector": "atpn",
        "engine": "onnx-cpu",
        "faces": faces,
    }


def all_tracked(scene):
    """Each person under one id, the second under another one after the return."""
    away = [n for n in range(COUNT) if len(scene.shown(n)) < 2]

    def one(n):
        shown = scene.shown(n)
        ids = [1 if p.person == 0 else 2 if n < away[0] else 3 for p in shown]
        return record(n, ids, detector_ran=n % 10 == 0, at=[(p.x, p.y) for p in shown])

    return [one(n) for n in range(COUNT)]
