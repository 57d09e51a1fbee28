# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Packs a tiny training run with tools/gpu, and runs it without the libraries it must not need."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from render_shards import a_face, a_shard

from atpn_ros.learning.data.cutouts import Cutout, save_cutouts
from atpn_ros.learning.data.sprites import Sprite
from atpn_ros.learning.export.onnx_export import export
from atpn_ros.learning.networks.atpn import Atpn, AtpnSettings
from atpn_ros.learning.networks.from_onnx import load_onnx

TOOLS = Path(__file__).resolve().parents[2] / "tools" / "gpu"
SETTINGS = AtpnSettings(width=4, gaze=True)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle with renders, a cut-out, finds, a background and, where OpenGL is, assets."""
    root = tmp_path_factory.mktemp("data")
    a_shard(root / "renders", [a_face() for _ in range(4)])
    points = np.array(a_face()["landmarks98"])
    save_cutouts(
        root / "cutouts.npz",
        [Cutout(Sprite(np.full((130, 120, 4), 99, np.uint8), points[:60].astype(np.float32)),
                points, name, False) for name in ("faces_london/1", "images/2")],
    )  # fmt: skip
    (root / "pointing04").mkdir()
    (root / "pointing04" / "labels.json").write_text("[]")
    np.savez(
        root / "finds.npz", crops=np.full((3, 128, 128, 3), 50, np.uint8), label=np.array([1, 0, 0])
    )
    (root / "empty" / "images").mkdir(parents=True)
    for i in range(2):
        cv2.imwrite(
            str(root / "empty" / "images" / f"{i}.png"), np.full((200, 500, 3), 70, np.uint8)
        )
    torch.manual_seed(0)
    export(Atpn(SETTINGS).eval(), root / "before.onnx")
    (root / "run.yaml").write_text(
        "train: {steps: 9, batch: 4, network: {width: 4, gaze: true}}\n"
        "data: {renders: renders, cutouts: cutouts.npz, correct_renders: true, finds: finds.npz,\n"
        "       without_faces: empty, validation_renders: renders}\n"
        "begin_with: before.onnx\n"
    )
    options = []
    if _has_opengl():
        from atpn_ros.learning.synth.assets import builtin, packed

        packed.save(root / "assets.npz", builtin.load())
        options = ["--assets", str(root / "assets.npz")]
    (root / "wheels").mkdir()
    out = root / "bundle"
    command = [sys.executable, str(TOOLS / "pack.py"), str(root / "run.yaml"), "--data", str(root),
               "--out", str(out), "--wheels", str(root / "wheels"), "--size", "64",
               "--hard-pose", "0.4", "--not-faces", "0.1", *options]  # fmt: skip
    done = subprocess.run(command, env=_environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "MiB in all" in done.stdout
    return out


def _has_opengl() -> bool:
    try:
        from atpn_ros.learning.synth.opengl.context import is_available
    except ModuleNotFoundError:
        return False
    return is_available()


def _environment(**more: str) -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(TOOLS.parents[1]), "OMP_NUM_THREADS": "1"} | more


def run(bundle: Path, out: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the bundle where ONNX Runtime and rosbags are missing."""
    absent = out / "absent"
    absent.mkdir(parents=True)
    for name in ("onnxruntime", "rosbags", "rclpy"):
        (absent / f"{name}.py").write_text("raise ImportError('not on this machine')\n")
    environment = _environment(
        PYTHONPATH=str(absent), PYTHON=sys.executable, OUT=str(out / "results")
    )
    return subprocess.run(
        ["bash", str(bundle / "run.sh"), *words], env=environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip


def test_a_bundle_is_trained_end_to_end(bundle: Path, tmp_path: Path) -> None:
    done = run(bundle, tmp_path, "10", "--steps", "2", "--renders", "3", "--processes", "2",
               "--threads", "1")  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    out = tmp_path / "results"
    assert {p.name for p in out.iterdir()} == {
        "atpn.onnx",
        "checkpoint.pt",
        "log.csv",
        "bundle.log",
    }
    load_onnx(out / "atpn.onnx", SETTINGS)
    header, line = (out / "log.csv").read_text().splitlines()
    assert "renders_nme" in header
    assert line.startswith("2,")
    drawn = "3 renders in" if _has_opengl() else "training on"
    assert drawn in (out / "bundle.log").read_text()


def test_the_packed_renders_stand_in_for_opengl(bundle: Path, tmp_path: Path) -> None:
    without = tmp_path / "bundle"
    subprocess.run(["cp", "-r", str(bundle), str(without)], check=True)
    (without / "assets.npz").write_bytes(b"no renderer can read this")
    done = run(without, tmp_path / "run", "10", "--steps", "1", "--processes", "1",
               "--threads", "1", "--render-share", "0.01")  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 renders in" in done.stdout or not _has_opengl()
    assert (tmp_path / "run" / "results" / "atpn.onnx").is_file()


def test_a_bundle_ends_at_its_time_limit(bundle: Path, tmp_path: Path) -> None:
    done = run(bundle, tmp_path, "0.02")
    assert done.returncode == 124  # of timeout: what was saved until then stays


def test_a_bundle_contains_the_data_of_its_run(bundle: Path) -> None:
    content = json.loads((bundle / "run.yaml").read_text())
    data = content["data"]
    for name in ("renders", "photographs", "finds", "validation_renders", "render_offsets"):
        assert (bundle / "data" / data[name]).is_file(), name
    assert not any(data[name] for name in ("cutouts", "lens_faces", "without_faces"))


def test_a_bundle_contains_the_plan_of_its_renders(bundle: Path) -> None:
    plan = json.loads((bundle / "bundle.json").read_text())["plan"]
    assert (plan["size"], plan["hard_pose"], plan["not_faces"]) == (64, 0.4, 0.1)


def test_only_a_bundle_is_replaced(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("work")
    run_file = bundle.parent / "run.yaml"
    done = subprocess.run(
        [sys.executable, str(TOOLS / "pack.py"), str(run_file), "--data", str(bundle.parent),
         "--out", str(tmp_path)], env=_environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "exists and is not a bundle" in done.stderr
    assert (tmp_path / "mine.txt").is_file()
