# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A portrait as a picture and as a video, and ``atpn`` in this process and in one of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np

import atpn_ros
from atpn_ros.cli import main
from atpn_ros.drawing.video import VideoWriter
from atpn_ros.types import Image

WIDTH, HEIGHT = 320, 240


@lru_cache
def portrait() -> Image:
    """(240, 320, 3) BGR: a face of about 100 pixels."""
    from skimage import data

    photograph = cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2BGR)
    return np.ascontiguousarray(photograph[0:HEIGHT, 64 : 64 + WIDTH])


def write_clip(path: Path, count: int) -> Path:
    """A video of 10 Hz in which the portrait moves by two pixels per frame; returns its path."""
    writer = VideoWriter(path, 10.0)
    for n in range(count):
        writer.write(np.roll(portrait(), 2 * n, axis=1))
    writer.close(keep=True)
    return path


def atpn(*words: object) -> int:
    """Run ``atpn`` in this process; returns its exit code."""
    return main([*map(str, words)])


def start_atpn(*words: object, **options: Any) -> subprocess.Popen[Any]:
    """Start ``atpn`` in a process of its own."""
    code = "import sys; from atpn_ros.cli import main; sys.exit(main(sys.argv[1:]))"
    world = os.environ | {"PYTHONPATH": str(Path(atpn_ros.__file__).parents[1])}
    return subprocess.Popen([sys.executable, "-c", code, *map(str, words)], env=world, **options)
