# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Tests are collected beside launch_testing's plugin, also where libraries are missing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

PLUGIN = """
from _pytest.pathlib import import_path
import pytest

def pytest_pycollect_makemodule(module_path, parent):
    '''As launch_testing: imports each file to look for a launch test.'''
    import_path(module_path, root=module_path.parent, consider_namespace_packages=False)
"""
SKIPS = """
import pytest
pytest.importorskip("a_library_that_nobody_has")
"""


def test_a_module_that_skips_itself_does_not_end_the_collection(tmp_path: Path) -> None:
    shutil.copy(Path(__file__).with_name("conftest.py"), tmp_path)
    (tmp_path / "like_launch_testing.py").write_text(PLUGIN)
    (tmp_path / "test_a.py").write_text(SKIPS)
    (tmp_path / "test_b.py").write_text("def test_it(): pass\n")
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "like_launch_testing", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "1 passed, 1 skipped" in result.stdout
