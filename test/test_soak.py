# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The short form of the soak: every kind of fault, no growth worth the name."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2: make venv, or source a workspace")

from soak import Plan, soak, verdict


def test_a_short_soak_leaves_nothing_behind(tmp_path: Path) -> None:
    (result,) = soak(Plan(20.0, warm_up_s=5.0, seed=3), tmp_path)
    # A short one shows no slow growth, and a machine with other work may answer few of the frames.
    assert verdict(result, memory_mb=60.0, answered=0.01) == []
    assert result.faults
