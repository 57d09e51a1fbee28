# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Files that only this user may write, in a folder that only this user may open.

All goes through descriptors: what was looked at is what is read, whatever happens to the path
meanwhile.
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
    """A cache, or an entry of it, that must not be used; says why."""


@contextlib.contextmanager
def opened(folder: Path) -> Iterator[int]:
    """The folder's descriptor, after it was seen to be private."""
    # Only the last two levels are ours to make and to judge; above them is the user's home.
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
        _refuse_foreign(str(path), status)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        status = os.fstat(descriptor)
        _refuse_foreign(str(folder), status)
        if stat.S_IMODE(status.st_mode) != 0o700:
            os.fchmod(descriptor, 0o700)
        yield descriptor
    finally:
        os.close(descriptor)


def read(folder: int, name: str, limit: int) -> bytes:
    """The bytes of a plain file of ours."""
    try:
        # Not to hang on a fifo: NONBLOCK.
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise CacheError(f"{name} cannot be opened, or is a link: {error.strerror}") from error
    with open(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
            raise CacheError(f"{name} is a link or no plain file")
        _refuse_foreign(name, status)
        if status.st_size > limit:
            raise CacheError(f"{name} has {status.st_size} bytes")
        return file.read(limit + 1)


def write(folder: int, name: str, data: bytes) -> None:
    """Put a file in place in one step."""
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
    """Alone among processes. The kernel lets go when a process dies, however it dies.

    One lock for the whole folder: builds measure kernels, and two at once on one GPU would spoil
    each other's figures. The file is never removed, so all hold the same one.
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
                    control.report("waiting for another process that builds an engine")
                    waiting = True
            control.check()
            control.cancel.wait(_POLL_S)
        yield
    finally:
        os.close(descriptor)


def _refuse_foreign(what: str, status: os.stat_result) -> None:
    if status.st_uid != os.geteuid():
        raise CacheError(f"{what} belongs to another user")
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise CacheError(f"{what} is writable by others")
