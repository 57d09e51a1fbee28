# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Low-level reading of tar shards: images, JSON labels and checksums."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from atpn_ros.files import sha256
from atpn_ros.types import AtpnError, Image


class ShardError(AtpnError):
    """Shards cannot be written, or do not match their checksums."""


def checksums(folder: Path, paths: list[Path]) -> None:
    """Write SHA256SUMS of files in a folder."""
    lines = [f"{sha256(p)}  {p.relative_to(folder).as_posix()}\n" for p in paths]
    (folder / "SHA256SUMS").write_text("".join(lines))


def verify(folder: Path) -> None:
    """Check the files of a folder against its SHA256SUMS.

    Raises:
        ShardError: A file is missing or has changed.
    """
    try:
        lines = (folder / "SHA256SUMS").read_text().splitlines()
        for line in lines:
            digest, name = line.split("  ", 1)
            if sha256(folder / name) != digest:
                raise ShardError(f"{folder / name}: not what SHA256SUMS says")
    except (OSError, ValueError) as error:
        raise ShardError(f"{folder}: {error}") from error


def read(folder: Path) -> Iterator[tuple[Image, dict[str, Any]]]:
    """Pictures (BGR) and labels of all shards of a folder; checksums are verified first."""
    verify(folder)
    for path in sorted(folder.glob("shard-*.tar")):
        with tarfile.open(path) as tar:
            picture: Image | None = None
            for member in tar:
                file = tar.extractfile(member)
                data = b"" if file is None else file.read()
                if member.name.endswith(".png"):
                    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
                    if decoded is None:
                        raise ShardError(f"{path}: {member.name}: not an image")
                    picture = np.asarray(decoded, np.uint8)
                elif picture is not None:
                    yield picture, json.loads(data)
