# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Faces of other tracks are covered in a track's crop."""

import numpy as np

from atpn_ros.crop import crop_from_landmarks, cut_batch
from atpn_ros.pipeline.neighbours import hide_neighbours
from atpn_ros.pipeline.track import Observation, Track

_NS = 100_000_000


def face_at(x: float, y: float, radius: float = 20.0) -> np.ndarray:
    """(98, 2) points in a disc."""
    turn = np.linspace(0, 2 * np.pi, 98, endpoint=False)
    return np.array([x, y]) + radius * np.stack([np.cos(turn), np.sin(turn)], axis=1)


def track_at(number: int, landmarks: np.ndarray) -> Track:
    return Track(number, 0, Observation(landmarks, 1.0), 0, 1.0)


def hidden(tracks: list[Track], stamp_ns: int = _NS, size: int = 128) -> np.ndarray:
    """(N, size, size) whether each pixel of the crops was changed."""
    image = np.random.default_rng(0).integers(0, 256, (240, 320, 3), dtype=np.uint8)
    crops = [t.predicted_crop(stamp_ns) for t in tracks]
    before = cut_batch(image, crops, size)
    after = before.copy()
    hide_neighbours(after, crops, tracks, stamp_ns)
    return (before != after).any(axis=-1)


def pixels_of(track: Track, size: int = 128) -> np.ndarray:
    """(size, size, 2) where each pixel of the track's crop is in the image."""
    steps = (np.arange(size) + 0.5) / size
    return crop_from_landmarks(track.landmarks).to_image(np.stack(np.meshgrid(steps, steps), -1))


def test_a_neighbour_is_covered_and_nothing_else() -> None:
    tracks = [track_at(1, face_at(100, 100)), track_at(2, face_at(142, 100))]
    changed = hidden(tracks)
    for i, other in ((0, 1), (1, 0)):
        points = pixels_of(tracks[i])
        is_other = np.linalg.norm(points - tracks[other].landmarks.mean(0), axis=-1) < 19.5
        is_near = np.linalg.norm(points - tracks[other].landmarks.mean(0), axis=-1) < 20.5
        assert is_other.sum() > 200
        assert changed[i][is_other].mean() > 0.95
        assert not changed[i][~is_near].any()


def test_the_own_face_stays_visible_where_another_one_overlaps_it() -> None:
    tracks = [track_at(1, face_at(100, 100)), track_at(2, face_at(115, 100))]
    changed = hidden(tracks)
    for i, track in enumerate(tracks):
        points = pixels_of(track)[changed[i]]
        assert len(points) > 500
        assert np.linalg.norm(points - track.landmarks.mean(0), axis=1).min() > 20


def test_a_face_outside_the_crop_changes_nothing() -> None:
    assert not hidden([track_at(1, face_at(60, 100)), track_at(2, face_at(200, 100))]).any()
    assert not hidden([track_at(1, face_at(60, 100))]).any()


def test_a_moving_neighbour_is_covered_where_it_is_expected() -> None:
    tracks = [track_at(1, face_at(100, 100)), track_at(2, face_at(145, 100))]
    at_rest = hidden(tracks)[0].sum()
    tracks[1].velocity = np.array([-100.0, 0.0])  # 10 pixels nearer at the time of the frame
    assert hidden(tracks)[0].sum() > at_rest + 500


def test_other_crops_are_not_changed() -> None:
    tracks = [track_at(1, face_at(100, 100)), track_at(2, face_at(145, 100))]
    crops = [t.predicted_crop(_NS) for t in tracks]
    batch = np.arange(3 * 128 * 128 * 3, dtype=np.int64).astype(np.uint8).reshape(3, 128, 128, 3)
    before = batch.copy()
    hide_neighbours(batch, [*crops, crops[0]], tracks, _NS)
    assert (batch[0] != before[0]).any()
    np.testing.assert_array_equal(batch[2], before[2])
