# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What is said each second of what the worker has counted, on a clock that the test sets."""

from types import SimpleNamespace

import pytest

from atpn_ros.camera import Calibration, CameraInfo
from atpn_ros.node import diagnostics
from atpn_ros.node.diagnostics import Diagnostics, GraphStatus
from atpn_ros.node.frame_slot import FlowStats
from atpn_ros.node.health import Level
from atpn_ros.pipeline.frame_clock import STAMP_REPEATED

SECOND = 10**9
RUNNING = (Level.OK, "running")


class Show:
    """A calibrated camera and a worker that counts its images."""

    def __init__(self, monkeypatch):
        self.ns = 1_000 * SECOND
        clock = SimpleNamespace(monotonic_ns=lambda: self.ns)
        monkeypatch.setattr(diagnostics, "time", clock)
        self.stats = FlowStats(age_ns=0)
        calibration = Calibration()
        calibration.info = CameraInfo(320, 240, (300.0, 0, 160, 0, 300, 120, 0, 0, 1))
        self.worker = SimpleNamespace(
            stats=self.stats,
            calibration=calibration,
            engine_thread=SimpleNamespace(value=None, settled=True),
        )
        self.diagnosis = Diagnostics()
        self.diagnosis.begin()

    def second(self, images=0, dropped=0, lost=0, publishers=1, **refused):
        """Let a second pass in which all this came; the level and the words at its end."""
        self.ns += SECOND
        if images:
            self.stats.last_received_ns = self.ns
        self.stats.received += images
        self.stats.dropped += dropped
        self.stats.lost += lost
        self.stats.refused.update(refused)
        self.stats.processed += images - dropped - sum(refused.values())
        level, words, self.values = self.diagnosis.report(
            self.worker, GraphStatus(topic="/image", publishers=publishers)
        )
        return level, words


@pytest.fixture
def show(monkeypatch):
    return Show(monkeypatch)


def test_ten_seconds_without_an_image_are_told_and_then_over(show):
    assert show.second(30) == RUNNING
    assert [show.second() for _ in range(3)] == [RUNNING] * 3
    for n in range(4, 11):
        assert show.second() == (Level.WARN, f"no image on /image for {n} s: 1 publisher")
    assert show.second(30) == RUNNING


def test_a_camera_that_is_restarted_is_missed_and_then_not(show):
    show.second(30)
    said = [show.second(publishers=0) for _ in range(5)]
    assert said[-1] == (Level.WARN, "no image on /image for 5 s: no publisher")
    assert show.second(30) == RUNNING
    assert show.values["frames received"] == "60"


def test_a_camera_that_never_came_is_missed_from_the_beginning(show):
    said = [show.second(publishers=0) for _ in range(4)]
    assert said[-1] == (Level.WARN, "no image on /image for 4 s: no publisher")


def test_a_camera_of_120_hz_is_too_fast_in_the_seconds_in_which_it_is(show):
    words = "slower than the camera: 80 of 120 images dropped for newer ones"
    assert show.second(120, dropped=80) == (Level.WARN, words)
    assert show.second(120, dropped=10) == RUNNING
    assert show.values["frames dropped for newer ones"] == "90"


def test_images_lost_on_the_way_are_those_of_the_last_second(show):
    words = "60 of 120 images lost in transport: is the Fast DDS profile in use?"
    assert show.second(60, lost=60) == (Level.WARN, words)
    assert show.second(120) == RUNNING
    assert show.values["frames lost in transport"] == "60"


def test_images_that_were_not_received_are_counted_and_change_no_message(show):
    show.stats.missed = 3
    assert show.second(30) == RUNNING
    assert show.values["frames published but not received"] == "3"


def test_the_reason_that_is_named_is_the_last_seconds_commonest(show):
    assert show.second(30, short_data=30) == (Level.ERROR, "every image is refused: short_data")
    assert show.second(30, empty=2, short_data=1) == (Level.WARN, "3 images refused: empty")
    assert show.second(30) == RUNNING
    assert show.values["refused: short_data"] == "31"
    assert show.values["refused: empty"] == "2"


def test_what_is_odd_is_counted_and_costs_nothing(show):
    show.stats.odd["frame_id is empty"] += 3
    assert show.second(30) == RUNNING
    assert show.values["odd: frame_id is empty"] == "3"


def test_unusable_stamps_are_reported_in_the_second_of_their_images(show):
    show.stats.odd[STAMP_REPEATED] += 3
    words = f"{STAMP_REPEATED} in 3 of 30 images: tracking counts images instead"
    assert show.second(30) == (Level.WARN, f"{words}; correct the camera driver's stamps")
    assert show.second(30) == RUNNING
    assert show.values[f"odd: {STAMP_REPEATED}"] == "3"


def test_without_a_camera_info_it_runs_and_says_so(show):
    show.worker.calibration.info = None
    assert show.second(30) == (Level.OK, "running; no positions: no camera_info received")
    assert show.values["camera_info"] == "none has come"


def test_the_loading_is_told_until_it_is_over(show):
    show.worker.engine_thread.settled = False
    show.diagnosis.engine = "5 %"
    assert show.second(30) == (Level.WARN, "building: 5 %")
    show.worker.engine_thread.settled = True
    assert show.second(30) == RUNNING


def test_without_a_worker_there_is_little_to_say(show):
    level, words, values = show.diagnosis.report(None, GraphStatus())
    assert (level, words) == (Level.OK, "not configured")
    assert values["frames received"] == "0"
