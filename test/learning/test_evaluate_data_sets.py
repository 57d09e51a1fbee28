# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""``atpn evaluate --data`` on small made-up folders in each data set's published file format."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from scipy.io import savemat
from test_datasets import CAMERA, pts, wflw_line, write

from atpn_ros import geometry, landmark_layouts
from atpn_ros.cli import main
from atpn_ros.learning.data.checks import DataError
from atpn_ros.learning.data.datasets import aflw, ibug
from atpn_ros.learning.data.labelled_face import ImageFile, LabelledFace
from atpn_ros.learning.data.training_faces import load_training_faces, negatives, positives
from atpn_ros.learning.evaluation.angle_metrics import pitch_yaw_roll, pose_metrics
from atpn_ros.learning.evaluation.detection_metrics import evaluate_detector
from atpn_ros.pipeline.head_model import MEAN_HEAD
from atpn_ros.settings import SHIPPED_MODEL
from atpn_ros.types import Box

POINTS98 = (MEAN_HEAD[:, 1:] * (1, -1)) * 600 + (100, 90)
POINTS68 = landmark_layouts.to_ibug68(POINTS98)
GREY = np.full((200, 200, 3), 90, np.uint8)


def picture(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), GREY)
    return path


def wflw(root: Path) -> None:
    for split in ("train", "test"):
        picture(root / "WFLW_images" / "a.png")
        lines = wflw_line("a.png", POINTS98) * 2
        folder = root / "WFLW_annotations" / "list_98pt_rect_attr_train_test"
        write(folder / f"list_98pt_rect_attr_{split}.txt", lines)


def three_hundred_w(root: Path) -> None:
    for part in (*ibug.PARTS["full"], *ibug.PARTS["train"]):
        picture(root / part / "face.png")
        write(root / part / "face.pts", pts(POINTS68))


def three_hundred_vw(root: Path) -> None:
    for number in (1, 114, 203, 410):
        folder = root / f"{number:03d}"
        folder.mkdir(parents=True)
        video = cv2.VideoWriter(
            str(folder / "vid.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 25, (200, 200)
        )
        for frame in (1, 2):
            video.write(GREY)
            write(folder / "annot" / f"{frame:06d}.pts", pts(POINTS68))
        video.release()


def mat(path: Path, yaw: float = -0.2) -> None:
    picture(path.with_suffix(".jpg"))
    savemat(path, {
        "Pose_Para": np.array([[0.1, yaw, 0.3, 1, 2, 3, 1e-3]]), "pt2d": (POINTS68 + 1).T,
        "pt3d_68": np.vstack([(POINTS68 + 1).T, np.zeros(68)]),
    })  # fmt: skip


def three_hundred_w_lp(root: Path) -> None:
    for part in aflw.LP_PARTS:
        (root / part).mkdir(parents=True)
        mat(root / part / "face_0.mat")


def aflw2000(root: Path) -> None:
    root.mkdir(parents=True)
    for i, yaw in enumerate((-0.2, 0.9, 1.8)):
        mat(root / f"image{i}.mat", yaw)


def biwi(root: Path) -> None:
    picture(root / "hpdb" / "01" / "frame_00003_rgb.png")
    write(root / "hpdb" / "01" / "rgb.cal", CAMERA.replace("320", "100").replace("240", "100"))
    write(root / "hpdb" / "01" / "frame_00003_pose.txt", "1 0 0\n0 1 0\n0 0 1\n\n0 0 1000\n")


def wider(root: Path) -> None:
    for split in ("train", "val"):
        for name in ("a.png", "b.png"):
            picture(root / f"WIDER_{split}" / "images" / "0--Parade" / name)
        write(root / "wider_face_split" / f"wider_face_{split}_bbx_gt.txt",
              "0--Parade/a.png\n2\n20 20 60 80 0 0 0 0 0 0\n5 6 7 8 2 0 1 0 2 1\n"
              "0--Parade/b.png\n0\n0 0 0 0 0 0 0 0 0 0\n")  # fmt: skip


MAKE: dict[str, Callable[[Path], None]] = {
    "wflw": wflw, "300w": three_hundred_w, "300vw": three_hundred_vw,
    "300w_lp": three_hundred_w_lp, "aflw2000": aflw2000, "biwi": biwi, "wider": wider,
}  # fmt: skip


def evaluated(folder: Path, *kinds: str) -> dict[str, Any]:
    """The JSON of the evaluation of the shipped model on made-up sets, by kind."""
    for kind in kinds:
        MAKE[kind](folder / kind)
    models = [] if kinds == ("wider",) else [str(SHIPPED_MODEL)]
    names = [f"{kind}:{folder / kind}" for kind in kinds]
    assert main(["evaluate", *models, "--data", *names, "--partial", "--boxes", "truth",
                 "--json", str(folder / "a.json")]) == 0  # fmt: skip
    out = {}
    for report in json.loads((folder / "a.json").read_text())["models"]:
        for name, metrics in {**report["data_sets"], **report["detection"]}.items():
            out[name.split(":")[0]] = metrics
    return out


def test_landmark_sets_are_evaluated_by_their_subsets(tmp_path: Path) -> None:
    found = evaluated(tmp_path, "wflw", "300w", "300vw")
    for kind, layout_reading, subsets, count in (
        ("wflw", "raw", {"pose", "occlusion"}, 2),
        ("300w", "annotated", {"common", "challenging"}, 3),
        ("300vw", "annotated", {"category 1", "category 2", "category 3"}, 6),
    ):
        assert found[kind]["faces"] == count
        landmarks = found[kind]["boxes"]["truth"]["landmarks"][layout_reading]
        assert set(landmarks["subsets"]) == subsets
        for figures in (landmarks, *landmarks["subsets"].values()):
            assert {"nme", "fr10", "auc10"} <= set(figures)
        assert landmarks["nme"]["count"] == count


def test_pose_sets_are_evaluated_by_axis_and_by_yaw(tmp_path: Path) -> None:
    found = evaluated(tmp_path, "300w_lp", "aflw2000", "biwi")
    for kind, count in (("300w_lp", 4), ("aflw2000", 2), ("biwi", 1)):
        pose = found[kind]["boxes"]["truth"]["pose"]
        assert pose["yaw"]["count"] == pose["angle"]["count"] == count, (
            "beyond 99 degrees is left out"
        )
    by_yaw = found["aflw2000"]["boxes"]["truth"]["pose"]["by_yaw"]
    assert by_yaw["0-30"]["count"] == by_yaw["30-60"]["count"] == 1
    assert found["biwi"]["boxes"]["truth"]["landmarks"] == {}


def test_wider_gives_the_detectors_recall_by_size(tmp_path: Path) -> None:
    found = evaluated(tmp_path, "wider")["wider"]
    assert found["pictures"] == 2
    assert found["recall"]["count"] == 1, "faces below 10 pixels do not count"
    assert found["by_size"]["medium, 50-300 px"]["value"] == 0
    assert found["by_size"]["small, 10-50 px"] is None


@pytest.mark.parametrize(
    ("kind", "lacks", "words"),
    [
        ("wflw", "WFLW_images", "WFLW_images: no such folder"),
        ("300w", "ibug", "ibug: no such folder"),
        ("300vw", "114/annot", "annot: no such folder"),
        ("300w_lp", "HELEN", "HELEN: no such folder"),
        ("aflw2000", "image0.jpg", "image0.jpg: no such image"),
        ("biwi", "hpdb/01/rgb.cal", "rgb.cal: cannot be read"),
        ("wider", "wider_face_split", "wider_face_val_bbx_gt.txt: cannot be read"),
    ],
)
def test_what_a_folder_lacks_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str, lacks: str, words: str
) -> None:
    MAKE[kind](tmp_path / kind)
    lost = tmp_path / kind / lacks
    shutil.rmtree(lost) if lost.is_dir() else lost.unlink()
    arguments = ["evaluate", str(SHIPPED_MODEL), "--data", f"{kind}:{tmp_path / kind}"]
    assert main([*arguments, "--partial"]) == 1
    message = capsys.readouterr().err
    assert words in message
    assert message.count("\n") == 1


@pytest.mark.parametrize(
    ("source", "words"),
    [("wflw", "expected KIND:FOLDER"), ("faces:here", "expected KIND:FOLDER"),
     ("biwi:nowhere", "nowhere: no such folder")],
)  # fmt: skip
def test_a_wrong_data_set_name_is_one_line(
    capsys: pytest.CaptureFixture[str], source: str, words: str
) -> None:
    assert main(["evaluate", str(SHIPPED_MODEL), "--data", source]) == 1
    assert words in capsys.readouterr().err


def test_incomplete_sets_need_a_word(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    three_hundred_vw(tmp_path)
    assert main(["evaluate", str(SHIPPED_MODEL), "--data", f"300vw:{tmp_path}"]) == 1
    assert "3 videos, the published set has 64" in capsys.readouterr().err


@pytest.mark.parametrize("kind", [k for k in MAKE if k != "aflw2000"])
def test_training_reads_the_same_names(tmp_path: Path, kind: str) -> None:
    MAKE[kind](tmp_path / kind)
    faces = load_training_faces(f"{kind}:{kind}", tmp_path, complete=False)
    for face in positives(faces):
        assert face.landmarks.shape == (98, 2)
        known = face.weights is None or bool(face.weights.any())
        assert known == (kind not in ("biwi", "wider"))
        assert (face.rotation is not None) == (kind in ("300w_lp", "biwi"))
        inside = (face.landmarks > -1).all() and (face.landmarks < face.image.shape[0]).all()
        assert inside
    assert len(negatives(faces)) == (kind == "wider")


def test_an_evaluation_set_is_not_trained_on(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="AFLW2000-3D is for evaluation only"):
        load_training_faces("aflw2000:here", tmp_path)


def test_published_angles_are_those_of_the_set() -> None:
    angles = (0.2, -0.7, 0.4)
    rotation = aflw.rotation_of(*angles)
    assert pitch_yaw_roll(rotation) == pytest.approx(angles)
    face = LabelledFace(GREY, None, rotation=aflw.rotation_of(0.1, 1.62, 0.2))
    close = aflw.rotation_of(0.1, 1.52, 0.2)
    metrics = pose_metrics(close[None], [face], published_angles=True)
    assert metrics is not None
    assert metrics.yaw.value == pytest.approx(np.degrees(0.1))
    assert metrics.pitch.value == metrics.roll.value == pytest.approx(0, abs=1e-9)
    assert np.degrees(geometry.angle_between(close, face.rotation)) == pytest.approx(
        metrics.angle.value
    )


class Finds:
    """A detector that returns the same boxes in every picture."""

    name = "finds"

    def __init__(self, *boxes: Box) -> None:
        self.boxes = boxes

    def detect(self, image: np.ndarray) -> list:
        from atpn_ros.detectors.base import Detection

        return [Detection(box, 1.0) for box in self.boxes]


def test_recall_counts_what_is_labelled_and_large_enough(tmp_path: Path) -> None:
    file = ImageFile(picture(tmp_path / "a.png"))
    found, missed, invalid = Box(50, 50, 30, 40), Box(150, 50, 80, 100), Box(50, 150, 30, 30)
    faces = [
        LabelledFace(file, None, box=found), LabelledFace(file, None, box=missed),
        LabelledFace(file, None, box=invalid, tags=frozenset({"invalid"})),
    ]  # fmt: skip
    metrics = evaluate_detector(Finds(found, invalid, Box(180, 180, 10, 10)), faces)
    assert metrics.recall.value == 50
    assert metrics.by_size["small, 10-50 px"].value == 100
    assert metrics.by_size["medium, 50-300 px"].value == 0
    assert metrics.false_per_picture == 1
