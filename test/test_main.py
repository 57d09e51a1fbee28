# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The process from start to end: interrupted at any moment it ends in order and without a word.

The moments are those at which a library comes into the process or a line into its log, so they are
the same on a slow machine. Interrupts while an engine is built: test_node_engine.
"""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2: make venv, or source a workspace")

from ros_world import NodeProcess


def wait_until(condition: Callable[[], bool], node: NodeProcess, seconds: float = 120.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert node.process.poll() is None, node.words()
        assert time.monotonic() < end, node.words()
        time.sleep(0.005)


def has_loaded(node: NodeProcess, library: str) -> bool:
    return library in Path(f"/proc/{node.process.pid}/maps").read_text()


MOMENTS = {
    "importing numpy": lambda node: has_loaded(node, "_multiarray_umath"),
    "importing ROS": lambda node: has_loaded(node, "_rclpy_pybind11"),
    "joining the network": lambda node: has_loaded(node, "librmw_fastrtps"),
    "configuring": lambda node: has_loaded(node, "onnxruntime_pybind11"),
    "active": lambda node: "listening on" in node.words(),
}


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["INT", "TERM"])
def test_interrupted_at_any_moment_it_ends_without_a_traceback(
    tmp_path: Path, moment: str, number: signal.Signals
) -> None:
    if number is signal.SIGTERM and moment not in ("importing ROS", "active"):
        pytest.skip("the same road as SIGINT's")
    node = NodeProcess(tmp_path)
    wait_until(lambda: MOMENTS[moment](node), node)
    node.process.send_signal(number)
    assert node.stop() == 0, node.words()
    assert "Traceback" not in node.words()


def test_impatience_changes_nothing(tmp_path: Path) -> None:
    node = NodeProcess(tmp_path)
    wait_until(lambda: "listening on" in node.words(), node)
    for _ in range(5):
        node.process.send_signal(signal.SIGINT)
        time.sleep(0.01)
    assert node.stop() == 0, node.words()
    assert "Traceback" not in node.words()


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        (["-p", "max_faces"], "max_faces"),
        (["-p", "max_faces:=many"], "max_faces"),
        (["-r", "__ns:=1front"], "1front"),
        (["--params-file", "/nowhere.yaml"], "/nowhere.yaml"),
        (["-p", "max_face:=2"], "did you mean max_faces?"),
        (["-p", "tf_prefix:='bad prefix/'"], "tf_prefix: 'bad prefix/'"),
        (["-p", "start_presence:=0.2"], "less than keep_presence"),
        (["-p", "use_sim_time:=1"], "use_sim_time: '1' is neither true nor false"),
    ],
    ids=[
        "no value",
        "of another type",
        "a bad namespace",
        "no such file",
        "an unknown name",
        "no frame's prefix",
        "not together",
        "no truth value",
    ],
)
def test_an_argument_that_makes_no_sense_is_told_in_a_line(
    tmp_path: Path, argument: list[str], words: str
) -> None:
    node = NodeProcess(tmp_path, arguments=argument)
    assert node.process.wait(120) == 2, node.words()
    assert words in node.words()
    assert "Traceback" not in node.words()


def test_signals_are_left_to_the_caller_until_the_node_is_started() -> None:
    """Importing it, as others may, changes nothing."""
    before = signal.getsignal(signal.SIGINT)
    import atpn_ros.node.main

    assert signal.getsignal(signal.SIGINT) is before
    assert atpn_ros.node.main.main.__doc__


def test_without_ros_one_line_says_what_to_install(monkeypatch, capsys) -> None:  # type: ignore[no-untyped-def]
    from atpn_ros import cli
    from atpn_ros.node import main

    for missing in ("rclpy", "tf2_msgs.msg"):
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, missing, None)
            patch.delitem(sys.modules, "atpn_ros.node.face_node", raising=False)
            patch.delitem(sys.modules, "atpn_ros.node.publishers", raising=False)
            patch.delitem(sys.modules, "atpn_ros.node.ros_messages", raising=False)
            patch.setattr(main, "ShutdownFlag", mock.Mock)
            assert main.main([]) == 1
            told = capsys.readouterr().err
            assert told.count("\n") == 1
            assert f"there is no module {missing}" in told
            assert "pip install 'atpn_ros[ros]'" in told
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert cli.main(["demo"]) != 0
    assert "needs ROS 2 (there is no module rclpy)" in capsys.readouterr().err
