# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Tests that the weights of an exported model can be read back and trained further."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from atpn_ros.engines.onnx import OnnxEngine
from atpn_ros.learning.data.checks import DataError
from atpn_ros.learning.export.onnx_export import export
from atpn_ros.learning.networks.atpn import Atpn, AtpnSettings
from atpn_ros.learning.networks.from_onnx import load_onnx, restore_normalization
from atpn_ros.settings import SHIPPED_MODEL


def crops(count: int = 6) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 128, 128, 3), dtype=np.uint8)


def used_network(settings: AtpnSettings) -> Atpn:
    """A network with statistics that are not those of a new one."""
    torch.manual_seed(3)
    network = Atpn(settings).train()
    for layer in network.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(layer.weight, 0.5, 1.5)
            torch.nn.init.normal_(layer.bias, std=0.2)
    if network.presence_maps is not None:
        torch.nn.init.normal_(network.presence_maps.last.weight)
    for step in network.refinement:
        for layer in (step.mix, step.out, network.pose_refinement):
            torch.nn.init.normal_(layer.weight, std=0.1)
        torch.nn.init.normal_(step.bias)
        torch.nn.init.normal_(step.local)
    for _ in range(3):
        network(torch.from_numpy(crops()))
    return network.eval()


def assert_equal(a: Atpn, b: Atpn) -> None:
    with torch.inference_mode():
        for x, y in zip(a(torch.from_numpy(crops())), b(torch.from_numpy(crops())), strict=True):
            if x is not None:
                assert torch.allclose(x, y, atol=1e-4)


@pytest.mark.parametrize("gaze", [False, True])
@pytest.mark.parametrize("own_presence", [False, True])
@pytest.mark.parametrize("refinement", ["none", "small", "large"])
def test_an_exported_network_computes_the_same_after_reading(
    tmp_path: Path, gaze: bool, own_presence: bool, refinement: str
) -> None:
    settings = AtpnSettings(width=8, gaze=gaze, own_presence=own_presence, refinement=refinement)
    network = used_network(settings)
    export(network, tmp_path / "a.onnx")
    assert_equal(network, load_onnx(tmp_path / "a.onnx", settings))


def test_a_file_without_a_refinement_begins_one_without_effect(tmp_path: Path) -> None:
    network = used_network(AtpnSettings(width=8, gaze=True))
    export(network, tmp_path / "a.onnx")
    more = AtpnSettings(width=8, gaze=True, refinement="small")
    assert_equal(network, load_onnx(tmp_path / "a.onnx", more))


def test_the_shipped_model_computes_the_same_after_reading() -> None:
    network = load_onnx(SHIPPED_MODEL)
    engine = OnnxEngine(SHIPPED_MODEL, "onnx-cpu", "CPUExecutionProvider")
    output = engine.run(crops())
    with torch.inference_mode():
        again = network(torch.from_numpy(crops()))
    for name in ("landmarks", "rotation", "gaze"):
        assert np.allclose(getattr(output, name), getattr(again, name).numpy(), atol=1e-4)
    assert np.allclose(output.presence, again.presence.sigmoid().numpy(), atol=1e-4)


def test_restored_normalization_changes_no_output_and_has_the_crops_statistics(
    tmp_path: Path,
) -> None:
    settings = AtpnSettings(width=8, gaze=True)
    export(used_network(settings), tmp_path / "a.onnx")
    before, after = (load_onnx(tmp_path / "a.onnx", settings) for _ in range(2))
    restore_normalization(after, torch.from_numpy(crops()))
    assert_equal(before, after)
    means = [n.running_mean for n in after.modules() if isinstance(n, torch.nn.BatchNorm2d)]
    assert any(float(m.abs().max()) > 0.1 for m in means)


def test_another_network_or_no_network_is_an_error(tmp_path: Path) -> None:
    export(used_network(AtpnSettings(width=8)), tmp_path / "a.onnx")
    with pytest.raises(DataError, match=r"a\.onnx"):
        load_onnx(tmp_path / "a.onnx", AtpnSettings(width=16))
    (tmp_path / "b.onnx").write_bytes(b"not a model")
    with pytest.raises(DataError, match=r"b\.onnx"):
        load_onnx(tmp_path / "b.onnx")
