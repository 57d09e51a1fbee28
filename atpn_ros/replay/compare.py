# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Compares the outputs in two bags, image by image and face by face."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from atpn_ros import geometry
from atpn_ros.conversions import messages
from atpn_ros.replay.bag_files import ReplayError
from atpn_ros.replay.bags import BagReader
from atpn_ros.replay.message_types import OUTPUT_TYPES
from atpn_ros.types import Box, FaceState, Floats

_SAME_FACE = 0.2
"""Minimum overlap (intersection over union) of boxes of one face."""


@dataclass(slots=True)
class RecordedFace:
    """The recorded outputs for one face in one image; None where there is none."""

    box: Box
    landmarks: Floats | None = None
    rotation: Floats | None = None
    position: Floats | None = None
    gaze: Floats | None = None
    looking: bool | None = None


RecordedFaces = dict[tuple[int, int], dict[int, RecordedFace]]
"""Faces by id, for each image: its stamp, and how many earlier images had the same stamp."""


@dataclass(slots=True)
class DifferenceSummary:
    """Differences of one quantity: median and worst."""

    unit: str
    values: list[float] = field(default_factory=list)
    worst: float = 0.0
    worst_at: tuple[int, int] = (0, 0)
    """Stamp of the image and id of the face with the worst difference."""

    def add(self, values: Floats, stamp_ns: int, face: int) -> None:
        """Add the differences of one face."""
        if values.size and float(values.max()) > self.worst:
            self.worst, self.worst_at = float(values.max()), (stamp_ns, face)
        self.values += values.ravel().tolist()

    @property
    def median(self) -> float:
        """The median difference, 0 if nothing was compared."""
        return float(np.median(self.values)) if self.values else 0.0

    def as_json(self) -> dict[str, Any]:
        """The differences as JSON values."""
        return {
            "unit": self.unit,
            "compared": len(self.values),
            "median": self.median,
            "worst": self.worst,
            "worst_at_ns": self.worst_at[0],
            "worst_id": self.worst_at[1],
        }


@dataclass(slots=True)
class Difference:
    """Differences of two runs; "lost" and "gained" are from the first to the second."""

    images: int = 0
    only_first: int = 0
    only_second: int = 0
    faces: int = 0
    lost: int = 0
    gained: int = 0
    other_ids: int = 0
    unlike: int = 0
    """Faces for which only one run has landmarks, rotation, gaze or position."""
    looking: int = 0
    """Faces that look at the target in only one run."""
    landmarks: DifferenceSummary = field(default_factory=lambda: DifferenceSummary("px"))
    rotation: DifferenceSummary = field(default_factory=lambda: DifferenceSummary("deg"))
    gaze: DifferenceSummary = field(default_factory=lambda: DifferenceSummary("deg"))
    position: DifferenceSummary = field(default_factory=lambda: DifferenceSummary("m"))

    def changed(self, px: float, deg: float, metres: float, common: bool) -> bool:
        """Whether a face or id differs, or a quantity differs by more than its tolerance.

        Args:
            px: Tolerance of landmarks in pixels.
            deg: Tolerance of the head's rotation and the gaze in degrees.
            metres: Tolerance of the head's position in metres.
            common: Whether to ignore images that only one run processed.
        """
        counts = [self.lost, self.gained, self.other_ids, self.unlike, self.looking]
        if not common:
            counts += [self.only_first, self.only_second]
        return (
            any(counts)
            or self.landmarks.worst > px
            or max(self.rotation.worst, self.gaze.worst) > deg
            or self.position.worst > metres
        )

    def as_json(self) -> dict[str, Any]:
        """The differences as JSON values."""
        out: dict[str, Any] = {}
        for name in self.__slots__:
            value = getattr(self, name)
            out[name] = value.as_json() if isinstance(value, DifferenceSummary) else value
        return out

    def lines(self) -> list[str]:
        """The differences as lines of text."""
        out = [
            f"images     {self.images} in both, {self.only_first} only in the first,"
            f" {self.only_second} only in the second",
            f"faces      {self.faces} in both, {self.lost} lost, {self.gained} gained,"
            f" {self.other_ids} under another id"
            + (f", {self.unlike} with other parts" if self.unlike else "")
            + (f", {self.looking} looking in one only" if self.looking else ""),
        ]
        for name in ("landmarks", "rotation", "gaze", "position"):
            s: DifferenceSummary = getattr(self, name)
            line = f"{name:10} median {s.median:.4g} {s.unit}, worst {s.worst:.4g} {s.unit}"
            if s.worst > 0:
                line += f" (face {s.worst_at[1]} at {s.worst_at[0] / 1e9:.3f} s)"
            out.append(line if s.values else f"{name:10} none in both")
        return out


def compare(first: Path, second: Path) -> Difference:
    """Compare the outputs in two bags.

    The outputs of nodes of the same name are compared; where each bag has just one node, the names
    do not matter.

    Raises:
        ReplayError: A bag cannot be read or has no outputs, or the nodes' names differ.
    """
    a, b = load_recorded_faces(first), load_recorded_faces(second)
    if len(a) == len(b) == 1:
        pairs = [(*a.values(), *b.values())]
    else:
        if a.keys() != b.keys():
            raise ReplayError(f"{first} has outputs of {_list(a)}, {second} of {_list(b)}")
        pairs = [(a[node], b[node]) for node in a]
    out = Difference()
    for one, two in pairs:
        out.images += len(one.keys() & two.keys())
        out.only_first += len(one.keys() - two.keys())
        out.only_second += len(two.keys() - one.keys())
        for stamp in sorted(one.keys() & two.keys()):
            _compare_image(out, stamp[0], one[stamp], two[stamp])
    return out


def load_recorded_faces(path: Path) -> dict[str, RecordedFaces]:
    """The recorded faces of each node in a bag.

    Raises:
        ReplayError: The bag cannot be read or has no outputs.
    """
    out: dict[str, RecordedFaces] = {}
    names = {OUTPUT_TYPES[n]: n for n in ("boxes", "landmarks", "head_poses", "gazes")}
    before: Counter[tuple[str, int]] = Counter()
    with BagReader(path) as bag:
        ours = [c for c in bag.connections if c.msgtype in names]
        # The messages of one image may come in any order; the boxes define the faces.
        parts: list[tuple[str, str, tuple[int, int], Any]] = []
        for connection, _, data in bag.messages(ours):
            message, name = bag.read(connection, data), names[connection.msgtype]
            node, stamp = (
                connection.topic.rpartition("/")[0],
                messages.stamp_ns(message.header.stamp),
            )
            key = (stamp, before[connection.topic, stamp])
            before[connection.topic, stamp] += 1
            if name == "boxes":
                held = [f for f in message.faces if f.state != FaceState.LOST]
                out.setdefault(node, {})[key] = {
                    int(f.id): RecordedFace(Box(f.center_x, f.center_y, f.width, f.height))
                    for f in held
                }
            else:
                parts.append((name, node, key, message))
    if not out:
        raise ReplayError(f"{path}: contains no outputs of a face_node")
    for name, node, key, message in parts:
        _add(name, message, out.get(node, {}).get(key, {}))
    return out


def _add(name: str, message: Any, faces: dict[int, RecordedFace]) -> None:
    # In bags of version 0.1 the lists of two messages have other names.
    old = {"head_poses": "poses", "gazes": "gazes"}.get(name, "faces")
    for item in getattr(message, "faces" if hasattr(message, "faces") else old):
        seen = faces.get(int(item.id))
        if seen is None:
            continue
        if name == "landmarks":
            seen.landmarks = np.asarray(item.xy, np.float64).reshape(-1, 2)
        elif name == "gazes":
            seen.gaze = np.array([item.direction.x, item.direction.y, item.direction.z])
            seen.looking = getattr(item, "looking", None)  # not in bags of version 0.1
        else:
            q, p = item.pose.pose.orientation, item.pose.pose.position
            seen.rotation = geometry.rotation_from_quaternion(q.x, q.y, q.z, q.w)
            seen.position = np.array([p.x, p.y, p.z]) if item.has_position else None


def _compare_image(
    out: Difference, stamp: int, a: dict[int, RecordedFace], b: dict[int, RecordedFace]
) -> None:
    pairs = _matched(a, b)
    out.faces += len(pairs)
    out.lost += len(a) - len(pairs)
    out.gained += len(b) - len(pairs)
    for i, j in pairs:
        out.other_ids += i != j
        out.unlike += not _compare_face(out, stamp, i, a[i], b[j])


def _compare_face(out: Difference, stamp: int, face: int, a: RecordedFace, b: RecordedFace) -> bool:
    """Add the differences of a face; returns whether both runs have the same quantities."""
    out.looking += None not in (a.looking, b.looking) and a.looking != b.looking
    complete = True
    for name in ("landmarks", "rotation", "gaze", "position"):
        x, y = getattr(a, name), getattr(b, name)
        if x is None or y is None or x.shape != y.shape:
            complete = complete and x is None and y is None
            continue
        if name == "rotation":
            values = np.degrees([_angle_from_chord(x, y)])
        elif name == "gaze":
            values = np.degrees([2 * np.arcsin(min(1.0, float(np.linalg.norm(x - y)) / 2))])
        else:
            values = np.linalg.norm(np.atleast_2d(x - y), axis=1)
        getattr(out, name).add(values, stamp, face)
    return complete


def _angle_from_chord(a: Floats, b: Floats) -> float:
    # From the chord: an arc cosine near 1 has an error of 1e-8 rad for equal rotations.
    return float(2 * np.arcsin(min(1.0, float(np.linalg.norm(a - b)) / (2 * np.sqrt(2)))))


def _matched(a: dict[int, RecordedFace], b: dict[int, RecordedFace]) -> list[tuple[int, int]]:
    """Pairs of ids of the same faces, largest overlap first."""
    overlaps = [(x.box.iou(y.box), i, j) for i, x in a.items() for j, y in b.items()]
    pairs: list[tuple[int, int]] = []
    for overlap, i, j in sorted(overlaps, key=lambda o: (-o[0], o[1] != o[2], o[1], o[2])):
        free = all(i != p and j != q for p, q in pairs)
        if free and overlap > _SAME_FACE:
            pairs.append((i, j))
    return pairs


def _list(nodes: dict[str, RecordedFaces]) -> str:
    return ", ".join(sorted(nodes))
