# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The real node while its engine is being built, by a double of TensorRT that takes its time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2: make venv, or source a workspace")
pytest.importorskip("onnx", reason="small models are made with it")

from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.srv import GetParameters

import atpn_ros
from engine_world import DOUBLES
from ros_world import SECOND, T0, NodeProcess, Robot, portrait


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine on which building takes 4 seconds."""
    package = Path(atpn_ros.__file__).parents[1]
    monkeypatch.setenv("PYTHONPATH", f"{package}{os.pathsep}{DOUBLES}")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("ATPN_DOUBLE_TENSORRT", "10")
    monkeypatch.setenv("ATPN_DOUBLE_BUILD_S", "4")


def test_services_answer_while_it_builds_and_images_after_that(
    robot: Robot, slow: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = tmp_path / "go"
    monkeypatch.setenv("ATPN_DOUBLE_BUILD_S", "0")
    monkeypatch.setenv("ATPN_DOUBLE_BUILD_UNTIL", str(go))
    node = NodeProcess(tmp_path)
    try:
        robot.wait_for_node()
        request = GetParameters.Request(names=["backend"])
        answer = robot.call(GetParameters, "get_parameters", request)
        assert answer.values[0].string_value == "auto"
        assert robot.call(GetState, "get_state", GetState.Request()).current_state.id == (
            State.PRIMARY_STATE_ACTIVE
        )
        diagnosis = robot.diagnosis()
        assert "building: building the engine" in diagnosis["summary"]
        go.touch()
        robot.wait(lambda: "on tensorrt" in node.words())
        robot.show(portrait(), T0)
        assert robot.heard["status"][-1].engine == "tensorrt"
        assert len(robot.heard["landmarks"][-1].faces) == 1
        assert "building" not in robot.diagnosis()["summary"]
        assert "built in " in robot.diagnosis()["engine"]
    finally:
        assert node.stop() == 0, node.words()
    assert "Traceback" not in node.words()
    go.unlink()  # who builds now waits for ever
    again = NodeProcess(tmp_path)
    try:
        robot.wait_for_node()
        robot.show(portrait(), T0)
        assert "from the cache" in robot.diagnosis()["engine"]
    finally:
        assert again.stop() == 0, again.words()


def transition(robot: Robot, number: int) -> bool:
    request = ChangeState.Request(transition=Transition(id=number))
    return bool(robot.call(ChangeState, "change_state", request).success)


@pytest.mark.parametrize("after_s", [0.5, 3.5])  # while configuring; while spinning
def test_interrupted_while_it_builds_it_ends_at_once(
    slow: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after_s: float
) -> None:
    monkeypatch.setenv("ATPN_DOUBLE_BUILD_UNTIL", "/never")
    node = NodeProcess(tmp_path)
    began = time.monotonic()
    while "building the engine" not in node.words():
        assert time.monotonic() - began < 120
        time.sleep(0.05)
    time.sleep(after_s)
    assert node.stop() == 0, node.words()
    assert "Traceback" not in node.words()
    assert not list((tmp_path / "cache").rglob("*.engine"))


def test_interrupted_while_it_loads_what_cannot_be_stopped(tmp_path: Path) -> None:
    """As ONNX Runtime's own builds are."""
    program = (
        "import sys, time, atpn_ros.node.face_node as n, atpn_ros.node.main as s;"
        "n.load_pipeline = lambda *_: print('loading', flush=True) or time.sleep(3600);"
        "sys.exit(s.main())"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(Path(atpn_ros.__file__).parents[1])},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"loading\n"
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 0
    process.stdout.close()


def test_cleaned_up_while_it_builds(
    robot: Robot, slow: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATPN_DOUBLE_BUILD_UNTIL", "/never")

    node = NodeProcess(tmp_path, "autostart:=false")
    try:
        assert transition(robot, Transition.TRANSITION_CONFIGURE)
        assert "building" in robot.diagnosis()["summary"]
        assert transition(robot, Transition.TRANSITION_ACTIVATE)
        assert transition(robot, Transition.TRANSITION_DEACTIVATE)
        assert transition(robot, Transition.TRANSITION_CLEANUP)
        assert robot.diagnosis()["summary"] == "not configured"
    finally:
        assert node.stop() == 0, node.words()
    assert "Traceback" not in node.words()


def test_a_build_that_fails_late_ends_a_strict_node_with_the_reason(
    robot: Robot, slow: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine is built, and then there is no memory for it."""
    monkeypatch.setenv("ATPN_DOUBLE_CONTEXT", "none")
    node = NodeProcess(tmp_path, "backend:=tensorrt", "strict_backend:=true")
    assert node.process.wait(120) == 1
    assert "no engine: tensorrt: no execution context: out of memory" in node.words()
    assert "Traceback" not in node.words()


def test_a_build_that_fails_late_unconfigures_a_managed_node(
    robot: Robot, slow: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATPN_DOUBLE_CONTEXT", "none")
    node = NodeProcess(tmp_path, "backend:=tensorrt", "strict_backend:=true", "autostart:=false")
    try:
        assert transition(robot, Transition.TRANSITION_CONFIGURE)
        assert transition(robot, Transition.TRANSITION_ACTIVATE)
        robot.wait(lambda: "out of memory" in node.words())
        diagnosis = robot.diagnosis()
        assert diagnosis["summary"] == "not configured"
        assert "not loaded: no engine: tensorrt: no execution context" in diagnosis["engine"]
        state = robot.call(GetState, "get_state", GetState.Request()).current_state
        assert state.id == State.PRIMARY_STATE_UNCONFIGURED
    finally:
        assert node.stop() == 0, node.words()
    assert "Traceback" not in node.words()


def test_a_gpu_that_is_lost_costs_speed_and_no_face(
    robot: Robot, slow: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = tmp_path / "lost"
    monkeypatch.setenv("ATPN_DOUBLE_BUILD_S", "0")
    monkeypatch.setenv("ATPN_DOUBLE_LOST_FILE", str(lost))
    node = NodeProcess(tmp_path)
    try:
        robot.wait_for_node()
        for n in range(6):
            if n == 3:
                lost.touch()
            robot.show(portrait(), T0 + n * SECOND // 15)
        ids = [[face.id for face in m.faces] for m in robot.heard["boxes"]]
        assert ids == [[1]] * 6
        rungs = [m.engine for m in robot.heard["status"]]
        assert rungs == ["tensorrt"] * 3 + ["onnx-cpu"] * 3
        diagnosis = robot.diagnosis()
        assert "failed while running" in diagnosis["engine not used: tensorrt"]
        assert "onnx-cpu" in diagnosis["engine"]
        warned = [line for line in node.words().splitlines() if "WARN" in line]
        assert len([w for w in warned if "failed while running" in w]) == 1
    finally:
        assert node.stop() == 0, node.words()
    assert "Traceback" not in node.words()


def test_strict_without_a_gpu_ends_with_the_reason(tmp_path: Path) -> None:
    node = NodeProcess(tmp_path, "backend:=onnx-cuda", "strict_backend:=true")
    assert node.process.wait(120) == 1
    assert "no CUDAExecutionProvider" in node.words()
