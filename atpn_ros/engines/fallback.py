# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""An engine that uses the first backend that works and falls back to the next when one fails."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from atpn_ros.crop import CROP_SIZE
from atpn_ros.engines.base import (
    NAMES,
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
        name: Its name in the ``backend`` parameter.
        load: Makes the engine; raises BackendError where the backend is not available.
        builds: Whether loading may take minutes. Such a backend is not used as a fallback while
            images are processed.
    """

    name: str
    load: Callable[[], Engine]
    builds: bool = False


class FallbackEngine:
    """The first backend of a fallback chain that works.

    A backend that fails while running (out of memory, a lost device) is not used again, and the
    same crops are run on the next one: the caller gets its output, so no track is lost.

    Args:
        backends: The fallback chain, best first, at least one.
        control: Receives a line for each backend that failed while running.
        fall_back: Whether to use the next backend when one fails while running.

    Raises:
        BackendError: No backend works; gives the reason for each.
        ModelError: The model is not valid; no further backend is tried.
        LoadCancelled: Loading was cancelled.
    """

    def __init__(
        self,
        backends: Sequence[Backend],
        control: LoadControl | None = None,
        fall_back: bool = True,
    ) -> None:
        self._remaining = list(backends)
        self._control = control or LoadControl()
        self._skipped_backends: list[str] = []
        self._runtime_failures = 0
        self._engine = self._load_next(while_running=False)
        if not fall_back:
            self._remaining.clear()

    @property
    def name(self) -> str:
        """Name of the active backend."""
        return self._engine.name

    @property
    def report(self) -> str:
        """One line on the active backend."""
        return self._engine.report

    @property
    def skipped_backends(self) -> tuple[str, ...]:
        """``name: reason`` of each backend that is not used, in the order in which they failed."""
        return tuple(self._skipped_backends)

    @property
    def runtime_failures(self) -> int:
        """How many backends failed while running."""
        return self._runtime_failures

    def run(self, crops: Image) -> NetworkOutput:
        """See :meth:`atpn_ros.engines.base.Engine.run`; fails only when no backend is left.

        The last backend stays in use: its failure may be temporary.
        """
        while True:
            try:
                return self._engine.run(crops)
            except BackendError as error:
                failed = self._engine
                if not self._remaining:
                    raise
                try:
                    self._engine = self._load_next(while_running=True)
                except (BackendError, ModelError) as none:
                    raise BackendError(f"{error}; {none}") from error
                self._runtime_failures += 1
                self._skipped_backends.append(f"{failed.name}: failed while running: {error}")
                failed.close()
                self._control.report(
                    f"{self._skipped_backends[-1]}; continuing with {self._engine.report}"
                )

    def close(self) -> None:
        """See :meth:`atpn_ros.engines.base.Engine.close`."""
        self._remaining.clear()
        self._engine.close()

    def _load_next(self, while_running: bool) -> Engine:
        """Load the next backend that works; those before it are dropped from the chain."""
        tried: list[str] = []
        while self._remaining:
            self._control.check()
            backend = self._remaining.pop(0)
            try:
                if while_running and backend.builds:
                    raise BackendError(
                        "would have to be built first, which is not done while running"
                    )
                engine = backend.load()
                _check_output(engine)
                return engine
            except (ModelError, LoadCancelled):
                raise
            except Exception as error:  # drivers raise their own types; the next backend is tried
                kind = "" if isinstance(error, BackendError) else f"{type(error).__name__}: "
                tried.append(f"{backend.name}: {kind}{one_line(error)}")
                self._skipped_backends.append(tried[-1])
        raise BackendError("no engine: " + "; ".join(tried))


def _check_output(engine: Engine) -> None:
    """Run test crops that may overflow in half precision: noise and the extreme values.

    Raises:
        BackendError: It fails, or an output is not finite; the engine is closed.
    """
    crops = np.empty((3, CROP_SIZE, CROP_SIZE, 3), np.uint8)
    crops[0], crops[1] = 0, 255
    crops[2] = np.random.default_rng(0).integers(0, 256, crops.shape[1:], dtype=np.uint8)
    try:
        for batch in (crops, crops[:1]):
            out = engine.run(batch)
            parts = [getattr(out, name) for name in NAMES]
            if not all(np.isfinite(p).all() for p in parts if p is not None):
                raise BackendError("outputs values that are not finite")
    except BackendError:
        engine.close()
        raise
