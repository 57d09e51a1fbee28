# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What is said twice, because two tools read it, is said alike."""

import ast
import re
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from packaging.requirements import Requirement

import atpn_ros

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[1]
PACKAGE_XML = ROOT / "package.xml"

if not PACKAGE_XML.is_file():
    pytest.skip("not in a source checkout", allow_module_level=True)

CMAKE = (ROOT / "CMakeLists.txt").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGE = ElementTree.parse(PACKAGE_XML).getroot()
DEPENDS = {e.text for e in PACKAGE if e.tag in ("depend", "exec_depend")}


def requirements(name):
    lines = (ROOT / name).read_text().splitlines()
    return {r.name: r for r in map(Requirement, filter(None, (x.split("#")[0] for x in lines)))}


def test_version():
    version = PACKAGE.findtext("version")
    newest = re.search(r"^(\d+\.\d+\.\d+) \(.*\)$", (ROOT / "CHANGELOG.rst").read_text(), re.M)
    assert version == newest.group(1) == atpn_ros.__version__


def test_every_message_is_built():
    listed = re.findall(r"^\s+(msg/\w+\.msg)$", CMAKE, re.M)
    assert listed == sorted(f"msg/{p.name}" for p in (ROOT / "msg").glob("*.msg"))


def test_messages_dependencies():
    used = {
        m.group(1)
        for p in (ROOT / "msg").glob("*.msg")
        for m in re.finditer(r"^(\w+)/\w+", p.read_text(), re.M)
    }
    declared = set(re.search(r"DEPENDENCIES ([\w ]+)\)", CMAKE).group(1).split())
    assert used <= declared
    assert declared == {e.text for e in PACKAGE.iter("depend")}
    assert declared <= set(re.findall(r"find_package\((\w+) REQUIRED\)", CMAKE))


def test_build_requirements_are_the_pinned_ones():
    pinned = requirements("requirements-ros.txt")
    for text in PROJECT["build-system"]["requires"]:
        required = Requirement(text)
        if required.name != "numpy":
            assert pinned[required.name] == required


def test_requirements_are_pinned_and_pinned_alike():
    pins = {}
    for path in ROOT.glob("requirements*.txt"):
        for name, requirement in requirements(path.name).items():
            assert [s.operator for s in requirement.specifier] == ["=="], requirement
            assert pins.setdefault(name, requirement) == requirement


def test_tested_versions_are_in_the_stated_ranges():
    tested = requirements("requirements.txt")
    for text in PROJECT["project"]["dependencies"]:
        stated = Requirement(text)
        (pin,) = tested[stated.name].specifier
        assert pin.version in stated.specifier


def test_cv_bridge_is_there_for_the_test_beside_it():
    assert "cv_bridge" in {e.text for e in PACKAGE.iter("test_depend")}


OPTIONAL = {"foxglove_msgs", "hri_msgs"}
"""Imported where they are installed; not every distribution has them."""


def test_ros_packages_we_import_are_dependencies():
    imported = set()
    for path in (ROOT / "atpn_ros").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                imported.add(node.module.split(".")[0])
            elif isinstance(node, ast.Import):
                imported.update(a.name.split(".")[0] for a in node.names)
    ros = {n for n in imported if n == "rclpy" or n.endswith(("_msgs", "_interfaces"))}
    assert ros <= DEPENDS | OPTIONAL


def test_no_dependency_is_a_pip_key():
    """A package with one cannot be released to a ROS distribution."""
    assert not [name for name in DEPENDS if name.endswith("-pip")]
