# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Looks at what ``make colcon`` installed, from outside the checkout, with its set-up sourced."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PREFIX = Path(os.environ["ATPN_COLCON_INSTALL"]) / "atpn_ros"
ROOT = Path(__file__).resolve().parents[2]


def python(code, cwd):
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_node_is_executable():
    node = PREFIX / "lib/atpn_ros/face_node"
    assert os.access(node, os.X_OK)


@pytest.mark.parametrize("folder", ["launch", "config"])
def test_share_holds(folder):
    ours = {p.name for p in (ROOT / folder).iterdir() if p.is_file()}
    assert ours
    assert ours <= {p.name for p in (PREFIX / "share/atpn_ros" / folder).iterdir()}


def test_package_is_in_the_index():
    assert (PREFIX / "share/ament_index/resource_index/packages/atpn_ros").is_file()


def test_modules_and_models_travel(tmp_path):
    installed = Path(python("import atpn_ros; print(atpn_ros.__path__[0])", tmp_path))
    assert PREFIX in installed.parents
    for path in (ROOT / "atpn_ros").rglob("*"):
        if path.suffix in (".py", ".onnx", ".md", ".typed"):
            assert (installed / path.relative_to(ROOT / "atpn_ros")).is_file(), path


def test_messages_import_and_keep_their_values(tmp_path):
    code = (
        "from atpn_ros.msg import FaceBox, FaceBoxArray\n"
        "from rclpy.serialization import deserialize_message, serialize_message\n"
        "sent = FaceBoxArray(faces=[FaceBox(id=7)])\n"
        "print(deserialize_message(serialize_message(sent), FaceBoxArray).faces[0].id)"
    )
    assert python(code, tmp_path) == "7"
