# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One training run from one file: what is taught, on which data, beginning with what."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import torch

from atpn_ros.learning.config import ConfigError, read_config
from atpn_ros.learning.data.backgrounds import load_panoramas
from atpn_ros.learning.data.batches import Source
from atpn_ros.learning.data.datasets.record import DataError
from atpn_ros.learning.data.photographs import load_faces_300w
from atpn_ros.learning.data.renders import load_renders
from atpn_ros.learning.networks.atpn import Atpn
from atpn_ros.learning.training.train import TrainSettings, train


@dataclass(frozen=True, slots=True)
class TrainingData:
    """Folders below the one that the command names.

    Attributes:
        renders: Of ``atpn synth --shards``; empty for none.
        photographs: With ``labels.json``; empty for none.
        backgrounds: Of ``.hdr`` panoramas; empty for none.
        watch_renders: Renders that are only looked at; empty for none.
        watch_photographs: Photographs whose split ``val`` is only looked at; empty for none.
    """

    renders: str = ""
    photographs: str = ""
    backgrounds: str = ""
    watch_renders: str = ""
    watch_photographs: str = ""


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """A run file.

    Attributes:
        train: How.
        data: On what.
        begin_with: Checkpoint, below the data folder, whose averaged weights it begins with.
    """

    train: TrainSettings = field(default_factory=TrainSettings)
    data: TrainingData = field(default_factory=TrainingData)
    begin_with: str = ""


_WATCHED = 400
"""Of each set, so that looking stays a matter of seconds."""


def load_run(path: Path) -> TrainingRun:
    """Read a run file.

    Raises:
        ConfigError: Names the file and the field.
    """
    run = read_config(path, TrainingRun)
    if not (run.data.renders or run.data.photographs):
        raise ConfigError(f"{path}: data: neither renders nor photographs")
    return run


def load_source(data: TrainingData, root: Path) -> Source:
    """What teaches, from folders below ``root``.

    Raises:
        DataError: It cannot be used.
    """
    return Source(
        load_renders(root / data.renders).faces if data.renders else [],
        load_faces_300w(root / data.photographs, "train") if data.photographs else [],
        load_panoramas(root / data.backgrounds) if data.backgrounds else [],
    )


def run_training(
    run: TrainingRun, root: Path, folder: Path, workers: int = 1, threads: int | None = None
) -> Atpn:
    """Train what a run file says; goes on where it stopped.

    Args:
        run: The file's contents.
        root: Folder of the data.
        folder: Of the run.
        workers: Processes that make examples.
        threads: Of PyTorch; None for as many as there are cores.

    Raises:
        DataError: Data, or the folder's checkpoint, cannot be used.
    """
    if threads is not None:
        torch.set_num_threads(threads)
    data = run.data
    source = load_source(data, root)
    watched = {}
    if data.watch_photographs:
        watched["photographs"] = load_faces_300w(root / data.watch_photographs, "val")[:_WATCHED]
    if data.watch_renders:
        watched["renders"] = load_renders(root / data.watch_renders).faces[:_WATCHED]
    begin = root / run.begin_with if run.begin_with else None
    if begin is not None and not begin.is_file():
        raise DataError(f"{begin}: no such checkpoint to begin with")
    return train(run.train, source, watched, folder, workers, begin)
