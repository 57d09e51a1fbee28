# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Parameter files are read as ROS reads them, and what is wrong with one is a line."""

import sys
from pathlib import Path

import pytest

pytest.importorskip("ruamel.yaml", reason="pip install ruamel.yaml")

from atpn_ros.settings import Settings, SettingsError
from atpn_ros.settings_file import check_ros_arguments, load_settings, read_parameters

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
        ("/**:\n  ros__parameters: {\n", "mine.yaml: line [23]: "),
        ("\0", "mine.yaml: "),
    ],
)
def test_what_is_no_parameter_file_is_told(tmp_path, text, words):
    with pytest.raises(SettingsError, match=words) as caught:
        load_settings(written(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_text_is_an_error(tmp_path):
    file = tmp_path / "picture.jpg"
    file.write_bytes(b"\xff\xd8\xff\xe0")
    with pytest.raises(
        SettingsError, match=r"picture\.jpg: not a parameter file: no text in UTF-8"
    ):
        load_settings(file)


def test_a_wrong_value_is_told(tmp_path):
    path = written(tmp_path, "/**:\n  ros__parameters: {max_faces: many}\n")
    with pytest.raises(SettingsError, match="max_faces: 'many' is not of type int"):
        load_settings(path)


def test_without_the_yaml_reader_one_line_says_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ruamel.yaml", None)
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(SettingsError, match=r"pip install ruamel\.yaml"):
        load_settings(written(tmp_path, ""))


def test_with_the_reader_that_ros_has_the_result_is_the_same(tmp_path, monkeypatch):
    pytest.importorskip("yaml")
    path = written(
        tmp_path, "/**:\n  ros__parameters: {max_faces: 2, memory: 1.5, smoothing: false}"
    )
    before = load_settings(path)
    monkeypatch.setitem(sys.modules, "ruamel.yaml", None)
    assert load_settings(path) == before


TYPOS = [
    (
        "face_node:\n  ros__parameters: {max_face: 2}\n",
        "max_face: no such setting; did you mean max_f",
    ),
    ("face_node:\n  ros__parameters: {detector: atpn}\n", "did you mean detector_model"),
    ("/**:\n  ros__parameters: {max_face: 2}\n", "did you mean max_faces"),
    ("/front/face_node:\n  ros__parameters: {robot_name: tiago}\n", "robot_name: no such setting$"),
]


@pytest.mark.parametrize(("text", "words"), TYPOS)
def test_an_unknown_name_is_refused_with_the_nearest_known_one(tmp_path, text, words):
    path = written(tmp_path, text)
    with pytest.raises(SettingsError, match=words):
        load_settings(path)
    with pytest.raises(SettingsError, match=words):
        read_parameters(path, "/front")
    with pytest.raises(SettingsError, match=words):
        check_ros_arguments(["--ros-args", "-r", "__ns:=/front", "--params-file", str(path)])


def test_a_file_shared_with_other_nodes_is_taken(tmp_path):
    path = written(
        tmp_path,
        "/**:\n  ros__parameters: {robot_name: tiago, image_topic: /x, rate: 3}\n"
        "face_node:\n  ros__parameters: {max_faces: 2}\n"
        "camera:\n  ros__parameters: {max_face: 3}\n",
    )
    assert load_settings(path).max_faces == 2
    check_ros_arguments(["--ros-args", "--params-file", str(path)])


def test_a_dump_of_the_nodes_own_parameters_is_taken(tmp_path):
    path = written(
        tmp_path,
        "/face_node:\n  ros__parameters:\n    max_faces: 3\n    use_sim_time: false\n"
        "    start_type_description_service: true\n    qos_overrides:\n      /camera_info:\n"
        "        subscription: {depth: 1, history: keep_last, reliability: best_effort}\n",
    )
    assert load_settings(path).max_faces == 3
    check_ros_arguments(["--ros-args", "--params-file", str(path)])


@pytest.mark.parametrize("section", ["/**", "face_node"])
@pytest.mark.parametrize(
    ("value", "good"),
    [("true", True), ("False", True), ("yes", True), ("1", False), ("0.0", False), ("soon", False)],
)
def test_simulated_time_is_a_truth_value(tmp_path, section, value, good):
    path = written(
        tmp_path, f"{section}:\n  ros__parameters: {{max_faces: 3, use_sim_time: {value}}}\n"
    )
    words = ["--ros-args", "--params-file", str(path)]
    option = ["--ros-args", "-p", f"use_sim_time:={value}"]
    if good:
        assert load_settings(path).max_faces == 3
        check_ros_arguments(words)
        check_ros_arguments(option)
        return
    for call in (
        lambda: load_settings(path),
        lambda: check_ros_arguments(words),
        lambda: check_ros_arguments(option),
    ):
        with pytest.raises(SettingsError, match=r"use_sim_time: .* is neither true nor false$"):
            call()


def test_overrides_of_qos_may_be_one_dotted_name(tmp_path):
    name = "qos_overrides./camera/image_raw.subscription.reliability"
    path = written(
        tmp_path, f"/face_node:\n  ros__parameters: {{max_faces: 3, {name}: reliable}}\n"
    )
    assert read_parameters(path, "") == {"max_faces": 3}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("face_node:\n  ros__parameters: {1: 2}\n", "1: no such setting"),
        ("face_node:\n  ros__parameters: {true: 2}\n", "True: no such setting"),
        ("1:\n  ros__parameters: {max_faces: 2}\n", "no ros__parameters for face_node"),
        ("front:\n  2:\n    ros__parameters: {max_faces: 2}\n", "no ros__parameters"),
    ],
)
def test_a_key_that_is_no_text_is_refused_in_one_line(tmp_path, text, words):
    with pytest.raises(SettingsError, match=words):
        load_settings(written(tmp_path, text))


@pytest.mark.parametrize("section", ["/front/face_node", "front/face_node", "front:\n  face_node"])
def test_sections_of_a_namespace_are_taken(tmp_path, section):
    indent = "    " if "\n" in section else "  "
    path = written(
        tmp_path,
        "/**:\n  ros__parameters: {max_faces: 5, memory: 2.0}\n"
        f"{section}:\n{indent}ros__parameters: {{max_faces: 2}}\n",
    )
    assert (load_settings(path).max_faces, load_settings(path).memory) == (2, 2.0)
    assert read_parameters(path, "/front") == {"max_faces": 2, "memory": 2.0}
    assert read_parameters(path, "/rear")["max_faces"] == 5


def test_several_nodes_in_one_file_are_distinguished_by_their_namespace(tmp_path):
    parts = [f"/{ns}/face_node:\n  ros__parameters: {{max_faces: {n}}}\n" for ns, n in
             (("front", 2), ("rear", 3))]  # fmt: skip
    path = written(tmp_path, "".join(parts))
    assert read_parameters(path, "rear") == {"max_faces": 3}
    with pytest.raises(SettingsError, match="several nodes, /front/face_node, /rear/face_node"):
        load_settings(path)


@pytest.mark.parametrize("name", ["max_face", "face_node:max_face", "my_node:max_face"])
def test_an_unknown_name_on_the_command_line_is_refused(name):
    words = ["--ros-args", "-r", "__node:=my_node", "-p", f"{name}:=2"]
    if name.startswith("face_node"):  # another node's
        check_ros_arguments(words)
        return
    with pytest.raises(SettingsError, match="max_face: no such setting; did you mean max_faces"):
        check_ros_arguments(words)


@pytest.mark.parametrize("rule", ["__node", "__name", "face_node:__node"])
def test_a_renamed_node_has_the_sections_of_its_new_name(tmp_path, rule):
    path = written(tmp_path, "my_node:\n  ros__parameters: {max_face: 2}\n")
    words = ["--ros-args", "--params-file", str(path)]
    check_ros_arguments(words)
    with pytest.raises(SettingsError, match="max_face: no such setting"):
        check_ros_arguments([*words, "-r", f"{rule}:=my_node"])


def test_what_every_node_has_and_what_is_no_ros_argument_passes():
    check_ros_arguments([])
    check_ros_arguments(["-p", "max_face:=2"])
    check_ros_arguments(
        ["--ros-args", "-p", "use_sim_time:=true", "-p", "max_faces:=2", "--log-level", "info",
         "-p", "qos_overrides./image.subscription.reliability:=reliable", "--", "-p", "x:=1"]
    )  # fmt: skip
