# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""At which scale the pipeline decodes an encoded image, and that results do not depend on it."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from atpn_ros.images.compressed import open_compressed
from atpn_ros.images.raw import BadImage
from atpn_ros.pipeline.pipeline import FacePipeline
from atpn_ros.types import FaceState, Frame
from fakes import MS, DiscDetector, DiscEngine, scene
from pipelines import RAW, discs, states

LARGE = (320.0, 240.0, 160.0)
"""A disc whose crop is more than three times as wide as the network's input."""
SMALL = (320.0, 240.0, 60.0)
SIZE = (480, 640)


class Encoded:
    """A picture that is reduced exactly, and remembers the scales that were asked for."""

    def __init__(self, picture):
        self.picture, self.shape, self.asked, self.damaged = picture, picture.shape, [], False

    def decoded(self, reduction=1):
        self.asked.append(reduction)
        if self.damaged:
            raise BadImage("corrupt", "damaged")
        height, width = self.shape[:2]
        assert width % reduction == height % reduction == 0
        size = (width // reduction, height // reduction)
        return cv2.resize(self.picture, size, interpolation=cv2.INTER_AREA)


def shown(n, *discs, size=SIZE):
    return Frame(Encoded(scene(*discs, size=size)), 10**9 + n * 33 * MS, "camera")


def scales(pipeline, frames):
    """The scales at which each frame is decoded."""
    for frame in frames:
        pipeline.process(frame)
    return [frame.image.asked for frame in frames]


def test_the_detector_gets_the_full_image_and_a_large_face_a_reduced_one():
    assert scales(discs(), [shown(n, LARGE) for n in range(4)]) == [[1], [2], [2], [2]]


def test_a_face_that_would_lose_pixels_is_cut_from_the_full_image():
    assert scales(discs(), [shown(n, SMALL) for n in range(3)]) == [[1], [1], [1]]


def test_the_smallest_of_several_faces_decides():
    both = ((200.0, 240.0, 150.0), (500.0, 240.0, 50.0))
    assert scales(discs(), [shown(n, *both) for n in range(3)]) == [[1], [1], [1]]


def test_without_faces_only_the_detector_needs_pixels():
    asked = scales(discs(), [shown(n) for n in range(8)])
    assert asked == [[1], *[[8]] * 6, [1]]  # it searches every 0.2 s


@pytest.mark.parametrize(("second", "full"), [((), [0, 10]), (((60.0, 60.0, 25.0),), [0, 10, 14])])
def test_a_detector_in_its_own_thread_gets_the_full_image_and_so_do_its_new_faces(second, full):
    """Every 0.3 s a run starts; its result is used 0.1 s later."""
    detector = DiscDetector()
    detector.latency = 100 * MS
    pipeline = FacePipeline(DiscEngine(), detector, replace(RAW, detect_interval_ns=300 * MS))
    asked = scales(pipeline, [shown(n, LARGE, *(second if n >= 5 else ())) for n in range(15)])
    assert [n for n, reductions in enumerate(asked) if reductions == [1]] == full
    assert all(reductions == [2] for n, reductions in enumerate(asked) if n not in full)


def test_a_scale_that_does_not_divide_the_image_is_not_used():
    assert scales(discs(), [shown(n, LARGE, size=(482, 641)) for n in range(2)]) == [[1], [1]]


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
def test_results_are_in_pixels_of_the_full_image(rotate):
    ours, theirs = discs(replace(RAW, rotate=rotate)), discs(replace(RAW, rotate=rotate))
    for n in range(4):
        disc = (LARGE[0] + 7 * n, LARGE[1] - 5 * n, LARGE[2])
        encoded = shown(n, disc)
        result = ours.process(encoded)
        full = theirs.process(replace(encoded, image=scene(disc, size=SIZE)))
        assert encoded.image.asked == [2 if n else 1]
        assert (result.width, result.height) == (640, 480)
        assert states(result) == states(full)
        np.testing.assert_allclose(
            result.faces[0].landmarks, full.faces[0].landmarks, atol=1.0, rtol=0
        )
        assert result.timing.decode_ns > 0
        assert full.timing.decode_ns < result.timing.decode_ns


def test_people_still_leave_at_the_border_of_a_reduced_image():
    """The tracker gets the size of the full image, however much of it was decoded."""
    pipeline, sizes = discs(), []
    update = pipeline._tracker.update
    pipeline._tracker.update = lambda *args: (sizes.append(args[2]), update(*args))[1]
    scales(pipeline, [shown(n, LARGE) for n in range(3)])
    assert sizes == [(640, 480)] * 3


@pytest.mark.parametrize("size", [SIZE, (240, 320)])
def test_a_damaged_image_leaves_the_tracks_as_they_were(size):
    pipeline = discs()
    scales(pipeline, [shown(n, LARGE) for n in range(2)])
    damaged = shown(2, size=size)
    damaged.image.damaged = True
    with pytest.raises(BadImage):
        pipeline.process(damaged)
    assert states(pipeline.process(shown(3, LARGE))) == {1: FaceState.TRACKED}
    assert pipeline.resets == {}


def test_the_full_image_of_a_frame_is_there_for_drawing():
    picture = scene(LARGE, size=SIZE)
    frame = Frame(open_compressed(cv2.imencode(".jpg", picture)[1]), 0)
    frame.image.decoded(2)
    assert frame.pixels().shape == picture.shape
    assert Frame(picture, 0).pixels() is picture
