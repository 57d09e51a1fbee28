# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Tests of how many true faces presence keeps."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from atpn_ros.engines.base import NetworkOutput
from atpn_ros.geometry import FACING
from atpn_ros.learning.data.checks import DataError
from atpn_ros.learning.evaluation.presence_metrics import measure_presence
from atpn_ros.types import Image


class Brightness:
    """An engine whose presence is the brightness of a crop's middle."""

    name = report = "stub"

    def run(self, crops: Image) -> NetworkOutput:
        count = len(crops)
        return NetworkOutput(
            np.zeros((count, 98, 2)), np.tile(FACING, (count, 1, 1)), crops[:, 64, 64, 0] / 255
        )

    def close(self) -> None:
        """Nothing to free."""


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    (tmp_path / "scenes").mkdir()
    (tmp_path / "none" / "images").mkdir(parents=True)
    image = np.zeros((200, 300, 3), np.uint8)
    image[:, :100] = 255
    cv2.imwrite(str(tmp_path / "scenes" / "a.png"), image)
    faces = [
        {"xywh": [20, 20, 20, 20], "ignore": False},
        {"xywh": [200, 20, 20, 20], "ignore": False},
        {"xywh": [20, 60, 60, 60], "ignore": False},
        {"xywh": [200, 60, 60, 60], "ignore": True},
    ]
    rows = [{"file": "a.png", "faces": faces}]
    (tmp_path / "scenes" / "labels.json").write_text(json.dumps(rows))
    for i in range(11):
        cv2.imwrite(
            str(tmp_path / "none" / "images" / f"{i:02d}.png"), np.full((90, 90, 3), 40, np.uint8)
        )
    return tmp_path


def test_faces_are_counted_by_size_at_the_threshold_of_pictures_without_one(folders: Path) -> None:
    found = measure_presence(Brightness(), folders / "scenes", folders / "none")
    assert found.threshold == pytest.approx(40 / 255)
    small, large = found.kept["16-24"], found.kept["40-80"]
    assert small is not None
    assert large is not None
    assert (small.value, large.value) == (50.0, 100.0)
    assert found.kept["over 80"] is None
    assert found.kept_at[0.5] == pytest.approx(200 / 3)
    assert found.taken_at[0.5] == 0


def test_a_folder_that_cannot_be_used_is_named(folders: Path) -> None:
    with pytest.raises(DataError, match="images"):
        measure_presence(Brightness(), folders / "scenes", folders)
    (folders / "scenes" / "labels.json").write_text("[]")
    with pytest.raises(DataError, match=r"labels\.json"):
        measure_presence(Brightness(), folders / "scenes", folders / "none")
