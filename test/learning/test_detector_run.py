# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Tests ``atpn train-detector`` and ``atpn collect-finds`` from photographs to crops."""

from __future__ import annotations

import importlib.util
import json

import cv2
import numpy as np
import pytest

from atpn_ros.cli import main
from atpn_ros.learning.data.cutouts import load_cutouts

skimage_data = pytest.importorskip("skimage.data", reason="the photographs come with scikit-image")

RUN = """
train:
  steps: 4
  finish: 2
  batch: 2
  save_every: 2
  warmup: 1
  least: 1
  network: {stem: [4, 8], channels: [8, 8, 8], blocks: [1, 1, 1]}
scenes: {people: 4}
mining: {steps: [2], score: 0.0, parts: 1, most: 20}
shards: 1
"""


@pytest.fixture
def data(tmp_path):
    """A folder of data sets with one portrait each, and empty ones."""
    portrait = cv2.cvtColor(skimage_data.astronaut(), cv2.COLOR_RGB2BGR)
    points = np.random.default_rng(0).uniform((180, 70), (270, 180), (189, 2))
    template = "189\n" + "\n".join(f"{x:.1f} {y:.1f}" for x, y in points)
    for name in ("faces_london/001_03", "faces_canada/005f"):
        path = tmp_path / name
        path.parent.mkdir()
        cv2.imwrite(str(path.with_suffix(".jpg")), portrait)
        path.with_suffix(".tem").write_text(template)
    for name in ("faces_congress/images", "nofaces/images", "hdri", "pointing04/images"):
        (tmp_path / name).mkdir(parents=True)
    cv2.imwrite(str(tmp_path / "faces_congress/images/0001.jpg"), portrait[:250, 100:325])
    (tmp_path / "pointing04/labels.json").write_text(json.dumps([]))
    rng = np.random.default_rng(1)
    for i in range(3):
        image = cv2.resize(rng.integers(0, 255, (12, 16, 3)).astype(np.uint8), (320, 240))
        cv2.imwrite(str(tmp_path / f"nofaces/images/{i}.jpg"), image)
    for i in range(2):
        light = rng.uniform(0.01, 2, (64, 128, 3)).astype(np.float32)
        cv2.imwrite(str(tmp_path / f"hdri/{i}.hdr"), light)
    return tmp_path


def test_one_command_trains_a_detector_from_photographs(data, capsys):
    (data / "run.yaml").write_text(RUN)
    out = data / "out"
    words = ["train-detector", str(data / "run.yaml"), "--data", str(data), "--out", str(out)]
    assert main([*words, "--workers", "0", "--threads", "1"]) == 0
    names = {c.name for c in load_cutouts(out / "cutouts.npz", held_out=False)}
    # Of Canada's only person, one of the last six, nobody is left to train on.
    assert names == {"faces_london/001_03.jpg", "images/0001.jpg"}
    assert (out / "mined-0.npz").is_file()
    steps = [line.split(",")[0] for line in (out / "log.csv").read_text().splitlines()]
    assert steps[-1] == "6"
    capsys.readouterr()
    words = ["collect-finds", str(out), str(data / "finds.npz"), "--shards", "0", "1"]
    assert main(words) == 0
    assert "crops of faces" in capsys.readouterr().out
    with np.load(data / "finds.npz") as stored:
        assert stored["crops"].shape[1:] == (128, 128, 3)
        assert set(stored["label"].tolist()) <= {0, 1}
        assert 1 in stored["label"]


def test_a_run_with_hands_needs_their_package_before_it_begins(data, capsys, monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "anny" else found(name)
    )
    (data / "run.yaml").write_text(RUN + "hands: 3\n")
    words = ["train-detector", str(data / "run.yaml"), "--data", str(data), "--out"]
    assert main([*words, str(data / "out")]) == 1
    assert "needs the package anny, which is not installed" in capsys.readouterr().err
    assert not (data / "out").exists()
