# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Writes the faces of a frame as one line of JSON, in pixels, metres and radians."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from atpn_ros import geometry
from atpn_ros.types import Face, FaceFrame, Floats


class JsonLinesFile:
    """Writes complete lines to a file without buffering; a context manager.

    Args:
        path: The file, replaced by an empty one; None: the standard output.

    Raises:
        OSError: It cannot be written.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        # Unbuffered, so that a line that cannot be written is noticed now and not at the end.
        self._file = None if path is None else path.open("wb", buffering=0)
        self._size = 0

    def __enter__(self) -> JsonLinesFile:
        return self

    def __exit__(self, *error: object) -> None:
        if self._file is not None:
            self._file.close()

    def write(self, line: str) -> None:
        """Write one line.

        Raises:
            OSError: It cannot be written; the file ends with the line before.
        """
        data = memoryview(f"{line}\n".encode())
        if self._file is None:
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()
            return
        try:
            done = 0
            while done < len(data):
                done += self._file.write(data[done:])
        except OSError as error:
            with suppress(OSError):  # a pipe has no length
                self._file.truncate(self._size)
            error.filename = str(self.path)
            raise
        self._size += len(data)


def json_line(source: str, n: int, result: FaceFrame) -> str:
    """One line of JSON: the frame's source, number and stamp, and its faces."""
    return json.dumps(
        {
            "source": source,
            "n": n,
            "stamp_ns": result.stamp_ns,
            "width": result.width,
            "height": result.height,
            "ms": round(result.timing.total_ns / 1e6, 3),
            "detector_ran": result.detector_ran,
            "faces": [face_as_dict(face) for face in result.faces],
        }
    )


def face_as_dict(face: Face) -> dict[str, Any]:
    """A face as JSON values; unknown values are None."""
    out: dict[str, Any] = {
        "id": face.id,
        "state": face.state.name.lower(),
        "presence": round(float(face.presence), 4),
        "box": [round(float(v), 2) for v in face.box.xyxy],
        "age_ns": face.age_ns,
        "landmarks": _rounded(face.landmarks, 2),
        "sigma": _rounded(face.sigma, 3),
        "roll_pitch_yaw": None,
        "quaternion": None,
        "position": None,
        "gaze": None,
        "gaze_source": None,
        "gaze_spread": None,
        "angle_to_target": None,
        "looking": None,
    }
    if face.pose is not None:
        angles = geometry.head_angles(face.pose)
        out["roll_pitch_yaw"] = [round(a, 5) for a in angles]
        out["quaternion"] = [round(v, 6) for v in geometry.quaternion(face.pose.rotation)]
        out["position"] = _rounded(face.pose.position, 4)
    if face.gaze is not None:
        out["gaze"] = _rounded(face.gaze.direction, 5)
        out["gaze_source"] = face.gaze.source.name.lower()
        out["gaze_spread"] = round(float(face.gaze.spread), 4)
        if face.gaze.angle_to_target is not None:
            out["angle_to_target"] = round(face.gaze.angle_to_target, 4)
            out["looking"] = face.gaze.looking
    return out


def _rounded(values: Floats | None, digits: int) -> Any:
    return None if values is None else values.astype(float).round(digits).tolist()
