# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Downloads a file whose SHA-256 digest is known; resumes an interrupted download."""

from __future__ import annotations

import fcntl
import os
import shutil
from http.client import HTTPException
from pathlib import Path
from typing import BinaryIO
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from atpn_ros.files import PublishedFile, atomic_replace, sha256
from atpn_ros.types import AtpnError

_TIMEOUT_S = 30.0
_BLOCK = 65536


class DownloadError(AtpnError):
    """A file could not be downloaded or copied, or is not the expected one."""


class Unreachable(DownloadError):
    """The server could not be reached."""


def download(file: PublishedFile, target: Path, source: str = "") -> bool:
    """Download a file unless it exists already; returns whether it was downloaded.

    An incomplete download is kept as ``TARGET.part``; the next call requests the rest. A file is
    moved to ``target`` only after its digest has been verified.

    Args:
        file: What to download.
        target: Path of the file; its folder is created.
        source: An http(s) address of a mirror, or the path of a copy; empty: ``file.url``.

    Raises:
        Unreachable: There is no network, or no server at the address.
        DownloadError: The connection ended early, the source is not the file, or the path cannot
            be written.
    """
    if file.is_intact(target):
        return False
    url = source or file.url
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if "://" not in url:
            _copy(file, Path(url).expanduser(), target)
        elif urlsplit(url).scheme in ("http", "https"):
            _download(file, url, target)
        else:
            raise DownloadError(f"{url}: neither a file nor an http or https address")
    except OSError as error:
        raise DownloadError(f"{error.filename or target}: {error.strerror or error}") from error
    return True


def _copy(file: PublishedFile, source: Path, target: Path) -> None:
    digest = sha256(source)
    if digest != file.sha256:
        raise DownloadError(f"{source}: is not {file.name}: {_digests(digest, file)}")
    with atomic_replace(target) as part:
        shutil.copyfile(source, part)


def _download(file: PublishedFile, url: str, target: Path) -> None:
    part = target.with_name(f"{target.name}.part")
    with part.open("ab") as out:
        try:
            fcntl.flock(out, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DownloadError(f"{part}: another process is downloading it") from error
        while True:
            start = out.seek(0, os.SEEK_END)
            if start < file.size:
                _receive(url, start, file.size, out)
            out.flush()
            digest = sha256(part)
            if digest == file.sha256:
                break
            out.truncate(0)
            if not start:
                raise DownloadError(f"{url}: is not {file.name}: {_digests(digest, file)}")
            # The earlier part may be of another file: download again from the beginning.
        part.replace(target)


def _digests(digest: str, file: PublishedFile) -> str:
    return f"its SHA-256 is {digest}, not {file.sha256}"


def _receive(url: str, start: int, size: int, out: BinaryIO) -> None:
    """Append the bytes from ``start`` on; empties the file if the server has none there."""
    headers = {"User-Agent": "atpn_ros"} | ({"Range": f"bytes={start}-"} if start else {})
    try:
        # The caller allows http and https only.
        request = Request(url, headers=headers)  # noqa: S310
        answer = urlopen(request, timeout=_TIMEOUT_S)  # noqa: S310
    except HTTPError as error:
        if error.code == 416 and start:  # the server's file ends before
            out.truncate(0)
            return
        raise DownloadError(f"{url}: the server answers {error.code} {error.reason}") from error
    except (OSError, HTTPException, ValueError) as error:
        reason = error.reason if isinstance(error, URLError) else error
        words = getattr(reason, "strerror", None) or reason
        raise Unreachable(f"{urlsplit(url).netloc} cannot be reached: {words}") from error
    with answer:
        span = answer.headers.get("Content-Range", "")
        if start and not (answer.status == 206 and span.startswith(f"bytes {start}-")):
            out.truncate(0)  # the server sends the whole file
            start = 0
        got, why = start, "the connection ended"
        while True:
            try:
                block = answer.read(_BLOCK)
            except (OSError, HTTPException) as error:
                block, why = b"", f"the connection failed ({error})"
            if not block:
                break
            got += out.write(block)
            if got > size:
                out.truncate(0)
                raise DownloadError(f"{url}: sends more than the expected {size} bytes")
    if got < size:
        out.flush()
        raise DownloadError(
            f"{url}: {why} after {got} of {size} bytes; the same command continues from there"
        )
