# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Tracks faces with MediaPipe Face Mesh, which runs in a child process of its own environment."""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from atpn_ros.bench.json_subprocess import JsonSubprocess
from atpn_ros.types import Floats, Image

IBUG68_IN_MESH: tuple[int, ...] = (
    *(127, 234, 93, 132, 58, 172, 136, 150, 152, 379, 365, 397, 288, 361, 323, 454, 356),
    *(70, 63, 105, 66, 107, 336, 296, 334, 293, 300),
    *(168, 197, 5, 4, 75, 97, 2, 326, 305),
    *(33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380),
    *(61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181),
    *(78, 82, 13, 312, 308, 317, 14, 87),
)
"""Index of the mesh point nearest to each of iBUG's 68 points, from MediaPipe's map of the mesh."""

_BATCH = 32
"""Largest number of frames of a request."""

_RUNNER = Path(__file__).with_name("mediapipe_runner.py")


class MediaPipeFaces:
    """A process that tracks faces with MediaPipe Face Mesh in tracking mode.

    Args:
        python: The interpreter of :func:`atpn_ros.bench.peer_environment.mediapipe_python`.
        max_faces: Largest number of faces.

    Attributes:
        name: Name and version that the process reports.
        max_faces: Largest number of faces.

    Raises:
        SubprocessFailed: The process did not start.
    """

    def __init__(self, python: Path, max_faces: int) -> None:
        # -I: without this environment's PYTHONPATH.
        command = [str(python), "-I", str(_RUNNER), str(max_faces)]
        self._process = JsonSubprocess("MediaPipe", command, os.environ)
        self.max_faces = max_faces
        self.name = str(self._process.greeting["name"])

    def track(self, frames: Iterable[Image]) -> Iterator[list[Floats]]:
        """Track the faces of a new sequence; yields those of each frame.

        A face is (468, 3) pixels: x, y and depth.

        Raises:
            SubprocessFailed: The process ended.
        """
        left, restart = iter(frames), True
        with tempfile.TemporaryDirectory(prefix="atpn-mediapipe-") as folder:
            path = Path(folder, "frames.npy")
            while block := list(itertools.islice(left, _BATCH)):
                np.save(path, np.stack(block))
                reply = self._process.request(frames=str(path), restart=restart)
                restart = False
                for faces in reply["faces"]:
                    yield [np.asarray(face, np.float64) for face in faces]

    def close(self) -> None:
        """End the process."""
        self._process.close()

    def __enter__(self) -> MediaPipeFaces:
        """Close the process at the end of the block."""
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
