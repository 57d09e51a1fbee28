# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""docs/bad_inputs.md names a test in each row, and each test that it names exists."""

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
PAGE = TESTS.parent / "docs" / "bad_inputs.md"
pytestmark = pytest.mark.skipif(not PAGE.is_file(), reason="not in a source checkout")


def rows():
    """The cells of each row of the tables."""
    lines = PAGE.read_text().splitlines() if PAGE.is_file() else []
    table = [line.strip("| ").split(" | ") for line in lines if line.startswith("| ")]
    return [cells for cells in table if cells[0] != "input"]


def functions_of(name):
    """The functions of a file of tests."""
    tree = ast.parse((TESTS / f"{name}.py").read_text())
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_row_has_an_input_an_answer_and_a_test():
    assert len(rows()) > 70
    for cells in rows():
        assert len(cells) == 3, cells
        assert re.search(r"`test_\w+::test_\w+`", cells[2]), cells


def test_every_named_test_exists():
    named = re.findall(r"`(\w+)::(\w+)`", PAGE.read_text())
    missing = [f"{file}::{name}" for file, name in named if name not in functions_of(file)]
    assert not missing


def test_every_test_over_dds_is_named():
    """A case that was thought of belongs on the page."""
    named = set(re.findall(r"`test_bad_inputs::(\w+)`", PAGE.read_text()))
    over_dds = {name for name in functions_of("test_bad_inputs") if name.startswith("test_")}
    assert named == over_dds
