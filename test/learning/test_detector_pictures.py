# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Detectors on labelled pictures: reading, counting, and what the pipeline holds."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest

from atpn_ros.cli import main
from atpn_ros.learning.data.checks import DataError
from atpn_ros.learning.detector import (
    detection_counts,
    detector_plots,
    error_sheets,
    labelled_images,
    pipeline_recall,
)
from atpn_ros.learning.detector.detection_counts import Count
from atpn_ros.learning.detector.held_out_sets import Turned
from atpn_ros.settings import Settings
from atpn_ros.types import Box
from fakes import FACE, DiscDetector, DiscEngine


def box(x, y, side):
    return Box(x, y, side, side)


def test_each_face_is_found_once_and_the_rest_is_false():
    faces = [box(50, 50, 20), box(100, 50, 30)]
    finds = [box(51, 50, 20), box(52, 50, 20), box(200, 200, 30)]
    counted = detection_counts.count(finds, faces, [])
    assert counted.found.tolist() == [True, False]
    assert counted.sizes.tolist() == [20, 30]
    assert counted.false == 2


def test_a_detection_on_an_ignored_face_is_neither_right_nor_false():
    ignored = [box(50, 50, 20)]
    assert detection_counts.count([box(52, 50, 20)], [], ignored).false == 0
    assert detection_counts.count([box(50, 50, 10)], [], ignored).false == 0  # within it
    assert detection_counts.count([box(50, 50, 60)], [], ignored).false == 1


def test_an_overlap_below_the_bound_finds_nothing():
    face = Box(50, 50, 20, 20)
    assert detection_counts.count([Box(50, 50, 20, 51)], [face], []).false == 1  # 20 of 51
    assert detection_counts.count([Box(50, 50, 20, 49)], [face], []).found.all()


def test_recall_is_by_size_with_an_interval():
    counts = [Count(np.array([20.0, 30.0]), np.array([True, False]), (box(0, 0, 9),)),
              Count(np.array([20.0]), np.array([False]))]  # fmt: skip
    small = detection_counts.recall(counts, 16, 24)
    assert (small.value, small.number) == (0.5, 2)
    assert (small.low, small.high) == (0, 1)
    assert detection_counts.recall(counts, 24, 40).value == 0
    assert np.isnan(detection_counts.recall(counts, 80).value)
    assert detection_counts.false_per_picture(counts).value == 0.5


def write(folder, faces):
    (folder / "images").mkdir()
    cv2.imwrite(str(folder / "images" / "a.png"), np.zeros((60, 80, 3), np.uint8))
    (folder / "labels.json").write_text(json.dumps([{"file": "a.png", "faces": faces}]))


def test_a_folder_of_scenes_is_read(tmp_path):
    write(tmp_path, [{"xywh": [10, 20, 30, 20], "ignore": False},
                     {"xywh": [0, 0, 4, 4], "ignore": True}])  # fmt: skip
    (one,) = labelled_images.scenes_folder(tmp_path)
    assert one.faces == (Box(25, 30, 30, 20),)
    assert one.ignored == (Box(2, 2, 4, 4),)
    assert one.read().shape == (60, 80, 3)


@pytest.mark.parametrize("text", ["{", "[{}]", '[{"file": "a.png", "faces": [{"xywh": 3}]}]'])
def test_labels_of_another_kind_are_refused(tmp_path, text):
    (tmp_path / "labels.json").write_text(text)
    with pytest.raises(DataError, match=r"labels\.json: not labels of scenes"):
        labelled_images.scenes_folder(tmp_path)
    with pytest.raises(DataError, match="none"):
        labelled_images.scenes_folder(tmp_path / "none")


def test_a_shrunk_picture_is_read_at_its_scale(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((60, 80, 3), np.uint8))
    assert labelled_images.LabelledPicture(tmp_path / "a.png", (), (), 0.5).read().shape == (
        30,
        40,
        3,
    )


def test_the_box_of_landmarks_is_raised_to_the_hair():
    raised = pipeline_recall.with_forehead(Box.from_xyxy(10, 20, 30, 40))
    x0, y0, x1, y1 = raised.xyxy
    assert (x0, x1, y1) == (10, 30, 40)
    assert y0 == pytest.approx(20 - 0.42 * 20)


@pytest.mark.parametrize("scale", [1.0, 1.3])
def test_held_faces_have_the_box_of_their_landmarks_up_to_the_hair(scale):
    image = np.full((240, 320, 3), 90, np.uint8)
    cv2.circle(image, (160, 130), 40, (0, 0, 255), -1)
    (found,) = DiscDetector().detect(image)
    wide = replace(found, box=replace(found.box, width=found.box.width * scale))
    settings = Settings().pipeline_settings()
    (held,) = pipeline_recall.hold(image, [wide], "discs", DiscEngine(), settings)
    expected = pipeline_recall.with_forehead(Box.around(FACE * 40 + (160, 130)))
    assert held.xyxy == pytest.approx(expected.xyxy, abs=2)
    assert expected.height - found.box.height > 25


def test_a_table_has_a_line_alone_and_a_line_held():
    counts = [Count(np.array([20.0]), np.array([True]))]
    text = pipeline_recall.table([pipeline_recall.Outcome("one", counts, counts, 3.14, [[]])])
    lines = text.splitlines()
    assert len(lines) == 3
    assert "100 (100-100)" in lines[1]
    assert lines[1].endswith("3.1")
    assert "held" in lines[2]


@pytest.fixture
def crossed(tmp_path):
    """A grey picture with a white face that is missed, and a find at a black spot."""
    image = np.full((100, 200, 3), 90, np.uint8)
    cv2.circle(image, (50, 50), 15, (255, 255, 255), -1)
    cv2.circle(image, (150, 50), 10, (0, 0, 0), -1)
    cv2.imwrite(str(tmp_path / "a.png"), image)
    picture = labelled_images.LabelledPicture(tmp_path / "a.png", (box(50, 50, 30),), ())
    find = box(150, 50, 20)
    count = detection_counts.count([find], picture.faces, ())
    return picture, pipeline_recall.Outcome("one", [count], None, 1.0, [[find]])


def test_missed_and_false_faces_are_drawn(crossed, tmp_path):
    picture, outcome = crossed
    missed, false = error_sheets.write_sheets(tmp_path / "out", [picture], outcome)
    assert (missed.name, false.name) == ("missed_one.png", "false_one.png")
    for path, middle, colour in ((missed, 255, (0, 255, 0)), (false, 0, (0, 0, 255))):
        tile = cv2.imread(str(path))
        assert tile.shape == (200, 200, 3)
        assert tile[100, 100].tolist() == [middle] * 3
        drawn = (tile == colour).all(axis=2)
        rows, columns = np.nonzero(drawn)
        # The box spans 1 / 2.5 of the tile.
        assert (rows.min(), rows.max(), columns.min(), columns.max()) == (60, 140, 60, 140)


def test_faces_below_the_least_size_are_not_drawn(crossed, tmp_path):
    picture, outcome = crossed
    picture = replace(picture, faces=(box(50, 50, 12),))
    count = detection_counts.count([], picture.faces, ())
    outcome = replace(outcome, alone=[count])
    assert error_sheets.write_sheets(tmp_path / "out", [picture], outcome) == []


def test_what_the_pipeline_tracks_is_drawn_where_it_was_measured(crossed, tmp_path):
    picture, outcome = crossed
    held = detection_counts.count([box(50, 50, 30)], picture.faces, ())
    outcome = replace(outcome, held=[held])
    assert error_sheets.write_sheets(tmp_path / "out", [picture], outcome) == []


def test_plots_of_recall_by_size_and_by_turn(crossed, tmp_path):
    pytest.importorskip("matplotlib")
    _, outcome = crossed
    outcome = replace(outcome, held=outcome.alone)
    heads = [Turned(0, False, 4, 3, 2), Turned(0, True, 4, 3, 1), Turned(90, False, 4, 4, 4)]
    for path in (
        detector_plots.plot_sizes(tmp_path / "size.png", [outcome, outcome]),
        detector_plots.plot_turns(tmp_path / "turn.png", {"one": heads}),
    ):
        image = cv2.imread(str(path))
        assert image.std() > 10


def test_the_command_draws_what_is_missed(tmp_path, capsys):
    data = tmp_path / "data"
    data.mkdir()
    write(data, [{"xywh": [10, 20, 30, 20]}])  # black: nothing is found
    out = tmp_path / "out"
    command = ["evaluate-detectors", "--scenes", str(data), "--out", str(out)]
    assert main([*command, "--detectors", "atpn", "atpn"]) == 0
    text = capsys.readouterr().out
    assert "1 pictures, 1 faces" in text
    assert "atpn_2" in text
    assert sorted(p.name for p in out.iterdir()) == ["missed_atpn.png", "missed_atpn_2.png"]
