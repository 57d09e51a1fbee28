# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Building in a child process, which can be ended at any moment and cannot take the node with it.

TensorRT's builder works for minutes, cannot be stopped in all versions, keeps memory and may be
killed by the kernel for lack of it. The child gets the model and gives the engine through memory
that both share (memfd), so nothing is written where others could reach it.
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
_SAY_EVERY_S = 5.0
_MARK = "progress: "
_PR_SET_PDEATHSIG = 1


def build_in_child(model: bytes, options: BuildOptions, control: LoadControl) -> bytes:
    """Build an engine in a child process, which ends when this one does.

    Raises:
        BackendError: It could not be built, or the child died.
        LoadCancelled: ``control`` was stopped.
    """
    control.check()
    with _memory(model) as source, _memory() as target:
        command = [
            *(sys.executable, "-c", _PROGRAM, json.dumps(asdict(options))),
            *map(str, (source, target, os.getpid())),
        ]
        child = subprocess.Popen(  # noqa: S603 our own module
            command,
            pass_fds=(source, target),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            # Not to get the terminal's Ctrl-C: this process decides.
            start_new_session=True,
            # It imports what this process would, and nothing from where it happens to run.
            cwd="/",
            env=os.environ | {"PYTHONPATH": _path()},
        )
        try:
            last = _follow(child, control)
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


def _path() -> str:
    return os.pathsep.join(str(Path(p).absolute()) for p in sys.path if p)


def _follow(child: subprocess.Popen[bytes], control: LoadControl) -> str:
    """Pass on what the child says until it ends; its last line that is not progress."""
    pipe = child.stdout
    if pipe is None:
        raise BackendError("the builder has no output")
    began, said, phase, last, rest = time.monotonic(), 0.0, "", "", b""
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
                    if line.startswith(_MARK):
                        phase = line.removeprefix(_MARK)
                    elif line:
                        last = line
            now = time.monotonic()
            if now - said >= _SAY_EVERY_S:
                control.report(f"building the engine, {now - began:.0f} s: {phase or 'starting'}")
                said = now


def _exit_reason(code: int, last: str) -> str:
    if code < 0:
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = str(-code)
        hint = ", perhaps for lack of memory" if -code == signal.SIGKILL else ""
        return f"the builder was ended by {name}{hint}; its last words: {last or 'none'}"
    return one_line(last) or f"the builder ended with code {code}"


@contextlib.contextmanager
def _memory(data: bytes = b"") -> Iterator[int]:
    """A descriptor of nameless memory that holds some bytes."""
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
    """The child: options, descriptor of the model, of the engine, and the parent's number."""
    options, source, target, parent = arguments
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(parent):
        return 1
    model = os.pread(int(source), os.lseek(int(source), 0, os.SEEK_END), 0)
    try:
        plan = build(
            model, BuildOptions(**json.loads(options)), lambda w: print(_MARK + w, flush=True)
        )
    except Exception as error:  # the last line is what the parent tells
        print(f"{'' if isinstance(error, BackendError) else type(error).__name__ + ': '}"
              f"{one_line(error)}", flush=True)  # fmt: skip
        return 1
    _write_all(int(target), plan)
    return 0
