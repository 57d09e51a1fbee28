# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Tests of training runs that must end in a given time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from render_shards import a_face, a_shard

from atpn_ros.cli import main
from atpn_ros.learning.data.batches import TrainingSet
from atpn_ros.learning.data.renders import load_renders
from atpn_ros.learning.networks.atpn import AtpnSettings
from atpn_ros.learning.training.checkpoints import read
from atpn_ros.learning.training.time_plan import StepTimes, measure
from atpn_ros.learning.training.train import TrainSettings, train
from atpn_ros.learning.training.training_state import TrainingState


def test_the_steps_fill_the_time_that_starting_and_saving_leave() -> None:
    # 3 % are kept; the five saves are 10 s, the start 1 s.
    assert StepTimes(start=1.0, step=0.1, save=2.0).steps_in(100.0) == 860
    assert StepTimes(start=1.0, step=0.1, save=2.0).steps_in(5.0) == 1


def test_a_run_that_is_too_slow_ends_in_time_with_learning_rate_0(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.set_num_threads(1)
    rates: list[float] = []
    update = TrainingState.update

    def recorded(self: Any, step: int, loss: Any, rate: float, *rest: Any) -> None:
        rates.append(rate)
        update(self, step, loss, rate, *rest)

    monkeypatch.setattr(TrainingState, "update", recorded)
    source = TrainingSet(load_renders(a_shard(tmp_path / "renders", [a_face()])), [], [])
    settings = TrainSettings(
        steps=1_000_000, batch=2, warmup=1, save_every=1_000_000, network=AtpnSettings(width=4)
    )
    train(settings, source, {}, tmp_path / "out", workers=0, seconds=3.0)
    assert 1 < len(rates) < 100_000
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] < 1e-6 * settings.learning_rate
    assert read(tmp_path / "out" / "checkpoint.pt")["step"] == len(rates)
    assert (tmp_path / "out" / "atpn.onnx").is_file()


def test_the_heads_get_half_of_the_time_of_a_run_in_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.set_num_threads(1)
    trained: list[set[str]] = []
    update = TrainingState.update

    def recorded(self: Any, *rest: Any) -> None:
        trained.append({n.split(".")[0] for n, p in self.network.named_parameters() if
                        p.requires_grad})  # fmt: skip
        update(self, *rest)

    monkeypatch.setattr(TrainingState, "update", recorded)
    source = TrainingSet(load_renders(a_shard(tmp_path / "renders", [a_face()])), [], [])
    settings = TrainSettings(
        steps=1_000_000, batch=2, warmup=1, save_every=1_000_000, order="in_turn",
        network=AtpnSettings(width=4),
    )  # fmt: skip
    train(settings, source, {}, tmp_path / "out", workers=0, seconds=3.0)
    heads = ["pose" in names for names in trained]
    assert heads == sorted(heads)
    assert 0.2 < sum(heads) / len(heads) < 0.8


@pytest.mark.parametrize("seconds", [1e-3, 0.5])
def test_a_slow_machine_measures_fewer_steps(tmp_path: Path, seconds: float) -> None:
    torch.set_num_threads(1)
    source = TrainingSet(load_renders(a_shard(tmp_path / "renders", [a_face()])), [], [])
    settings = TrainSettings(batch=64, network=AtpnSettings(width=4))
    times = measure(settings, source, {}, 0, None, seconds)
    assert 0 < times.step < 60
    assert times.start >= times.step * (seconds < 0.01)


def test_minutes_plan_the_steps(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a_shard(tmp_path / "renders", [a_face(), a_face()])
    path = tmp_path / "run.yaml"
    path.write_text(
        "train: {steps: 1000000, batch: 2, network: {width: 4}}\n"
        "data: {renders: renders, validation_renders: renders}\n"
    )
    words = ["train", str(path), "--data", str(tmp_path), "--out", str(tmp_path / "out"),
             "--workers", "0", "--threads", "1", "--minutes"]  # fmt: skip
    assert main([*words, "0.1"]) == 0
    assert "planned: " in capsys.readouterr().out
    log = (tmp_path / "out" / "log.csv").read_text().splitlines()
    assert len(log) <= 6
    assert read(tmp_path / "out" / "checkpoint.pt")["settings"]["steps"] < 100_000
    assert main([*words, "0.1"]) != 0
    assert "contains a run" in capsys.readouterr().err
    assert main([*words, "0"]) != 0
    assert "--minutes must be above 0" in capsys.readouterr().err
