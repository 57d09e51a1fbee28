# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Small shards of made-up renders for tests."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import cv2
import numpy as np

from atpn_ros import geometry
from atpn_ros.learning.data import shards


def a_face(**changes: object) -> dict[str, object]:
    rotation = geometry.head_rotation(0.1, 0.0, 0.2)
    gaze = rotation[:, 0]
    points = np.random.default_rng(0).uniform(30, 90, (98, 2))
    return {
        "landmarks98": points.tolist(), "crop_rotation": rotation.tolist(),
        "rotation": rotation.tolist(), "gaze": [gaze.tolist()] * 2, "eyes_open": [0.3, 0.01],
        "tone": 2, "visible98": [1] * 98,
    } | changes  # fmt: skip


def a_shard(folder: Path, faces: list[dict[str, object] | None], picture: bytes = b"") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    png = picture or cv2.imencode(".png", np.full((120, 120, 3), 90, np.uint8))[1].tobytes()
    with tarfile.open(folder / "shard-00000.tar", "w") as tar:
        for i, face in enumerate(faces):
            record = json.dumps({"index": i, "face": face}).encode()
            for name, data in ((f"{i:08d}.png", png), (f"{i:08d}.json", record)):
                info = tarfile.TarInfo(name)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
    shards.checksums(folder, [folder / "shard-00000.tar"])
    return folder
