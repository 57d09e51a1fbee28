# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace

import pytest

from atpn_ros.health import SILENCE_NS, Facts, Level, assess

FINE = Facts(True, "/cam/image", publishers=1, received=30, processed=30)


@pytest.mark.parametrize(
    ("facts", "level", "words"),
    [
        (Facts(False, None), Level.OK, "not configured"),
        (Facts(True, None), Level.OK, "configured, not active"),
        (Facts(True, None, building="5 %"), Level.WARN, "building: 5 %"),
        (replace(FINE, building="5 %", publishers=0), Level.WARN, "building: 5 %"),
        (
            replace(FINE, engine_problem="tensorrt: left"),
            Level.WARN,
            "slower than it should be: tensorrt: left",
        ),
        (FINE, Level.OK, "running"),
        (replace(FINE, silent_ns=SILENCE_NS), Level.OK, "running"),
        (
            replace(FINE, silent_ns=12 * 10**9, publishers=0),
            Level.WARN,
            "no image on /cam/image for 12 s: no publisher",
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
            "2 publishers on /cam/image: faces will jump",
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
            replace(FINE, camera_problem="uncalibrated"),
            Level.WARN,
            "no positions: uncalibrated",
        ),
    ],
)
def test_the_worst_is_said_in_words(facts: Facts, level: Level, words: str) -> None:
    assert assess(facts) == (level, words)
