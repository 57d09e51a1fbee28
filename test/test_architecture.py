# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Who may import whom: ROS at its border, torch in learning, and no way back into the core."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import atpn_ros

PACKAGE = Path(atpn_ros.__file__).parent
FILES = {
    p.relative_to(PACKAGE).as_posix(): p
    for p in sorted(PACKAGE.rglob("*.py"))
    if p.relative_to(PACKAGE).parts[0] not in ("msg", "build")  # generated
}
ROS_BORDER = {
    *("messages.py", "settings.py", "publishers.py", "subscriptions.py", "rep155_topics.py"),
    *("node.py", "start.py"),
}
SHELL = {"messages", "publishers", "subscriptions", "rep155_topics", "node", "start", "cli"}
ROS = ("rclpy", "rcl_interfaces", "builtin_interfaces", "ament_", "launch", "rosidl", "tf2_ros")


def imports(path):
    """Every module that a file imports, anywhere in it, as dotted names."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            # "from package import module" may name a module: both are taken.
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def is_ros(name):
    top = name.split(".")[0]
    return top.startswith(ROS) or top.endswith("_msgs") or name.startswith("atpn_ros.msg.")


def test_the_files_are_seen():
    assert {"pipeline.py", "node.py", "engines/onnx.py", "learning/network.py"} <= set(FILES)
    assert is_ros("sensor_msgs.msg")
    assert is_ros("atpn_ros.msg.FaceBox")
    assert not is_ros("atpn_ros.messages")


@pytest.mark.parametrize("name", FILES)
def test_ros_is_imported_at_the_border_only(name):
    ros = {m for m in imports(FILES[name]) if is_ros(m)}
    assert not ros or name in ROS_BORDER


@pytest.mark.parametrize("name", FILES)
def test_only_commands_write_pictures_into_files(name):
    assert "imwrite" not in FILES[name].read_text() or name.startswith(("cli/", "learning/"))


@pytest.mark.parametrize("name", FILES)
def test_torch_is_imported_by_learning_only(name):
    torch = {m for m in imports(FILES[name]) if m.split(".")[0].startswith("torch")}
    assert not torch or name.startswith("learning/")


@pytest.mark.parametrize("name", FILES)
def test_the_core_does_without_rosbags(name):
    bags = {m for m in imports(FILES[name]) if m.split(".")[0] == "rosbags"}
    assert not bags or name.startswith(("replay/", "learning/"))


@pytest.mark.parametrize("name", [n for n in FILES if not n.startswith(("cli/", "learning/"))])
def test_the_core_does_not_know_its_shells(name):
    known = {m.split(".")[1] for m in imports(FILES[name]) if m.startswith("atpn_ros.")}
    if name not in ROS_BORDER:
        assert not known & SHELL
    if not name.startswith("replay/"):
        assert "replay" not in known
    assert "learning" not in known


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("types.py", set()),
        ("layouts.py", {"types"}),
        ("images.py", {"types"}),
        ("camera.py", {"types"}),
        ("geometry.py", {"types"}),
        ("fields.py", {"types", "camera", "geometry", "images"}),
        ("clips.py", {"types"}),
        ("sketch.py", {"types", "geometry", "layouts"}),
        ("drawing.py", {"types", "sketch"}),
        ("annotations.py", {"types", "fields", "sketch"}),
        ("rep155.py", {"types", "crop", "fields", "layouts"}),
        ("markers.py", {"types", "fields", "head", "layouts", "sketch"}),
        ("smoothing.py", {"types"}),
        ("head.py", {"types"}),
        ("crop.py", {"types", "layouts"}),
        ("assignment.py", {"types"}),
        ("nearness.py", {"types", "crop"}),
        ("tracker.py", {"types", "crop", "assignment", "nearness"}),
        ("flow.py", set()),
    ],
)
def test_each_pure_room_leans_on_little(name, allowed):
    known = {m.split(".")[1] for m in imports(FILES[name]) if m.startswith("atpn_ros.")}
    assert known <= allowed


@pytest.mark.parametrize(
    "module",
    ["pipeline", "settings", "worker", "engines", "detectors", "drawing", "cli", "cli.demo"],
)
def test_importing_the_core_loads_neither_ros_nor_torch(module):
    code = (
        f"import sys, atpn_ros.{module}; "
        "unwanted = {'rclpy', 'torch', 'sensor_msgs', 'rosbags'}; "
        "print(*{m.split('.')[0] for m in sys.modules} & unwanted)"
    )
    # From the folder that holds the package, so that the same one is imported.
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PACKAGE.parent, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ""
