# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Arranges several pictures in the rows of one image."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from atpn_ros.types import Image

_EMPTY = 40
"""Grey level where there is no picture."""


def contact_sheet(
    pictures: Sequence[Image], columns: int, size: tuple[int, int], rows: int | None = None
) -> Image:
    """Arrange pictures in rows, each as large as fits into its cell.

    Args:
        pictures: (H, W, 3) uint8 BGR, of any sizes.
        columns: Cells in a row.
        size: Width and height of a cell in pixels.
        rows: Number of rows; pictures beyond them are left out. None: as many as are needed.

    Returns:
        (rows * height, columns * width, 3) uint8 BGR.
    """
    width, height = size
    rows = -(-len(pictures) // columns) if rows is None else rows
    cells = np.full((rows, columns, height, width, 3), _EMPTY, np.uint8)
    flat = cells.reshape(-1, height, width, 3)
    for cell, picture in zip(flat, pictures, strict=False):
        scale = min(width / picture.shape[1], height / picture.shape[0])
        w, h = round(picture.shape[1] * scale), round(picture.shape[0] * scale)
        x, y = (width - w) // 2, (height - h) // 2
        cell[y : y + h, x : x + w] = cv2.resize(picture, (w, h), interpolation=cv2.INTER_AREA)
    joined = cells.transpose(0, 2, 1, 3, 4).reshape(rows * height, columns * width, 3)
    return np.ascontiguousarray(joined)
