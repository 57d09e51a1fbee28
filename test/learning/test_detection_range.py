# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The page about the detectors' range: sizes at distances, counting, and the text."""

import argparse
from dataclasses import replace

import cv2
import numpy as np
import pytest

from atpn_ros.cli import detection_range as command
from atpn_ros.learning.data.checks import DataError
from atpn_ros.learning.data.cutouts import Cutout
from atpn_ros.learning.data.photograph_landmarks import FoundFace
from atpn_ros.learning.data.sprites import Sprite
from atpn_ros.learning.detector import detection_range, range_page, sprite_augmentation
from atpn_ros.learning.detector.detection_counts import Rate
from atpn_ros.learning.detector.detection_range import (
    DISTANCES,
    CameraView,
    Found,
    compose,
    measure_range,
    share,
)
from atpn_ros.learning.detector.source_photographs import held_out_portraits
from atpn_ros.learning.detector.tone_recall import ToneRecall, measure_tones, tone_group
from atpn_ros.settings import Settings
from fakes import DiscDetector, DiscEngine

WALL = np.full((90, 160, 3), 90, np.uint8)


@pytest.fixture
def disc(monkeypatch):
    """Somebody whose head is a red disc: what DiscDetector's box is around. No bodies."""
    monkeypatch.setattr(sprite_augmentation, "torso", lambda *words: None)
    image = np.zeros((140, 120, 4), np.uint8)
    cv2.circle(image, (60, 70), 40, (0, 0, 255, 255), -1)
    middle = 70 - 0.296 * 40
    corners = [(20, middle - 40), (100, middle - 40), (20, middle + 40), (100, middle + 40)]
    return Sprite(image, np.array(corners, np.float32))


def test_the_mean_face_is_as_high_as_faces_are():
    assert 0.18 < detection_range.FACE_HEIGHT < 0.21


@pytest.mark.parametrize("view", [CameraView(60.0, (640, 480)), CameraView(120.0, (1280, 720))])
@pytest.mark.parametrize("metres", [1.5, 4.0])
def test_faces_are_as_large_as_the_camera_shows_them(disc, view, metres):
    rng = np.random.default_rng(0)
    scene = compose(rng, [disc], [WALL], view, metres)
    assert scene.image.shape == (view.size[1], view.size[0], 3)
    assert 1 <= len(scene.boxes) <= 6
    expected = view.size[0] / 2 / np.tan(np.radians(view.degrees / 2)) * 0.195 / metres
    heights = scene.boxes[:, 3] - scene.boxes[:, 1]
    np.testing.assert_allclose(heights, expected, rtol=0.12)  # heads are tilted a little
    again = compose(np.random.default_rng(0), [disc], [WALL], view, metres)
    np.testing.assert_array_equal(scene.image, again.image)


def test_detected_and_tracked_faces_are_counted(disc, monkeypatch):
    monkeypatch.setattr(detection_range, "VIEWS", (60.0,))
    monkeypatch.setattr(detection_range, "SIZES", ((640, 480),))
    monkeypatch.setattr(detection_range, "DISTANCES", (1.5, 3.0))
    blind = DiscDetector()
    blind.blind = True
    detectors = [("sees", DiscDetector()), ("blind", blind)]
    settings = Settings().pipeline_settings()
    rows = list(measure_range(detectors, [disc], [WALL], DiscEngine(), settings, pictures=2))
    assert [(r.detector, r.metres) for r in rows] == [
        ("sees", 1.5), ("blind", 1.5), ("sees", 3.0), ("blind", 3.0),
    ]  # fmt: skip
    for row in rows:
        assert row.found.value == row.held.value == (row.detector == "sees")
        assert row.found.number >= 4
    # A face that presence refuses is found and not held.
    engine = DiscEngine()
    engine.change = lambda output: replace(output, presence=output.presence * 0)
    refused, *_ = measure_range(detectors, [disc], [WALL], engine, settings, pictures=1)
    assert (refused.found.value, refused.held.value) == (1.0, 0.0)


def toned(disc, colour):
    image = disc.image.copy()
    image[..., :3] = colour
    points = np.tile((60.0, 70.0), (98, 1))
    points[6], points[26] = (40, 90), (80, 90)
    return Cutout(Sprite(image, disc.outline), points, "a/b.jpg", True)


def test_people_are_counted_by_the_tone_of_their_cheeks(disc):
    light, dark = toned(disc, (170, 200, 230)), toned(disc, (35, 50, 75))
    assert (tone_group(light), tone_group(dark)) == ("light", "dark")
    settings = Settings().pipeline_settings()
    rows = list(measure_tones([("sees", DiscDetector())], [light], [WALL], DiscEngine(),
                              settings, pictures=1))  # fmt: skip
    assert [(r.group, r.people) for r in rows] == [("light", 1), ("medium", 0), ("dark", 0)]
    assert rows[0].found.number >= 4
    assert np.isnan(rows[1].held.value)


def test_shares_have_an_interval_even_where_all_or_none_are_found():
    none, half, every = share(0, 20), share(10, 20), share(20, 20)
    assert (none.low, every.high) == (0.0, 1.0)
    assert 0.1 < none.high < 0.2
    assert 0.8 < every.low < 0.9
    assert (half.low + half.high) / 2 == pytest.approx(0.5)
    assert np.isnan(share(0, 0).value)


def rows(view, *held):
    """What one detector holds at the first distances; everything is found."""
    return [
        Found("own", view, metres, Rate(1.0, 0.9, 1.0, 50), Rate(value, 0.5, 1.0, 50))
        for metres, value in zip(DISTANCES, held, strict=False)
    ]


@pytest.mark.parametrize(
    ("held", "far"),
    [((1.0, 0.9, 0.89, 1.0), "2"), ((0.5, 1.0), "-"), ((), "-"), ([1.0] * len(DISTANCES), "6+")],
)
def test_the_range_ends_before_the_first_distance_with_too_few_tracked_faces(held, far):
    assert range_page.reach(rows(CameraView(60.0, (640, 480)), *held)) == far


TONES = [
    ToneRecall("own", "dark", 9, Rate(0.8, 0.7, 0.9, 40), Rate(0.8, 0.7, 0.9, 40)),
    ToneRecall("own", "medium", 0, share(0, 0), share(0, 0)),
]


def test_the_page_names_its_command_and_has_every_figure():
    results = [r for v in detection_range.cameras() for r in rows(v, *[1.0] * 6, 0.625)]
    text = range_page.page(results, TONES, {"own": "`own.onnx`"}, "atpn measure-range", 100, 60, 8)
    assert "| dark | 9 | 80 (70-90) |" in text
    assert "| medium | 0 | - |" in text
    assert "```\natpn measure-range\n```" in text
    assert "| own | `own.onnx` |" in text
    assert "| 1280x720 | 90 | 5 |" in text
    assert text.count(" 62 (50-100), detected 100 |") == 9
    assert text.count(" 100 (50-100) |") == 54
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert all(line.endswith("|") for line in lines)


class Anywhere:
    """Finds a face in the middle of every picture."""

    def find(self, image, starts):
        landmarks = (
            np.random.default_rng(0).normal(0, 9, (98, 2)) + np.array(image.shape[1::-1]) / 2
        )
        return FoundFace(landmarks, np.array([0.0, -5.0]), 1.0)


def test_only_held_out_people_who_face_the_camera_are_read(tmp_path):
    for name in [
        *(f"faces_congress/images/{n}.jpg" for n in ("0799", "0800", "0878")),
        *(f"faces_london/{n:03}_03.jpg" for n in range(8)),
        *(f"faces_london_views/{v}/003_{v}.jpg" for v in ("01", "02", "04", "05", "09", "10")),
        *(f"faces_london_views/{v}/002_{v}.jpg" for v in ("02", "04")),
    ]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(tmp_path / name), np.full((80, 60, 3), 128, np.uint8))
    found = list(held_out_portraits(tmp_path, Anywhere()))
    assert [p.name for p in found] == [
        "images/0800.jpg", "images/0878.jpg", "faces_london/003_03.jpg",
        "02/003_02.jpg", "04/003_04.jpg", "09/003_09.jpg",
    ]  # fmt: skip
    assert all(p.held_out for p in found)
    with pytest.raises(DataError, match="faces_congress"):
        list(held_out_portraits(tmp_path / "gone", Anywhere()))


@pytest.mark.parametrize(
    ("options", "printed"),
    [([], ""), (["--seed", "3", "--pictures", "2"], " --pictures 2 --seed 3")],
)
def test_the_page_has_the_command_that_prints_it(options, printed):
    parser = argparse.ArgumentParser()
    command.add_parser(parser.add_subparsers())
    words = ["measure-range", "--data", "/some/where", "--detectors", "atpn", "/my/yunet.onnx"]
    text = command._command(parser.parse_args([*words, *options]))
    expected = "atpn measure-range --data DATA --detectors atpn yunet.onnx"
    assert text == f"{expected}{printed} > docs/range.md"
