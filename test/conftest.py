# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Gives every test run a ROS world of its own. Before any ROS import: they read it then."""

import importlib.util
import os
import tempfile

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
