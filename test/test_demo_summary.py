# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The summary of the demo, from made-up records instead of a running node."""

import numpy as np
import pytest

from atpn_ros.cli.demo_scene import PictureScene
from atpn_ros.cli.demo_summary import print_summary, summarise
from demo_records import COUNT, all_tracked, record

pytest.importorskip("skimage", reason="the portrait comes with scikit-image")


def test_the_summary_of_a_run_in_which_all_people_are_tracked(people_scene):
    summary = summarise(all_tracked(people_scene), people_scene)
    assert summary["frames"] == {"sent": COUNT, "processed": COUNT, "dropped": 0, "rate_hz": 15.0}
    faces = summary["faces"]
    assert faces["track_ids"] == [1, 2, 3]
    second = sum(len(people_scene.shown(n)) == 2 for n in range(COUNT))
    assert faces["people"] == [
        {"shown": COUNT, "tracked": COUNT, "ids": [1], "times_in_view": 1},
        {"shown": second, "tracked": second, "ids": [2, 3], "times_in_view": 2},
    ]
    assert faces["false_faces"] == 0
    latency = summary["latency_ms"]
    assert (latency["p50"], latency["p95"], latency["max"]) == (20, 20, 20)
    assert latency["share_outside_network_p50"] == 0.75
    assert summary["detector"] == {"name": "atpn", "calls": 12, "share_of_frames": 0.1}
    assert summary["engine"] == "onnx-cpu"


def test_a_person_is_tracked_only_at_the_right_place_and_under_one_id(people_scene):
    """A track of the background, another id or a lost face does not count."""
    records = all_tracked(people_scene)
    people = [(p.x, p.y) for p in people_scene.shown(3)]
    records[3] = record(3, [7, 2], at=people)  # another id
    records[4] = record(4, [1, 2], at=[(5.0, 470.0), (635.0, 470.0)])  # elsewhere
    records[5] = record(5, [1, 2], state=3, at=people)  # lost
    faces = summarise(records, people_scene)["faces"]
    assert [p["tracked"] - p["shown"] for p in faces["people"]] == [-3, -2]
    assert faces["people"][0]["ids"] == [1, 7]
    assert faces["false_faces"] == 2


def test_frames_without_a_result_are_counted_as_dropped(people_scene):
    records = all_tracked(people_scene)
    records[3] = record(3, has_result=False)
    summary = summarise(records, people_scene)
    assert (summary["frames"]["processed"], summary["frames"]["dropped"]) == (COUNT - 1, 1)
    assert summary["faces"]["people"][0]["shown"] == COUNT - 1


def test_a_run_without_any_result_has_a_summary(people_scene, capsys):
    summary = summarise([record(n, has_result=False) for n in range(COUNT)], people_scene)
    assert summary["frames"]["processed"] == 0
    assert summary["engine"] is None
    print_summary(summary)
    assert "0 processed" in capsys.readouterr().out


def test_the_summary_has_a_line_for_each_person(people_scene, capsys):
    print_summary(summarise(all_tracked(people_scene), people_scene))
    lines = capsys.readouterr().out.strip().splitlines()
    assert [line.split()[0] for line in lines] == [
        "frames", "faces", "person", "person", "latency", "detector", "engine",
    ]  # fmt: skip
    assert "tracked under one id in 120 (100%); ids [1]" in lines[2]


def test_people_in_a_users_own_picture_are_unknown():
    scene = PictureScene(np.zeros((100, 200, 3), np.uint8), COUNT)
    faces = summarise([record(n, [1]) for n in range(COUNT)], scene)["faces"]
    assert faces == {"frames_with_face": COUNT, "track_ids": [1]}
