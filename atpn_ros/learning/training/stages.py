# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Reads run files of one or several training runs; each run starts from the previous one's weights.

A run file has either the fields of :class:`TrainingRun`, or ``stages``, a list of such runs with a
``name`` each.
"""

from __future__ import annotations

import shutil
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from atpn_ros.files import atomic_replace
from atpn_ros.learning.config import ConfigError, read_config
from atpn_ros.learning.training import checkpoints
from atpn_ros.learning.training.run_file import (
    TrainingData,
    TrainingRun,
    check_run,
    run_training,
)
from atpn_ros.learning.training.train import TrainSettings


@dataclass(frozen=True, slots=True)
class Stage:
    """A training run with a name, which names its folder.

    Attributes:
        name: A file name.
        train: Training settings.
        data: Training and validation data.
    """

    name: str
    train: TrainSettings = field(default_factory=TrainSettings)
    data: TrainingData = field(default_factory=TrainingData)


@dataclass(frozen=True, slots=True)
class _RunFile:
    """All fields that a run file may have."""

    train: TrainSettings = field(default_factory=TrainSettings)
    data: TrainingData = field(default_factory=TrainingData)
    begin_with: str = ""
    stages: tuple[Stage, ...] = ()


def load_stages(path: Path) -> tuple[TrainingRun, tuple[Stage, ...]]:
    """Read a run file.

    Returns:
        The run, or the first stage's; and the stages, none if the file has one run.

    Raises:
        ConfigError: The file is not valid; the message names the field.
    """
    file = read_config(path, _RunFile)
    if not file.stages:
        run = TrainingRun(file.train, file.data, file.begin_with)
        check_run(run, str(path))
        return run, ()
    if file.train != TrainSettings() or file.data != TrainingData():
        raise ConfigError(f"{path}: stages: train and data belong into each stage")
    names = [stage.name for stage in file.stages]
    if len(set(names)) < len(names) or any(not n or Path(n).name != n for n in names):
        raise ConfigError(f"{path}: stages: need different names without slashes")
    for number, stage in enumerate(file.stages):
        begin = f"{stage.name}.onnx" if number else file.begin_with
        check_run(TrainingRun(stage.train, stage.data, begin), f"{path}: stages[{number}]")
    first = file.stages[0]
    return TrainingRun(first.train, first.data, file.begin_with), file.stages


def run_file(
    path: Path,
    root: Path,
    folder: Path,
    workers: int = 1,
    threads: int | None = None,
    minutes: float | None = None,
) -> None:
    """Execute a run file, or resume it.

    Each of several stages has a folder of its own below ``folder``; its network is written to
    ``NAME.onnx`` beside that when it is complete, and the last one's to ``atpn.onnx`` too.

    Args:
        path: The run file.
        root: Folder that the data folders are relative to.
        folder: Output folder.
        workers: Processes that make training crops.
        threads: PyTorch's number of threads; None for one per core.
        minutes: Time limit of the whole call: the numbers of steps are planned for it, and stages
            get shares proportional to their numbers of crops. None: the steps of the file.

    Raises:
        ConfigError: The file is not valid.
        DataError: Data or a checkpoint cannot be read, or a stage was trained with other settings.
    """
    end = None if minutes is None else time.monotonic() + minutes * 60
    run, stages = load_stages(path)
    if not stages:
        seconds = None if end is None else end - time.monotonic()
        run_training(run, root, folder, workers, threads, seconds)
        return
    begin = run.begin_with
    for number, stage in enumerate(stages):
        made = folder / f"{stage.name}.onnx"
        if made.exists():
            if end is None:  # with a limit of time, steps are planned
                _check_finished(folder / stage.name / "checkpoint.pt", stage.train)
        else:
            staged = replace(run, train=stage.train, data=stage.data, begin_with=begin)
            seconds = None
            if end is not None:
                crops = [s.train.steps * s.train.batch for s in stages[number:]]
                seconds = (end - time.monotonic()) * crops[0] / sum(crops)
            run_training(staged, root, folder / stage.name, workers, threads, seconds)
            _copy(folder / stage.name / "atpn.onnx", made)
        begin = str(made.absolute())
    _copy(Path(begin), folder / "atpn.onnx")


def _copy(source: Path, target: Path) -> None:
    """Copy a file atomically."""
    with atomic_replace(target) as part:
        shutil.copyfile(source, part)


def _check_finished(checkpoint: Path, settings: TrainSettings) -> None:
    """Raise DataError if a finished stage, whose network exists, was trained otherwise."""
    if checkpoint.exists():
        saved = checkpoints.read(checkpoint)["settings"]
        checkpoints.check_settings(checkpoint, saved, asdict(settings))
