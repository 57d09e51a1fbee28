# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Gives every test run a ROS world of its own. Before any ROS import: they read it then."""

from __future__ import annotations

import importlib.util
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest

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
