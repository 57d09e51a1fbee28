# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A tracker that is driven frame by frame, with made-up observations."""

import numpy as np

from atpn_ros.crop import crop_from_landmarks
from atpn_ros.pipeline.track import Observation
from atpn_ros.pipeline.tracker import Tracker, TrackerSettings
from fakes import FACE, MS

STEP = 33 * MS


def face(x, y=100.0, radius=30.0, presence=0.9, index=0):
    return Observation(FACE * radius + (x, y), presence, index)


def gone(presence=0.1):
    return face(0, presence=presence)


def crop_at(x, y=100.0, radius=30.0):
    return crop_from_landmarks(FACE * radius + (x, y))


class TrackerRun:
    """A tracker and the stamp of its last frame."""

    def __init__(self, **settings):
        self.tracker = Tracker(TrackerSettings(**settings))
        self.stamp = 10**9

    def step(self, *observations, found=(), ns=STEP):
        """One frame: observations of tracked faces, then of detections. Returns the lost ids."""
        self.stamp += ns
        self.tracker.predict(self.stamp)
        places = [observation.landmarks[:, 0].mean() for observation in found]
        self.tracker.match_detections([crop_at(x) for x in places if np.isfinite(x)])
        return [t.id for t in self.tracker.update([*observations, *found], self.stamp)]

    @property
    def ids(self):
        return [t.id for t in self.tracker.tracks]
