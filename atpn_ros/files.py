# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""File helpers: atomic replacement, path checks, the cache folder, digests, downloadable files."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from atpn_ros.types import AtpnError

_PART = ".atpn-part-"
_NEW_S = 10.0
"""A temporary folder that is younger may not be locked yet."""


class OverwritesInput(AtpnError):
    """An output has the path of an input."""


@contextmanager
def atomic_replace(path: Path) -> Iterator[Path]:
    """A temporary path to write a file or a folder to, which replaces ``path`` in one step.

    The temporary path has the same file name, in a hidden folder beside ``path``, so it is on the
    same file system. It replaces ``path`` when the block ends without an error and is removed
    otherwise. Several processes may write the same path at once; the last one wins. A process that
    is killed leaves its hidden folder, which the next call for the same parent folder removes.

    Raises:
        OSError: The parent folder cannot be written, or the block wrote nothing.
    """
    _remove_abandoned(path.parent)
    folder = Path(tempfile.mkdtemp(prefix=f".{path.name[:40]}{_PART}", dir=path.parent))
    lock = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # a file system without locks
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        part = folder / path.name
        yield part
        if path.is_dir():  # a folder cannot be renamed over another one that has files in it
            path.replace(folder / f"{path.name}.old")
        part.replace(path)
    finally:
        os.close(lock)
        shutil.rmtree(folder, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file in one step; a device or pipe is written directly.

    Raises:
        OSError: It cannot be written; an existing file is unchanged.
    """
    if path.exists() and not path.is_file():
        path.write_text(text)
        return
    with atomic_replace(path) as part:
        part.write_text(text)


def printable(path: str | Path) -> str:
    r"""A path as text for messages and JSON: bytes that are not UTF-8 become escapes.

    >>> printable("fran\udce7ois.jpg")
    'fran\\xe7ois.jpg'
    """
    return os.fsencode(path).decode(errors="backslashreplace")


def error_text(error: OSError) -> str:
    """An error of the operating system as one line: the file, if it names one, and the reason.

    >>> error_text(OSError(28, "No space left on device"))
    'No space left on device'
    """
    reason = error.strerror or str(error)
    return reason if error.filename is None else f"{printable(str(error.filename))}: {reason}"


def _remove_abandoned(parent: Path) -> None:
    """Remove the temporary folders of processes that have ended: these are not locked."""
    for folder in parent.glob(f".*{_PART}*"):
        with suppress(OSError):
            if time.time() - folder.stat().st_mtime < _NEW_S:
                continue
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)


def check_inputs_kept(outputs: Iterable[Path], inputs: Iterable[Path]) -> None:
    """Check that no output is one of the inputs, by name or through links.

    Device files and pipes are ignored: writing to them replaces nothing.

    Raises:
        OverwritesInput: An output is an input; names it.
    """
    read = {key for path in inputs for key in _identities(path)}
    for path in outputs:
        if path.exists() and not (path.is_file() or path.is_dir()):
            continue
        if not read.isdisjoint(_identities(path)):
            raise OverwritesInput(f"{path}: is an input: choose another output")


def _identities(path: Path) -> list[tuple[int, int] | str]:
    """What two paths of one file share: its real path, and its device and inode if it exists."""
    identities: list[tuple[int, int] | str] = [os.path.realpath(path)]
    with suppress(OSError):
        status = path.stat()
        identities.append((status.st_dev, status.st_ino))
    return identities


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
