# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Writes rendered samples as tar shards of PNG pictures and JSON labels, with checksums.

``shard-00000.tar`` holds ``00000000.png`` and ``00000000.json`` and so on; ``SHA256SUMS`` is what
``sha256sum -c`` reads. Times and owners in the tars are zero, so the same samples make the same
bytes.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from atpn_ros.files import atomic_replace
from atpn_ros.learning.data.shards import ShardError, checksums
from atpn_ros.types import Image

if TYPE_CHECKING:  # reading needs no OpenGL
    from atpn_ros.learning.synth.render.stream import RenderedSample
    from atpn_ros.learning.synth.scene.labels import FaceLabels


def face_record(face: FaceLabels) -> dict[str, Any]:
    """The labels of a face as plain numbers."""
    x0, y0, x1, y1 = face.box.xyxy
    return {
        "id": face.id,
        "landmarks98": _numbers(face.landmarks, 4),
        "visible98": [int(v) for v in face.visible],
        "points98": _numbers(face.points, 7),
        "rotation": _numbers(face.rotation, 9),
        "crop_rotation": _numbers(face.crop_rotation, 9),
        "sellion": _numbers(face.sellion, 7),
        "gaze": _numbers(face.gaze, 7),
        "eye_centres": _numbers(face.eye_centres, 7),
        "eyes_open": _numbers(face.eyes_open, 4),
        "box_xyxy": _numbers(np.array([x0, y0, x1, y1]), 3),
        "tone": face.tone,
        "identity": face.layer,
        "age": None if face.age is None else round(face.age, 4),
    }


def sample_record(sample: RenderedSample) -> dict[str, Any]:
    """The labels of a sample as plain numbers."""
    height, width = sample.image.shape[:2]
    out: dict[str, Any] = {
        "index": sample.index,
        "size": [width, height],
        "camera": _numbers(sample.camera, 6),
        "presence": int(sample.presence),
        "overlap": round(sample.overlap, 4),
        "face": None if sample.face is None else face_record(sample.face),
    }
    return out


def write(samples: Iterable[RenderedSample], folder: Path, shard: int = 1000) -> list[Path]:
    """Write samples as shards of ``shard`` each, with checksums.

    Raises:
        ShardError: The folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return _write(samples, folder, shard)
    except OSError as error:
        raise ShardError(f"{folder}: {error}") from error


def write_loose(samples: Iterable[RenderedSample], folder: Path) -> list[Path]:
    """Write ``images/00000000.png`` ..., ``labels.jsonl`` (a line each) and checksums.

    Raises:
        ShardError: The folder cannot be written.
    """
    try:
        (folder / "images").mkdir(parents=True, exist_ok=True)
        paths = []
        with atomic_replace(folder / "labels.jsonl") as part, part.open("wb") as lines:
            for sample in samples:
                path = folder / "images" / f"{sample.index:08d}.png"
                path.write_bytes(encode_png(sample.image))
                paths.append(path)
                lines.write(to_json_line({"file": f"images/{path.name}", **sample_record(sample)}))
        paths.append(folder / "labels.jsonl")
        checksums(folder, paths)
        return paths
    except OSError as error:
        raise ShardError(f"{folder}: {error}") from error


def _write(samples: Iterable[RenderedSample], folder: Path, shard: int) -> list[Path]:
    paths: list[Path] = []
    tar: tarfile.TarFile | None = None
    for i, sample in enumerate(samples):
        if i % shard == 0:
            if tar is not None:
                tar.close()
            paths.append(folder / f"shard-{len(paths):05d}.tar")
            tar = tarfile.open(paths[-1], "w", format=tarfile.USTAR_FORMAT)  # noqa: SIM115
        if tar is not None:
            name = f"{sample.index:08d}"
            _add(tar, f"{name}.png", encode_png(sample.image))
            _add(tar, f"{name}.json", to_json_line(sample_record(sample)))
    if tar is not None:
        tar.close()
    checksums(folder, paths)
    return paths


def to_json_line(record: Any) -> bytes:
    """JSON of one line, the same for the same record."""
    return (json.dumps(record, separators=(",", ":"), sort_keys=True) + "\n").encode()


def encode_png(image: Image) -> bytes:
    """PNG bytes."""
    done, data = cv2.imencode(".png", image)
    if not done:
        raise ShardError("a picture could not be encoded as PNG")
    return bytes(data)


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(data), 0o644
    tar.addfile(info, io.BytesIO(data))


def _numbers(values: Any, digits: int) -> Any:
    return np.round(np.asarray(values, np.float64), digits).tolist()
