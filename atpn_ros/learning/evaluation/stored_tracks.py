# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Stores the tracks of a sequence in a file, so that an interrupted study can be resumed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from atpn_ros.files import atomic_replace
from atpn_ros.learning.evaluation.face_trackers import FaceTracker, TrackedFaces
from atpn_ros.learning.evaluation.step_errors import FaceShape
from atpn_ros.types import Image


def stored_tracks(
    path: Path, tracker: FaceTracker, frames: Callable[[], Iterable[Image]]
) -> list[TrackedFaces]:
    """The tracks in a ``.npz`` file; if it does not exist, they are computed and written to it."""
    if not path.is_file():
        found = list(tracker.track(frames()))
        rows = [(n, i, face) for n, faces in enumerate(found) for i, face in faces.items()]
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_replace(path) as part, part.open("wb") as file:
            np.savez(
                file,
                frames=len(found),
                keys=np.array([row[:2] for row in rows], np.int64).reshape(-1, 2),
                points=np.array([row[2].points for row in rows]).reshape(-1, 68, 2),
                rotation=np.array([row[2].rotation for row in rows]).reshape(-1, 3, 3),
            )
    with np.load(path) as stored:
        out: list[TrackedFaces] = [{} for _ in range(int(stored["frames"]))]
        for (n, i), points, rotation in zip(
            stored["keys"].tolist(), stored["points"], stored["rotation"], strict=True
        ):
            out[n][i] = FaceShape(points, rotation)
    return out
