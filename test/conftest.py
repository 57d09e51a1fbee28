# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Settings of every test run, before ROS is imported and reads them, and the common fixtures."""

from __future__ import annotations

import importlib.util
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from atpn_ros.cli.demo_scene import PeopleScene
    from atpn_ros.engines.onnx import OnnxEngine
    from node_here import World
    from ros_world import NodeProcess, Robot

_logs = tempfile.TemporaryDirectory(prefix="atpn_ros_log_")  # removed at exit

# Runs side by side do not hear each other, nor other machines.
os.environ.setdefault("ROS_DOMAIN_ID", str(1 + os.getpid() % 100))
os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
# A message field of the wrong type raises instead of sending something else.
os.environ["ROS_PYTHON_CHECK_FIELDS"] = "1"
os.environ.setdefault("RMW_IMPLEMENTATION", "rmw_fastrtps_cpp")
# Shared memory would leave files behind for every process that is killed.
os.environ.setdefault("FASTDDS_BUILTIN_TRANSPORTS", "UDPv4")
os.environ.setdefault("ROS_LOG_DIR", _logs.name)

if importlib.util.find_spec("hypothesis"):
    from hypothesis import settings

    # The same examples in every run, as long as a machine needs for them.
    settings.register_profile("always the same", derandomize=True, deadline=None)
    settings.load_profile("always the same")

collect_ignore = []
if importlib.util.find_spec("torch") is None:
    collect_ignore.append("learning")
if "ATPN_COLCON_INSTALL" not in os.environ:
    collect_ignore.append("colcon")

_PYTEST_7 = getattr(pytest, "version_tuple", (6,)) >= (7,)


def _module(path: Path, parent: pytest.Collector) -> Any:
    """A plain module for a file that is no launch test; None leaves it to other plugins.

    launch_testing imports each file to look for a launch test. A module that skips itself for want
    of a library would end the collection of all.
    """
    is_launch_test = "generate_test_description" in path.read_text(encoding="utf-8")
    if is_launch_test and all(map(importlib.util.find_spec, ("launch_ros", "launch_testing"))):
        return None
    return pytest.Module.from_parent(parent, **{"path" if _PYTEST_7 else "fspath": path})


if _PYTEST_7:

    @pytest.hookimpl(tryfirst=True)
    def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> Any:
        """Keep launch_testing from importing modules that are no launch tests."""
        return _module(module_path, parent)

else:  # Humble's pytest

    @pytest.hookimpl(tryfirst=True)
    def pytest_pycollect_makemodule(path: Any, parent: pytest.Collector) -> Any:
        """Keep launch_testing from importing modules that are no launch tests."""
        return _module(Path(path), parent)


@pytest.fixture
def robot() -> Iterator[Robot]:
    """A camera, and a subscriber of all outputs."""
    from ros_world import Robot

    robot = Robot()
    yield robot
    robot.close()


@pytest.fixture
def node(tmp_path: Path, robot: Robot) -> Iterator[NodeProcess]:
    """The node in a process of its own, connected to the robot; it must end without an error."""
    from ros_world import NodeProcess

    node = NodeProcess(tmp_path)
    robot.wait_for_node()
    yield node
    code = node.stop()
    assert code == 0, node.words()
    assert "Traceback" not in node.words()


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """The active node in this process, the same for all tests of a module."""
    from node_here import World

    world = World().start()
    yield world
    world.close()


@pytest.fixture(scope="module")
def compressed() -> Iterator[World]:
    """The same for compressed images."""
    from node_here import World

    world = World(compressed=True).start()
    yield world
    world.close()


@pytest.fixture(scope="module")
def bag(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bag of a moving portrait."""
    pytest.importorskip("rosbags", reason="pip install rosbags")
    from bag_world import record, show

    return record(tmp_path_factory.mktemp("bags") / "show", show)


@pytest.fixture(scope="module")
def people_scene() -> PeopleScene:
    """The demo's frames of two moving people."""
    from atpn_ros.cli.demo_scene import PeopleScene
    from demo_records import COUNT

    return PeopleScene(COUNT)


@pytest.fixture(scope="module")
def small_onnx(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny ATPN model."""
    from engine_world import small_model

    return small_model(tmp_path_factory.mktemp("model") / "small.onnx")


@pytest.fixture(scope="module")
def reference(small_onnx: Path) -> OnnxEngine:
    """The tiny model on ONNX Runtime."""
    from atpn_ros.engines.onnx import OnnxEngine

    return OnnxEngine(small_onnx, "onnx-cpu", "CPUExecutionProvider")


@pytest.fixture
def tensorrt_10(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    """A machine with a GPU and TensorRT 10, all doubles."""
    from engine_world import machine

    with machine(monkeypatch, tmp_path, tensorrt="10") as world:
        yield world


@pytest.fixture(params=["8.5", "8.6", "10", "11"])
def tensorrt_double(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Any]:
    """The same for each supported TensorRT, with the cuda-python of its time."""
    from engine_world import machine

    cuda = "old" if request.param.startswith("8.") else "new"
    with machine(monkeypatch, tmp_path, tensorrt=request.param, cuda=cuda) as world:
        world.flavour = request.param
        yield world
