# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Built engines on disk: only ours, only whole, built once however many ask.

A serialized engine is a program: whoever can write one into the cache runs code in the node. So the
folder is private (0700), a file is taken only when it is a plain file of this user that nobody else
may write, and only with the manifest that its hash is in. Files are opened once and what was read
is what is checked and used. A kill at any moment leaves either the old state or the new one.
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

_FORMAT = 1
"""Of manifests; another one is a miss."""
_NAME = "engines"


@dataclass(frozen=True, slots=True)
class EngineKey:
    """Everything that an engine depends on. Another value of any field is another engine.

    Attributes:
        model_sha256: Of the ONNX file.
        tensorrt: Version of TensorRT.
        gpu: Name of the GPU.
        compute: Its compute capability, e.g. ``8.7``.
        precision: As asked for.
        max_batch: Upper end of the optimization profile; the lower is 1.
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
        """A file name."""
        return hashlib.sha256(_canonical(asdict(self))).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Entry:
    """One engine in the cache, for people."""

    digest: str
    size: int
    built: str
    key: dict[str, Any]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Stored:
    """An engine's bytes and where they come from."""

    plan: bytes
    fresh: bool
    words: str


class EngineCache:
    """The cache in one folder, which is made on first use.

    Args:
        folder: Where; by default ``cache_folder("engines")`` of :mod:`atpn_ros.files`.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = cache_folder(_NAME) if folder is None else folder

    def get_or_build(
        self, key: EngineKey, build: Callable[[], bytes], control: LoadControl | None = None
    ) -> Stored:
        """The engine of a key: from disk, or built, while others that want it wait.

        A cache that cannot be used, or not be written, costs only time: then the engine is built
        and used without it, and the words say so.

        Raises:
            LoadCancelled: ``control`` was stopped.
            Exception: Whatever ``build`` raises; the cache is as it was before.
        """
        control = control or LoadControl()
        try:
            with opened(self.folder) as folder:
                notes: list[str] = []
                plan = self._take(folder, key, notes)
                if plan is not None:
                    return Stored(plan, False, "from the cache")
                with locked(folder, control):
                    plan = self._take(folder, key, notes)
                    if plan is not None:
                        return Stored(plan, False, "from the cache, built by another process")
                    for note in notes[-1:]:
                        control.report(f"engine cache: {note}; building again")
                    began = time.monotonic()
                    plan = _built(build)
                    seconds = time.monotonic() - began
                    words = f"built in {seconds:.0f} s"
                    try:
                        self._put(folder, key, plan, seconds)
                    except OSError as error:
                        words += f", not cached: {error.strerror}"
                        control.report(f"engine cache: {self.folder} not written: {error.strerror}")
                    return Stored(plan, True, words)
        except _BuildFailed as failure:
            raise failure.cause from failure.cause.__cause__
        except (CacheError, OSError) as error:
            reason = str(error) if isinstance(error, CacheError) else error.strerror or str(error)
        control.report(f"engine cache not used: {self.folder}: {reason}")
        return Stored(build(), True, f"built, no cache: {reason}")

    def remove(self, key: EngineKey, control: LoadControl | None = None) -> None:
        """Forget one engine, e.g. one that this machine cannot load. A missing one is no error."""
        with (
            contextlib.suppress(CacheError, OSError),
            opened(self.folder) as folder,
            locked(folder, control or LoadControl()),
        ):
            _discard(folder, key.digest)

    def entries(self) -> list[Entry]:
        """What is there, with the problem of each that would be refused.

        Raises:
            CacheError: The folder must not be used.
        """
        if not self.folder.exists():
            return []
        found = []
        with opened(self.folder) as folder:
            for name in sorted(n for n in os.listdir(folder) if n.endswith(".json")):
                found.append(_describe(folder, name.removesuffix(".json")))
        return found

    def clean(self) -> int:
        """Remove all engines; how many there were.

        Raises:
            CacheError: The folder must not be used.
        """
        if not self.folder.exists():
            return 0
        with opened(self.folder) as folder, locked(folder, LoadControl()):
            names = [n for n in os.listdir(folder) if n.endswith((".json", ".engine", ".tmp"))]
            for name in names:
                os.unlink(name, dir_fd=folder)
            return sum(n.endswith(".engine") for n in names)

    def _take(self, folder: int, key: EngineKey, notes: list[str]) -> bytes | None:
        """An engine that may be used, or None; then ``notes`` may say why."""
        try:
            manifest = _manifest(folder, key.digest)
            if manifest["key"] != _plain(key):
                raise CacheError("manifest is of another engine")
            return _engine(folder, key.digest, manifest)
        except FileNotFoundError:
            return None
        except (CacheError, OSError) as error:
            notes.append(f"{key.digest}: {error}")
            return None

    def _put(self, folder: int, key: EngineKey, plan: bytes, seconds: float) -> None:
        """Write an engine. The lock is held, so what else is half written is a dead process's."""
        for name in os.listdir(folder):
            if name.endswith(".tmp"):
                os.unlink(name, dir_fd=folder)
        body = {
            "format": _FORMAT,
            "key": _plain(key),
            "engine_sha256": hashlib.sha256(plan).hexdigest(),
            "engine_size": len(plan),
            "built": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "seconds": round(seconds, 1),
        }
        body["manifest_sha256"] = hashlib.sha256(_canonical(body)).hexdigest()
        # The manifest goes first and comes last: without one there is no engine.
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{key.digest}.json", dir_fd=folder)
        write(folder, f"{key.digest}.engine", plan)
        write(folder, f"{key.digest}.json", json.dumps(body, indent=1).encode())
        os.fsync(folder)


class _BuildFailed(Exception):
    """Carries an error of the builder past the handlers of the cache's own errors."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__()
        self.cause = cause


def _built(build: Callable[[], bytes]) -> bytes:
    try:
        return build()
    except Exception as error:
        raise _BuildFailed(error) from error


def _canonical(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _plain(key: EngineKey) -> dict[str, Any]:
    """A key as JSON gives it back."""
    plain: dict[str, Any] = json.loads(_canonical(asdict(key)))
    return plain


def _manifest(folder: int, digest: str) -> dict[str, Any]:
    try:
        body = json.loads(read(folder, f"{digest}.json", 1 << 20))
        claimed = body.pop("manifest_sha256")
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise CacheError("manifest cannot be read") from error
    if hashlib.sha256(_canonical(body)).hexdigest() != claimed:
        raise CacheError("manifest has a wrong hash")
    if body["format"] != _FORMAT:
        raise CacheError("manifest has another format")
    manifest: dict[str, Any] = body
    return manifest


def _engine(folder: int, digest: str, manifest: dict[str, Any]) -> bytes:
    plan = read(folder, f"{digest}.engine", manifest["engine_size"])
    if len(plan) != manifest["engine_size"]:
        raise CacheError(f"engine has {len(plan)} bytes, not {manifest['engine_size']}")
    if hashlib.sha256(plan).hexdigest() != manifest["engine_sha256"]:
        raise CacheError("engine has a wrong hash")
    return plan


def _describe(folder: int, digest: str) -> Entry:
    try:
        manifest = _manifest(folder, digest)
    except (CacheError, OSError) as error:
        return Entry(digest, 0, "", {}, str(error))
    problem = ""
    try:
        _engine(folder, digest, manifest)
    except (CacheError, OSError) as error:
        problem = str(error)
    return Entry(digest, manifest["engine_size"], manifest["built"], manifest["key"], problem)


def _discard(folder: int, digest: str) -> None:
    for name in (f"{digest}.json", f"{digest}.engine"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name, dir_fd=folder)
