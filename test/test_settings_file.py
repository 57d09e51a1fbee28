# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Parameter files are read as ROS reads them, and what is wrong with one is a line."""

import sys
from pathlib import Path

import pytest

pytest.importorskip("ruamel.yaml", reason="pip install ruamel.yaml")

from atpn_ros.settings import Settings, SettingsError
from atpn_ros.settings_file import load_settings

SHIPPED = Path(__file__).parents[1] / "config" / "atpn.yaml"


def written(folder, text):
    path = folder / "mine.yaml"
    path.write_text(text)
    return path


@pytest.mark.skipif(not SHIPPED.is_file(), reason="not in a source checkout")
def test_the_shipped_file_holds_the_defaults():
    assert load_settings(SHIPPED) == Settings()


def test_the_nodes_own_part_wins_and_words_win_over_both(tmp_path):
    path = written(
        tmp_path,
        "/**:\n  ros__parameters: {max_faces: 2, memory: 3, use_sim_time: true}\n"
        "/face_node:\n  ros__parameters: {max_faces: 3}\n"
        "other:\n  ros__parameters: {max_faces: 99}\n",
    )
    assert (load_settings(path).max_faces, load_settings(path).memory) == (3, 3.0)
    assert load_settings(path, ["max_faces=5"]).max_faces == 5


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no ros__parameters for face_node"),
        ("- 1\n- 2\n", "no ros__parameters for face_node"),
        ("other:\n  ros__parameters: {max_faces: 1}\n", "no ros__parameters for face_node"),
        ("{", "mine.yaml: "),
    ],
)
def test_what_is_no_parameter_file_is_told(tmp_path, text, words):
    with pytest.raises(SettingsError, match=words) as caught:
        load_settings(written(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_a_wrong_value_is_told(tmp_path):
    path = written(tmp_path, "/**:\n  ros__parameters: {max_faces: many}\n")
    with pytest.raises(SettingsError, match="max_faces: 'many' is not of type int"):
        load_settings(path)


def test_without_the_yaml_reader_one_line_says_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ruamel.yaml", None)
    with pytest.raises(SettingsError, match=r"pip install ruamel\.yaml"):
        load_settings(written(tmp_path, ""))
