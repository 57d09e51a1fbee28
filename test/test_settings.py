# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Settings: said alike in the code, the yaml and the launch file; wrong ones are refused."""

import ast
import re
from dataclasses import asdict
from pathlib import Path

import pytest

from atpn_ros.pipeline.pipeline import PipelineSettings
from atpn_ros.setting_values import parse_value, update_settings
from atpn_ros.settings import CONSTRAINTS, SHIPPED_MODEL, Settings, SettingsError

ROOT = Path(__file__).resolve().parents[1]
DEFAULTS = asdict(Settings())
YAML = ROOT / "config" / "atpn.yaml"
LOOSE = Settings(keep_presence=0.0, start_presence=1.0)  # so that each may have any value
NUMBERS = [n for n, v in DEFAULTS.items() if type(v) in (int, float)]
in_checkout = pytest.mark.skipif(not YAML.is_file(), reason="not in a source checkout")


def yaml_lines():
    """(name, comment) of each setting in the yaml."""
    pattern = r"^    (\w+): .*?# (.*)$"
    return re.findall(pattern, YAML.read_text(), re.M)


@in_checkout
def test_the_yaml_holds_every_setting_with_its_default_in_order():
    yaml = pytest.importorskip("yaml")
    (node,) = yaml.safe_load(YAML.read_text()).values()
    written = node["ros__parameters"]
    assert list(written) == list(DEFAULTS)
    for name, default in DEFAULTS.items():
        assert written[name] == default
        assert type(written[name]) is type(default), name


@in_checkout
def test_the_yaml_says_live_exactly_where_the_rule_does():
    lines = dict(yaml_lines())
    assert list(lines) == list(CONSTRAINTS)
    assert {n for n, c in lines.items() if "(live)" in c} == {
        n for n, r in CONSTRAINTS.items() if r.reconfigurable
    }


@in_checkout
def test_the_yaml_and_the_rules_use_the_same_words():
    for name, comment in yaml_lines():
        rule = CONSTRAINTS[name]
        words = comment.removesuffix(" (live)")
        assert words in (rule.description, f"{rule.description}: {' | '.join(rule.choices)}"), name


@in_checkout
def test_the_launch_file_takes_every_setting_and_no_own_argument_hides_one():
    tree = ast.parse((ROOT / "launch" / "atpn.launch.py").read_text())
    (own,) = (
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "ARGUMENTS"
    )
    names = {ast.literal_eval(key) for key in own.keys}
    assert {"namespace", "image_topic", "camera_info_topic", "params_file"} <= names
    settings = names & set(CONSTRAINTS)
    if "CONSTRAINTS" in ast.unparse(tree).split("ARGUMENTS", 1)[1]:  # all of them, from the rules
        assert not settings
    else:
        assert settings
        for key, value in zip(own.keys, own.values, strict=True):
            name = ast.literal_eval(key)
            if name in CONSTRAINTS:
                assert ast.literal_eval(value.elts[0]) == str(DEFAULTS[name])


@pytest.mark.parametrize("name", CONSTRAINTS)
def test_each_default_keeps_its_own_rule_and_is_described(name):
    assert update_settings(Settings(), {name: DEFAULTS[name]}) == Settings()
    assert len(CONSTRAINTS[name].description) > 10


def test_values_are_taken_and_the_others_stay():
    changed = update_settings(
        Settings(), {"max_faces": 2, "tf_prefix": "left_", "smoothing": False}
    )
    assert asdict(changed) == DEFAULTS | {"max_faces": 2, "tf_prefix": "left_", "smoothing": False}


def test_a_whole_number_is_good_for_a_float():
    value = update_settings(Settings(), {"memory": 2}).memory
    assert value == 2.0
    assert type(value) is float


@pytest.mark.parametrize("name", CONSTRAINTS)
@pytest.mark.parametrize("value", [True, 1, 1.5, "auto", None, [1], b"x"])
def test_values_of_another_type_are_refused_and_named(name, value):
    kind = type(DEFAULTS[name])
    if type(value) is kind or (kind is float and type(value) is int):
        return
    with pytest.raises(SettingsError, match=rf"^{name}: .*not of type {kind.__name__}"):
        update_settings(Settings(), {name: value})


@pytest.mark.parametrize("name", NUMBERS)
def test_ends_of_the_range_are_taken_and_beyond_is_refused(name):
    rule, kind = CONSTRAINTS[name], type(DEFAULTS[name])
    assert rule.minimum < rule.maximum
    for value in (kind(rule.minimum), kind(rule.maximum)):
        assert getattr(update_settings(LOOSE, {name: value}), name) == value
    for value in (kind(rule.minimum - 1), kind(rule.maximum + 1)):
        with pytest.raises(SettingsError, match=rf"^{name}: .* is not in "):
            update_settings(Settings(), {name: value})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("name", [n for n in NUMBERS if type(DEFAULTS[n]) is float])
def test_numbers_that_are_not_finite_are_refused(name, value):
    with pytest.raises(SettingsError, match=name):
        update_settings(Settings(), {name: value})


@pytest.mark.parametrize("name", ["backend", "image_transport"])
def test_texts_with_choices_take_no_other(name):
    for choice in CONSTRAINTS[name].choices:
        assert getattr(update_settings(Settings(), {name: choice}), name) == choice
    with pytest.raises(
        SettingsError, match=f"^{name}: 'other' is none of {CONSTRAINTS[name].choices[0]}"
    ):
        update_settings(Settings(), {name: "other"})


@pytest.mark.parametrize("name", ["", "max_face", "Max_faces", "use_sim_time", "__class__"])
def test_unknown_names_are_refused(name):
    with pytest.raises(SettingsError, match="no such setting"):
        update_settings(Settings(), {name: 1})


def another(name):
    value = DEFAULTS[name]
    choices = [c for c in CONSTRAINTS[name].choices if c != value]
    if choices:
        return choices[0]
    if type(value) in (int, float):
        return type(value)(CONSTRAINTS[name].maximum)
    return not value if type(value) is bool else "x"


@pytest.mark.parametrize("name", CONSTRAINTS)
def test_while_running_only_live_settings_may_change(name):
    value = another(name)
    assert getattr(update_settings(LOOSE, {name: value}), name) == value
    assert update_settings(Settings(), {name: DEFAULTS[name]}, running=True) == Settings()
    if CONSTRAINTS[name].reconfigurable:
        assert getattr(update_settings(LOOSE, {name: value}, running=True), name) == value
    else:
        with pytest.raises(SettingsError, match="before the node is configured"):
            update_settings(Settings(), {name: value}, running=True)


def test_an_unknown_name_is_refused_with_the_nearest_known_one():
    for name, near in (("max_face", "max_faces"), ("detector", "detector_model")):
        with pytest.raises(SettingsError, match=f"^{name}: no such setting; did you mean {near}"):
            update_settings(Settings(), {name: 1})
        with pytest.raises(SettingsError, match=f"did you mean {near}"):
            parse_value(name, "1")


def test_a_new_face_needs_no_less_presence_than_a_tracked_one():
    with pytest.raises(SettingsError, match=r"start_presence: 0\.4 is less than keep_presence"):
        update_settings(Settings(), {"start_presence": 0.4})
    with pytest.raises(SettingsError, match="less than keep_presence"):
        update_settings(Settings(), {"keep_presence": 0.9}, running=True)
    update_settings(Settings(), {"keep_presence": 0.9, "start_presence": 0.9})


@pytest.mark.parametrize("prefix", ["bad prefix/", "/front", "a\tb", "a:b", "\u00e9_", "x\n"])
def test_a_prefix_that_is_no_part_of_a_frames_name_is_refused(prefix):
    with pytest.raises(SettingsError, match=r"^tf_prefix: "):
        update_settings(Settings(), {"tf_prefix": prefix})


@pytest.mark.parametrize("prefix", ["", "front_", "robot1/", "r-2.left_"])
def test_a_prefix_of_usual_letters_is_taken(prefix):
    assert update_settings(Settings(), {"tf_prefix": prefix}).tf_prefix == prefix


def test_one_bad_value_refuses_all():
    settings = Settings()
    with pytest.raises(SettingsError):
        update_settings(settings, {"max_faces": 2, "memory": -1.0})
    assert settings == Settings()


def test_an_empty_model_is_the_shipped_one_and_home_is_known(monkeypatch):
    monkeypatch.setenv("HOME", "/somewhere")
    assert Settings().model_path() == SHIPPED_MODEL
    assert SHIPPED_MODEL.is_file()
    assert Settings(model="~/a.onnx").model_path() == Path("/somewhere/a.onnx")


def test_the_pipeline_gets_seconds_as_nanoseconds():
    got = Settings(
        memory=0.7, detect_interval=1.5, search_interval=0.25, min_face=20.0, max_faces=3,
        start_presence=0.8, keep_presence=0.4, smoothing_beta=2.0, head_scale=0.5,
    ).pipeline_settings()  # fmt: skip
    assert got.tracker.memory_ns == 700_000_000
    assert (got.detect_interval_ns, got.search_interval_ns) == (1_500_000_000, 250_000_000)
    assert (got.tracker.min_side, got.tracker.max_faces) == (20.0, 3)
    assert (got.tracker.start_presence, got.tracker.keep_presence) == (0.8, 0.4)
    assert (got.estimator.smoothing.beta, got.estimator.head_scale) == (2.0, 0.5)
    assert Settings(smoothing=False).pipeline_settings().estimator.smoothing is None


def test_the_nodes_defaults_are_the_cores_where_both_have_one():
    assert Settings().pipeline_settings() == PipelineSettings()
