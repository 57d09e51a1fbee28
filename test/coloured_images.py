# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Images with known colours."""

import cv2
import numpy as np

from atpn_ros.images.compressed import open_compressed
from atpn_ros.types import Frame

PATCH = 8


COLOURS = np.array(
    [(0, 0, 255), (0, 255, 0), (255, 0, 0), (255, 255, 255), (0, 0, 0), (130, 60, 200)], np.uint8
)
"""BGR: red, green, blue, white, black, and one with three different channels."""


PICTURE = COLOURS.repeat(PATCH, axis=0)[None].repeat(2 * PATCH, axis=0)


HEIGHT, WIDTH = PICTURE.shape[:2]


def at_patches(picture):
    """The colours in the middle of the patches, where no neighbour is mixed in."""
    return picture[PATCH, PATCH // 2 :: PATCH].astype(int)


def with_alpha(picture):
    return np.concatenate([picture, np.full((HEIGHT, WIDTH, 1), 77, np.uint8)], axis=2)


WIDE = PICTURE.astype(np.uint16) * 256 + 99  # the low byte must not matter


def encoded(extension, picture=PICTURE, *flags):
    ok, data = cv2.imencode(extension, picture, list(flags))
    assert ok
    return data.tobytes()


def decoded(data, **options):
    """The pixels of a JPEG or PNG file, with options of ``open_compressed``."""
    return Frame(open_compressed(data, **options), 0).pixels()


def bayer(pattern):
    """The definition of the name: its letters are the first 2x2 pixels, row by row."""
    out = np.empty((HEIGHT, WIDTH), np.uint8)
    for place, letter in enumerate(pattern):
        row, column = divmod(place, 2)
        out[row::2, column::2] = PICTURE[row::2, column::2, "bgr".index(letter)]
    return out
