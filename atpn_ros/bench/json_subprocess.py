# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Runs a child process that reads requests and writes replies as JSON lines."""

from __future__ import annotations

import contextlib
import json
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

from atpn_ros.types import AtpnError


class SubprocessFailed(AtpnError):
    """A child process did not start or ended early; contains the last line of its log."""


class JsonSubprocess:
    """A child process, started by the constructor, which waits for its first line.

    Args:
        name: Name used in error messages.
        command: Command line.
        environment: Environment variables of the process.

    Attributes:
        greeting: The first line that the process wrote.

    Raises:
        SubprocessFailed: The process did not start.
    """

    def __init__(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._name = name
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 close() closes it
        try:
            self._process = subprocess.Popen(  # noqa: S603 the caller chose it
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors,
                env=environment, text=True,
            )  # fmt: skip
        except OSError as error:
            self._errors.close()
            raise SubprocessFailed(f"{name}: {command[0]}: {error.strerror}") from error
        assert self._process.stdin is not None  # noqa: S101 for mypy: they were asked for
        assert self._process.stdout is not None  # noqa: S101
        self._in, self._out = self._process.stdin, self._process.stdout
        try:
            self.greeting = self._reply()
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    def request(self, **fields: Any) -> dict[str, Any]:
        """Send one request and wait for its reply.

        Raises:
            SubprocessFailed: The process ended.
        """
        try:
            self._in.write(json.dumps(fields) + "\n")
            self._in.flush()
        except OSError:
            raise self._failure() from None
        return self._reply()

    def close(self) -> None:
        """Close the input and end the process; kill it after 10 s."""
        with contextlib.suppress(OSError):  # it ended with a request unread
            self._in.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._out.close()
        self._errors.close()

    def __enter__(self) -> JsonSubprocess:
        """Close the process at the end of the block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self.close()

    def _reply(self) -> dict[str, Any]:
        line = self._out.readline()
        if not line:
            raise self._failure()
        reply: dict[str, Any] = json.loads(line)
        return reply

    def _failure(self) -> SubprocessFailed:
        self._process.wait(10)
        self._errors.seek(0)
        lines = self._errors.read().decode("utf-8", "replace").strip().splitlines()
        last = lines[-1].strip() if lines else "no output"
        return SubprocessFailed(f"{self._name}: ended with code {self._process.returncode}: {last}")
