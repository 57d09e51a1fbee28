# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""An engine that steps down when the one it stands on breaks, and says so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from atpn_ros.crop import CROP_SIZE
from atpn_ros.engines.base import (
    BackendError,
    Engine,
    LoadCancelled,
    LoadControl,
    ModelError,
    NetworkOutput,
    one_line,
)
from atpn_ros.types import Image


@dataclass(frozen=True, slots=True)
class Backend:
    """One way to run a model.

    Attributes:
        name: As users write it.
        load: Makes the engine; BackendError where it cannot be here.
        builds: Whether making it may take minutes: then it is no place to step down to while
            faces wait.
    """

    name: str
    load: Callable[[], Engine]
    builds: bool = False


class FallbackEngine:
    """The best rung that works, and the ones below it in case it breaks.

    A rung that fails while it runs (out of memory, a lost device) is left for good, and the same
    crops are run on the next: the caller gets its answer, so no track is lost.

    Args:
        rungs: From the best down, at least one.
        steps_down: Whether a rung that breaks is left for the next.
        control: Told which rung was taken or left and why.

    Raises:
        BackendError: No rung works; says why of each.
        ModelError: The model itself is bad; no rung is tried after that.
        LoadCancelled: ``control`` was stopped.
    """

    def __init__(
        self, rungs: Sequence[Backend], control: LoadControl | None = None, steps_down: bool = True
    ) -> None:
        self._below = list(rungs)
        self._control = control or LoadControl()
        self._skipped_backends: list[str] = []
        self._runtime_failures = 0
        self._engine = self._next(waiting=False)
        if not steps_down:
            self._below.clear()

    @property
    def name(self) -> str:
        """The rung that it stands on."""
        return self._engine.name

    @property
    def report(self) -> str:
        """One line on the rung that it stands on."""
        return self._engine.report

    @property
    def skipped_backends(self) -> tuple[str, ...]:
        """Why each rung above is not the one, in the order in which they were given up."""
        return tuple(self._skipped_backends)

    @property
    def runtime_failures(self) -> int:
        """How many rungs broke while they ran."""
        return self._runtime_failures

    def run(self, crops: Image) -> NetworkOutput:
        """See :meth:`atpn_ros.engines.base.Engine.run`; fails only when no rung is left.

        Where none is, the last one stays: its trouble may pass.
        """
        while True:
            try:
                return self._engine.run(crops)
            except BackendError as error:
                broken = self._engine
                if not self._below:
                    raise
                try:
                    self._engine = self._next(waiting=True)
                except (BackendError, ModelError) as none:
                    raise BackendError(f"{error}; {none}") from error
                self._runtime_failures += 1
                self._skipped_backends.append(f"{broken.name}: left while running: {error}")
                broken.close()
                self._control.report(
                    f"{self._skipped_backends[-1]}; going on with {self._engine.report}"
                )

    def close(self) -> None:
        """See :meth:`atpn_ros.engines.base.Engine.close`."""
        self._below.clear()
        self._engine.close()

    def _next(self, waiting: bool) -> Engine:
        """The next rung that works; those that do not are gone then."""
        tried: list[str] = []
        while self._below:
            self._control.check()
            rung = self._below.pop(0)
            try:
                if waiting and rung.builds:
                    raise BackendError("would have to be built first, and faces wait")
                engine = rung.load()
                _try_out(engine)
                return engine
            except (ModelError, LoadCancelled):
                raise
            except Exception as error:  # whatever a driver throws is a reason, not the end
                kind = "" if isinstance(error, BackendError) else f"{type(error).__name__}: "
                tried.append(f"{rung.name}: {kind}{one_line(error)}")
                self._skipped_backends.append(tried[-1])
        raise BackendError("no engine: " + "; ".join(tried))


def _try_out(engine: Engine) -> None:
    """Run once what may overflow in half precision: noise and the extremes.

    Raises:
        BackendError: It fails, or an answer is not finite; then the engine is closed.
    """
    crops = np.empty((3, CROP_SIZE, CROP_SIZE, 3), np.uint8)
    crops[0], crops[1] = 0, 255
    crops[2] = np.random.default_rng(0).integers(0, 256, crops.shape[1:], dtype=np.uint8)
    try:
        for batch in (crops, crops[:1]):
            out = engine.run(batch)
            parts = [out.landmarks, out.rotation, out.presence, out.sigma, out.gaze]
            if not all(np.isfinite(p).all() for p in parts if p is not None):
                raise BackendError("gives values that are not finite")
    except BackendError:
        engine.close()
        raise
