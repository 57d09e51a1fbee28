# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The examples in the docstrings are true."""

import doctest
import importlib
import pkgutil

import pytest

import atpn_ros

# rclpy is not needed to read the examples of the node's other modules.
NEEDS_ROS = ("face_node", "main", "parameters", "publishers", "subscriptions")
NEEDS_ROS += ("rep155_publishers", "ros_messages")
MODULES = ["atpn_ros"] + [
    m.name
    for m in pkgutil.walk_packages(atpn_ros.__path__, "atpn_ros.")
    if m.name.split(".")[1] not in ("msg", "learning") and m.name.split(".")[-1] not in NEEDS_ROS
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    failed, _ = doctest.testmod(importlib.import_module(name))
    assert failed == 0


def test_there_are_examples():
    finder = doctest.DocTestFinder()
    examples = [t for m in MODULES for t in finder.find(importlib.import_module(m)) if t.examples]
    assert len(examples) >= 8
