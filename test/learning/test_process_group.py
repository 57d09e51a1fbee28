# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Gradients of two real processes are the mean of both."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from drawn_face import drawn
from torch import distributed, multiprocessing

from atpn_ros.learning.data.batches import TrainingSet
from atpn_ros.learning.networks.atpn import Atpn, AtpnSettings
from atpn_ros.learning.training.process_group import ProcessGroup
from atpn_ros.learning.training.train import TrainSettings, train

SETTINGS = AtpnSettings(width=4)
SMALL = TrainSettings(steps=4, batch=2, warmup=1, save_every=2, order="in_turn", network=SETTINGS)


def network() -> Atpn:
    torch.manual_seed(0)
    return Atpn(SETTINGS).eval()  # batch norms in training mode would differ between the processes


def loss(module: torch.nn.Module, crops: torch.Tensor) -> torch.Tensor:
    out = module(crops)
    return out.landmarks.square().mean() + out.rotation.sum() + out.presence.square().mean()


def crops(rank: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(rank)
    return torch.randint(0, 256, (2, 128, 128, 3), dtype=torch.uint8, generator=generator)


def in_process(rank: int, folder: Path) -> None:
    torch.set_num_threads(1)
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": "2"}
    distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/rendezvous", rank=rank, world_size=2
    )
    group = ProcessGroup.init()
    assert (group.rank, group.count, group.is_main) == (rank, 2, rank == 0)
    one = network()
    # Nothing in this loss depends on the spread; DistributedDataParallel needs every parameter.
    one.spread.requires_grad_(False)
    parallel = group.parallel(one)  # gradients are averaged only as long as it is referenced
    loss(parallel, crops(rank)).backward()
    gradients = {name: p.grad for name, p in one.named_parameters() if p.grad is not None}
    torch.save(gradients, folder / f"gradients{rank}.pt")

    source = TrainingSet([drawn(yaw=y) for y in (-0.3, 0.3)], [], [])
    trained = train(SMALL, source, {}, folder / f"run{rank}", workers=0)
    torch.save(dict(trained.named_parameters()), folder / f"trained{rank}.pt")
    distributed.destroy_process_group()


def test_gradients_are_averaged_over_two_processes(tmp_path: Path) -> None:
    multiprocessing.spawn(in_process, (tmp_path,), nprocs=2)
    expected = network()
    expected.spread.requires_grad_(False)
    ((loss(expected, crops(0)) + loss(expected, crops(1))) / 2).backward()
    for rank in range(2):
        found = torch.load(tmp_path / f"gradients{rank}.pt", weights_only=True)
        for name, parameter in expected.named_parameters():
            if parameter.grad is not None:
                assert torch.allclose(found[name], parameter.grad, rtol=1e-3, atol=1e-6), name
    # The processes train on different crops: without shared gradients, their weights would differ.
    first, second = (
        torch.load(tmp_path / f"trained{rank}.pt", weights_only=True) for rank in range(2)
    )
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert (tmp_path / "run0" / "checkpoint.pt").is_file()
    assert not list((tmp_path / "run1").iterdir()), "the main process alone writes"


def test_a_single_process_uses_the_network_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    one = network()
    assert ProcessGroup.init().parallel(one) is one
