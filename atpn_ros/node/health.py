# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How the node is, in words: from plain facts to a level and one sentence."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

SILENCE_NS = 3_000_000_000
"""After this long without an image, or a step of a clock that runs, something is wrong."""
AHEAD_NS = 500_000_000
"""A stamp so far ahead of the clock is of another clock."""
BEHIND_NS = 2_000_000_000
"""And one so far behind."""


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
        incompatible: The QoS policy or type that keeps a publisher's images away, if any.
        received: Images in the last period.
        processed: Of them answered.
        refused: Of them bad.
        refused_reason: The commonest reason among them.
        camera_problem: Why the camera_info cannot be used, if so.
        building: What the loading of the engine is at, while it goes on.
        engine_problem: Why a faster engine was left while running, if so.
        clock_problem: What is wrong with the node's clock, if so.
        dropped: Images of the last period that a newer one replaced.
        lost: Images that got lost on the way here in the last period.
        age_ns: How old the last image was when it came, by its stamp; None: it had no stamp.
        twins: How many other nodes have this one's name.
        calibrated: Whether there is any camera_info.
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
    clock_problem: str = ""
    dropped: int = 0
    lost: int = 0
    age_ns: int | None = 0
    twins: int = 0
    calibrated: bool = True


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
        clock = f"; {facts.clock_problem}" if facts.clock_problem else ""
        return Level.WARN, f"{silence}: {_publishers(facts)}{clock}"
    if facts.refused and not facts.processed:
        return Level.ERROR, f"every image is refused: {facts.refused_reason}"
    if facts.incompatible:
        return Level.WARN, f"a publisher of {facts.topic} has an incompatible {facts.incompatible}"
    if facts.publishers > 1:
        return Level.WARN, f"{facts.publishers} publishers on {facts.topic}: faces will jump"
    if facts.twins > 0:
        return Level.WARN, "another node has this one's name: every answer comes twice"
    if facts.refused:
        return Level.WARN, f"{facts.refused} images refused: {facts.refused_reason}"
    if facts.clock_problem:
        return Level.WARN, facts.clock_problem
    if facts.camera_problem:
        return Level.WARN, f"no positions: {facts.camera_problem}"
    if facts.engine_problem:
        return Level.WARN, f"slower than it should be: {facts.engine_problem}"
    if facts.received and (problem := _stamps(facts.age_ns)):
        return Level.WARN, problem
    if facts.lost > 0.05 * (facts.lost + facts.received):
        seen = f"{facts.lost} of {facts.lost + facts.received} images"
        return Level.WARN, f"{seen} lost on the way here: is the Fast DDS profile in use?"
    if facts.dropped > 0.2 * facts.received:
        dropped = f"{facts.dropped} of {facts.received} images"
        return Level.WARN, f"slower than the camera: {dropped} dropped for newer ones"
    if facts.received and not facts.calibrated:
        return Level.OK, "running; no positions: no camera_info has come"
    return Level.OK, "running"


def _stamps(age_ns: int | None) -> str:
    if age_ns is None:
        return "the camera does not stamp its images: all is said for time zero"
    if age_ns < -AHEAD_NS:
        return f"stamps are {-age_ns / 1e9:.1f} s ahead of the clock: is use_sim_time as it should?"
    if age_ns > BEHIND_NS:
        return f"stamps are {age_ns / 1e9:.1f} s behind the clock: a recording, or a late camera"
    return ""


class ClockWatch:
    """Notices a simulated clock that does not run.

    >>> watch = ClockWatch()
    >>> watch.problem(True, 0, 0)
    'use_sim_time is set, but no time has come on /clock'
    >>> watch.problem(True, 5, 10**9), watch.problem(True, 5, 2 * 10**9)
    ('', '')
    >>> watch.problem(True, 5, 6 * 10**9)
    '/clock has stood still for 5 s'
    """

    def __init__(self) -> None:
        self._now_ns = -1
        self._since_ns = 0

    def problem(self, simulated: bool, now_ns: int, steady_ns: int) -> str:
        """What is wrong, empty if nothing.

        Args:
            simulated: Whether the node's clock follows /clock.
            now_ns: What the node's clock says.
            steady_ns: What a clock says that always runs.
        """
        if now_ns != self._now_ns:
            self._now_ns, self._since_ns = now_ns, steady_ns
        if not simulated:
            return ""
        if now_ns == 0:
            return "use_sim_time is set, but no time has come on /clock"
        still = steady_ns - self._since_ns
        return f"/clock has stood still for {still / 1e9:.0f} s" if still > SILENCE_NS else ""


def _publishers(facts: Facts) -> str:
    if facts.publishers == 0:
        return "no publisher"
    seen = "1 publisher" if facts.publishers == 1 else f"{facts.publishers} publishers"
    return f"{seen}, incompatible {facts.incompatible}" if facts.incompatible else seen
