# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Installs MediaPipe in its own virtual environment, since it needs other versions than ROS."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from atpn_ros.files import cache_folder
from atpn_ros.types import AtpnError

VERSION = "0.10.14"
"""The last version whose wheel contains the Face Mesh network; for Python 3.8 to 3.12."""

_WITHOUT_DEPENDENCIES = (f"mediapipe=={VERSION}", "opencv-python-headless==4.11.0.86")
"""Installed with --no-deps: jax, which Face Mesh never imports, takes half a gigabyte."""
_WITH_DEPENDENCIES = (
    "numpy==1.26.4",
    "protobuf==4.25.9",
    "absl-py==2.1.0",
    "attrs==24.2.0",
    "flatbuffers==24.3.25",
    "matplotlib==3.9.4",
)

Run = Callable[[list[str]], "subprocess.CompletedProcess[str]"]


class PeerUnavailable(AtpnError):
    """The other software cannot be installed; the message gives the reason."""


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
    return subprocess.run(  # noqa: S603 the interpreter that the user chose
        command, capture_output=True, text=True, check=False, env=environment
    )


def mediapipe_python(
    base: Path = Path(sys.executable),
    folder: Path | None = None,
    report: Callable[[str], None] = print,
    run: Run = _run,
) -> Path:
    """The Python interpreter of an environment with MediaPipe, created on first use.

    Args:
        base: Python interpreter to create the environment with.
        folder: Where to create it; default: the user's cache folder.
        report: Receives a line before the installation starts.
        run: Runs a command.

    Raises:
        PeerUnavailable: The environment cannot be created.
    """
    tag = f"{sys.version_info.major}.{sys.version_info.minor}"
    if base != Path(sys.executable):
        code = "import sys; print('%d.%d' % sys.version_info[:2])"
        tag = _checked(run, [str(base), "-c", code]).stdout.strip()
    where = (folder or cache_folder("peers")) / f"mediapipe-{VERSION}-py{tag}"
    python, ready = where / "bin" / "python", where / "ready"
    if ready.is_file():
        return python
    report(f"installing MediaPipe {VERSION} into {where} (once, 400 MB)")
    where.parent.mkdir(parents=True, exist_ok=True)
    _checked(run, [str(base), "-m", "venv", "--clear", str(where)])
    pip = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--quiet"]
    pip += ["--only-binary", ":all:"]
    _checked(run, [*pip, *_WITH_DEPENDENCIES])
    _checked(run, [*pip, "--no-deps", *_WITHOUT_DEPENDENCIES])
    _checked(run, [str(python), "-c", "import mediapipe; mediapipe.solutions.face_mesh"])
    ready.touch()
    return python


def _checked(run: Run, command: list[str]) -> subprocess.CompletedProcess[str]:
    try:
        done = run(command)
    except OSError as error:
        raise PeerUnavailable(f"{command[0]}: {error.strerror}") from error
    if done.returncode:
        lines = [line for line in done.stderr.strip().splitlines() if line.strip()]
        # pip gives the reason in its last line that begins with ERROR.
        errors = [line for line in lines if line.startswith("ERROR")] or lines
        why = errors[-1][:200] if errors else "no reason given"
        raise PeerUnavailable(f"MediaPipe {VERSION} cannot be installed: {why}")
    return done
