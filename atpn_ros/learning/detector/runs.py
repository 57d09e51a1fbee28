# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One training of the detector from one file: how, and on what."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import torch

from atpn_ros.learning.config import ConfigError, read_config
from atpn_ros.learning.detector.material import gather
from atpn_ros.learning.detector.network import Detector
from atpn_ros.learning.detector.train import DetectorTraining, train


@dataclass(frozen=True, slots=True)
class DetectorData:
    """Folders below the one that the command names.

    Attributes:
        people: Of ``atpn draw-sprites``.
        renders: Of ``atpn synth --shards``, for mosaics; empty for none.
        backgrounds: Of ``.hdr`` panoramas.
    """

    people: str = ""
    renders: str = ""
    backgrounds: str = ""


@dataclass(frozen=True, slots=True)
class DetectorRun:
    """A run file."""

    train: DetectorTraining = field(default_factory=DetectorTraining)
    data: DetectorData = field(default_factory=DetectorData)


def load_run(path: Path) -> DetectorRun:
    """Read a run file.

    Raises:
        ConfigError: Names the file and the field.
    """
    run = read_config(path, DetectorRun)
    for name in ("people", "backgrounds"):
        if not getattr(run.data, name):
            raise ConfigError(f"{path}: data: {name}: is missing")
    return run


def carry_out(
    run: DetectorRun, root: Path, folder: Path, workers: int = 1, threads: int | None = None
) -> Detector:
    """Train what a run file says; goes on where it stopped.

    Args:
        run: The file's contents.
        root: Folder of the data.
        folder: Of the run.
        workers: Processes that make scenes.
        threads: Of PyTorch; None for as many as cores.

    Raises:
        DataError: Something is missing or damaged; names the file.
    """
    if threads is not None:
        torch.set_num_threads(threads)
    renders = root / run.data.renders if run.data.renders else None
    material = gather(root / run.data.people, renders, root / run.data.backgrounds, False)
    return train(run.train, material, folder, workers)
