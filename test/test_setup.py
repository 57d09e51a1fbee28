# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the build with pip puts into the package."""

import runpy
from pathlib import Path

import pytest

setuptools = pytest.importorskip("setuptools")

ROOT = Path(__file__).resolve().parents[1]

if not (ROOT / "setup.py").is_file():
    pytest.skip("not in a source checkout", allow_module_level=True)


@pytest.fixture
def build(monkeypatch, tmp_path):
    """The build of the messages, with CMake replaced by a function that writes empty packages."""
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(tmp_path / "ros"))
    monkeypatch.setattr(setuptools, "setup", lambda **_: None)
    script = runpy.run_path(str(ROOT / "setup.py"))
    command = script["BuildInterfaces"](setuptools.Distribution())
    command.ensure_finalized()
    command.build_temp, command.build_lib = str(tmp_path / "temp"), str(tmp_path / "lib")

    def install(source, build, stage, prefixes):
        name = "tf2_msgs" if source.name == "tf2_msgs" else "atpn_ros"
        package = stage / "lib" / "python" / "site-packages" / name / "msg"
        package.mkdir(parents=True, exist_ok=True)
        (package / "__init__.py").touch()

    monkeypatch.setattr(command, "_install", install)
    return command


def test_a_node_from_wheels_gets_tf2_msgs_which_has_no_wheel(build, tmp_path):
    build.run()
    assert (tmp_path / "lib" / "tf2_msgs" / "msg" / "__init__.py").is_file()


def test_a_node_beside_an_installed_ros_uses_its_tf2_msgs(build, tmp_path):
    share = tmp_path / "ros" / "share" / "tf2_msgs"
    share.mkdir(parents=True)
    (share / "package.xml").touch()
    build.run()
    assert (tmp_path / "lib" / "atpn_ros" / "msg" / "__init__.py").is_file()
    assert not (tmp_path / "lib" / "tf2_msgs").exists()
