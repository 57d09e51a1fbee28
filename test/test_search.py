# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A slow detector beside the frames: which frame uses its result, and where faces are then."""

import threading
import time
from dataclasses import replace

import numpy as np
import pytest

from atpn_ros.detectors import load_detector
from atpn_ros.engines import BackendError
from atpn_ros.pipeline.pipeline import FacePipeline
from atpn_ros.pipeline.search import FaceSearch, found_again
from atpn_ros.types import Frame
from fakes import MS, DiscDetector, DiscEngine, frame, scene
from pipelines import DISC, RAW, states
from test_pipeline_photographs import same

SIZE = (480, 640)
EVERY = replace(RAW, detect_interval_ns=300 * MS)


class SlowDetector(DiscDetector):
    """Takes a while; remembers the thread and the size of each image."""

    def __init__(self, latency_ms=100, waits=()):
        super().__init__()
        self.latency = latency_ms * MS
        self.seen = []
        self._waits = list(waits)

    def detect(self, image):
        if threading.current_thread() is not threading.main_thread() and self._waits:
            time.sleep(self._waits.pop(0))
        self.seen.append((threading.current_thread() is threading.main_thread(), image.shape))
        return super().detect(image)


def new_pipeline(detector, settings=EVERY):
    return FacePipeline(DiscEngine(), detector, settings)


def shown(n, *discs, ms=33):
    return frame(n, *discs, size=SIZE, ms=ms)


def test_after_the_first_frame_no_frame_runs_the_detector_on_a_whole_large_image():
    detector = SlowDetector()
    pipeline = new_pipeline(detector)
    second = (300, 300, 25)
    ran = [
        pipeline.process(shown(n, DISC, *([second] if n >= 5 else []))).detector_ran
        for n in range(30)
    ]
    here = [shape for main, shape in detector.seen if main]
    assert here[0] == (*SIZE, 3)
    assert len(here) > 1, "the second face was searched for again"
    assert all(height * width < 0.2 * SIZE[0] * SIZE[1] for height, width, _ in here[1:])
    assert sum(not main for main, _ in detector.seen) >= 2
    # Every 10 frames (0.3 s) a run starts; its faces are used 4 frames (0.1 s) later.
    assert [n for n in range(30) if ran[n]] == [0, 14, 24]


def test_a_slow_camera_and_a_detector_without_latency_use_the_same_frame():
    for detector, ms in ((SlowDetector(), 150), (SlowDetector(0), 33)):
        pipeline = new_pipeline(detector)
        for n in range(30):
            pipeline.process(shown(n, DISC, ms=ms))
        assert len(detector.seen) > 2
        assert all(main for main, _ in detector.seen)


@pytest.mark.parametrize("speed", [0.0, 300.0, -540.0])
def test_a_new_face_that_moves_is_tracked_where_it_is_when_the_result_is_used(speed):
    """540 pixels a second are nine of its sizes: a person who walks past at 1.4 m/s."""
    pipeline = new_pipeline(SlowDetector(150))
    for n in range(25):
        x = 320 + speed * (n - 16) * 0.033
        result = pipeline.process(shown(n, *([(x, 240, 30)] if n >= 10 else [])))
        if result.faces:
            break
    (face,) = result.faces
    assert face.box.cx == pytest.approx(x, abs=2)
    assert n == 19  # a run every 0.2 s, with frames 7 and 14; its result is used 0.15 s later


def test_the_result_does_not_depend_on_the_time_that_the_detector_takes():
    results = []
    for waits in ((), (0.2, 0.0, 0.1, 0.3)):
        pipeline = new_pipeline(SlowDetector(waits=waits), replace(EVERY, detect_interval_ns=0))
        results.append([
            pipeline.process(shown(n, *([DISC] if n % 20 < 15 else []), (300 + 5 * n, 300, 25)))
            for n in range(40)
        ])  # fmt: skip
    assert same(tuple(results[0]), tuple(results[1]))


def test_the_owner_of_an_image_may_use_its_memory_again():
    detector = SlowDetector(waits=[0.3])
    pipeline = new_pipeline(detector, replace(RAW, search_interval_ns=0))
    pipeline.process(shown(0))
    buffer = scene(DISC, size=SIZE)
    pipeline.process(Frame(buffer, shown(1).stamp_ns, "camera"))
    buffer[:] = 90
    for n in range(2, 6):
        result = pipeline.process(shown(n, DISC))
    assert states(result), "the copy had the face"


def test_all_runs_in_the_other_thread_use_the_same_memory():
    """Else the process would grow and shrink by an image at every run."""

    class Remembers(SlowDetector):
        def __init__(self):
            super().__init__()
            self.places = []

        def detect(self, image):
            if threading.current_thread() is not threading.main_thread():
                self.places.append(image.ctypes.data)
            return super().detect(image)

    detector = Remembers()
    pipeline = new_pipeline(detector)
    for n in range(40):
        pipeline.process(shown(n, DISC))
    pipeline.close()
    assert len(detector.places) >= 3
    assert len(set(detector.places)) == 1


def test_a_failed_frame_keeps_the_result_for_the_next():
    pipeline = new_pipeline(SlowDetector(), replace(RAW, search_interval_ns=0))
    pipeline.process(shown(0))
    for n in range(1, 5):
        assert pipeline.process(shown(n, DISC)).faces == ()
    pipeline.engine.fail = True
    with pytest.raises(BackendError):
        pipeline.process(shown(5, DISC))
    assert states(pipeline.process(shown(6, DISC)))


def test_a_reset_forgets_what_was_searched_for():
    pipeline = new_pipeline(SlowDetector(), replace(RAW, search_interval_ns=0))
    pipeline.process(shown(0))
    pipeline.process(shown(1, DISC))
    pipeline.reset("test")
    pipeline.process(shown(2))
    for n in range(3, 6):
        assert not pipeline.process(shown(n)).detector_ran


def test_the_detector_never_runs_twice_at_once():
    """It needs 70 MB at 1920x1080, and memory that two runs needed once would be kept."""

    class Counted(SlowDetector):
        now = most = 0

        def detect(self, image):
            self.now += 1
            self.most = max(self.most, self.now)
            time.sleep(0.05)
            found = super().detect(image)
            self.now -= 1
            return found

    detector = Counted(waits=[0.3, 0.3])
    pipeline = new_pipeline(detector, replace(RAW, search_interval_ns=0))
    for n in range(3):
        pipeline.process(shown(2 * n))
        pipeline.process(shown(2 * n + 1))
        pipeline.reset("test")
    pipeline.close()
    assert len(detector.seen) >= 4
    assert detector.most == 1


def test_the_thread_starts_with_the_first_large_image():
    """Not with the first two images that follow each other fast, whenever these come."""
    pipeline = new_pipeline(SlowDetector(), replace(RAW, search_interval_ns=0))
    before = threading.active_count()
    pipeline.process(shown(0))
    assert threading.active_count() == before + 1
    for n in range(1, 6):
        pipeline.process(shown(n))
    assert threading.active_count() == before + 1
    pipeline.close()


def test_closing_ends_the_thread():
    pipeline = new_pipeline(SlowDetector(), replace(RAW, search_interval_ns=0))
    for n in range(3):
        pipeline.process(shown(n))
    assert any(thread.name.startswith("detector") for thread in threading.enumerate())
    before = threading.active_count()
    pipeline.close()
    assert threading.active_count() == before - 1


def test_an_error_of_the_detector_is_raised_once():
    class Broken(SlowDetector):
        def detect(self, image):
            if self.seen:
                self.seen.clear()
                raise ValueError("out of order")
            return super().detect(image)

    search = FaceSearch(Broken())
    errors = 0
    for n in range(20):
        try:
            plan = search.plan(n * 33 * MS, 1, *SIZE)
        except ValueError:
            errors += 1
            continue
        search.faces(plan, scene(size=SIZE), lambda face: True, 8)
        search.done(plan, scene(size=SIZE))
    assert errors == 2, "the detector fails in every second run"


def test_a_face_that_is_gone_stays_where_it_was():
    detector = DiscDetector()
    (face,) = detector.detect(scene(DISC))
    assert found_again(detector, scene(), face) == face
    far = replace(face, box=replace(face.box, cx=5000.0))
    assert found_again(detector, scene(DISC), far) == far


def test_of_several_faces_the_nearest_of_the_same_size_is_taken():
    detector = DiscDetector()
    (face,) = detector.detect(scene((150, 120, 20)))
    again = found_again(detector, scene((165, 120, 20), (110, 120, 20), (150, 155, 8)), face)
    assert again.box.cx == pytest.approx(165, abs=1.5)
    assert again.score == face.score


def test_the_shipped_detector_is_run_beside_large_images_only():
    detector = load_detector()
    assert detector.latency_ns(480, 640) == detector.latency_ns(640, 480) == 0
    large = detector.latency_ns(1080, 1920)
    assert 100 * MS < large < 200 * MS
    assert large == detector.latency_ns(1920, 1080)
    assert 33 * MS < detector.latency_ns(720, 1280) < large


def test_the_shipped_detector_finds_a_moved_face_again():
    data = pytest.importorskip("skimage.data", reason="the photographs come with scikit-image")
    picture = np.ascontiguousarray(data.astronaut()[..., ::-1])
    detector = load_detector()
    (face, *_) = detector.detect(picture)
    moved = np.roll(picture, (40, 120), (0, 1))
    again = found_again(detector, moved, face)
    assert (again.box.cx, again.box.cy) == pytest.approx(
        (face.box.cx + 120, face.box.cy + 40), abs=0.15 * face.box.width
    )


def test_a_face_with_little_evidence_is_used_where_it_was():
    class Weak(SlowDetector):
        def detect(self, image):
            return [replace(face, evidence=evidence) for face in super().detect(image)]

    for evidence, searches in ((-3.9, 1), (-4.1, 0)):
        detector = Weak()
        search = FaceSearch(detector)
        image = scene(DISC)
        height, width = image.shape[:2]
        plans = [search.plan(0, 1, height, width)]
        search.done(plans[0], image)
        plans.append(search.plan(33 * MS, 1, height, width))
        search.done(plans[1], image)
        plans.append(search.plan(200 * MS, 10_000 * MS, height, width))
        runs = sum(main for main, _ in detector.seen)
        (face,) = search.faces(plans[2], image, lambda _: True, 8)
        assert sum(main for main, _ in detector.seen) - runs == searches
        assert face.evidence == evidence
        search.close()
