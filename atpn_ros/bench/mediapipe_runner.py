# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Child process that returns the faces that MediaPipe Face Mesh tracks in given frames.

``python -I mediapipe_runner.py FACES``, in an environment with MediaPipe but without this package.
It writes one JSON line with its name, then reads lines ``{"frames": "FRAMES.npy", "restart":
false}`` and replies to each with the landmarks of each face in each frame, (468, 3) pixels.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import numpy as np


def main() -> int:
    """Reply to requests until the input ends."""
    import mediapipe as mp

    most = int(sys.argv[1])
    # Libraries may write to standard output, so replies use a copy of it.
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def reply(fields: dict[str, Any]) -> None:
        out.write(json.dumps(fields) + "\n")
        out.flush()

    mesh: Any = None
    reply({"name": f"MediaPipe Face Mesh {mp.__version__}"})
    for line in sys.stdin:
        request = json.loads(line)
        if request["restart"] or mesh is None:
            if mesh is not None:
                mesh.close()
            # With the default thresholds and in tracking mode.
            mesh = mp.solutions.face_mesh.FaceMesh(static_image_mode=False, max_num_faces=most)
        reply({"faces": [_faces(mesh, frame) for frame in np.load(request["frames"])]})
    return 0


def _faces(mesh: Any, frame: np.ndarray[Any, Any]) -> list[list[list[float]]]:
    height, width = frame.shape[:2]
    found = mesh.process(np.ascontiguousarray(frame[..., ::-1])).multi_face_landmarks or ()
    # Coordinates are relative to the image size; z has the scale of x.
    return [
        [
            [round(p.x * width - 0.5, 3), round(p.y * height - 0.5, 3), round(p.z * width, 3)]
            for p in face.landmark
        ]
        for face in found
    ]


if __name__ == "__main__":
    sys.exit(main())
