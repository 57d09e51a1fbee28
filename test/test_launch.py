# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The launch file starts the node, which answers; wherever ROS's launch is installed."""

from __future__ import annotations

import sys
import time
import unittest
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # launch_test adds no path, pytest does
import conftest  # noqa: F401 the ROS world of the tests, before any ROS import

WHY = "needs ROS's launch, which has no wheel: source a ROS 2 workspace"
for name in ("launch.launch_description_sources", "launch_ros", "launch_testing"):
    pytest.importorskip(name, reason=WHY)
import launch_testing.actions
import launch_testing.asserts
import launch_testing.markers
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource

from launch import LaunchDescription
from ros_world import SECOND, Robot, portrait

FILE = Path(__file__).parents[1] / "launch" / "atpn.launch.py"


@pytest.mark.launch_test
@launch_testing.markers.keep_alive
def generate_test_description() -> LaunchDescription:
    return LaunchDescription(
        [
            IncludeLaunchDescription(
                PythonLaunchDescriptionSource(str(FILE)),
                # The test's robot publishes over UDP, without the shared memory profile.
                launch_arguments={"max_faces": "2", "dds_profile": ""}.items(),
            ),
            launch_testing.actions.ReadyToTest(),
        ]
    )


class TestRunning(unittest.TestCase):
    def test_it_answers(self) -> None:
        robot = Robot()
        try:
            robot.wait_for_node()
            robot.show(portrait(), 5 * SECOND)
            self.assertEqual(len(robot.heard["landmarks"][0].faces), 1)
        finally:
            robot.close()

    def test_its_log_reads_well(self, proc_output: object) -> None:
        proc_output.assertWaitFor("listening on /image", timeout=10)  # type: ignore[attr-defined]
        time.sleep(0.5)
        words = "".join(line.text.decode() for line in proc_output)  # type: ignore[attr-defined]
        for bad in ("Traceback", "incompatible QoS", "Error"):
            self.assertNotIn(bad, words)


@launch_testing.post_shutdown_test()
class TestShutdown(unittest.TestCase):
    def test_exit_codes(self, proc_info: object) -> None:
        launch_testing.asserts.assertExitCodes(proc_info)
