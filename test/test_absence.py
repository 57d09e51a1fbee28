# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Ids of people who turn away for seconds: kept only where no other person is possible."""

from dataclasses import replace

import pytest

from atpn_ros.pipeline.absence import LostFace, sole_matches
from atpn_ros.pipeline.estimator import EstimatorSettings
from atpn_ros.pipeline.pipeline import FacePipeline, PipelineSettings
from atpn_ros.pipeline.tracker import TrackerSettings
from atpn_ros.types import Box, FaceState
from fakes import MS, DiscDetector, DiscEngine, frame

PICTURE = (640, 480)
SIZE = (480, 640)
SETTINGS = PipelineSettings(
    tracker=TrackerSettings(memory_ns=700 * MS, absence_ns=4000 * MS, recheck_ns=0),
    estimator=EstimatorSettings(smoothing=None),
)
R = 25
"""Radius of a face, pixels: half of its size."""


class Scene:
    """People (discs) before a camera at 30 Hz, and the pipeline that tracks them."""

    def __init__(self, settings=SETTINGS):
        self.pipeline = FacePipeline(DiscEngine(), DiscDetector(), settings)
        self.n = 0
        self.ids = {}

    def show(self, seconds, *places, to=None):
        """People at places, who move evenly to others. Ids by rounded last place."""
        frames = round(seconds * 30)
        for i in range(1, frames + 1):
            share = i / frames
            discs = [
                (x + share * (u - x), y + share * (v - y), R)
                for (x, y), (u, v) in zip(places, to or places, strict=True)
            ]
            result = self.pipeline.process(frame(self.n, *discs, size=SIZE))
            self.n += 1
        tracked = [f for f in result.faces if f.state is not FaceState.LOST]
        self.ids = {
            place: next((f.id for f in tracked if abs(f.box.cx - place[0]) < R), None)
            for place in to or places
        }
        return [self.ids[place] for place in to or places]


A, B, C = (200, 240), (400, 240), (250, 240)


@pytest.mark.parametrize(("away", "expected"), [(0.5, 1), (2.0, 1), (3.5, 1), (4.5, 2)])
def test_a_person_who_turns_away_for_seconds_keeps_the_id(away, expected):
    scene = Scene()
    scene.show(1, A)
    scene.show(away)
    assert scene.show(0.5, (A[0] + 15, A[1] - 10)) == [expected]


def test_the_time_is_a_parameter_and_zero_leaves_memory():
    settings = replace(SETTINGS, tracker=replace(SETTINGS.tracker, absence_ns=0))
    for away, expected in ((0.5, 1), (1.0, 2)):
        scene = Scene(settings)
        scene.show(1, A)
        scene.show(away)
        assert scene.show(0.5, A) == [expected]


def test_the_detector_searches_for_an_absent_person_while_others_are_tracked():
    settings = replace(SETTINGS, detect_interval_ns=60_000 * MS)
    scene = Scene(settings)
    scene.show(1, A, B)
    scene.show(2, B)
    assert scene.show(0.5, A, B) == [1, 2]


def test_another_person_who_passes_in_front_keeps_and_takes_nothing():
    """B walks to A, stands before A for more than a second, and walks on."""
    scene = Scene()
    assert scene.show(1, A, B) == [1, 2]
    scene.show(0.8, B, to=[A])
    scene.show(1.5, A)
    scene.show(0.8, A, to=[(60, 240)])
    assert scene.show(0.5, A, (60, 240)) == [1, 2]


def test_two_people_who_both_turn_away_keep_theirs_if_they_stand_apart():
    scene = Scene()
    assert scene.show(1, A, B) == [1, 2]
    scene.show(2)
    assert scene.show(0.5, A, B) == [1, 2]


def test_two_who_stand_close_and_turn_away_get_new_ids():
    scene = Scene()
    scene.show(1, A, (A[0] + 3 * R, 240))
    scene.show(2)
    assert scene.show(0.5, (A[0] + R, 240)) == [3]


def test_someone_who_walked_towards_an_absent_person_may_be_there_instead():
    scene = Scene()
    scene.show(1, A, (500, 240))
    scene.show(0.5, (500, 240))  # A turns away
    scene.show(0.5, (500, 240), to=[(380, 240)])  # B walks towards A's place, and turns away too
    scene.show(1.5)
    assert scene.show(0.5, A) == [3]


def test_two_crossing_people_who_are_hidden_while_they_cross_do_not_swap():
    """Neither stands still: after seconds nobody can tell, and new ids are right."""
    scene = Scene()
    assert scene.show(1, A, B) == [1, 2]
    scene.show(0.5, A, B, to=[(260, 240), (340, 240)])
    scene.show(1.5)
    assert set(scene.show(0.5, (260, 240), (340, 240))) == {3, 4}


def test_a_person_who_left_through_the_border_is_not_the_next_who_comes_in():
    scene = Scene()
    scene.show(1, A)
    scene.show(1, A, to=[(R, 240)])
    scene.show(0.3, (R, 240))
    scene.show(2)
    assert scene.show(0.5, (R + 2, 240)) == [2]


# The rule itself ----------------------------------------------------------------------------------

PLACE = Box(300, 200, 50, 50)
TWO_SECONDS = 2_000 * MS


def lost(box=PLACE, velocity=(0.0, 0.0), lost_ns=TWO_SECONDS):
    return LostFace(box, velocity, lost_ns)


def test_the_same_place_matches():
    assert sole_matches([lost()], [PLACE], PICTURE) == {0: 0}
    assert sole_matches([], [PLACE], PICTURE) == {}
    assert sole_matches([lost()], [], PICTURE) == {}


@pytest.mark.parametrize(
    "new",
    [Box(352, 200, 50, 50), Box(300, 145, 50, 50), Box(300, 200, 80, 80), Box(300, 200, 30, 30)],
    ids=["beside", "above", "nearer", "farther"],
)
def test_another_place_or_size_does_not(new):
    assert sole_matches([lost()], [new], PICTURE) == {}


def test_a_person_who_walked_does_not_match():
    assert sole_matches([lost(velocity=(70.0, 0.0))], [PLACE], PICTURE) == {0: 0}
    assert sole_matches([lost(velocity=(80.0, 0.0))], [PLACE], PICTURE) == {}


def test_two_new_faces_at_one_place_are_ambiguous():
    assert sole_matches([lost()], [PLACE, Box(340, 200, 50, 50)], PICTURE) == {}
    far = Box(500, 200, 50, 50)
    assert sole_matches([lost()], [far, PLACE], PICTURE) == {1: 0}


def test_a_lost_face_whose_path_leads_there_excludes_a_match():
    standing = lost(Box(420, 200, 50, 50))
    assert sole_matches([lost(), standing], [PLACE], PICTURE) == {0: 0}
    coming = lost(Box(420, 200, 50, 50), (-100.0, 0.0))
    assert sole_matches([lost(), coming], [PLACE], PICTURE) == {}
    leaving = lost(Box(420, 200, 50, 50), (100.0, 0.0))
    assert sole_matches([lost(), leaving], [PLACE], PICTURE) == {0: 0}
    small = lost(Box(310, 200, 20, 20))
    assert sole_matches([lost(), small], [PLACE], PICTURE) == {0: 0}


@pytest.mark.parametrize(
    "box", [Box(28, 200, 50, 50), Box(615, 200, 50, 50), Box(300, 470, 50, 50)]
)
def test_at_the_border_people_come_and_go(box):
    assert sole_matches([lost(box)], [box], PICTURE) == {}
    assert sole_matches([lost(box)], [box], None) == {0: 0}


def test_boxes_without_size_do_not_divide_by_zero():
    empty = Box(300, 200, 0, 0)
    assert sole_matches([lost(empty)], [empty], PICTURE) == {0: 0}
