# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Stores TF transforms, and looks up the position of one TF frame in another without blocking.

The node fills it from ``/tf`` and ``/tf_static``, a replay from the bag. ``tf2_ros`` is not used:
it is not among the ROS wheels, and a replay has no ROS.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from dataclasses import dataclass, field

import numpy as np

from atpn_ros.geometry import rotation_from_quaternion
from atpn_ros.types import AtpnError, Floats

HISTORY_NS = 10_000_000_000
"""Transforms that are older than the newest of their frame by more than this are dropped."""

TOLERANCE_NS = 1_000_000_000
"""A transform is used for images at most this much newer than the newest, or older than the oldest.

Transforms of a moving neck often arrive later than the image of the same time. The frame does not
wait for them."""

_LONGEST_CHAIN = 100


class TransformError(AtpnError):
    """There is no transform between two frames at a time."""


@dataclass(frozen=True, slots=True)
class Transform:
    """Pose of a child frame in its parent frame.

    Attributes:
        translation: (3,) metres.
        quaternion: (4,) x, y, z, w, unit length.
    """

    translation: Floats
    quaternion: Floats


@dataclass(slots=True)
class _History:
    parent: str
    is_static: bool
    stamps_ns: list[int] = field(default_factory=list)
    transforms: list[Transform] = field(default_factory=list)


class TransformTree:
    """The transforms between named frames; may be filled and read in different threads."""

    def __init__(self) -> None:
        self._frames: dict[str, _History] = {}
        self._lock = threading.Lock()

    def clear(self) -> None:
        """Forget the transforms that are not static, e.g. after a jump in time."""
        with self._lock:
            self._frames = {name: h for name, h in self._frames.items() if h.is_static}

    def add(
        self, parent: str, child: str, stamp_ns: int, transform: Transform, is_static: bool = False
    ) -> None:
        """Add the transform of a child frame; one whose values are not valid is ignored.

        Args:
            parent: Name of the parent frame; a leading slash is ignored, here and below.
            child: Name of the child frame.
            stamp_ns: Its time.
            transform: Pose of the child in the parent.
            is_static: Whether it is valid at all times.
        """
        parent, child = parent.removeprefix("/"), child.removeprefix("/")
        q = np.asarray(transform.quaternion, np.float64)
        norm = float(np.linalg.norm(q))
        valid = np.isfinite(transform.translation).all() and 0.9 < norm < 1.1
        if not (parent and child and parent != child and valid):
            return
        pose = Transform(np.asarray(transform.translation, np.float64), q / norm)
        with self._lock:
            history = self._frames.get(child)
            if history is None or history.parent != parent or is_static or history.is_static:
                if history is None:
                    self._drop_stale(stamp_ns)
                self._frames[child] = _History(parent, is_static, [stamp_ns], [pose])
                return
            stamps = history.stamps_ns
            if stamp_ns < stamps[-1] - HISTORY_NS:  # the clock went back
                stamps.clear()
                history.transforms.clear()
            i = bisect_left(stamps, stamp_ns)
            if i < len(stamps) and stamps[i] == stamp_ns:
                history.transforms[i] = pose
                return
            stamps.insert(i, stamp_ns)
            history.transforms.insert(i, pose)
            old = bisect_left(stamps, stamps[-1] - HISTORY_NS)
            del stamps[:old], history.transforms[:old]

    def position(self, frame: str, in_frame: str, stamp_ns: int) -> Floats:
        """Position of the origin of one frame in another.

        Args:
            frame: The frame whose origin is wanted.
            in_frame: The frame in which it is given.
            stamp_ns: The time; 0: the newest of each transform.

        Returns:
            (3,) metres.

        Raises:
            TransformError: The frames are not connected, or not at this time.
        """
        frame, in_frame = frame.removeprefix("/"), in_frame.removeprefix("/")
        with self._lock:
            for name in (frame, in_frame):
                if name not in self._frames and not self._is_parent(name):
                    raise TransformError(f"no frame {name!r} on /tf or /tf_static")
            up, down = self._chain(frame), self._chain(in_frame)
            common = next((name for name in up if name in down), None)
            if common is None:
                raise TransformError(f"no transform from {in_frame!r} to {frame!r}")
            target, _ = self._in_ancestor(up[: up.index(common)], stamp_ns)
            origin, rotation = self._in_ancestor(down[: down.index(common)], stamp_ns)
        out: Floats = rotation.T @ (target - origin)
        return out

    def _is_parent(self, name: str) -> bool:
        return any(history.parent == name for history in self._frames.values())

    def _chain(self, frame: str) -> list[str]:
        """A frame, its parent, the parent's parent and so on."""
        out = [frame]
        while len(out) < _LONGEST_CHAIN and (history := self._frames.get(out[-1])):
            out.append(history.parent)
        return out

    def _in_ancestor(self, chain: list[str], stamp_ns: int) -> tuple[Floats, Floats]:
        """Position (3,) and rotation (3, 3) of a chain's first frame in its last one's parent."""
        position: Floats = np.zeros(3)
        rotation: Floats = np.eye(3)
        for name in chain:
            pose = _at(name, self._frames[name], stamp_ns)
            turn = rotation_from_quaternion(*pose.quaternion.tolist())
            position = turn @ position + pose.translation
            rotation = turn @ rotation
        return position, rotation

    def _drop_stale(self, stamp_ns: int) -> None:
        """Drop frames without recent transforms, else those of people who left would accumulate."""
        self._frames = {
            name: history
            for name, history in self._frames.items()
            if history.is_static or history.stamps_ns[-1] >= stamp_ns - HISTORY_NS
        }


def _at(name: str, history: _History, stamp_ns: int) -> Transform:
    """The transform at a time, interpolated between the two around it."""
    stamps, transforms = history.stamps_ns, history.transforms
    if history.is_static or stamp_ns == 0:
        return transforms[-1]
    i = bisect_left(stamps, stamp_ns)
    if i == len(stamps) or (i == 0 and stamps[0] != stamp_ns):
        nearest = -1 if i else 0
        apart = stamp_ns - stamps[nearest]
        if abs(apart) > TOLERANCE_NS:
            words = "older" if apart > 0 else "newer"
            seconds = abs(apart) / 1e9
            raise TransformError(f"the transform of {name!r} is {seconds:.1f} s {words}")
        return transforms[nearest]
    if stamps[i] == stamp_ns:
        return transforms[i]
    before, after = transforms[i - 1], transforms[i]
    share = (stamp_ns - stamps[i - 1]) / (stamps[i] - stamps[i - 1])
    # Of q and -q, which are one rotation, the one that is nearer. Between neighbours in time the
    # normalised mean differs from the spherical one by far less than a joint's own error.
    sign = 1.0 if float(before.quaternion @ after.quaternion) >= 0 else -1.0
    q = (1 - share) * before.quaternion + share * sign * after.quaternion
    return Transform(
        (1 - share) * before.translation + share * after.translation, q / np.linalg.norm(q)
    )
