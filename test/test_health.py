# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace

import pytest

from atpn_ros.node.health import (
    AHEAD_NS,
    BEHIND_NS,
    SILENCE_NS,
    ClockWatch,
    Level,
    NodeStatus,
    assess,
    loss_advice,
)

FINE = NodeStatus(True, "/cam/image", publishers=1, received=30, processed=30)


@pytest.mark.parametrize(
    ("facts", "level", "words"),
    [
        (NodeStatus(False, None), Level.OK, "not configured"),
        (NodeStatus(True, None), Level.OK, "configured, not active"),
        (NodeStatus(True, None, building="5 %"), Level.WARN, "building: 5 %"),
        (replace(FINE, building="5 %", publishers=0), Level.WARN, "building: 5 %"),
        (
            replace(FINE, engine_problem="tensorrt: left"),
            Level.WARN,
            "slower backend in use: tensorrt: left",
        ),
        (FINE, Level.OK, "running"),
        (
            replace(FINE, idle=True, silent_ns=60 * 10**9),
            Level.OK,
            "idle: no output has subscribers",
        ),
        (replace(FINE, silent_ns=SILENCE_NS), Level.OK, "running"),
        (
            replace(FINE, silent_ns=12 * 10**9, publishers=0),
            Level.WARN,
            "no image on /cam/image for 12 s: no publisher",
        ),
        (
            replace(FINE, silent_ns=4 * 10**9, publishers=0, other_transport="compressed"),
            Level.WARN,
            "no image on /cam/image for 4 s: no publisher; image_transport:=compressed has one",
        ),
        (
            replace(FINE, silent_ns=4 * 10**9),
            Level.WARN,
            "no image on /cam/image for 4 s: 1 publisher",
        ),
        (
            replace(FINE, silent_ns=4 * 10**9, publishers=2, incompatible="reliability"),
            Level.WARN,
            "no image on /cam/image for 4 s: 2 publishers, incompatible reliability",
        ),
        (
            replace(FINE, incompatible="durability"),
            Level.WARN,
            "a publisher of /cam/image has an incompatible durability",
        ),
        (
            replace(FINE, publishers=2),
            Level.WARN,
            "2 publishers on /cam/image: images of several cameras are mixed",
        ),
        (
            replace(FINE, refused=3, refused_reason="short_data"),
            Level.WARN,
            "3 images refused: short_data",
        ),
        (
            replace(FINE, processed=0, refused=30, refused_reason="unknown_encoding"),
            Level.ERROR,
            "every image is refused: unknown_encoding",
        ),
        (
            replace(FINE, depth_image="16UC1 with values below 4096: taken as brightness"),
            Level.WARN,
            "no faces: 16UC1 with values below 4096: taken as brightness; is it a depth image? "
            "Use the colour one",
        ),
        (
            replace(FINE, camera_problem="uncalibrated"),
            Level.WARN,
            "no positions: uncalibrated",
        ),
        (
            replace(FINE, untracked=3),
            Level.WARN,
            "faces in view beyond max_faces: 3; raise it",
        ),
        (
            replace(FINE, calibrated=False),
            Level.OK,
            "running; no positions: no camera_info received",
        ),
        (
            replace(FINE, duplicate_nodes=1),
            Level.WARN,
            "another node has the same name: every message is published twice",
        ),
        (
            replace(FINE, age_ns=None),
            Level.WARN,
            "image stamps are zero: set them in the camera driver",
        ),
        (
            replace(FINE, age_ns=-1_500_000_000),
            Level.WARN,
            "stamps are 1.5 s ahead of the clock: check use_sim_time",
        ),
        (
            replace(FINE, age_ns=3_000_000_000),
            Level.WARN,
            "stamps are 3.0 s behind the clock: a recording or a delayed camera",
        ),
        (replace(FINE, age_ns=-AHEAD_NS), Level.OK, "running"),
        (replace(FINE, age_ns=BEHIND_NS), Level.OK, "running"),
        (replace(FINE, received=0, processed=0, age_ns=None), Level.OK, "running"),
        (
            replace(FINE, received=90, lost=30),
            Level.WARN,
            "30 of 120 images lost in transport: is the Fast DDS profile in use?",
        ),
        (replace(FINE, received=95, lost=5), Level.OK, "running"),
        (
            replace(FINE, received=120, processed=40, dropped=80),
            Level.WARN,
            "slower than the camera: 80 of 120 images dropped for newer ones",
        ),
        (replace(FINE, received=30, processed=24, dropped=6), Level.OK, "running"),
        (
            replace(FINE, clock_problem="/clock has not advanced for 5 s"),
            Level.WARN,
            "/clock has not advanced for 5 s",
        ),
        (
            replace(FINE, silent_ns=5 * 10**9, clock_problem="/clock has not advanced for 5 s"),
            Level.WARN,
            "no image on /cam/image for 5 s: 1 publisher; /clock has not advanced for 5 s",
        ),
        (
            replace(
                FINE,
                duplicate_nodes=1,
                publishers=2,
                refused=30,
                processed=0,
                refused_reason="empty",
            ),
            Level.ERROR,
            "every image is refused: empty",
        ),
    ],
)
def test_the_worst_is_said_in_words(facts: NodeStatus, level: Level, words: str) -> None:
    assert assess(facts) == (level, words)


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (FINE, ""),
        (replace(FINE, lost=1), ""),
        (replace(FINE, received=2, lost=13), "13 of 15 images were lost in transport"),
        (replace(FINE, silent_ns=9 * 10**9), "no image of /cam/image arrives although it has a"),
        (replace(FINE, silent_ns=4 * 10**9), ""),
        (replace(FINE, silent_ns=9 * 10**9, total=100), ""),  # a camera that pauses
        (replace(FINE, silent_ns=9 * 10**9, publishers=0), ""),
        (replace(FINE, silent_ns=9 * 10**9, incompatible="reliability"), ""),
        (NodeStatus(True, None), ""),
    ],
)
def test_lost_images_are_reported_with_the_remedy(facts: NodeStatus, words: str) -> None:
    said = loss_advice(facts, "/share/shm.xml", True)
    assert said.startswith(words)
    assert bool(said) == bool(words)
    assert ("export FASTRTPS_DEFAULT_PROFILES_FILE=/share/shm.xml" in said) == bool(words)
    assert ("for images of more than 32 MiB" in said) == bool(words)
    assert "export" not in loss_advice(facts, "/share/shm.xml", False)


def test_a_simulators_pause_is_told_until_it_runs_again() -> None:
    watch = ClockWatch()
    said = [watch.problem(True, 7 * 10**9, steady * 10**9) for steady in range(100, 106)]
    still = [f"/clock has not advanced for {n} s" for n in (4, 5)]
    assert said == ["", "", "", "", *still]
    assert watch.problem(True, 7 * 10**9 + 1, 106 * 10**9) == ""


def test_of_a_clock_that_is_not_simulated_there_is_nothing_to_tell() -> None:
    watch = ClockWatch()
    assert [watch.problem(False, 0, steady * 10**9) for steady in (0, 60)] == ["", ""]
