# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Each set on a tiny made-up sample in its published layout, and what is said when it is broken."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from atpn_ros import geometry
from atpn_ros.learning.data import datasets
from atpn_ros.learning.data.checks import DataError
from atpn_ros.learning.data.datasets import aflw, ibug
from atpn_ros.types import Box

POINTS68 = np.random.default_rng(0).uniform(10, 90, (68, 2)).round(2)
POINTS98 = np.random.default_rng(1).uniform(10, 90, (98, 2)).round(2)


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"a picture")
    return path


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


# WFLW -------------------------------------------------------------------------------------------


def wflw_line(name: str = "0--Parade/a.jpg", points: np.ndarray = POINTS98) -> str:
    coordinates = " ".join(f"{v:.6f}" for v in points.ravel())
    return f"{coordinates} 10 20 50 80 1 0 0 0 1 0 {name}\n"


def wflw(root: Path, text: str) -> Path:
    touch(root / "WFLW_images" / "0--Parade" / "a.jpg")
    folder = root / "WFLW_annotations" / "list_98pt_rect_attr_train_test"
    write(folder / "list_98pt_rect_attr_test.txt", text)
    return root


def test_wflw(tmp_path: Path) -> None:
    (record,) = datasets.read_wflw(wflw(tmp_path, wflw_line()), "test", complete=False)
    assert record.picture.path == tmp_path / "WFLW_images" / "0--Parade" / "a.jpg"
    assert np.allclose(record.points, POINTS98)
    assert record.box == Box.from_xyxy(10, 20, 50, 80)
    assert record.tags == {"pose", "occlusion"}


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("1 2 3\n", r"test\.txt:1: 3 fields, expected 207"),
        (wflw_line() + wflw_line("gone.jpg"), r"gone\.jpg: no such image"),
        (wflw_line().replace("10 20", "ten 20"), r"test\.txt:1: could not convert"),
        (wflw_line(points=np.full((98, 2), np.nan)), r"test\.txt:1: landmarks: .*finite"),
        ("", "holds no face"),
    ],
)
def test_a_broken_wflw_names_file_and_line(tmp_path: Path, text: str, word: str) -> None:
    with pytest.raises(DataError, match=word):
        datasets.read_wflw(wflw(tmp_path, text), "test", complete=False)


def test_an_incomplete_wflw_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="1 faces, the published set has 2500"):
        datasets.read_wflw(wflw(tmp_path, wflw_line()), "test")
    with pytest.raises(DataError, match="no split 'val'"):
        datasets.read_wflw(tmp_path, "val")
    with pytest.raises(DataError, match="no such folder"):
        datasets.read_wflw(tmp_path / "nowhere", "test")


# 300-W and 300-VW ---------------------------------------------------------------------------------


def pts(points: np.ndarray = POINTS68, count: int = 68) -> str:
    rows = "\n".join(f"{x:.3f} {y:.3f}" for x, y in points + 1)
    return f"version: 1\nn_points:  {count}\n{{\n{rows}\n}}\n"


def test_300w(tmp_path: Path) -> None:
    for part in ibug.PARTS["full"]:
        touch(tmp_path / part / "face.png" if part == "ibug" else tmp_path / part / "face.jpg")
        write(tmp_path / part / "face.pts", pts())
    records = datasets.read_300w(tmp_path, "full", complete=False)
    assert [r.picture.path.relative_to(tmp_path).as_posix() for r in records] == [
        "helen/testset/face.jpg", "lfpw/testset/face.jpg", "ibug/face.png",
    ]  # fmt: skip
    for record in records:
        assert np.allclose(record.points, POINTS68), "pixels are counted from 0"
    assert len(datasets.read_300w(tmp_path, "challenging", complete=False)) == 1
    with pytest.raises(DataError, match="3 faces, the published set has 689"):
        datasets.read_300w(tmp_path, "full")
    with pytest.raises(DataError, match=r"afw: no such folder"):
        datasets.read_300w(tmp_path, "train")


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("nonsense", "not a .pts file"),
        (pts(count=5), "n_points 5"),
        (pts(POINTS68[:60]), "120 numbers"),
        (pts(np.full((68, 2), np.inf)), "finite"),
    ],
)
def test_a_broken_pts_is_named(tmp_path: Path, text: str, word: str) -> None:
    touch(tmp_path / "ibug" / "face.jpg")
    write(tmp_path / "ibug" / "face.pts", text)
    with pytest.raises(DataError, match=rf"face\.pts.*{word}"):
        datasets.read_300w(tmp_path, "challenging", complete=False)


def test_a_300w_face_without_its_picture_is_named(tmp_path: Path) -> None:
    write(tmp_path / "ibug" / "face.pts", pts())
    with pytest.raises(DataError, match=r"face\.jpg: no such image"):
        datasets.read_300w(tmp_path, "challenging", complete=False)


def test_300vw_knows_its_categories(tmp_path: Path) -> None:
    for number in (1, 114, 203, 410):
        touch(tmp_path / f"{number:03d}" / "vid.avi")
        for frame in (1, 2):
            write(tmp_path / f"{number:03d}" / "annot" / f"{frame:06d}.pts", pts())
    for split, number in (("train", 1), ("1", 114), ("2", 203), ("3", 410)):
        records = datasets.read_300vw(tmp_path, split, complete=False)
        assert {r.picture.path.parent.name for r in records} == {f"{number:03d}"}
        assert [r.picture.frame for r in records] == [0, 1]
    assert [len(v) for v in ibug.VW_CATEGORIES.values()] == [31, 19, 14]
    with pytest.raises(DataError, match="no split '4'"):
        datasets.read_300vw(tmp_path, "4")


# 300W-LP and AFLW2000-3D --------------------------------------------------------------------------


def mat(path: Path, **changes: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    fields = {
        "Pose_Para": np.array([[0.1, -0.2, 0.3, 1, 2, 3, 1e-3]], np.float32),
        "pt2d": (POINTS68 + 1).T,
        "pt3d_68": np.vstack([(POINTS68 + 1).T, np.zeros(68)]),
    } | changes
    savemat(path, {k: v for k, v in fields.items() if v is not None})
    touch(path.with_suffix(".jpg"))
    return path


def test_300w_lp(tmp_path: Path) -> None:
    for part in (*aflw.LP_PARTS, "AFW_Flip"):
        mat(tmp_path / part / "face_0.mat")
    records = datasets.read_300w_lp(tmp_path, complete=False)
    assert len(records) == 4, "mirrored copies are left out"
    assert np.allclose(records[0].points, POINTS68)
    assert np.allclose(records[0].rotation, aflw.rotation_of(0.1, -0.2, 0.3), atol=1e-6)


def test_aflw2000_marks_what_the_protocol_leaves_out(tmp_path: Path) -> None:
    mat(tmp_path / "image1.mat")
    mat(tmp_path / "image2.mat", Pose_Para=np.array([[0, 1.8, 0, 0, 0, 0, 1.0]]))
    records = datasets.read_aflw2000(tmp_path, complete=False)
    assert [r.tags for r in records] == [frozenset(), {"steep"}]
    with pytest.raises(DataError, match="2 faces, the published set has 2000"):
        datasets.read_aflw2000(tmp_path)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"Pose_Para": None}, "Pose_Para: 0 numbers"),
        ({"Pose_Para": np.full((1, 7), np.nan)}, "Pose_Para"),
        ({"pt3d_68": None}, "pt3d_68: missing"),
        ({"pt3d_68": np.zeros((3, 21))}, r"pt3d_68: landmarks: \(21, 2\)"),
    ],
)
def test_a_broken_mat_names_file_and_field(
    tmp_path: Path, changes: dict[str, object], word: str
) -> None:
    mat(tmp_path / "image1.mat", **changes)
    with pytest.raises(DataError, match=rf"image1\.mat.*{word}"):
        datasets.read_aflw2000(tmp_path, complete=False)


def test_a_file_that_is_no_mat_is_named(tmp_path: Path) -> None:
    write(tmp_path / "image1.mat", "nonsense")
    with pytest.raises(DataError, match=r"image1\.mat: not a MATLAB file"):
        datasets.read_aflw2000(tmp_path, complete=False)


@pytest.mark.parametrize(
    ("angles", "expected"),
    [
        ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0)),
        ((0.3, 0.0, 0.0), (0.0, -0.3, 0.0)),  # their pitch grows upwards, ours downwards
        ((0.0, 0.3, 0.0), (0.0, 0.0, -0.3)),  # theirs: to the image's left
        ((0.0, 0.0, 0.3), (-0.3, 0.0, 0.0)),
    ],
)
def test_their_angles_become_our_rotation(
    angles: tuple[float, ...], expected: tuple[float, ...]
) -> None:
    assert geometry.roll_pitch_yaw(aflw.rotation_of(*angles)) == pytest.approx(expected, abs=1e-9)


# BIWI -------------------------------------------------------------------------------------------


CAMERA = "500 0 320\n0 500 240\n0 0 1\n\n0 0 0 0\n\n1 0 0\n0 1 0\n0 0 1\n\n0 0 0\n\n640 480\n"


def biwi(root: Path, text: str) -> Path:
    write(root / "hpdb" / "01" / "rgb.cal", CAMERA)
    touch(root / "hpdb" / "01" / "frame_00003_rgb.png")
    write(root / "hpdb" / "01" / "frame_00003_pose.txt", text)
    return root


def test_biwi(tmp_path: Path) -> None:
    text = "1 0 0 \n0 1 0 \n0 0 1 \n\n0 0 1000 \n"
    (record,) = datasets.read_biwi(biwi(tmp_path, text), complete=False)
    assert geometry.roll_pitch_yaw(record.rotation) == pytest.approx((0, 0, 0))
    assert record.box == Box(320, 240, 100, 100)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("1 2 3", "3 numbers, expected 12"),
        ("1 0 0 0 1 0 0 0 2 0 0 900", "are no rotation"),
        ("1 0 0 0 1 0 0 0 -1 0 0 900", "are no rotation"),
        ("a b c", "could not convert"),
    ],
)
def test_a_broken_biwi_pose_is_named(tmp_path: Path, text: str, word: str) -> None:
    with pytest.raises(DataError, match=rf"frame_00003_pose\.txt.*{word}"):
        datasets.read_biwi(biwi(tmp_path, text), complete=False)


# WIDER FACE -------------------------------------------------------------------------------------


def wider(root: Path, text: str) -> Path:
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        touch(root / "WIDER_val" / "images" / "0--Parade" / name)
    write(root / "wider_face_split" / "wider_face_val_bbx_gt.txt", text)
    return root


def test_wider(tmp_path: Path) -> None:
    text = (
        "0--Parade/a.jpg\n2\n1 2 30 40 0 0 0 0 0 0 \n5 6 7 8 2 0 1 0 2 1 \n"
        "0--Parade/b.jpg\n0\n0 0 0 0 0 0 0 0 0 0 \n"
        "0--Parade/c.jpg\n1\n1 1 2 2 0 0 0 1 0 0 \n"
    )
    records = datasets.read_wider(wider(tmp_path, text), "val", complete=False)
    assert [r.picture.path.name for r in records] == ["a.jpg", "a.jpg", "b.jpg", "c.jpg"]
    assert records[0].box == Box.from_xyxy(1, 2, 31, 42)
    assert records[1].tags == {"blur", "illumination", "occlusion", "pose"}
    assert records[2].box is None
    assert records[3].tags == {"invalid"}
    with pytest.raises(DataError, match="3 pictures, the published set has 3226"):
        datasets.read_wider(tmp_path, "val")


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("0--Parade/a.jpg\nmany\n", r"gt\.txt:2: expected the number of faces"),
        ("0--Parade/a.jpg\n2\n1 2 3 4 0 0 0 0 0 0\n", r"gt\.txt:2: 2 faces, but the file ends"),
        ("0--Parade/a.jpg\n1\n1 2 3 4\n", r"gt\.txt:3: 4 fields"),
        ("0--Parade/z.jpg\n1\n1 2 3 4 0 0 0 0 0 0\n", r"z\.jpg: no such image"),
    ],
)
def test_a_broken_wider_names_file_and_line(tmp_path: Path, text: str, word: str) -> None:
    with pytest.raises(DataError, match=word):
        datasets.read_wider(wider(tmp_path, text), "val", complete=False)
