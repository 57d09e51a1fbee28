# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from atpn_ros.learning.networks.asmnet import (
    AsmNet,
    AsmNetOutput,
    AsmNetSettings,
    MobileNetV2,
    from_asmnet,
    to_asmnet,
)
from atpn_ros.learning.studies.shape_model import (
    ShapeError,
    ShapeModel,
    asm_assisted_loss,
    assistance,
)


def counts(network: nn.Module) -> tuple[int, int, float]:
    """All parameters with running statistics, trainable ones, and multiply-accumulates at 224."""
    macs = 0

    def count(module: nn.Module, _: object, out: torch.Tensor) -> None:
        nonlocal macs
        places = out.shape[-1] * out.shape[-2] if isinstance(module, nn.Conv2d) else 1
        macs += places * module.weight.numel()

    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.register_forward_hook(count)
    network.eval()
    with torch.inference_mode():
        network(torch.zeros(1, 224, 224, 3, dtype=torch.uint8))
    trainable = sum(p.numel() for p in network.parameters())
    running = sum(b.numel() for n, b in network.named_buffers() if "running" in n)
    return trainable + running, trainable, macs / 1e6


@pytest.mark.parametrize(
    ("network", "total", "mmacs"),
    [
        (AsmNet(AsmNetSettings(68)), 1_439_507, 256.5),
        (AsmNet(AsmNetSettings(98)), 1_471_727, 256.5),
        (MobileNetV2(AsmNetSettings(68)), 2_436_043, 299.7),
    ],
    ids=["asmnet-68", "asmnet-98", "mnv2-68"],
)
def test_the_published_sizes_come_out(network: nn.Module, total: int, mmacs: float) -> None:
    parameters, _, macs = counts(network)
    assert parameters == total
    assert macs == pytest.approx(mmacs, abs=0.1)


def test_the_trainable_parameters_come_out() -> None:
    assert counts(AsmNet(AsmNetSettings(68)))[1] == 1_412_435


def test_the_taps_have_the_published_shapes() -> None:
    network = AsmNet(AsmNetSettings()).eval()
    shapes = {}
    for i, block in enumerate(network.blocks):
        block.register_forward_hook(lambda m, a, out, i=i: shapes.__setitem__(i, out.shape[1:]))
    with torch.inference_mode():
        network(torch.zeros(1, 224, 224, 3, dtype=torch.uint8))
    assert [tuple(shapes[i]) for i in (1, 3, 6, 10, 13, 15)] == [
        (24, 56, 56), (32, 28, 28), (64, 14, 14), (96, 14, 14), (160, 7, 7), (160, 7, 7),
    ]  # fmt: skip
    assert network.heads.landmarks.in_features == 536


def test_coordinates_there_and_back() -> None:
    points = torch.rand(2, 68, 2)
    assert torch.allclose(from_asmnet(to_asmnet(points)), points)
    assert to_asmnet(torch.tensor([0.0, 0.5, 1.0])).tolist() == [0.5, 0.0, -0.5]


def faces(count: int = 200, seed: int = 0) -> np.ndarray:
    """Shapes with two strong modes and a little noise."""
    rng = np.random.default_rng(seed)
    base, a, b = rng.normal(size=(3, 68, 2))
    wide, tall = rng.normal(0, 1.0, (count, 1, 1)), rng.normal(0, 0.5, (count, 1, 1))
    return base + wide * a + tall * b + rng.normal(0, 0.05, (count, 68, 2))


@pytest.mark.parametrize("kept", [0.8, 0.9, 0.97, 1.0])
def test_the_model_keeps_the_asked_share_with_the_fewest_modes(kept: float) -> None:
    labels = faces()
    model = ShapeModel.fit(labels, kept)
    total = labels.reshape(200, -1).var(axis=0, ddof=1).sum()
    assert model.variances.sum() / total >= kept - 1e-9
    if len(model.variances) > 1:
        assert model.variances[:-1].sum() / total < kept
    assert np.allclose(model.modes @ model.modes.T, np.eye(len(model.modes)), atol=1e-9)


def test_smoothing_keeps_what_the_modes_say_and_drops_the_noise() -> None:
    labels = faces()
    model = ShapeModel.fit(labels, 0.9)
    once = model.smooth(labels)
    assert np.allclose(model.smooth(once), once), "smoothing twice changes nothing"
    assert 0.005 < np.abs(once - labels).mean() < 0.1
    everything = ShapeModel.fit(labels, 1.0)
    inside = np.abs((labels.reshape(200, -1) - everything.mean) @ everything.modes.T) <= (
        3 * np.sqrt(everything.variances)
    )
    kept = labels[inside.all(axis=1)]
    assert np.allclose(everything.smooth(kept), kept)


def test_a_wild_face_is_clamped_to_three_sigma() -> None:
    model = ShapeModel.fit(faces(), 0.9)
    wild = model.mean + 50 * np.sqrt(model.variances[0]) * model.modes[0]
    (smoothed,) = model.smooth(wild.reshape(1, 68, 2))
    b = (smoothed.ravel() - model.mean) @ model.modes.T
    assert b[0] == pytest.approx(3 * np.sqrt(model.variances[0]))


@pytest.mark.parametrize(
    ("labels", "kept"),
    [
        (np.zeros((1, 68, 2)), 0.9),
        (np.zeros((5, 68, 2)), 0.9),
        (np.full((5, 68, 2), np.nan), 0.9),
        (faces(5), 0.0),
        (faces(5), 1.5),
    ],
)
def test_labels_that_make_no_model_are_refused(labels: np.ndarray, kept: float) -> None:
    with pytest.raises(ShapeError):
        ShapeModel.fit(labels, kept)


def test_the_help_hardens_by_epochs() -> None:
    assert [assistance(e, 9) for e in range(9)] == [2, 2, 2, 1, 1, 1, 0.5, 0.5, 0.5]


def test_the_loss_weighs_truth_shape_and_pose() -> None:
    zero = torch.zeros(1, 68, 2)
    out = AsmNetOutput(zero, torch.zeros(1, 3))
    loss = asm_assisted_loss(out, zero + 1, zero + 2, torch.full((1, 3), 3.0), alpha=0.5)
    assert float(loss) == pytest.approx(1 + 0.5 * 4 + 0.5 * 9)
    plain = asm_assisted_loss(out, zero + 1, zero + 2, torch.zeros(1, 3), alpha=0.0)
    assert float(plain) == pytest.approx(1)
