# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Tests of photographs with a known gaze: turned irises, drawn glasses, people held out."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from atpn_ros.crop import Crop, cut
from atpn_ros.engines.base import NetworkOutput
from atpn_ros.geometry import FACING
from atpn_ros.learning.data.camera_gaze_training import find_landmarks, load_camera_gaze_faces
from atpn_ros.learning.data.checks import DataError
from atpn_ros.learning.data.datasets import read_faces
from atpn_ros.learning.data.eyes import INTO_LENS, draw_glasses, turn_irises
from atpn_ros.learning.data.held_out import held_out_photographs
from atpn_ros.learning.data.layouts import WFLW98
from atpn_ros.learning.data.photograph_landmarks import mirrored_crop
from atpn_ros.types import Box, Image

RADIUS = 20.0
CENTRES = np.array([[200.0, 200.0], [400.0, 200.0]])
RIMS = (range(2, 10), range(10, 18))
LIDS = (((18, 19, 20, 21, 22), (22, 30, 29, 28, 18)), ((23, 24, 25, 26, 27), (27, 33, 32, 31, 23)))


def drawn() -> tuple[Image, np.ndarray]:
    """A pale face with two dark irises in white eyes, and its 189 template points."""
    rng = np.random.default_rng(1)
    template = rng.uniform((150, 150), (450, 550), (189, 2))
    image = np.full((600, 600, 3), 150, np.uint8)
    for eye, (centre, rim, (upper, lower)) in enumerate(zip(CENTRES, RIMS, LIDS, strict=True)):
        template[eye] = centre
        angles = np.arange(8) * np.pi / 4
        template[list(rim)] = centre + RADIUS * np.stack([np.cos(angles), np.sin(angles)], 1)
        x = np.linspace(-3, 3, 5)
        arc = np.stack([x, 1.5 * (1 - (x / 3) ** 2)], 1) * RADIUS
        template[list(upper)] = centre + arc * (1, -1)
        template[list(lower)] = centre + arc[::-1]
        opening = np.concatenate([template[list(upper)], template[list(lower)]])
        cv2.fillPoly(image, [opening.round().astype(np.int32)], (240, 240, 240))
        cv2.circle(image, tuple(centre.astype(int).tolist()), int(RADIUS), (30, 30, 30), -1)
    return image, template


def iris(image: Image, centre: np.ndarray) -> np.ndarray:
    """Middle of what is dark around an eye."""
    x, y = centre.astype(int)
    part = image[y - 60 : y + 60, x - 70 : x + 70, 0]
    rows, columns = np.nonzero(part < 80)
    return np.array([columns.mean() - 70 + x, rows.mean() - 60 + y])


@pytest.mark.parametrize(("yaw", "pitch"), [(0.0, 0.0), (20.0, 0.0), (-15.0, 0.0), (0.0, 7.0)])
def test_both_irises_move_as_far_as_the_angle_says(yaw: float, pitch: float) -> None:
    image, template = drawn()
    before = image.copy()
    out, gaze = turn_irises(image, template, yaw, pitch)
    assert (image == before).all(), "the photograph itself is not changed"
    assert gaze == pytest.approx(np.tile(gaze[0], (2, 1)))
    assert np.degrees(np.arcsin(gaze[0, :2])) == pytest.approx((yaw, pitch))
    expected = 1.68 * RADIUS * gaze[0, :2]
    for centre in CENTRES:
        assert iris(out, centre) - iris(image, centre) == pytest.approx(expected, abs=2.5)
    outside = np.ones(out.shape[:2], bool)
    outside[100:300, 80:520] = False
    assert (out[outside] == image[outside]).all()


def test_glasses_change_what_lies_around_the_eyes_only() -> None:
    image, _ = drawn()
    landmarks = np.random.default_rng(0).uniform(150, 450, (98, 2))
    for first, centre in ((60, CENTRES[0]), (68, CENTRES[1])):
        angles = np.pi + np.arange(8) * np.pi / 4
        landmarks[first : first + 8] = centre + 40 * np.stack([np.cos(angles), np.sin(angles)], 1)
    changed = [draw_glasses(image, landmarks, np.random.default_rng(i)) for i in range(20)]
    assert all((c != image).any() for c in changed)
    assert all((c[400:] == image[400:]).all() for c in changed)


class Finder:
    """An engine that finds the same points in every crop, or others every time."""

    name = report = "stub"

    def __init__(self, steady: bool = True) -> None:
        self.steady, self.rng = steady, np.random.default_rng(0)

    def run(self, crops: Image) -> NetworkOutput:
        count = len(crops)
        points = np.tile(np.random.default_rng(3).uniform(0.2, 0.8, (98, 2)), (count, 1, 1))
        if not self.steady:
            points = self.rng.uniform(0.1, 0.9, (count, 98, 2))
        return NetworkOutput(points, np.tile(FACING, (count, 1, 1)), np.ones(count))

    def close(self) -> None:
        """Nothing to free."""


def test_landmarks_without_agreement_are_none() -> None:
    assert find_landmarks(Finder(steady=False), np.zeros((300, 240, 3), np.uint8)) is None


def test_mirrored_crops_of_a_mirrored_picture_show_the_mirrored_content() -> None:
    image = np.random.default_rng(0).integers(0, 256, (90, 120, 3), np.uint8)
    image = cv2.GaussianBlur(image, (0, 0), 4)
    crop = Crop(48.0, 41.0, 50.0, 0.3)
    mirrored = np.ascontiguousarray(image[:, ::-1])
    one, other = cut(image, crop), cut(mirrored, mirrored_crop(crop, 120))
    assert np.abs(one.astype(int) - other[:, ::-1].astype(int)).max() <= 2


@pytest.fixture
def sets(tmp_path: Path) -> Path:
    image, template = drawn()
    small = cv2.resize(image, None, fx=0.5, fy=0.5)
    lines = "\n".join(["189", *(f"{x} {y}" for x, y in template / 2)])
    names = {"faces_london": [f"{i:03d}_03" for i in range(8)],
             "faces_canada": [f"{i:03d}f" for i in range(7)]}  # fmt: skip
    for folder, stems in names.items():
        (tmp_path / folder).mkdir()
        for stem in stems:
            cv2.imwrite(str(tmp_path / folder / f"{stem}.jpg"), small)
            (tmp_path / folder / f"{stem}.tem").write_text(lines + "\n")
    for folder, stems in (("faces_london_smiling", ["002_08", "003_08"]),
                          ("faces_congress/images", ["0799", "0800"])):  # fmt: skip
        (tmp_path / folder).mkdir(parents=True)
        for stem in stems:
            cv2.imwrite(str(tmp_path / folder / f"{stem}.jpg"), small)
    return tmp_path


def test_people_who_are_held_out_are_not_loaded_and_every_gaze_is_known(sets: Path) -> None:
    faces = load_camera_gaze_faces(sets, Finder(steady=False), turned=2, seed=1)
    names = [f.name for f in faces]
    assert "003_03" not in names
    assert names.count("002_03") == names.count("000f") == 3
    assert not {f"{i:03d}f" for i in range(1, 7)} & set(names)
    assert all(f.gaze is not None and f.landmarks.shape == (98, 2) for f in faces)
    straight = [f for f in faces if np.array_equal(f.gaze, INTO_LENS)]
    assert len(straight) == len(faces) / 3
    assert all(max(f.image.shape) < 600 for f in faces)


def test_a_person_is_held_out_from_a_folder_that_lacks_others(sets: Path) -> None:
    smiling = ["002_08", "003_08"]
    assert held_out_photographs(sets / "faces_london_smiling", smiling) == {"003_08"}
    alone = [f"{i:03d}_08" for i in range(8)]  # without the neutral portraits beside it
    assert held_out_photographs(sets / "x" / "faces_london_smiling", alone) == {"003_08"}


def test_a_missing_set_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="faces_london"):
        load_camera_gaze_faces(tmp_path, Finder(), turned=0, seed=1)


def test_the_lens_set_has_points_and_gaze_of_the_people_held_out(sets: Path) -> None:
    held = read_faces("lens", sets / "faces_canada")
    assert [f.name for f in held] == [f"{i:03d}f" for i in range(1, 7)]
    assert all(f.layout == WFLW98 and np.array_equal(f.gaze, INTO_LENS) for f in held)
    assert [f.name for f in read_faces("lens", sets / "faces_canada", "train")] == ["000f"]
    assert [f.name for f in read_faces("lens", sets / "faces_london")] == ["003_03"]
    turned = read_faces("lens", sets / "faces_london", "turned")
    assert [f.name for f in turned] == ["003_03"] * 8
    assert len({f.gaze[0, 0] for f in turned}) == 8
    assert len(read_faces("lens", sets / "faces_canada", "turned")) == 6 * 8


def test_portraits_without_points_have_a_box(sets: Path) -> None:
    rows = [{"file": f"{n}.jpg", "xywh": [10, 20, 30, 40]} for n in ("0799", "0800")]
    (sets / "faces_congress" / "labels.json").write_text(json.dumps(rows))
    (face,) = read_faces("lens", sets / "faces_congress")
    assert (face.name, face.points, face.image.shape) == ("0800.jpg", None, (300, 300, 3))
    assert face.detection == Box(25, 40, 30, 40)
    (sets / "faces_congress" / "labels.json").write_text('[{"file": "a.jpg"}]')
    with pytest.raises(DataError, match="xywh"):
        read_faces("lens", sets / "faces_congress")
