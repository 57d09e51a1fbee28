# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A process that is asked in JSON lines and answers in JSON lines."""

from __future__ import annotations

import contextlib
import json
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

from atpn_ros.types import AtpnError


class Died(AtpnError):
    """A process did not start, or ended too early; its last words."""


class LineProcess:
    """Started when made; its first line says that it is ready.

    Args:
        name: What it is, for errors.
        command: To start it with.
        environment: Of it.

    Attributes:
        greeting: Its first line.

    Raises:
        Died: It did not start.
    """

    def __init__(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._name = name
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 close() closes it
        try:
            self._process = subprocess.Popen(  # noqa: S603 what we were told to start
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors,
                env=environment, text=True,
            )  # fmt: skip
        except OSError as error:
            self._errors.close()
            raise Died(f"{name}: {command[0]}: {error.strerror}") from error
        assert self._process.stdin is not None  # noqa: S101 for mypy: they were asked for
        assert self._process.stdout is not None  # noqa: S101
        self._in, self._out = self._process.stdin, self._process.stdout
        try:
            self.greeting = self._answer()
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def ask(self, **question: Any) -> dict[str, Any]:
        """One question, one answer.

        Raises:
            Died: It ended.
        """
        try:
            self._in.write(json.dumps(question) + "\n")
            self._in.flush()
        except OSError:
            raise self._death() from None
        return self._answer()

    def close(self) -> None:
        """End it."""
        with contextlib.suppress(OSError):  # it died with words of ours unread
            self._in.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._out.close()
        self._errors.close()

    def __enter__(self) -> LineProcess:
        """Closed at the end."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self.close()

    def _answer(self) -> dict[str, Any]:
        line = self._out.readline()
        if not line:
            raise self._death()
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _death(self) -> Died:
        self._process.wait(10)
        self._errors.seek(0)
        words = self._errors.read().decode("utf-8", "replace").strip().splitlines()
        last = words[-1].strip() if words else "without a word"
        return Died(f"{self._name}: ended with code {self._process.returncode}: {last}")
