# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Derives the diagnostics level and message of the node from its counters and status."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

SILENCE_NS = 3_000_000_000
"""Longest normal time without an image, and without a step of a running clock."""
AHEAD_NS = 500_000_000
"""A stamp further ahead of the clock is reported."""
BEHIND_NS = 2_000_000_000
"""A stamp further behind the clock is reported."""

_LOSS_SHARE = 0.05
"""Share of lost images above which they are reported."""
PROFILE_MIB = 32
"""Largest message of config/fastdds_shm.xml, MiB."""
_NO_IMAGE_NS = 8_000_000_000
_FEW_IMAGES = 30
"""Images may be lost in transport if none arrives for this long and fewer than this many arrived
before. A camera that pauses after more images is not reported."""


class Level(IntEnum):
    """Levels of ``diagnostic_msgs/DiagnosticStatus``."""

    OK = 0
    WARN = 1
    ERROR = 2


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """Status of the node and its counters over the last period.

    Attributes:
        configured: Whether an engine is loaded.
        topic: The subscribed image topic, None while inactive.
        idle: Whether images are not received because no output has subscribers.
        silent_ns: Time since the last image, or since activation if none arrived.
        publishers: Number of publishers of the topic.
        other_transport: The value of image_transport whose topic has a publisher, if the
            subscribed one has none.
        incompatible: The QoS policy or type by which a publisher does not match, if any.
        received: Images received in the last period.
        total: Images received since activation.
        processed: Images processed in the last period.
        refused: Images refused in the last period.
        refused_reason: The most frequent reason for refusing.
        camera_problem: Why the camera_info cannot be used, if so.
        building: Progress of loading the engine, while it goes on.
        engine_problem: Why a faster backend failed while running, if one did.
        clock_problem: What is wrong with the node's clock, if so.
        dropped: Images of the last period that a newer one replaced before processing.
        lost: Images of the last period that the middleware lost.
        untracked: Faces in view beyond max_faces.
        age_ns: Age of the last image on arrival by its stamp; None: its stamp is zero.
        depth_image: Why they may be depth images, if no face was found in the last period.
        odd_stamps: Images of the last period with a stamp that tracking cannot use.
        odd_stamp: What was wrong with most of these stamps.
        duplicate_nodes: Number of other nodes with the same name.
        calibrated: Whether a camera_info has arrived.
        looking_target: The frame that people may look at; empty: the camera.
        target_problem: Why its position is unknown, if so.
    """

    configured: bool
    topic: str | None
    idle: bool = False
    silent_ns: int = 0
    publishers: int = 0
    incompatible: str | None = None
    other_transport: str = ""
    received: int = 0
    total: int = 0
    processed: int = 0
    refused: int = 0
    refused_reason: str = ""
    camera_problem: str | None = None
    building: str = ""
    engine_problem: str = ""
    clock_problem: str = ""
    dropped: int = 0
    lost: int = 0
    untracked: int = 0
    age_ns: int | None = 0
    depth_image: str = ""
    odd_stamps: int = 0
    odd_stamp: str = ""
    duplicate_nodes: int = 0
    calibrated: bool = True
    looking_target: str = ""
    target_problem: str = ""


def assess(status: NodeStatus) -> tuple[Level, str]:
    """The most severe condition that holds, as a level and a message.

    >>> assess(NodeStatus(True, "/image", silent_ns=4 * 10**9, publishers=0))[1]
    'no image on /image for 4 s: no publisher'
    >>> assess(NodeStatus(True, "/image", publishers=1, received=30, processed=30))[1]
    'running'
    """
    if status.building:
        return Level.WARN, f"building: {status.building}"
    if status.topic is None:
        return Level.OK, "configured, not active" if status.configured else "not configured"
    if status.idle:
        return Level.OK, "idle: no output has subscribers"
    if status.silent_ns > SILENCE_NS:
        silence = f"no image on {status.topic} for {status.silent_ns / 1e9:.0f} s"
        clock = f"; {status.clock_problem}" if status.clock_problem else ""
        return Level.WARN, f"{silence}: {_publishers(status)}{clock}"
    if status.refused and not status.processed:
        return Level.ERROR, f"every image is refused: {status.refused_reason}"
    if status.incompatible:
        return (
            Level.WARN,
            f"a publisher of {status.topic} has an incompatible {status.incompatible}",
        )
    if status.publishers > 1:
        return (
            Level.WARN,
            f"{status.publishers} publishers on {status.topic}: "
            "images of several cameras are mixed",
        )
    if status.duplicate_nodes > 0:
        return Level.WARN, "another node has the same name: every message is published twice"
    if status.refused:
        return Level.WARN, f"{status.refused} images refused: {status.refused_reason}"
    if status.received and status.depth_image:
        return (
            Level.WARN,
            f"no faces: {status.depth_image}; is it a depth image? Use the colour one",
        )
    if status.clock_problem:
        return Level.WARN, status.clock_problem
    if status.camera_problem:
        return Level.WARN, f"no positions: {status.camera_problem}"
    if status.engine_problem:
        return Level.WARN, f"slower backend in use: {status.engine_problem}"
    if status.received and status.untracked:
        return Level.WARN, f"faces in view beyond max_faces: {status.untracked}; raise it"
    if status.received and (problem := _stamp_problem(status)):
        return Level.WARN, problem
    if status.lost > _LOSS_SHARE * (status.lost + status.received):
        seen = f"{status.lost} of {status.lost + status.received} images"
        return Level.WARN, f"{seen} lost in transport: is the Fast DDS profile in use?"
    if status.dropped > 0.2 * status.received:
        dropped = f"{status.dropped} of {status.received} images"
        return Level.WARN, f"slower than the camera: {dropped} dropped for newer ones"
    if target := status.looking_target:
        problem = status.target_problem or ("" if status.calibrated else "no camera_info received")
        if status.received and problem:
            return Level.WARN, f"who looks at {target!r} is not known: {problem}"
    if status.received and not status.calibrated:
        return Level.OK, "running; no positions: no camera_info received"
    return Level.OK, "running"


def _stamp_problem(status: NodeStatus) -> str:
    age_ns = status.age_ns
    if status.odd_stamps:
        return (
            f"{status.odd_stamp} in {status.odd_stamps} of {status.processed} images: "
            "tracking counts images instead; correct the camera driver's stamps"
        )
    if age_ns is None:  # the first of all images; the next ones count as odd
        return "image stamps are zero: set them in the camera driver"
    if age_ns < -AHEAD_NS:
        return f"stamps are {-age_ns / 1e9:.1f} s ahead of the clock: check use_sim_time"
    if age_ns > BEHIND_NS:
        return f"stamps are {age_ns / 1e9:.1f} s behind the clock: a recording or a delayed camera"
    return ""


def loss_advice(status: NodeStatus, profile: str, fast_dds: bool) -> str:
    """What to do where images do not arrive although a camera publishes them; empty if they do.

    Args:
        status: Of the last period.
        profile: Path of the Fast DDS profile of this package.
        fast_dds: Whether Fast DDS is the middleware.

    >>> fine = NodeStatus(True, "/image", publishers=1, received=30)
    >>> loss_advice(fine, "shm.xml", True)
    ''
    """
    if status.topic is None or status.idle or not status.publishers or status.incompatible:
        return ""
    if status.lost > _LOSS_SHARE * (status.lost + status.received):
        seen = f"{status.lost} of {status.lost + status.received} images were lost in transport"
    elif status.silent_ns > _NO_IMAGE_NS and status.total < _FEW_IMAGES:
        seen = f"no image of {status.topic} arrives although it has a publisher"
    else:
        return ""
    if not fast_dds:
        return f"{seen}: large images are fragmented; try image_transport:=compressed"
    return (
        f"{seen}. If the camera sends images, they are larger than its shared memory segment: "
        "start the camera driver after this command: "
        f"export FASTRTPS_DEFAULT_PROFILES_FILE={profile} FASTDDS_DEFAULT_PROFILES_FILE={profile} "
        f"(for images of more than {PROFILE_MIB} MiB: with larger sizes in a copy of that file, or "
        "try image_transport:=compressed)"
    )


class ClockWatch:
    """Detects a simulated clock that does not advance.

    >>> watch = ClockWatch()
    >>> watch.problem(True, 0, 0)
    'use_sim_time is set, but no time was received on /clock'
    >>> watch.problem(True, 5, 10**9), watch.problem(True, 5, 2 * 10**9)
    ('', '')
    >>> watch.problem(True, 5, 6 * 10**9)
    '/clock has not advanced for 5 s'
    """

    def __init__(self) -> None:
        self._now_ns = -1
        self._since_ns = 0

    def problem(self, simulated: bool, now_ns: int, steady_ns: int) -> str:
        """The problem, empty if there is none.

        Args:
            simulated: Whether the node's clock follows /clock.
            now_ns: Time of the node's clock.
            steady_ns: Time of a monotonic clock.
        """
        if now_ns != self._now_ns:
            self._now_ns, self._since_ns = now_ns, steady_ns
        if not simulated:
            return ""
        if now_ns == 0:
            return "use_sim_time is set, but no time was received on /clock"
        still = steady_ns - self._since_ns
        return f"/clock has not advanced for {still / 1e9:.0f} s" if still > SILENCE_NS else ""


def _publishers(status: NodeStatus) -> str:
    if status.publishers == 0:
        other = f"; image_transport:={status.other_transport} has one"
        return "no publisher" + (other if status.other_transport else "")
    seen = "1 publisher" if status.publishers == 1 else f"{status.publishers} publishers"
    return f"{seen}, incompatible {status.incompatible}" if status.incompatible else seen
