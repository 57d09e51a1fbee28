# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Disk cache of TensorRT engines; checks owner and digest, and locks against concurrent writes.

A serialized engine is a program: a user who can write one into the cache can run code in the node.
So the folder is private (0700), and a file is used only if it is a regular file of this user, is
not writable by others and has the SHA-256 of its manifest. Files are opened once: the bytes that
are checked are the bytes that are used. Killing the process leaves the old state or the new one.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from atpn_ros.engines.base import LoadControl
from atpn_ros.engines.secure_files import CacheError, locked, opened, read, write
from atpn_ros.files import cache_folder

_FORMAT = 2
"""Version of the manifest format; entries of another version are built again."""
_NAME = "engines"
_FIELDS = {
    "format": int, "key": dict, "engine_sha256": str, "engine_size": int, "built": str,
}  # fmt: skip
"""Fields of a manifest that are read."""


@dataclass(frozen=True, slots=True)
class EngineKey:
    """Everything that a built engine depends on; each combination of values has its own entry.

    Attributes:
        model_sha256: SHA-256 of the ONNX file.
        tensorrt: Version of TensorRT.
        gpu: Name of the GPU.
        compute: Its compute capability, e.g. ``8.7``.
        precision: The requested one: auto, fp32 or fp16.
        max_batch: Largest batch of the optimization profile; the smallest is 1.
        options: Further builder options, sorted.
    """

    model_sha256: str
    tensorrt: str
    gpu: str
    compute: str
    precision: str
    max_batch: int
    options: tuple[tuple[str, str], ...] = ()

    @property
    def digest(self) -> str:
        """Name of the entry's files, without suffix."""
        return _digest(asdict(self))


@dataclass(frozen=True, slots=True)
class CacheEntry:
    """An engine in the cache as ``atpn engine list`` shows it.

    Attributes:
        digest: Name of its files.
        size: Bytes of the engine.
        built: When it was built, ISO 8601 in UTC.
        key: Fields of its :class:`EngineKey`; empty if the manifest cannot be read.
        problem: Why it would be rejected; empty if it is valid.
    """

    digest: str
    size: int
    built: str
    key: dict[str, Any]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class CachedEngine:
    """A serialized engine and where it comes from.

    Attributes:
        plan: The serialized engine.
        fresh: Whether it was built now.
        origin: Where it comes from, for reports.
    """

    plan: bytes
    fresh: bool
    origin: str


class EngineCache:
    """The cache in one folder, which is created on first use.

    Args:
        folder: Its path; ``cache_folder("engines")`` of :mod:`atpn_ros.files` if None.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = cache_folder(_NAME) if folder is None else folder

    def get_or_build(
        self, key: EngineKey, build: Callable[[], bytes], control: LoadControl | None = None
    ) -> CachedEngine:
        """Return the engine of a key from disk, or build it while other processes wait for it.

        If the cache cannot be read or written, the engine is built and used without it, and
        ``origin`` gives the reason.

        Raises:
            LoadCancelled: Loading was cancelled.
            Exception: Whatever ``build`` raises; the cache is unchanged.
        """
        control = control or LoadControl()
        try:
            with opened(self.folder) as folder:
                notes: list[str] = []
                plan = self._read_valid(folder, key, notes)
                if plan is not None:
                    return CachedEngine(plan, False, "from the cache")
                with locked(folder, control):
                    plan = self._read_valid(folder, key, notes)
                    if plan is not None:
                        return CachedEngine(plan, False, "from the cache, built by another process")
                    for note in notes[-1:]:
                        control.report(f"engine cache: {note}; building again")
                    began = time.monotonic()
                    plan = _run_build(build)
                    seconds = time.monotonic() - began
                    origin = f"built in {seconds:.0f} s"
                    try:
                        self._write(folder, key, plan)
                    except OSError as error:
                        origin += f", not cached: {error.strerror}"
                        control.report(f"engine cache: {self.folder} not written: {error.strerror}")
                    return CachedEngine(plan, True, origin)
        except _BuildFailed as failure:
            raise failure.cause from failure.cause.__cause__
        except (CacheError, OSError) as error:
            reason = str(error) if isinstance(error, CacheError) else error.strerror or str(error)
        control.report(f"engine cache not used: {self.folder}: {reason}")
        return CachedEngine(build(), True, f"built, no cache: {reason}")

    def remove(self, key: EngineKey, control: LoadControl | None = None) -> None:
        """Delete one engine, e.g. one that cannot be loaded. A missing one is not an error."""
        with (
            contextlib.suppress(CacheError, OSError),
            opened(self.folder) as folder,
            locked(folder, control or LoadControl()),
        ):
            _delete(folder, key.digest)

    def entries(self) -> list[CacheEntry]:
        """All entries, with the problem of each that would be rejected.

        Raises:
            CacheError: The folder is not safe to use.
        """
        if not self.folder.exists():
            return []
        found = []
        with opened(self.folder) as folder:
            for name in sorted(n for n in os.listdir(folder) if n.endswith(".json")):
                found.append(_describe(folder, name.removesuffix(".json")))
        return found

    def clean(self) -> int:
        """Delete all engines. Returns how many there were.

        Raises:
            CacheError: The folder is not safe to use.
        """
        if not self.folder.exists():
            return 0
        with opened(self.folder) as folder, locked(folder, LoadControl()):
            names = [n for n in os.listdir(folder) if n.endswith((".json", ".engine", ".tmp"))]
            for name in names:
                os.unlink(name, dir_fd=folder)
            return sum(n.endswith(".engine") for n in names)

    def _read_valid(self, folder: int, key: EngineKey, notes: list[str]) -> bytes | None:
        """The bytes of a valid engine, or None; the reason is appended to ``notes``."""
        try:
            manifest = _manifest(folder, key.digest)
            return _engine(folder, key.digest, manifest)
        except FileNotFoundError:
            return None
        except (CacheError, OSError) as error:
            notes.append(f"{key.digest}: {error}")
            return None

    def _write(self, folder: int, key: EngineKey, plan: bytes) -> None:
        """Write an engine and its manifest. The lock is held, so *.tmp files are orphaned."""
        for name in os.listdir(folder):
            if name.endswith(".tmp"):
                os.unlink(name, dir_fd=folder)
        body = {
            "format": _FORMAT,
            "key": _plain(key),
            "engine_sha256": hashlib.sha256(plan).hexdigest(),
            "engine_size": len(plan),
            "built": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        }
        # The manifest is removed first and written last: an engine without one is not used.
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{key.digest}.json", dir_fd=folder)
        write(folder, f"{key.digest}.engine", plan)
        write(folder, f"{key.digest}.json", json.dumps(body, indent=1).encode())
        os.fsync(folder)


class _BuildFailed(Exception):
    """Carries an error of ``build`` past the handlers of the cache's own errors."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__()
        self.cause = cause


def _run_build(build: Callable[[], bytes]) -> bytes:
    try:
        return build()
    except Exception as error:
        raise _BuildFailed(error) from error


def _canonical(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _digest(key: object) -> str:
    return hashlib.sha256(_canonical(key)).hexdigest()[:32]


def _plain(key: EngineKey) -> dict[str, Any]:
    """A key as it is read back from JSON."""
    plain: dict[str, Any] = json.loads(_canonical(asdict(key)))
    return plain


def _manifest(folder: int, digest: str) -> dict[str, Any]:
    try:
        manifest = json.loads(read(folder, f"{digest}.json", 1 << 20))
        types = {name: type(manifest[name]) for name in _FIELDS}
        belongs = _digest(manifest["key"]) == digest
    except (ValueError, KeyError, TypeError) as error:
        raise CacheError("manifest cannot be read") from error
    if manifest["format"] != _FORMAT:
        raise CacheError("manifest has another format")
    if types != _FIELDS:
        raise CacheError("manifest cannot be read")
    if not belongs:
        raise CacheError("manifest belongs to another engine")
    return dict(manifest)


def _engine(folder: int, digest: str, manifest: dict[str, Any]) -> bytes:
    plan = read(folder, f"{digest}.engine", manifest["engine_size"])
    if len(plan) != manifest["engine_size"]:
        raise CacheError(f"engine has {len(plan)} bytes, not {manifest['engine_size']}")
    if hashlib.sha256(plan).hexdigest() != manifest["engine_sha256"]:
        raise CacheError("engine has a wrong SHA-256")
    return plan


def _describe(folder: int, digest: str) -> CacheEntry:
    try:
        manifest = _manifest(folder, digest)
    except (CacheError, OSError) as error:
        return CacheEntry(digest, 0, "", {}, str(error))
    problem = ""
    try:
        _engine(folder, digest, manifest)
    except (CacheError, OSError) as error:
        problem = str(error)
    return CacheEntry(digest, manifest["engine_size"], manifest["built"], manifest["key"], problem)


def _delete(folder: int, digest: str) -> None:
    for name in (f"{digest}.json", f"{digest}.engine"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name, dir_fd=folder)
