# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Writes replayed bags atomically with a JSON summary, and skips bags that are already done.

The summary is ``replay.json`` in a rosbag2 folder, ``NAME.bag.json`` beside a ROS 1 bag. It records
the inputs (files, settings, networks, version), so that an interrupted run can be continued.
"""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2

import atpn_ros
from atpn_ros.detectors import detector_file
from atpn_ros.files import check_inputs_kept, write_text
from atpn_ros.replay.bag_files import ReplayError, files_in, find_storage, is_bag
from atpn_ros.replay.bag_replay import ProgressCallback, ReplayJob, replay
from atpn_ros.replay.bags import replaced
from atpn_ros.types import AtpnError

SUMMARY = "replay.json"

_END = 2**20
"""Large files are identified by this many bytes of their beginning and of their end."""


@dataclass(frozen=True, slots=True)
class ReplayOutcome:
    """Outcome of a :class:`ReplayJob`.

    Attributes:
        job: The job.
        summary: The summary of the result, None after an error.
        error: The error in one line, empty if there is none.
        skipped: Whether the result existed already.
    """

    job: ReplayJob
    summary: dict[str, Any] | None = None
    error: str = ""
    skipped: bool = False


def replay_if_needed(
    job: ReplayJob, overwrite: bool = False, progress: ProgressCallback | None = None
) -> ReplayOutcome:
    """Replay a bag unless its result exists already; errors are returned in the outcome.

    Limits OpenCV to one thread in this process: bags are replayed in parallel, and the same bag
    must give the same result.
    """
    cv2.setNumThreads(1)
    try:
        made_from = inputs_of(job)
        _check_target(job)
        if job.target.exists() and not overwrite:
            summary = read_summary(job.target)
            if summary is not None and summary.get("made_from") == made_from:
                return ReplayOutcome(job, summary, skipped=True)
            raise ReplayError(f"{job.target}: exists and is not the same replay; see --overwrite")
        return ReplayOutcome(job, _replay_into_place(job, made_from, progress))
    except AtpnError as error:
        return ReplayOutcome(job, error=str(error))


def _check_target(job: ReplayJob) -> None:
    """Check that writing a result replaces nothing but an earlier result.

    Raises:
        ReplayError: The target is in the source, contains it, or was not written by a replay.
        OverwritesInput: The target is the source or one of its files.
    """
    source, target = job.source.resolve(), job.target.resolve()
    check_inputs_kept([job.target, summary_path(job.target)], [source, *files_in(source)])
    if source.is_dir() and source in target.parents:
        raise ReplayError(f"{job.target}: is in the folder of the bag that is read")
    if target in source.parents:
        raise ReplayError(f"{job.target}: contains the bag that is read")
    if not target.exists():
        return
    summary = read_summary(target)
    if summary is None or "made_from" not in summary:
        raise ReplayError(f"{job.target}: exists and was not written by atpn replay: remove it")
    others = [p.name for p in target.iterdir() if not _is_written(p)] if target.is_dir() else []
    if others:
        raise ReplayError(
            f"{job.target}: exists and holds {others[0]}, which atpn replay did not write"
        )


def _is_written(path: Path) -> bool:
    """Whether a file in a result's folder is one that a replay writes."""
    return path.is_file() and (path.name in ("metadata.yaml", SUMMARY) or is_bag(path))


def _replay_into_place(
    job: ReplayJob, made_from: dict[str, Any], progress: ProgressCallback | None
) -> dict[str, Any]:
    began = time.monotonic()
    with replaced(job.target) as part:
        result = replay(job, part, progress)
        seconds = time.monotonic() - began
        images = sum(t.received for t in result.topics.values())
        summary = {
            "source": str(job.source),
            "images": images,
            "topics": {name: tally.as_json() for name, tally in result.topics.items()},
            "copied": result.copied,
            "notes": result.notes,
            "engine": result.engine,
            "seconds": round(seconds, 3),
            "images_per_second": round(images / max(seconds, 1e-9), 1),
            "made_from": made_from,
        }
        text = json.dumps(summary, indent=2) + "\n"
        if part.is_dir():
            (part / SUMMARY).write_text(text)
        else:
            # The old file goes first, so that no file is ever beside another one's summary.
            job.target.unlink(missing_ok=True)
            write_text(summary_path(job.target), text)
    return summary


def summary_path(target: Path) -> Path:
    """The path of a result's summary."""
    return target / SUMMARY if target.is_dir() else target.with_name(f"{target.name}.json")


def read_summary(target: Path) -> dict[str, Any] | None:
    """A result's summary, None if there is none."""
    try:
        summary = json.loads(summary_path(target).read_text())
    except (OSError, ValueError):
        return None
    return summary if isinstance(summary, dict) else None


def inputs_of(job: ReplayJob) -> dict[str, Any]:
    """All inputs of a job's result: the bag, the networks, the settings, the version.

    Raises:
        ReplayError: The bag does not exist, or a file cannot be read.
    """
    s = job.settings
    networks = {"model": s.model_path(), "detector": detector_file(s.detector_model)}
    paths, _ = find_storage(job.source)
    if job.source.is_dir():
        paths = [p for p in files_in(job.source) if p.name != SUMMARY]
    options = asdict(job)
    for name in ("source", "target", "settings"):
        options.pop(name)
    return {
        "version": atpn_ros.__version__,
        "files": {p.name: _identity(p) for p in paths},
        "networks": {name: _identity(path, whole=True) for name, path in networks.items()},
        "settings": asdict(s),
        "options": json.loads(json.dumps(options)),  # as it comes back from a file
    }


def _identity(path: Path, whole: bool = False) -> dict[str, Any]:
    """A file's size, and the SHA-256 of all of it or of its two ends."""
    try:
        size = path.stat().st_size
        digest = hashlib.sha256()
        with path.open("rb") as stream:
            if whole or size <= 2 * _END:
                digest.update(stream.read())
            else:
                digest.update(stream.read(_END))
                stream.seek(-_END, 2)
                digest.update(stream.read())
    except OSError as error:
        raise ReplayError(f"{path}: {error.strerror}") from error
    return {"bytes": size, "sha256": digest.hexdigest()}
