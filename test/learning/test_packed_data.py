# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Tests of faces, crops and assets that are stored small."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from atpn_ros import geometry
from atpn_ros.learning.data.asset_error import AssetError
from atpn_ros.learning.data.checks import DataError
from atpn_ros.learning.data.detection_crops import (
    DetectionCrops,
    load_detection_crops,
    save_packed_crops,
)
from atpn_ros.learning.data.face_regions import landmark_region, with_face_side
from atpn_ros.learning.data.labelled_face import LabelledFace
from atpn_ros.learning.data.landmark_convention import load_offsets
from atpn_ros.learning.data.layouts import WFLW98
from atpn_ros.learning.data.packed_faces import load_packed_faces, save_packed_faces
from atpn_ros.learning.data.renders import load_renders
from atpn_ros.learning.data.training_faces import load_training_photographs
from atpn_ros.types import Box


def a_picture(height: int = 90, width: int = 120) -> np.ndarray:
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([x, y, x // 2 + y // 2], -1).astype(np.uint8)


def a_face() -> LabelledFace:
    points = np.random.default_rng(0).uniform(20, 80, (98, 2))
    points[:2] = (10, 10), (90, 50)  # the longest side of their box is 80
    return LabelledFace(
        a_picture(), points, WFLW98, "one", weights=np.full(98, 0.5),
        rotation=geometry.head_rotation(0.1, 0.2, 0.3), gaze=np.tile((0.0, 0.0, -1.0), (2, 1)),
        eyes_open=(True, False), eyes_seen=(False, True), detection=Box(50, 40, 60, 70),
        brow_middles=True, opacity=np.where(a_picture()[..., 0] > 60, 255, 0).astype(np.uint8),
    )  # fmt: skip


def test_faces_come_back_with_their_labels(tmp_path: Path) -> None:
    face = a_face()
    bare = LabelledFace(a_picture(40, 50), None, WFLW98, "bare", presence=False, overlap=0.25)
    plain = replace(face, rotation=None, gaze=None, weights=None, opacity=None, detection=None)
    path = tmp_path / "faces.npz"
    save_packed_faces(path, [face, bare, plain], 90)
    one, none, other = load_packed_faces(path)
    assert one.image.shape == face.image.shape
    assert np.abs(one.image.astype(float) - face.image).mean() < 4
    for name in ("points", "weights", "rotation", "gaze", "opacity"):
        atol = 40 if name == "opacity" else 1e-4
        assert np.allclose(getattr(one, name), getattr(face, name), atol=atol), name
        assert name == "points" or getattr(other, name) is None
    for name in ("name", "eyes_open", "eyes_seen", "detection", "brow_middles", "presence"):
        assert getattr(one, name) == getattr(face, name), name
    assert (none.presence, none.points, none.overlap) == (False, None, 0.25)
    assert other.detection is None
    # A run file names such a file where it would name a folder.
    assert len(load_training_photographs(path, "train")) == len(load_renders(path)) == 3


def test_a_smaller_face_has_its_labels_in_the_smaller_picture() -> None:
    small = with_face_side(a_face(), 40)
    assert small.image.shape == (45, 60, 3)
    assert small.opacity is not None
    assert small.opacity.shape == (45, 60)
    assert np.allclose(small.landmarks, (a_face().landmarks + 0.5) / 2 - 0.5)
    assert small.detection == Box(25, 20, 30, 35)
    # It is not made larger, and a picture without landmarks may be three times as wide.
    assert with_face_side(a_face(), 81).image.shape == (90, 120, 3)
    bare = LabelledFace(a_picture(), None, WFLW98, presence=False)
    assert with_face_side(bare, 20).image.shape == (45, 60, 3)


def test_the_region_around_the_landmarks_has_its_labels_in_its_own_pixels() -> None:
    face = a_face()
    part = landmark_region(replace(face, points=face.landmarks / 4 + (50, 40)), 0.5)
    assert part.image.shape == (37, 40, 3)  # around a box from (52.5, 42.5) to (72.5, 59.9)
    assert (part.image == face.image[32:69, 42:82]).all()
    assert part.opacity is not None
    assert (part.opacity == face.opacity[32:69, 42:82]).all()
    assert np.allclose(part.landmarks, face.landmarks / 4 + (8, 8))


def test_other_landmarks_and_damaged_files_are_named(tmp_path: Path) -> None:
    path = tmp_path / "faces.npz"
    with pytest.raises(DataError, match="one: ibug68 landmarks cannot be packed"):
        save_packed_faces(path, [LabelledFace(a_picture(), np.zeros((68, 2)), name="one")], 80)
    save_packed_faces(path, [a_face()], 80)
    with np.load(path) as stored:
        arrays = dict(stored)
    for broken in ({"pictures": arrays["pictures"][:-3]}, {"picture_lengths": np.array([3, 4])}):
        np.savez(path, **(arrays | broken))
        with pytest.raises(DataError, match=r"faces\.npz: encoded pictures"):
            load_packed_faces(path)
    np.savez(path, names=arrays["names"])
    with pytest.raises(DataError, match=r"faces\.npz: not a file of packed faces"):
        load_packed_faces(path)


def test_packed_crops_are_read_like_others(tmp_path: Path) -> None:
    crop = cv2.resize(a_picture(), (128, 128))
    finds = DetectionCrops(np.stack([crop, 255 - crop]), np.array([1.0, 0.0]))
    save_packed_crops(tmp_path / "finds.npz", finds, 90)
    read = load_detection_crops(tmp_path / "finds.npz")
    assert read.faces.tolist() == [1.0, 0.0]
    assert np.abs(read.crops.astype(float) - finds.crops).mean() < 4


def test_measured_offsets_are_read(tmp_path: Path) -> None:
    np.save(tmp_path / "offsets.npy", np.full((98, 2), 0.25))
    assert np.allclose(load_offsets(tmp_path / "offsets.npy"), 0.25)
    np.save(tmp_path / "offsets.npy", np.zeros((68, 2)))
    with pytest.raises(DataError, match=r"offsets\.npy: has shape"):
        load_offsets(tmp_path / "offsets.npy")
    with pytest.raises(DataError, match=r"none\.npy: not a file of offsets"):
        load_offsets(tmp_path / "none.npy")


def test_packed_assets_are_nearly_the_same(tmp_path: Path) -> None:
    pytest.importorskip("moderngl")
    from atpn_ros.learning.synth.assets import builtin, packed
    from atpn_ros.learning.synth.render.stream import load_assets

    made, path = builtin.load(), tmp_path / "assets.npz"
    packed.save(path, made)
    read = load_assets(path)
    for part in ("neutral", "identity", "expression", "uv", "masks"):
        a, b = getattr(made.head, part), getattr(read.head, part)
        assert a.dtype == b.dtype
        assert np.abs(a - b).max() < 2.1e-6, part
    assert read.head.names == made.head.names
    assert np.array_equal(read.head.triangles, made.head.triangles)
    assert np.array_equal(read.mirrored_brows.vertex, made.mirrored_brows.vertex)
    for a, b in ((made.skins.detail, read.skins.detail), (made.irises, read.irises),
                 (made.panoramas[0].picture, read.panoramas[0].picture)):  # fmt: skip
        assert a.shape == b.shape
        assert np.abs(a.astype(float) - b).mean() < 6
    path.write_bytes(b"nothing")
    with pytest.raises(AssetError, match=r"assets\.npz: not a file of packed assets"):
        packed.load(path)
