# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Chooses the number of steps of a training run that must end in a given time.

The number of steps then depends on the machine, so such a run can be neither resumed nor repeated
bit for bit.
"""

from __future__ import annotations

import os
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

from atpn_ros.learning.data.batches import TrainingSet
from atpn_ros.learning.data.checks import DataError
from atpn_ros.learning.data.labelled_face import LabelledFace
from atpn_ros.learning.networks.atpn import Atpn
from atpn_ros.learning.training.train import TrainSettings, train

_SAVES = 5
"""Saves of a planned run, the last one included."""
_SKIPPED, _MEASURED = 8, 16
"""Steps before the first that is measured, and how many are."""
_PREFETCHED, _ROUNDS = 2, 3
"""The same for every worker: prefetched batches would make a step look too fast."""
_MEASURING = 0.15
"""Largest share of the time for the steps that are measured, on machines too slow for all."""
_RESERVE = 0.03
"""Share of the time that is kept for steps and saves slower than the measured ones."""


@dataclass(frozen=True, slots=True)
class StepTimes:
    """Durations of the parts of a run on this machine, in seconds.

    Attributes:
        start: From the call to the end of the first step.
        step: One step, with making its crops.
        save: A checkpoint with validation and export.
    """

    start: float
    step: float
    save: float

    def steps_in(self, seconds: float) -> int:
        """Number of steps that fit into this duration with :data:`_SAVES` saves, at least one."""
        left = seconds * (1 - _RESERVE) - self.start - _SAVES * self.save
        return max(1, int(left / self.step))


def measure(
    settings: TrainSettings,
    source: TrainingSet,
    validation: dict[str, list[LabelledFace]],
    workers: int,
    begin_with: Path | None,
    seconds: float,
) -> StepTimes:
    """Train a few steps in a temporary folder, fewer if they would take more than ``seconds``."""
    skipped = max(_SKIPPED, _PREFETCHED * workers)
    count = skipped + max(_MEASURED, _ROUNDS * workers)
    ends: list[float] = []
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        train(
            replace(settings, steps=count, save_every=count), source, validation, Path(folder),
            workers, begin_with, seconds, on_step=lambda: ends.append(time.monotonic()),
        )  # fmt: skip
    save = time.monotonic() - ends[-1]
    if len(ends) == 1:
        return StepTimes(ends[0] - began, ends[0] - began, save)
    skipped = min(skipped, len(ends) // 2)
    step = (ends[-1] - ends[skipped - 1]) / (len(ends) - skipped)
    return StepTimes(ends[0] - began, step, save)


def train_until(
    settings: TrainSettings,
    source: TrainingSet,
    validation: dict[str, list[LabelledFace]],
    folder: Path,
    workers: int,
    begin_with: Path | None,
    end: float,
) -> Atpn:
    """Train with as many steps as can be completed and saved before ``end``, a ``time.monotonic``.

    ``steps`` and ``save_every`` of the settings are replaced, and ``warmup`` is at most a tenth of
    the steps. The other arguments are those of :func:`~atpn_ros.learning.training.train.train`.

    Raises:
        DataError: The folder has a checkpoint already, or there are several processes: they
            would not stop at the same step.
    """
    if (folder / "checkpoint.pt").exists():
        raise DataError(f"{folder}: contains a run: a run with a time limit cannot be resumed")
    if int(os.environ.get("WORLD_SIZE", 1)) > 1:
        raise DataError("a time limit works with one process only")
    most = _MEASURING * (end - time.monotonic())
    times = measure(settings, source, validation, workers, begin_with, max(1e-3, most))
    steps = times.steps_in(end - time.monotonic())
    planned = replace(
        settings, steps=steps, save_every=-(-steps // _SAVES),
        warmup=min(settings.warmup, steps // 10),
    )  # fmt: skip
    print(
        f"planned: {steps} steps of {times.step * 1000:.0f} ms, batch {settings.batch}, "
        f"{times.save:.1f} s per save",
        flush=True,
    )
    seconds = max(1.0, end - time.monotonic() - times.start - times.save * (1 + _RESERVE))
    return train(planned, source, validation, folder, workers, begin_with, seconds)
