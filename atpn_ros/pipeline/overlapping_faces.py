# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Matches observations with tracks where faces overlap and several crops show the same face."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from atpn_ros.crop import crop_from_landmarks
from atpn_ros.pipeline.association import assign, crop_distance
from atpn_ros.pipeline.track import Observation, Track

_SAME_FACE_IOU = 0.6
"""Boxes that overlap more than this are of one face."""

_AGE_TIEBREAK = 0.1
"""Where two tracks claim one face about equally well, in face sizes, the older keeps it."""


def match_observations(
    tracks: Sequence[Track],
    observations: Sequence[Observation],
    plausible: Sequence[bool],
    stamp_ns: int,
) -> list[Observation | None]:
    """The observation of each track: that of its own crop, unless faces are close together.

    When faces overlap, the network may find another track's face in a crop. Of all tracks that
    observe one face, the one with the closest predicted crop keeps it; the others get None.

    Args:
        tracks: Oldest first.
        observations: Of the crop of each track.
        plausible: Whether each observation is a face.
        stamp_ns: Of the frame.
    """
    if len(observations) < 2:
        return list(observations)
    good = [i for i, is_face in enumerate(plausible) if is_face]
    boxes = {i: observations[i].box for i in good}
    distinct = [
        i
        for i in good
        if all(boxes[i].iou(boxes[j]) <= _SAME_FACE_IOU for j in good[: good.index(i)])
    ]
    if len(distinct) == len(good):
        return list(observations)
    crops = [track.predicted_crop(stamp_ns) for track in tracks]
    cost = np.full((len(observations), len(distinct)), np.inf)
    for row in good:
        for column, i in enumerate(distinct):
            seen = crop_from_landmarks(observations[i].landmarks)
            distance = crop_distance(crops[row], seen)
            distance += _AGE_TIEBREAK * good.index(row) / len(good)
            cost[row, column] = distance if i == row or distance < 1 else np.inf
    out: list[Observation | None] = [None if i in boxes else o for i, o in enumerate(observations)]
    for row, column in assign(cost):
        i = distinct[column]
        out[row] = observations[row if boxes[row].iou(boxes[i]) > _SAME_FACE_IOU else i]
    return out
