# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Finds the storage files of a bag, also where its ``metadata.yaml`` is damaged or missing."""

from __future__ import annotations

import sys
from pathlib import Path, PurePath
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from atpn_ros.types import AtpnError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd  # a dependency of rosbags

__all__ = [
    "ReplayError", "bag_name", "files_in", "find_storage", "is_bag", "is_compressed",
    "storage_format", "zstd",
]  # fmt: skip

_STORAGE = {".mcap": "mcap", ".db3": "sqlite3"}
_METADATA = "metadata.yaml"
_ZSTD = b"\x28\xb5\x2f\xfd"


class ReplayError(AtpnError):
    """A bag cannot be read, replayed or written."""


def find_storage(path: Path) -> tuple[list[Path], str]:
    """The paths to open for a bag, and a warning, empty if there is none.

    A folder is read from its storage files if its ``metadata.yaml`` is missing or unusable: after a
    killed recorder or a power failure, or when files were renamed.

    Raises:
        ReplayError: The path is not a bag.
    """
    if not path.exists():
        raise ReplayError(f"{path}: no such file or folder")
    if not path.is_dir():
        if _format(path) is None:
            raise ReplayError(f"{path}: not a bag: neither a folder nor .mcap, .db3 or .bag")
        return [path], ""
    files = _storage_in(path)
    if not (path / _METADATA).is_file():
        if not files:
            raise ReplayError(f"{path}: not a bag: neither {_METADATA} nor .mcap or .db3 files")
        return files, ""
    fault = _metadata_fault(path, len(files))
    if not fault or not files:
        return [path], ""
    return files, f"{path / _METADATA} {fault}: the storage files are read without it"


def storage_format(path: Path) -> str:
    """The format of a bag: ``mcap``, ``sqlite3`` or ``ros1``; ``mcap`` if it is no bag."""
    files = _storage_in(path) if path.is_dir() else [path]
    return next((kind for file in files if (kind := _format(file))), "mcap")


def is_bag(path: Path) -> bool:
    """Whether a path is a bag file or a folder with the files of a bag."""
    if not path.is_dir():
        return path.is_file() and _format(path) is not None
    return (path / _METADATA).is_file() or bool(_storage_in(path))


def bag_name(path: Path) -> str:
    """The name of a bag without the suffix of its file.

    >>> bag_name(Path("day/monday.mcap.zstd"))
    'monday'
    """
    if path.is_dir():
        return path.resolve().name if path.name in ("", "..") else path.name
    return Path(path.name.removesuffix(".zstd")).stem


def files_in(path: Path) -> list[Path]:
    """The files in a folder, in order of their names; none if it is no folder."""
    return sorted(p for p in path.iterdir() if p.is_file()) if path.is_dir() else []


def is_compressed(data: bytes | memoryview) -> bool:
    """Whether a message was compressed by its recorder: a CDR message does not begin like that."""
    return bytes(data[:4]) == _ZSTD


def _format(path: Path) -> str | None:
    if path.suffix == ".bag":
        return "ros1"
    return _STORAGE.get(Path(path.name.removesuffix(".zstd")).suffix)


def _storage_in(folder: Path) -> list[Path]:
    """The storage files in a folder; of a file and its compressed copy the former."""
    files = [p for p in files_in(folder) if _format(p) not in (None, "ros1")]
    return [p for p in files if p.suffix != ".zstd" or p.with_suffix("") not in files]


def _metadata_fault(folder: Path, files: int) -> str:
    """Why a folder's metadata are unusable, empty if they are usable.

    A missing file alone is no fault of the metadata, unless there are at least as many ``files``
    as the metadata name: then the files were renamed.
    """
    try:
        content: Any = YAML(typ="safe").load((folder / _METADATA).read_text())
    except (YAMLError, UnicodeDecodeError):
        return "is damaged"
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    if content is None:
        return "is empty"
    information = content.get("rosbag2_bagfile_information") if isinstance(content, dict) else None
    if not isinstance(information, dict):
        return "is damaged"
    if not information.get("storage_identifier"):
        return "does not name the storage"
    names = information.get("relative_file_paths")
    if not isinstance(names, list):
        return "does not name the files"
    missing = [n for n in names if not (folder / PurePath(str(n)).name).exists()]
    if not names or (missing and files >= len(names)):
        return "does not name the files that are there"
    return ""
