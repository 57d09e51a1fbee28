# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Reads, writes and locks files in a folder that is private to this user.

Everything goes through file descriptors: the file that is checked is the file that is read, even
if its path is replaced in between.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from atpn_ros.engines.base import LoadControl
from atpn_ros.types import AtpnError

_LOCK = ".lock"
_POLL_S = 0.1


class CacheError(AtpnError):
    """A cache folder or one of its files is not safe to use, or damaged."""


@contextlib.contextmanager
def opened(folder: Path) -> Iterator[int]:
    """Create a folder if it is missing, check that it is private and yield its descriptor.

    Raises:
        CacheError: It is a link, belongs to another user or is writable by others.
    """
    # Only the last two levels belong to this package; above them is the user's home.
    outer = folder.parent
    outer.parent.mkdir(parents=True, exist_ok=True)
    for path in (outer, folder):
        with contextlib.suppress(FileExistsError):
            path.mkdir(mode=0o700)
        status = path.lstat()
        if stat.S_ISLNK(status.st_mode):
            raise CacheError(f"{path} is a link")
        if not stat.S_ISDIR(status.st_mode):
            raise CacheError(f"{path} is not a folder")
        mode = stat.S_IMODE(status.st_mode)
        lax = mode & (stat.S_IWGRP | stat.S_IWOTH) == stat.S_IWGRP
        if path is outer and lax and status.st_uid == os.geteuid():
            # Shared with other caches of this package, which an umask of 002 leaves like this.
            path.chmod(mode & ~stat.S_IWGRP)
            status = path.lstat()
        _check_owner(str(path), status)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        status = os.fstat(descriptor)
        _check_owner(str(folder), status)
        if stat.S_IMODE(status.st_mode) != 0o700:
            os.fchmod(descriptor, 0o700)
        yield descriptor
    finally:
        os.close(descriptor)


def read(folder: int, name: str, limit: int) -> bytes:
    """The bytes of a regular file of this user.

    Raises:
        FileNotFoundError: There is none.
        CacheError: It is a link, belongs to another user, is writable by others or has more than
            ``limit`` bytes.
    """
    try:
        # NONBLOCK: opening a fifo must not hang.
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise CacheError(f"{name} cannot be opened, or is a link: {error.strerror}") from error
    with open(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
            raise CacheError(f"{name} is a link or not a regular file")
        _check_owner(name, status)
        if status.st_size > limit:
            raise CacheError(f"{name} has {status.st_size} bytes")
        return file.read(limit + 1)


def write(folder: int, name: str, data: bytes) -> None:
    """Write a file atomically: into a temporary file that is then renamed."""
    part = f".{name}.{os.getpid()}.tmp"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    descriptor = os.open(part, flags, 0o600, dir_fd=folder)
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        os.rename(part, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(part, dir_fd=folder)
        raise


@contextlib.contextmanager
def locked(folder: int, control: LoadControl) -> Iterator[None]:
    """Hold an exclusive lock among processes; the kernel releases it when a process dies.

    One lock for the whole folder: builds measure kernels, and two at once on one GPU would distort
    each other's timings. The lock file is never removed, so all processes lock the same one.

    Raises:
        LoadCancelled: Loading was cancelled while waiting.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(_LOCK, flags, 0o600, dir_fd=folder)
    try:
        waiting = False
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not waiting:
                    control.report("waiting for another process that is building an engine")
                    waiting = True
            control.check()
            control.cancel.wait(_POLL_S)
        yield
    finally:
        os.close(descriptor)


def _check_owner(what: str, status: os.stat_result) -> None:
    if status.st_uid != os.geteuid():
        raise CacheError(f"{what} belongs to another user")
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise CacheError(f"{what} is writable by others")
