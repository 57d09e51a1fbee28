# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Transitions of the real node in this process: in the middle of a frame, and when they break."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2: make venv, or source a workspace")

from rclpy.lifecycle import TransitionCallbackReturn

import atpn_ros.node.face_node
from atpn_ros.detectors.base import Detection
from atpn_ros.pipeline.pipeline import FacePipeline, PipelineSettings
from atpn_ros.runtime import LoadedPipeline
from atpn_ros.types import AtpnError, Box
from fakes import DiscDetector, DiscEngine
from node_here import World
from ros_world import OUTPUTS

SUCCESS, FAILURE, ERROR = (
    TransitionCallbackReturn.SUCCESS,
    TransitionCallbackReturn.FAILURE,
    TransitionCallbackReturn.ERROR,
)


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    yield world
    world.close()


class Held:
    """An engine that may be held up in the middle of a frame, or fail."""

    name = report = "held"
    skipped_backends: tuple[str, ...] = ()
    runtime_failures = 0

    def __init__(self) -> None:
        self.entered, self.go = threading.Event(), threading.Event()
        self.go.set()
        self.error: Exception | None = None
        self.closed = False
        self._discs = DiscEngine()

    def run(self, crops: object) -> object:
        self.entered.set()
        assert self.go.wait(60)
        if self.error is not None:
            error, self.error = self.error, None
            raise error
        return self._discs.run(crops)

    def close(self) -> None:
        self.closed = True


class Anything(DiscDetector):
    """Wants the engine's opinion of every frame."""

    def detect(self, image: object) -> list[object]:
        return [Detection(Box(100.0, 100.0, 60.0, 60.0), 0.9)]


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Held:
    engine = Held()
    settings = PipelineSettings(search_interval_ns=0)
    monkeypatch.setattr(
        atpn_ros.node.face_node,
        "load_pipeline",
        lambda _, control: LoadedPipeline(FacePipeline(engine, Anything(), settings), engine),
    )
    return engine


def faces_threads() -> list[threading.Thread]:
    return [t for t in threading.enumerate() if t.name == "faces"]


def test_deactivating_forgets_the_faces_and_cleaning_up_frees_all(world: World) -> None:
    node, ids = world.node, []
    for _ in range(3):
        world.start()
        ids += [face.id for face in world.still_works().boxes.faces]
        before = (len(list(node.publishers)), len(list(node.subscriptions)), len(faces_threads()))
        assert node.trigger_deactivate() == SUCCESS
        assert node.trigger_activate() == SUCCESS
        world.robot.wait_for_node()
        ids += [face.id for face in world.still_works().boxes.faces]
        after = (len(list(node.publishers)), len(list(node.subscriptions)), len(faces_threads()))
        assert after == before, "nothing is left behind"
        assert node.trigger_deactivate() == SUCCESS
        assert node.trigger_cleanup() == SUCCESS
        assert faces_threads() == []
        assert not [p for p in node.publishers if p.topic_name == "/face_node/boxes"]
    assert ids == [1, 2] * 3, "ids are of one configuring, and deactivating forgets the faces"


def test_deactivated_in_the_middle_of_a_frame_its_answer_is_thrown_away(
    world: World, engine: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        atpn_ros.node.face_node, "_STOP_TIMEOUT_S", 0.01
    )  # it is held up for longer than patience
    world.start()
    engine.go.clear()
    world.robot.camera.publish(world.good())
    world.robot.wait(engine.entered.is_set)
    assert world.node.trigger_deactivate() == SUCCESS
    assert world.node.trigger_activate() == SUCCESS
    engine.go.set()
    world.robot.wait_for_node()
    answer = world.answer(world.good())
    assert all(len(world.robot.heard[name]) == 1 for name in OUTPUTS), "of the new frame only"
    assert answer.status.frames_processed == 1


def test_cleaned_up_in_the_middle_of_a_frame_the_engine_is_freed_after_it(
    world: World, engine: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.start()
    engine.go.clear()
    world.robot.camera.publish(world.good())
    world.robot.wait(engine.entered.is_set)
    with monkeypatch.context() as patch:
        patch.setattr(atpn_ros.node.face_node, "_STOP_TIMEOUT_S", 0.01)
        assert world.node.trigger_deactivate() == SUCCESS
        assert world.node.trigger_cleanup() == SUCCESS
    assert not engine.closed
    assert world.node.stuck, "so that the process ends without waiting for it"
    engine.go.set()
    for thread in faces_threads():
        thread.join(30)
    assert engine.closed
    world.node.stuck = False
    world.start().answers()


@pytest.mark.parametrize("error", [AtpnError("out of order"), ValueError("numpy"), MemoryError()])
def test_a_frame_that_fails_is_counted_and_the_next_is_answered(
    world: World, engine: Held, error: Exception
) -> None:
    world.start()
    engine.error = error
    world.send(world.good(), lambda: world.stats.refused[type(error).__name__])
    world.answers()


def test_what_cannot_be_loaded_is_a_failure_and_may_be_tried_again(
    world: World, engine: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: object, control: object) -> LoadedPipeline:
        raise AtpnError("no such network")

    with monkeypatch.context() as patch:
        patch.setattr(atpn_ros.node.face_node, "load_pipeline", refuse)
        assert world.node.trigger_configure() == FAILURE
        assert faces_threads() == []
    assert "not configured" in world.robot.diagnosis()["summary"]
    world.start().answers()


@pytest.mark.parametrize("step", ["Publishers", "Subscriptions"])
def test_a_transition_that_breaks_leaves_an_unconfigured_node(
    world: World, engine: Held, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("the middleware says no")

    with monkeypatch.context() as patch:
        patch.setattr(atpn_ros.node.face_node, step, broken)
        answers = [world.node.trigger_configure()]
        if step == "Subscriptions":
            answers.append(world.node.trigger_activate())
        assert answers[-1] == ERROR
        assert engine.closed
        assert faces_threads() == []
    engine.closed = False
    world.start().answers()


def test_shut_down_while_active(world: World, engine: Held) -> None:
    world.start()
    assert world.node.trigger_shutdown() == SUCCESS
    assert engine.closed
    assert world.robot.diagnosis()["summary"] == "not configured"
