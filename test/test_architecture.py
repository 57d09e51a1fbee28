# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the import contracts in pyproject.toml cannot see: what is loaded at run time."""

import subprocess
import sys
from pathlib import Path

import pytest

import atpn_ros

PACKAGE = Path(atpn_ros.__file__).parent


def test_importing_the_package_loads_no_library():
    code = (
        "import sys, atpn_ros; unwanted = {'rclpy', 'torch', 'cv2', 'numpy', 'onnxruntime'}; "
        "print(*unwanted & set(sys.modules)); "
        "from atpn_ros import FacePipeline, Frame, open_pipeline"
    )
    assert loaded(code) == ""


def loaded(code):
    # From the folder that holds the package, so that the same one is imported.
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PACKAGE.parent, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(
    "module",
    [
        *("pipeline.pipeline", "settings", "runtime", "engines", "detectors", "drawing.draw"),
        *("node.worker", "cli", "cli.demo"),
    ],
)
def test_importing_the_core_loads_neither_ros_nor_torch(module):
    code = (
        f"import sys, atpn_ros.{module}; "
        "unwanted = {'rclpy', 'torch', 'sensor_msgs', 'rosbags'}; "
        "print(*{m.split('.')[0] for m in sys.modules} & unwanted)"
    )
    assert loaded(code) == ""
