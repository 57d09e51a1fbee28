# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""File helpers: atomic replacement, the user's cache folder, SHA-256 digests, published files."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """A published file that is not part of this package.

    Attributes:
        name: Its file name.
        url: Where it is published.
        size: Bytes.
        sha256: Hexadecimal digest.
        about: What it is, and its licence.
    """

    name: str
    url: str
    size: int
    sha256: str
    about: str

    def is_intact(self, path: Path) -> bool:
        """Whether a path holds this file, by its digest."""
        try:
            return sha256(path) == self.sha256
        except OSError:
            return False
