# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Child process that runs one benchmark candidate and times it frame by frame.

``python runner.py CORE KIND FRAMES.npy FACES [MORE ...]``. It also runs under other Python
interpreters, where this package is not installed, so everything but the standard library and numpy
is imported only when needed. It writes one JSON line with the candidate's name, then reads one line
``{"start": 0, "count": 30}`` per block and replies with one :class:`Block` each.

A block has CPU times beside wall times: on a busy machine, wall time includes other processes.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if __name__ == "__main__":  # started by path: the modules beside it must not shadow others
    sys.path = [p for p in sys.path if Path(p or ".").resolve() != Path(__file__).resolve().parent]

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from atpn_ros.bench.frames import FrameFunction

_WARM_FRAMES = 45

Frames = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Block:
    """Times of consecutive frames.

    Attributes:
        wall_ms: Wall time of each frame.
        cpu_ms: CPU time of each frame, of all threads of the process.
        faces: Number of faces tracked in each frame.
    """

    wall_ms: list[float]
    cpu_ms: list[float]
    faces: list[int]


def timed(process: FrameFunction, start: int, count: int) -> Block:
    """Process ``count`` frames and time each.

    >>> timed(lambda n: n, 3, 2).faces
    [3, 4]
    """
    wall, cpu, faces = [], [], []
    for n in range(start, start + count):
        cpu_before, before = time.process_time_ns(), time.perf_counter_ns()
        held = process(n)
        after, cpu_after = time.perf_counter_ns(), time.process_time_ns()
        wall.append((after - before) / 1e6)
        cpu.append((cpu_after - cpu_before) / 1e6)
        faces.append(held)
    return Block(wall, cpu, faces)


def ours(frames: Frames, faces: int) -> tuple[FrameFunction, str]:
    """The pipeline of this package with a calibrated camera, on one thread."""
    import cv2

    from atpn_ros import __version__
    from atpn_ros.bench.frames import PERIOD_NS
    from atpn_ros.bench.pipeline_setup import load
    from atpn_ros.types import Frame

    cv2.setNumThreads(1)
    setup = load(faces)

    def process(n: int) -> int:
        frame = Frame(frames[n % len(frames)], (n + 1) * PERIOD_NS)
        result = setup.pipeline.process(frame, setup.camera)
        return sum(face.landmarks is not None for face in result.faces)

    return process, f"atpn_ros {__version__} ({setup.engine.name})"


def mediapipe(frames: Frames, faces: int, iris: str = "") -> tuple[FrameFunction, str]:
    """MediaPipe Face Mesh in tracking mode; ``iris``: with its second stage for eyes and lips.

    The conversion to RGB is not timed.
    """
    import mediapipe as mp

    rgb = np.ascontiguousarray(frames[..., ::-1])
    mesh = mp.solutions.face_mesh.FaceMesh(
        static_image_mode=False, max_num_faces=faces, refine_landmarks=bool(iris)
    )

    def process(n: int) -> int:
        return len(mesh.process(rgb[n % len(rgb)]).multi_face_landmarks or ())

    return process, f"MediaPipe Face Mesh {mp.__version__}{', ' + iris if iris else ''}"


def our_crops(frames: Frames, faces: int) -> tuple[FrameFunction, str]:
    """Crops and network of this package, without tracking."""
    from atpn_ros.bench.landmark_models import our_crops

    return our_crops(frames, faces)


def onnx(frames: Frames, faces: int, path: str, layout: str) -> tuple[FrameFunction, str]:
    """Another landmark network, in ONNX Runtime, on the same crops."""
    from atpn_ros.bench.landmark_models import their_crops

    return their_crops(frames, faces, Path(path), layout)


KINDS: dict[str, Callable[..., tuple[FrameFunction, str]]] = {
    "ours": ours,
    "mediapipe": mediapipe,
    "our_crops": our_crops,
    "onnx": onnx,
}


def main() -> int:
    """Reply to requests until the input ends."""
    core, kind, path, faces, *more = sys.argv[1:]
    if core != "all":
        os.sched_setaffinity(0, {int(core)})  # before any library starts a thread
    # Libraries may write to standard output, so replies use a copy of it.
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def reply(fields: dict[str, Any]) -> None:
        out.write(json.dumps(fields) + "\n")
        out.flush()

    process, name = KINDS[kind](np.load(path), int(faces), *more)
    # Warm up: all faces are found and caches are filled before anything counts.
    timed(process, 0, _WARM_FRAMES)
    reply({"name": name})
    for line in sys.stdin:
        block = json.loads(line)
        reply(asdict(timed(process, _WARM_FRAMES + block["start"], block["count"])))
    return 0


if __name__ == "__main__":
    sys.exit(main())
