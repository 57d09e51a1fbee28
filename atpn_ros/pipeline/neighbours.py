# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Covers the faces of other tracks in a track's crop, so that the network stays with its own face.

The crop of a face beside another one shows a part of that too, and the landmarks may move over to
it from frame to frame.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from atpn_ros.crop import Crop
from atpn_ros.pipeline.track import Track
from atpn_ros.types import Floats, Image

_REACH = 0.71
"""Half of a square's diagonal over its side: what is further from a crop's centre is not in it."""

_BORDER = np.ones((5, 5), np.uint8)
"""A face's own area extends this far around its landmarks: two pixels of the crop."""


def hide_neighbours(
    batch: Image, crops: Sequence[Crop], tracks: Sequence[Track], stamp_ns: int
) -> None:
    """Fill the faces of other tracks with the mean colour of the crop, in place.

    A face is the convex hull of its landmarks, where they are expected at the time of the frame.
    What belongs to the crop's own face too, where one is in front of the other, stays visible.

    Args:
        batch: (N, S, S, 3) uint8 pixels of the crops.
        crops: The first are those of the tracks, in their order. Others are not changed.
        tracks: The faces that are tracked.
        stamp_ns: Of the frame.
    """
    if len(tracks) < 2:
        return
    boxes = np.array([[t.box.cx, t.box.cy, t.box.width / 2, t.box.height / 2] for t in tracks])
    own = np.array([[c.cx, c.cy, c.side * _REACH] for c in crops[: len(tracks)]])
    apart = np.abs(own[:, None, :2] - boxes[None, :, :2])
    near = (apart < own[:, None, 2:] + boxes[None, :, 2:]).all(axis=2)
    np.fill_diagonal(near, False)
    expected: dict[int, Floats] = {}
    for i in np.flatnonzero(near.any(axis=1)).tolist():
        others = np.flatnonzero(near[i]).tolist()
        for k in (i, *others):
            if k not in expected:
                expected[k] = tracks[k].predicted_landmarks(stamp_ns)
        size = batch.shape[1]
        hidden = np.zeros((size, size), np.uint8)
        for k in others:
            _fill(hidden, crops[i], expected[k])
        if hidden.any():
            visible = np.zeros_like(hidden)
            _fill(visible, crops[i], expected[i])
            hidden[cv2.dilate(visible, _BORDER) > 0] = 0
            batch[i][hidden > 0] = np.asarray(cv2.mean(batch[i])[:3]).astype(np.uint8)


def _fill(mask: Image, crop: Crop, landmarks: Floats) -> None:
    """Fill the convex hull of landmarks in the mask of a crop."""
    points = crop.to_crop(landmarks) * mask.shape[0] - 0.5
    hull = cv2.convexHull(np.round(points).astype(np.int32))
    cv2.fillConvexPoly(mask, hull, 1)
