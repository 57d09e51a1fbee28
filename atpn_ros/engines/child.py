# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Builds a TensorRT engine in a child process, which can be cancelled and whose crash is reported.

TensorRT's builder runs for minutes, cannot be cancelled in all versions, keeps memory and may be
killed by the kernel when memory runs out. The model and the engine are passed through shared memory
(memfd), so nothing is written where other users could reach it.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from atpn_ros.engines.base import BackendError, LoadControl, one_line
from atpn_ros.engines.tensorrt_build import BuildOptions, build

_PROGRAM = "import sys; from atpn_ros.engines.child import main; sys.exit(main(sys.argv[1:]))"
_REPORT_INTERVAL_S = 5.0
_PROGRESS_PREFIX = "progress: "
_PR_SET_PDEATHSIG = 1


def build_in_child(model: bytes, options: BuildOptions, control: LoadControl) -> bytes:
    """Build an engine in a child process, which ends when this process ends.

    Raises:
        BackendError: The engine could not be built, or the child process died.
        LoadCancelled: Loading was cancelled; the child process is killed.
    """
    control.check()
    with _memory(model) as source, _memory() as target:
        command = [
            *(sys.executable, "-c", _PROGRAM, json.dumps(asdict(options))),
            *map(str, (source, target, os.getpid())),
        ]
        child = subprocess.Popen(  # noqa: S603 this package's own module
            command,
            pass_fds=(source, target),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            # The terminal's Ctrl-C must not reach the child: this process decides when it ends.
            start_new_session=True,
            # The child imports the same modules as this process, and none from its working folder.
            cwd="/",
            env=os.environ | {"PYTHONPATH": _python_path()},
        )
        try:
            last = _forward_output(child, control)
        finally:
            if child.poll() is None:
                child.kill()
            child.wait()
            if child.stdout is not None:
                child.stdout.close()
        if child.returncode:
            raise BackendError(_exit_reason(child.returncode, last))
        size = os.lseek(target, 0, os.SEEK_END)
        return os.pread(target, size, 0)


def _python_path() -> str:
    return os.pathsep.join(str(Path(p).absolute()) for p in sys.path if p)


def _forward_output(child: subprocess.Popen[bytes], control: LoadControl) -> str:
    """Report the child's progress until it ends. Returns its last line that is not progress."""
    pipe = child.stdout
    if pipe is None:
        raise BackendError("the build process has no output")
    began, reported, phase, last, rest = time.monotonic(), 0.0, "", "", b""
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while True:
            control.check()
            if selector.select(0.1):
                chunk = os.read(pipe.fileno(), 1 << 16)
                if not chunk:
                    child.wait()
                    return last
                *lines, rest = (rest + chunk).split(b"\n")
                for line in (raw.decode(errors="replace").strip() for raw in lines):
                    if line.startswith(_PROGRESS_PREFIX):
                        phase = line.removeprefix(_PROGRESS_PREFIX)
                    elif line:
                        last = line
            now = time.monotonic()
            if now - reported >= _REPORT_INTERVAL_S:
                control.report(f"building the engine, {now - began:.0f} s: {phase or 'starting'}")
                reported = now


def _exit_reason(code: int, last: str) -> str:
    if code < 0:
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = str(-code)
        hint = ", perhaps because memory ran out" if -code == signal.SIGKILL else ""
        return f"the build process was killed by {name}{hint}; its last output: {last or 'none'}"
    return one_line(last) or f"the build process ended with code {code}"


@contextlib.contextmanager
def _memory(data: bytes = b"") -> Iterator[int]:
    """Descriptor of an anonymous memory file with some bytes."""
    descriptor = os.memfd_create("atpn_engine")
    try:
        _write_all(descriptor, data)
        yield descriptor
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def main(arguments: list[str]) -> int:
    """Entry point of the child.

    Args:
        arguments: Build options as JSON, descriptors of the model and of the engine, and the
            parent's process id.
    """
    options, source, target, parent = arguments
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(parent):
        return 1
    model = os.pread(int(source), os.lseek(int(source), 0, os.SEEK_END), 0)
    try:
        plan = build(
            model,
            BuildOptions(**json.loads(options)),
            lambda line: print(_PROGRESS_PREFIX + line, flush=True),
        )
    except Exception as error:  # the parent reports the last line
        print(f"{'' if isinstance(error, BackendError) else type(error).__name__ + ': '}"
              f"{one_line(error)}", flush=True)  # fmt: skip
        return 1
    _write_all(int(target), plan)
    return 0
