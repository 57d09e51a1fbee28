# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from atpn_ros import geometry, landmark_layouts
from atpn_ros.cli import main
from atpn_ros.learning.config import ConfigError
from atpn_ros.learning.data.batches import TrainingSet
from atpn_ros.learning.data.checks import DataError
from atpn_ros.learning.data.labelled_face import LabelledFace
from atpn_ros.learning.data.layouts import IBUG68, WFLW98
from atpn_ros.learning.networks.atpn import Atpn, AtpnSettings
from atpn_ros.learning.studies import ablation
from atpn_ros.learning.studies.ablation import ROWS, AblationPlan, load_plan, tables
from atpn_ros.learning.studies.pages import BEGIN, END, PageError, replace_tables, write_json
from atpn_ros.learning.studies.results import load_result, save_result, seed_spread
from atpn_ros.learning.training.train import TrainSettings
from atpn_ros.pipeline.head_model import MEAN_HEAD

ROOT = Path(__file__).resolve().parents[2]

PLAN = """
train: {steps: 2, batch: 2, warmup: 1, save_every: 1, network: {width: 4, gaze: true}}
data: {renders: renders, validation_renders: renders, validation_photographs: photographs}
rows: [whole, no_points]
seeds: [1, 2]
"""


def drawn(yaw: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Picture, points and rotation of a face of dots."""
    rotation = geometry.head_rotation(0.1, -0.1, yaw)
    points = (MEAN_HEAD @ rotation.T)[:, :2] * 400 + (75, 70)
    image = np.full((150, 150, 3), 90, np.uint8)
    for x, y in points:
        cv2.circle(image, (round(x), round(y)), 2, (230, 240, 250), -1)
    return image, points, rotation


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Faces of dots wherever the study would read files."""
    taught, rendered, photographs = [], [], []
    for yaw in (-0.3, 0.0, 0.3):
        image, points, rotation = drawn(yaw)
        gaze = np.stack([rotation[:, 0]] * 2)
        taught.append(LabelledFace(image, points, WFLW98, "drawn", rotation=rotation, gaze=gaze))
        rendered.append(LabelledFace(image, points, WFLW98, "drawn", rotation=rotation, gaze=gaze))
        photographs.append(LabelledFace(image, landmark_layouts.to_ibug68(points), IBUG68, "drawn"))
    empty = LabelledFace(np.full((150, 150, 3), 120, np.uint8), None, presence=False)
    monkeypatch.setattr(ablation, "load_source", lambda *_: TrainingSet(taught, [], []))
    monkeypatch.setattr(ablation, "read_photographs", lambda *_: photographs)
    monkeypatch.setattr(ablation, "load_renders", lambda _: [*rendered, empty])
    torch.set_num_threads(1)


@pytest.mark.usefixtures("made_up")
def test_the_command_fills_the_page_and_trains_nothing_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plan, page, out = tmp_path / "plan.yaml", tmp_path / "page.md", tmp_path / "out"
    plan.write_text(PLAN)
    page.write_text(f"Before\n{BEGIN}\nold\n{END}\nAfter\n")
    words = ["ablate", str(plan), "--data", str(tmp_path), "--out", str(out), "--workers", "0"]
    assert main([*words, "--page", str(page), "--threads", "1"]) == 0
    text = page.read_text()
    assert text.startswith("Before\n")
    assert text.endswith("After\n")
    assert "old" not in text
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    assert [row.split("`")[1] for row in rows] == ["whole", "no_points"]
    assert all(row.count("±") == 5 and row.endswith("| 2 |") for row in rows)
    beside_it = json.loads((tmp_path / "page.json").read_text())
    assert beside_it == json.loads((out / "ablation.json").read_text())
    figures = beside_it["runs"]["whole"]["1"]
    assert beside_it["runs"]["no_points"]["1"]["parameters"] < figures["parameters"]
    assert 0 <= figures["presence_auc"] <= 1

    monkeypatch.setattr(ablation, "train", lambda *_: pytest.fail("trained again"))
    assert main([*words, "--page", str(page)]) == 0
    assert page.read_text() == text

    plan.write_text(PLAN.replace("steps: 2", "steps: 3"))
    assert main(words) == 1
    assert "result.json: belongs to a plan with other settings: train" in capsys.readouterr().err


@pytest.mark.usefixtures("made_up")
def test_a_new_seed_trains_only_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(PLAN)
    plan = replace(load_plan(path), rows=("whole",), seeds=(1,))
    ablation.run_study(plan, tmp_path, tmp_path / "out", 0)
    original, seeds = ablation.train, []

    def watched(settings: TrainSettings, source: TrainingSet, *rest: object) -> Atpn:
        seeds.append(settings.seed)
        return original(settings, source, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(ablation, "train", watched)
    report = ablation.run_study(replace(plan, seeds=(1, 5)), tmp_path, tmp_path / "out", 0)
    assert seeds == [5]
    assert set(report["runs"]["whole"]) == {"1", "5"}


def test_each_row_changes_what_it_says_and_no_two_are_the_same() -> None:
    base = TrainSettings(network=AtpnSettings(width=4))
    changed = {name: row.change(base) for name, row in ROWS.items()}
    assert changed["whole"] == base
    assert len({repr(settings) for settings in changed.values()}) == len(ROWS)
    assert set(ROWS) == set(AblationPlan().rows)
    for name, settings in changed.items():
        network = Atpn(settings.network).eval()
        with torch.inference_mode():
            out = network(torch.zeros(1, 128, 128, 3, dtype=torch.uint8))
        assert out.landmarks.shape == (1, 98, 2), name
    assert changed["in_turn"].order == "in_turn"
    only = Atpn(changed["heatmap_only"].network)
    assert (only.uses_features, only.uses_heatmap, only.coordinates) == (False, True, None)
    blind = Atpn(changed["features_only"].network)
    assert (blind.uses_features, blind.uses_heatmap, blind.coordinates) == (True, False, None)


def test_a_figure_that_is_missing_is_a_dash() -> None:
    run = {"renders_nme": 9.0, "photographs_nme": 8.0, "rotation": 5.0, "gaze": None,
           "presence_auc": 0.98765, "parameters": 1234}  # fmt: skip
    other = run | {"renders_nme": 10.0}
    text = tables({"runs": {"whole": {"1": run, "2": other}, "in_turn": {}}})
    assert "| `whole` | the whole network | 9.50 ± 0.71 | 8.00 ± 0.00 | 5.00 ± 0.00 | - | " in text
    assert "| 0.9876 ± 0.0000 | 1,234 | 2 |" in text or "| 0.9877 ± 0.0000 | 1,234 | 2 |" in text
    assert "in_turn" not in text, "rows that are not done are not shown"


def test_the_spread_is_the_sample_standard_deviation() -> None:
    found = seed_spread([7.0, 9.0])
    assert (found.mean, found.count) == (8.0, 2)
    assert found.deviation == pytest.approx(np.sqrt(2))
    assert seed_spread([7.0]).deviation is None


@pytest.mark.parametrize(
    "text", ["no markers", f"{END}\n{BEGIN}", f"{BEGIN}{END}{BEGIN}{END}", BEGIN]
)
def test_a_page_without_a_place_is_refused_and_left_alone(tmp_path: Path, text: str) -> None:
    page = tmp_path / "page.md"
    page.write_text(text)
    with pytest.raises(PageError, match=r"page\.md: needs exactly one"):
        replace_tables(page, "new")
    assert page.read_text() == text
    with pytest.raises(PageError, match=r"other\.md: No such file"):
        replace_tables(tmp_path / "other.md", "new")


def test_the_json_beside_a_page_is_without_each_faces_number(tmp_path: Path) -> None:
    write_json(tmp_path / "page.md", {"runs": {"a": {"nme": 4.0, "errors": [1.0] * 300}}})
    assert json.loads((tmp_path / "page.json").read_text()) == {"runs": {"a": {"nme": 4.0}}}


def test_what_is_kept_is_read_back_and_damage_is_named(tmp_path: Path) -> None:
    settings = {"rows": (1, 2), "size": 3}
    assert load_result(tmp_path, settings) is None
    save_result(tmp_path, settings, {"nme": 4.5})
    assert load_result(tmp_path, settings) == {"nme": 4.5}
    with pytest.raises(DataError, match=r"result\.json: .* other settings: size"):
        load_result(tmp_path, settings | {"size": 4})
    (tmp_path / "result.json").write_text("[")
    with pytest.raises(DataError, match=r"result\.json: not the result of a run"):
        load_result(tmp_path, settings)


@pytest.mark.parametrize("path", [ROOT / "config" / "studies" / "ablation.yaml"], ids=str)
def test_the_plan_that_comes_along_can_be_read(path: Path) -> None:
    plan = load_plan(path)
    assert plan.rows == AblationPlan().rows
    assert len(plan.seeds) >= 2


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("train: {stps: 3}", "train: stps: no such field .did you mean steps"),
        ("rows: [whole, no_shrtcut]", r"rows\[1\]: must be one of whole, no_shortcut"),
        ("rows: whole", "rows: must be a list"),
        ("seeds: [1, 1]", "seeds: must be one or more different entries"),
        ("seeds: [1.5]", r"seeds\[0\]: must be int"),
        ("faces: 0", "faces: must be at least 1"),
        ("data: {backgrounds: hdri}", "data: needs renders, photographs or sets"),
        ("data: {renders: r, validation_renders: r}", "data: validation_photographs: is empty"),
    ],
)
def test_a_bad_plan_names_the_file_and_the_field(tmp_path: Path, text: str, word: str) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=rf"plan\.yaml: {word}"):
        load_plan(path)
