# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""ASMNet behind ATPN's outputs: completed landmarks, rotation, presence and the ONNX file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from drawn_face import drawn

from atpn_ros import geometry, landmark_layouts
from atpn_ros.cli import main
from atpn_ros.engines import load_engine
from atpn_ros.learning.data.batches import TrainingSet
from atpn_ros.learning.data.checks import DataError
from atpn_ros.learning.data.detection_crops import DetectionCrops
from atpn_ros.learning.data.head_point_model import HeadPointModel
from atpn_ros.learning.export.weights_file import read_weights
from atpn_ros.learning.networks.asmnet import AsmNet, AsmNetSettings, from_asmnet
from atpn_ros.learning.networks.asmnet_deployed import (
    FULL_ANGLE,
    DeployedAsmNet,
    completion_weights,
)
from atpn_ros.learning.studies import asmnet_deployment
from atpn_ros.learning.studies.asmnet_deployment import load_asmnet, train_presence

KNOWN = np.asarray(landmark_layouts.IBUG68_IN_WFLW98)


def some_head() -> HeadPointModel:
    rng = np.random.default_rng(1)
    mean = np.pad(drawn().landmarks, ((0, 0), (1, 0))) / 1000.0
    return HeadPointModel(mean, rng.normal(0, 1, (3, 98, 3)) * 0.001, np.ones(3))


def deployed(size: int = 64) -> DeployedAsmNet:
    torch.manual_seed(0)
    network = AsmNet(AsmNetSettings())
    return DeployedAsmNet(network, size, completion_weights(some_head())).eval()


def some_crops(count: int = 3) -> np.ndarray:
    return np.random.default_rng(2).integers(0, 256, (count, 128, 128, 3), dtype=np.uint8)


def test_completed_landmarks_turn_with_the_given_ones() -> None:
    weights = completion_weights(some_head())
    assert np.allclose(weights.sum(axis=1), 1)
    assert np.array_equal(weights[KNOWN], np.eye(68)), "the given landmarks are kept"
    face = some_head().shape(np.array([0.5, -1.0, 0.2]))[:, 1:]
    size = np.ptp(face, axis=0).max()
    assert np.abs(weights @ face[KNOWN] - face).max() < 0.02 * size
    turn = geometry.about_z(0.7)[:2, :2] * 3
    moved = face @ turn.T + (5, -2)
    expected = (weights @ face[KNOWN]) @ turn.T + (5, -2)
    assert np.allclose(weights @ moved[KNOWN], expected)


def test_outputs_are_those_of_the_network() -> None:
    model, crops = deployed(128), torch.from_numpy(some_crops())
    with torch.inference_mode():
        landmarks, rotation, presence = model(crops)
        out = model.network(crops)
    assert landmarks.shape == (3, 98, 2)
    assert torch.allclose(landmarks[:, KNOWN], from_asmnet(out.landmarks), atol=1e-5)
    for turned, (yaw, pitch, roll) in zip(rotation.numpy(), out.angles.numpy(), strict=True):
        angles = (float(a) * FULL_ANGLE for a in (roll, pitch, yaw))
        assert np.allclose(turned, geometry.head_rotation(*angles), atol=1e-5)
    assert presence.shape == (3,)


def test_presence_is_learned_from_crops() -> None:
    """Bright crops are faces here, dark ones are not."""
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 2, 40).astype(np.float64)
    crops = np.stack([rng.integers(20 + 150 * int(f), 60 + 150 * int(f), (128, 128, 3))
                      for f in labels]).astype(np.uint8)  # fmt: skip
    data = TrainingSet([], [drawn()], [], DetectionCrops(crops, labels))
    model = train_presence(deployed(), data, 3)
    with torch.inference_mode():
        found = model(torch.from_numpy(crops))[2].numpy()
    assert found[labels == 1].min() > found[labels == 0].max()


def checkpoint(folder: Path, row: str = "asmnet") -> Path:
    torch.manual_seed(1)
    path = folder / "checkpoint.pt"
    settings = {"row": row, "recipe": {"size": 64}}
    torch.save({"settings": settings, "average": AsmNet(AsmNetSettings()).state_dict()}, path)
    return path


def test_the_command_writes_a_model_that_the_engine_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = np.array([0.0, 1.0])
    data = TrainingSet([], [drawn()], [], DetectionCrops(some_crops(2), labels))
    monkeypatch.setattr(asmnet_deployment, "presence_data", lambda *_: data)
    monkeypatch.setattr(asmnet_deployment, "load_points", lambda _: some_head())
    monkeypatch.setattr(asmnet_deployment.deploy, "__defaults__", (1,))
    plan = Path(__file__).parents[2] / "config" / "studies" / "asmnet.yaml"
    out = tmp_path / "asmnet.onnx"
    weights = tmp_path / "asmnet.npz"
    arguments = [str(checkpoint(tmp_path)), str(out), "--plan", str(plan), "--data", str(tmp_path)]
    assert main(["export-asmnet", *arguments, "--weights", str(weights)]) == 0
    assert "MB" in capsys.readouterr().out
    engine = load_engine(out, "onnx-cpu")
    found = engine.run(some_crops())
    network, size = load_asmnet(tmp_path / "checkpoint.pt")
    model = DeployedAsmNet(network, size, completion_weights(some_head())).eval()
    with torch.inference_mode():
        landmarks, rotation, _ = model(torch.from_numpy(some_crops()))
    assert np.allclose(found.landmarks, landmarks.numpy(), atol=1e-4)
    assert np.allclose(found.rotation, rotation.numpy(), atol=1e-4)
    assert found.gaze is None
    assert found.sigma is None
    begun = AsmNet(AsmNetSettings())
    read_weights(begun, weights, "asmnet")
    for a, b in zip(begun.parameters(), network.parameters(), strict=True):
        assert torch.allclose(a, b, rtol=1e-3, atol=1e-4)


def test_another_checkpoint_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="mnv2, not ASMNet"):
        load_asmnet(checkpoint(tmp_path, "mnv2"))
    (tmp_path / "checkpoint.pt").write_bytes(b"no")
    with pytest.raises(DataError, match=r"checkpoint\.pt"):
        load_asmnet(tmp_path / "checkpoint.pt")
