# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One contender in a process of its own, timed frame by frame on request.

``python runner.py CORE KIND FRAMES.npy FACES [MORE ...]``. Runs under the contender's own Python
too, where this package is not installed: so everything but the standard library and numpy is
imported when it is asked for. Reads one JSON line ``{"start": 0, "count": 30}`` per block, answers
with one :class:`Block` each; the first line of all says who answers.

The clock of a block is this process's CPU time beside wall time: on a machine that does other
things too, only the first is of the contender.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

if __name__ == "__main__":  # started by path: what lies beside is not for others to import
    sys.path = [p for p in sys.path if Path(p or ".").resolve() != Path(__file__).resolve().parent]

import numpy as np
import numpy.typing as npt

PERIOD_NS = 33_333_333
"""From frame to frame: a camera of 30 Hz."""

_WARM_FRAMES = 45

Frames = npt.NDArray[np.uint8]
See = Callable[[int], int]
"""Process the frame of this number, which only grows; the number of faces that were held."""


@dataclass(frozen=True)
class Block:
    """What some frames in a row took.

    Attributes:
        wall_ms: Of each frame, in order.
        cpu_ms: Of each frame, of all threads of the process.
        faces: Held in each frame.
    """

    wall_ms: list[float]
    cpu_ms: list[float]
    faces: list[int]


def timed(see: See, start: int, count: int) -> Block:
    """Process frames and time each.

    >>> timed(lambda n: n, 3, 2).faces
    [3, 4]
    """
    wall, cpu, faces = [], [], []
    for n in range(start, start + count):
        cpu_before, before = time.process_time_ns(), time.perf_counter_ns()
        held = see(n)
        after, cpu_after = time.perf_counter_ns(), time.process_time_ns()
        wall.append((after - before) / 1e6)
        cpu.append((cpu_after - cpu_before) / 1e6)
        faces.append(held)
    return Block(wall, cpu, faces)


def ours(frames: Frames, faces: int) -> tuple[See, str]:
    """This package's pipeline with a calibrated camera, on one thread."""
    import cv2

    from atpn_ros import __version__
    from atpn_ros.bench.pipeline_setup import load
    from atpn_ros.types import Frame

    cv2.setNumThreads(1)
    subject = load(faces)

    def see(n: int) -> int:
        frame = Frame(frames[n % len(frames)], (n + 1) * PERIOD_NS)
        result = subject.pipeline.process(frame, subject.camera)
        return sum(face.landmarks is not None for face in result.faces)

    return see, f"atpn_ros {__version__} ({subject.engine.name})"


def mediapipe(frames: Frames, faces: int, iris: str = "") -> tuple[See, str]:
    """MediaPipe Face Mesh, which tracks too; ``iris``: with its second stage for eyes and lips.

    It gets its colours in its own order, beforehand.
    """
    import mediapipe as mp

    rgb = np.ascontiguousarray(frames[..., ::-1])
    mesh = mp.solutions.face_mesh.FaceMesh(
        static_image_mode=False, max_num_faces=faces, refine_landmarks=bool(iris)
    )

    def see(n: int) -> int:
        return len(mesh.process(rgb[n % len(rgb)]).multi_face_landmarks or ())

    return see, f"MediaPipe Face Mesh {mp.__version__}{', ' + iris if iris else ''}"


def our_crops(frames: Frames, faces: int) -> tuple[See, str]:
    """This package's cutting and network alone."""
    from atpn_ros.bench.landmark_models import our_crops

    return our_crops(frames, faces)


def onnx(frames: Frames, faces: int, path: str, layout: str) -> tuple[See, str]:
    """Another landmark network in ONNX Runtime on the same crops."""
    from atpn_ros.bench.landmark_models import their_crops

    return their_crops(frames, faces, Path(path), layout)


KINDS: dict[str, Callable[..., tuple[See, str]]] = {
    "ours": ours,
    "mediapipe": mediapipe,
    "our_crops": our_crops,
    "onnx": onnx,
}


def main() -> int:
    """Answer until the input ends."""
    core, kind, path, faces, *more = sys.argv[1:]
    if core != "all":
        os.sched_setaffinity(0, {int(core)})  # before any library starts a thread
    # Libraries write to standard output what they please: answers go another way.
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def answer(words: dict[str, Any]) -> None:
        out.write(json.dumps(words) + "\n")
        out.flush()

    see, name = KINDS[kind](np.load(path), int(faces), *more)
    # The detector's turn is over and caches are warm before anything counts.
    timed(see, 0, _WARM_FRAMES)
    answer({"name": name})
    for line in sys.stdin:
        asked = json.loads(line)
        answer(asdict(timed(see, _WARM_FRAMES + asked["start"], asked["count"])))
    return 0


if __name__ == "__main__":
    sys.exit(main())
