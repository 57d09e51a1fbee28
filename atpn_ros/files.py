# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""File helpers: atomic replacement, the user's cache folder and SHA-256 digests."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_replace(path: Path) -> Iterator[Path]:
    """A temporary path to write a file or a folder to, which replaces ``path`` in one step.

    The temporary path has the same file name, in a hidden folder beside ``path``, so it is on the
    same file system. It replaces ``path`` when the block ends without an error and is removed
    otherwise. Several processes may write the same path at once; the last one wins.

    Raises:
        OSError: The parent folder cannot be written, or the block wrote nothing.
    """
    folder = Path(tempfile.mkdtemp(prefix=f".{path.name}.part-", dir=path.parent))
    try:
        part = folder / path.name
        yield part
        if path.is_dir():  # a folder cannot be renamed over another one that has files in it
            path.replace(folder / f"{path.name}.old")
        part.replace(path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def cache_folder(name: str) -> Path:
    """``$XDG_CACHE_HOME/atpn_ros/NAME``, by default below ``~/.cache``; it is not created.

    A relative ``XDG_CACHE_HOME`` is ignored, as the XDG base directory specification demands.
    """
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (base if base.is_absolute() else Path.home() / ".cache") / "atpn_ros" / name


def sha256(path: Path) -> str:
    """The hexadecimal SHA-256 digest of a file.

    Raises:
        OSError: The file cannot be read.
    """
    return hashlib.sha256(path.read_bytes()).hexdigest()
