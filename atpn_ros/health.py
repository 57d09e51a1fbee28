# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How the node is, in words: from plain facts to a level and one sentence."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

SILENCE_NS = 3_000_000_000
"""After this long without an image something is wrong."""


class Level(IntEnum):
    """As in ``diagnostic_msgs/DiagnosticStatus``."""

    OK = 0
    WARN = 1
    ERROR = 2


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known at one moment.

    Attributes:
        configured: Whether an engine is loaded.
        topic: The image topic that is listened to, None while inactive.
        silent_ns: Time since the last image, or since activation if none came.
        publishers: How many publishers of the topic are seen.
        incompatible: The QoS policy that keeps a publisher's images away, if any.
        received: Images in the last period.
        processed: Of them answered.
        refused: Of them bad.
        refused_reason: The commonest reason among them.
        camera_problem: Why the camera_info cannot be used, if so.
        building: What the loading of the engine is at, while it goes on.
        engine_problem: Why a faster engine was left while running, if so.
    """

    configured: bool
    topic: str | None
    silent_ns: int = 0
    publishers: int = 0
    incompatible: str | None = None
    received: int = 0
    processed: int = 0
    refused: int = 0
    refused_reason: str = ""
    camera_problem: str | None = None
    building: str = ""
    engine_problem: str = ""


def assess(facts: Facts) -> tuple[Level, str]:
    """The worst that is true, in one sentence.

    >>> assess(Facts(True, "/image", silent_ns=4 * 10**9, publishers=0))[1]
    'no image on /image for 4 s: no publisher'
    >>> assess(Facts(True, "/image", publishers=1, received=30, processed=30))[1]
    'running'
    """
    if facts.building:
        return Level.WARN, f"building: {facts.building}"
    if facts.topic is None:
        return Level.OK, "configured, not active" if facts.configured else "not configured"
    if facts.silent_ns > SILENCE_NS:
        silence = f"no image on {facts.topic} for {facts.silent_ns / 1e9:.0f} s"
        return Level.WARN, f"{silence}: {_publishers(facts)}"
    if facts.refused and not facts.processed:
        return Level.ERROR, f"every image is refused: {facts.refused_reason}"
    if facts.incompatible:
        return Level.WARN, f"a publisher of {facts.topic} has an incompatible {facts.incompatible}"
    if facts.publishers > 1:
        return Level.WARN, f"{facts.publishers} publishers on {facts.topic}: faces will jump"
    if facts.refused:
        return Level.WARN, f"{facts.refused} images refused: {facts.refused_reason}"
    if facts.camera_problem:
        return Level.WARN, f"no positions: {facts.camera_problem}"
    if facts.engine_problem:
        return Level.WARN, f"slower than it should be: {facts.engine_problem}"
    return Level.OK, "running"


def _publishers(facts: Facts) -> str:
    if facts.publishers == 0:
        return "no publisher"
    seen = "1 publisher" if facts.publishers == 1 else f"{facts.publishers} publishers"
    return f"{seen}, incompatible {facts.incompatible}" if facts.incompatible else seen
