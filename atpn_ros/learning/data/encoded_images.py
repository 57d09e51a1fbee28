# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Encodes pictures of different sizes as WebP in two arrays, for small archives."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import cv2
import numpy as np

from atpn_ros.learning.data.checks import DataError
from atpn_ros.types import Image


def encode_images(images: Sequence[Image], quality: int) -> tuple[Image, Any]:
    """Encode pictures as WebP.

    Args:
        images: (H, W, 3) uint8 BGR or (H, W) uint8 grey. Encode opacity as a grey picture of
            its own: WebP would change the colours where the opacity is 0.
        quality: 1..100.

    Returns:
        The (B,) uint8 bytes of all files, and their (N,) integer lengths.

    Raises:
        DataError: A picture has no pixel, or more than WebP allows.
    """
    files = []
    for image in images:
        try:
            colours = image if image.ndim == 3 else cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
            _, data = cv2.imencode(".webp", colours, [cv2.IMWRITE_WEBP_QUALITY, quality])
        except cv2.error as error:
            raise DataError(f"a picture of {image.shape} cannot be stored as WebP") from error
        files.append(data.ravel())
    lengths = np.array([len(file) for file in files], np.int64)
    return np.concatenate([np.empty(0, np.uint8), *files]), lengths


def decode_images(data: Image, lengths: Any, grey: bool = False) -> list[Image]:
    """The pictures of :func:`encode_images`: (H, W, 3) each, or (H, W) if they are grey.

    Raises:
        DataError: The arrays do not hold WebP files.
    """
    if data.ndim != 1 or data.dtype != np.uint8 or int(lengths.sum()) != len(data):
        raise DataError("encoded pictures: lengths and bytes do not match")
    if not len(lengths):
        return []
    way = cv2.IMREAD_GRAYSCALE if grey else cv2.IMREAD_COLOR

    def decode(file: Image) -> Image:
        image = cv2.imdecode(file, way) if len(file) else None
        if image is None:
            raise DataError("encoded pictures: not an image that can be read")
        return np.asarray(image, np.uint8)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(decode, np.split(data, np.cumsum(lengths)[:-1])))
