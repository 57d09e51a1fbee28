# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The fallback chain: skipped backends with reasons, strict mode and failures while running."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from atpn_ros.detectors import load_detector
from atpn_ros.engines import (
    FALLBACK_CHAIN,
    BackendError,
    FallbackEngine,
    LoadCancelled,
    LoadControl,
    ModelError,
    load_engine,
)
from atpn_ros.engines.fallback import Backend
from atpn_ros.engines.onnx import OnnxEngine
from atpn_ros.pipeline.pipeline import FacePipeline
from atpn_ros.settings import SHIPPED_MODEL, Settings
from atpn_ros.types import FaceState, Frame
from moving_portrait import MovingPortrait

pytest.importorskip("onnx", reason="small models are made with it")
pytest.importorskip("skimage", reason="its photographs are shown")
from engine_world import crops, machine, small_model


class Flaky:
    """An engine that breaks at its n-th run."""

    def __init__(self, engine, name, lives=10**9):
        self.engine, self.name, self.lives, self.closed = engine, name, lives, False
        self.report = f"{name}: a report"

    def run(self, batch):
        self.lives -= 1
        if self.lives < 0:
            raise BackendError(f"{self.name}: out of memory")
        return self.engine.run(batch)

    def close(self):
        self.closed = True


@pytest.fixture(scope="module")
def shipped():
    return OnnxEngine(SHIPPED_MODEL, "onnx-cpu", "CPUExecutionProvider")


def refuses(error):
    def load():
        raise error

    return load


def test_each_refusal_is_told_with_its_reason(shipped):
    rungs = [
        Backend("a", refuses(BackendError("no such card"))),
        Backend("b", refuses(BackendError("no such library"))),
        Backend("c", lambda: Flaky(shipped, "c")),
    ]
    ladder = FallbackEngine(rungs)
    assert ladder.name == "c"
    assert ladder.skipped_backends == ("a: no such card", "b: no such library")
    assert ladder.runtime_failures == 0
    with pytest.raises(BackendError, match=r"^no engine: a: no such card; b: no such library$"):
        FallbackEngine(rungs[:2])


def test_whatever_a_driver_throws_is_a_refusal(shipped):
    odd = OSError("libcuda.so.1:\ncannot open shared object file")
    ladder = FallbackEngine([Backend("a", refuses(odd)), Backend("b", lambda: Flaky(shipped, "b"))])
    assert ladder.skipped_backends == ("a: OSError: libcuda.so.1: cannot open shared object file",)


def test_a_bad_model_ends_the_search(shipped):
    with pytest.raises(ModelError, match="bad"):
        FallbackEngine([Backend("a", refuses(ModelError("bad"))), Backend("b", lambda: shipped)])


def test_an_engine_that_breaks_when_tried_out_is_closed(shipped):
    broken = Flaky(shipped, "a", lives=1)
    ladder = FallbackEngine(
        [Backend("a", lambda: broken), Backend("b", lambda: Flaky(shipped, "b"))]
    )
    assert ladder.skipped_backends == ("a: a: out of memory",)
    assert broken.closed


def show(engine, frames=40):
    portrait = MovingPortrait(120)
    pipeline = FacePipeline(engine, load_detector(), Settings().pipeline_settings())
    return [
        pipeline.process(Frame(portrait.frame(n), n * 10**9 // 15)).faces for n in range(frames)
    ]


def test_stepping_down_loses_no_track(shipped):
    told = []
    first, second = Flaky(shipped, "first", lives=2 + 20), Flaky(shipped, "second", lives=2 + 10)
    ladder = FallbackEngine(
        [Backend(e.name, lambda e=e: e) for e in (first, second, Flaky(shipped, "third"))],
        LoadControl(told.append),
    )
    faces = show(ladder)
    assert [[f.id for f in frame] for frame in faces] == [[1]] * 40
    assert not any(f.state is FaceState.LOST for frame in faces for f in frame)
    for frame, expected in zip(faces, show(shipped), strict=True):
        np.testing.assert_array_equal(frame[0].landmarks, expected[0].landmarks)
    assert (ladder.name, ladder.runtime_failures) == ("third", 2)
    assert ladder.skipped_backends == (
        "first: failed while running: first: out of memory",
        "second: failed while running: second: out of memory",
    )
    assert told[0].endswith("out of memory; continuing with second: a report")
    assert first.closed
    assert second.closed


def test_what_must_be_built_is_no_place_to_step_down_to(shipped):
    ladder = FallbackEngine(
        [
            Backend("a", lambda: Flaky(shipped, "a", lives=2)),
            Backend("b", refuses(AssertionError("must not be loaded")), builds=True),
            Backend("c", lambda: Flaky(shipped, "c")),
        ]
    )
    ladder.run(crops(1))
    assert ladder.name == "c"
    assert "b: would have to be built first" in ladder.skipped_backends[0]


def test_the_last_rung_stays_and_may_recover(shipped):
    last = Flaky(shipped, "last", lives=2)
    ladder = FallbackEngine(
        [Backend("last", lambda: last), Backend("none", refuses(BackendError("no")))]
    )
    for _ in range(2):
        with pytest.raises(BackendError, match="out of memory"):
            ladder.run(crops(1))
    last.lives = 5
    assert ladder.run(crops(1)).presence.shape == (1,)


def test_strict_neither_starts_lower_nor_steps_down(shipped):
    for backend in FALLBACK_CHAIN[:-1]:
        with pytest.raises(BackendError, match=rf"^no engine: {backend}: "):
            load_engine(SHIPPED_MODEL, backend, strict=True)
    ladder = FallbackEngine(
        [Backend("a", lambda: Flaky(shipped, "a", lives=2)), Backend("b", lambda: shipped)],
        fall_back=False,
    )
    with pytest.raises(BackendError, match="out of memory"):
        ladder.run(crops(1))
    assert ladder.name == "a"


def test_auto_never_fails_for_lack_of_a_gpu():
    loaded = load_engine(SHIPPED_MODEL, "auto")
    assert loaded.name == "onnx-cpu"
    assert [r.split(":")[0] for r in loaded.skipped_backends] == list(FALLBACK_CHAIN[:-1])


def test_a_gpu_that_is_lost_in_the_middle_of_a_show(monkeypatch, tmp_path):
    with machine(monkeypatch, tmp_path) as world:
        ladder = load_engine(SHIPPED_MODEL, precision="fp32")
        assert ladder.name == "tensorrt"
        pipeline = FacePipeline(ladder, load_detector(), Settings().pipeline_settings())
        portrait = MovingPortrait(120)
        ids = []
        for n in range(12):
            world.gpu.lost = n >= 6
            faces = pipeline.process(Frame(portrait.frame(n), n * 10**9 // 15)).faces
            ids.append([f.id for f in faces])
        assert ids == [[1]] * 12
        assert (ladder.name, ladder.runtime_failures) == ("onnx-cpu", 1)
        assert "tensorrt: failed while running: tensorrt: cuda" in ladder.skipped_backends[-1]
        ladder.close()


def test_stopped_before_anything_was_loaded():
    stop = threading.Event()
    stop.set()
    with pytest.raises(LoadCancelled):
        load_engine(SHIPPED_MODEL, control=LoadControl(cancel=stop))


def test_an_unknown_precision_is_refused():
    with pytest.raises(BackendError, match="none of auto, fp32, fp16"):
        load_engine(SHIPPED_MODEL, precision="int4")


def test_closed_is_closed(tmp_path):
    engine = load_engine(small_model(tmp_path / "m.onnx"), "onnx-cpu")
    engine.close()
    with pytest.raises(BackendError, match="closed"):
        engine.run(crops(1))
