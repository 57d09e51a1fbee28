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
from atpn_ros.learning.data.checks import DataError
from atpn_ros.learning.data.head_point_model import HeadPointModel
from atpn_ros.learning.data.training_faces import load_training_photographs
from atpn_ros.learning.export.weights_file import write_weights
from atpn_ros.learning.networks.asmnet import from_asmnet
from atpn_ros.learning.studies import asmnet_study, asmnet_training
from atpn_ros.learning.studies.asmnet_study import (
    AsmnetPlan,
    load_plan,
    nme_gains,
    run_study,
    tables,
)
from atpn_ros.learning.studies.asmnet_training import (
    AsmnetRecipe,
    build_network,
    network_size,
    train_row,
)
from atpn_ros.learning.studies.asmnet_views import Views, make_views
from atpn_ros.learning.studies.pages import BEGIN, END
from atpn_ros.learning.training import checkpoints
from atpn_ros.pipeline.head_model import MEAN_HEAD

ROOT = Path(__file__).resolve().parents[2]
HEAD = HeadPointModel(MEAN_HEAD, MEAN_HEAD[None] * (0, 1, 0), np.array([0.1]))
SMALL = AsmnetRecipe(size=32, views=2, epochs=3, batch=3, warmup=1)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder of six faces of dots in the layout of the photographs: four to learn, two to ask."""
    folder, rows = tmp_path / "faces_300w_dev", []
    (folder / "images").mkdir(parents=True)
    for i in range(6):
        rotation = geometry.head_rotation(0.1, -0.1, 0.1 * i - 0.25)
        points = (MEAN_HEAD @ rotation.T)[:, :2] * 600 + (100, 95)
        image = np.full((200, 200, 3), 90, np.uint8)
        for x, y in points:
            cv2.circle(image, (round(x), round(y)), 2, (230, 240, 250), -1)
        cv2.imwrite(str(folder / "images" / f"{i}.png"), image)
        low, high = points.min(0), points.max(0)
        rows.append({
            "file": f"{i}.png", "subset": "lfpw" if i % 2 else "helen",
            "split": "train" if i < 4 else "val",
            "landmarks68": landmark_layouts.to_ibug68(points).tolist(),
            "face_box_xywh_score": [*low.tolist(), *(high - low).tolist(), 0.9],
        })  # fmt: skip
    (folder / "labels.json").write_text(json.dumps(rows))
    return tmp_path


@pytest.fixture(autouse=True)
def a_head_without_assets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asmnet_study, "load_points", lambda _: HEAD)
    torch.set_num_threads(1)


def some_views(data: Path) -> Views:
    samples = load_training_photographs(data / "faces_300w_dev", "train")
    return make_views(samples, HEAD, 32, 2, 0.9)


def test_views_keep_the_points_on_the_picture_and_smooth_them(data: Path) -> None:
    views = some_views(data)
    assert views.crops.shape == (2, 4, 32, 32, 3)
    assert views.landmarks.shape == views.smoothed.shape == (2, 4, 68, 2)
    assert float(views.landmarks.abs().max()) < 1.0
    apart = (views.landmarks - views.smoothed).abs()
    assert 0 < float(apart.max()) < 0.3, "the shape model says nearly, not quite, the same"
    assert float(views.angles.abs().max()) < 2.0
    again = some_views(data)
    assert torch.equal(views.crops, again.crops)
    assert torch.equal(views.smoothed, again.smoothed)


def test_mirrored_views_keep_right_and_left(data: Path) -> None:
    samples = load_training_photographs(data / "faces_300w_dev", "train")
    views = make_views(samples, HEAD, 32, 12, 0.9)
    points = from_asmnet(views.landmarks).reshape(-1, 68, 2)
    across = points[:, 45] - points[:, 36]  # from the right eye's outer corner to the left's
    down = points[:, 8] - points[:, 27]  # from the bridge of the nose to the chin
    assert bool((across[:, 0] * down[:, 1] - across[:, 1] * down[:, 0] > 0).all())
    assert bool((across[:, 0] > 0).all()), "turned by at most 0.55 rad and a little"


def test_the_sizes_are_the_published_ones() -> None:
    parameters, macs = network_size(
        build_network(asmnet_training.ROWS["asmnet"], AsmnetRecipe()), 224
    )
    assert parameters == 1_439_507
    assert macs == pytest.approx(256.5, abs=0.1)


def test_an_interrupted_row_goes_on_as_if_it_had_not_been(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    views = some_views(data)
    whole = train_row(SMALL, "asmnet", 1, views, tmp_path / "whole")

    class Interrupted(Exception):
        pass

    original = checkpoints.save

    def save_and_stop(*args: object) -> None:
        original(*args)  # type: ignore[arg-type]
        raise Interrupted

    monkeypatch.setattr(checkpoints, "save", save_and_stop)
    with pytest.raises(Interrupted):
        train_row(SMALL, "asmnet", 1, views, tmp_path / "cut")
    monkeypatch.undo()
    resumed = train_row(SMALL, "asmnet", 1, views, tmp_path / "cut")
    for a, b in zip(whole.state_dict().values(), resumed.state_dict().values(), strict=True):
        assert torch.equal(a, b)


def test_a_row_begins_with_given_weights(data: Path, tmp_path: Path) -> None:
    views = some_views(data)
    first = train_row(SMALL, "asmnet", 1, views, tmp_path / "first")
    write_weights(first, tmp_path / "first.npz")
    still = replace(SMALL, learning_rate=0.0)
    begun = train_row(still, "asmnet", 2, views, tmp_path / "second", tmp_path / "first.npz")
    for a, b in zip(first.parameters(), begun.parameters(), strict=True):
        assert torch.allclose(a, b, rtol=1e-3, atol=1e-4)
    with pytest.raises(DataError, match="no weights of this mnv2"):
        train_row(SMALL, "mnv2", 1, views, tmp_path / "third", tmp_path / "first.npz")


def test_each_loss_asks_for_its_own_targets(data: Path) -> None:
    views = some_views(data)
    network = build_network(asmnet_training.ROWS["asmnet"], AsmnetRecipe()).eval()
    chosen = torch.arange(4)

    def loss(name: str, alpha: float) -> float:
        row = asmnet_training.ROWS[name]
        return float(asmnet_training._loss(network, row, views, 0, chosen, alpha).detach())

    plain = loss("asmnet_nr", 2.0)
    assert loss("asmnet_nr", 0.5) == plain
    weighted, assisted = loss("asmnet_w", 2.0), loss("asmnet", 2.0)
    out = network(views.crops[0])
    landmarks = float((out.landmarks - views.landmarks[0]).square().mean().detach())
    smoothed = float((out.landmarks - views.smoothed[0]).square().mean().detach())
    assert weighted == pytest.approx(plain + 2 * landmarks, rel=1e-5)
    assert assisted == pytest.approx(plain + 2 * smoothed, rel=1e-5)


def test_the_command_fills_the_page_and_trains_nothing_twice(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plan, page, out = tmp_path / "plan.yaml", tmp_path / "page.md", tmp_path / "out"
    plan.write_text("recipe: {size: 32, views: 1, epochs: 1, batch: 4, warmup: 1}\n"
                    "rows: [asmnet_nr, asmnet]\n")  # fmt: skip
    page.write_text(f"Before\n{BEGIN}\nold\n{END}\nAfter\n")
    words = ["train-asmnet", str(plan), "--data", str(data), "--out", str(out)]
    assert main([*words, "--page", str(page), "--threads", "1"]) == 0
    text = page.read_text()
    assert text.startswith("Before\n")
    assert text.endswith("After\n")
    assert "old" not in text
    assert "| `asmnet` | ASMNet, ASM-assisted loss |" in text
    assert "| 4.82 | 5.50 |" in text, "the published row stands beside"
    assert "`asmnet_nr - asmnet`" in text
    assert "1,439,507" in text
    report = json.loads((out / "asmnet.json").read_text())
    assert set(report["runs"]["asmnet"]["1"]["boxes"]) == {"truth", "detector", "tracked"}

    monkeypatch.setattr(asmnet_study, "train_row", lambda *_: pytest.fail("trained again"))
    page.write_text(f"{BEGIN}\n{END}")
    assert main([*words, "--page", str(page)]) == 0
    assert text.split(BEGIN)[1].split(END)[0] in page.read_text()

    plan.write_text(plan.read_text().replace("epochs: 1", "epochs: 2"))
    assert main(words) == 1
    assert "result.json: belongs to a plan with other settings: recipe" in capsys.readouterr().err


def test_the_help_is_measured_face_by_face() -> None:
    def run(errors: list[float]) -> dict[str, object]:
        raw = {"errors": errors}
        return {"boxes": {"truth": {"landmarks": {"raw": raw}}}}

    runs = {
        "asmnet_nr": {"1": run([4.0, 6.0]), "2": run([6.0, 8.0])},
        "asmnet": {"1": run([4.0, 4.0]), "2": run([4.0, 8.0])},
        "mnv2": {"1": run([3.0, 3.0])},
    }
    found = nme_gains(runs)
    assert list(found) == ["asmnet_nr - asmnet"], "no figure without its counterpart"
    assert found["asmnet_nr - asmnet"]["value"] == pytest.approx(1.0)


def test_tables_show_the_spread_of_several_seeds() -> None:
    def run(nme: float) -> dict[str, object]:
        estimate = {"value": nme, "low": nme - 1, "high": nme + 1, "count": 2}
        reading = {"nme": estimate, "fr10": estimate, "errors": [nme, nme]}
        boxes = ("truth", "detector", "tracked")
        return {"boxes": {kind: {"landmarks": {"raw": reading}} for kind in boxes}}

    networks = {"asmnet": {"parameters": 1000, "mmacs": 1.0, "mmacs_at_224": 2.0}}
    report = {"runs": {"asmnet": {"1": run(8.0), "2": run(9.0)}, "mnv2": {"1": run(7.0)},
                       "mnv2_r": {}}, "helped": {}, "recipe": {"size": 64},
              "networks": networks}  # fmt: skip
    text = tables(report)
    assert "| 8.50 ± 0.71 | 8.50 ± 0.71 | 8.50 ± 0.71 | 8.5 ± 0.7 | 2 | 4.82 | 5.50 |" in text
    assert "| 7.00 (6.00-8.00) |" in text, "one seed: the interval over faces"
    assert "mnv2_r" not in text, "rows that are not done are not shown"


@pytest.mark.parametrize("path", sorted((ROOT / "config" / "studies").glob("asm*.yaml")), ids=str)
def test_the_plans_that_come_along_can_be_read(path: Path) -> None:
    assert load_plan(path).recipe.epochs % 3 == 0


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("recipe: {epocs: 3}", "recipe: epocs: no such field .did you mean epochs"),
        ("recipe: {epochs: 0}", "recipe: epochs: must be at least 1, is 0"),
        ("rows: [asmnet, resnet]", r"rows\[1\]: must be one of asmnet_nr, asmnet, "),
        ("rows: [asmnet, asmnet]", "rows: must be one or more different entries"),
        ("seeds: []", "seeds: must be one or more different entries"),
        ("head: ''", "head: is empty"),
    ],
)
def test_a_bad_plan_names_the_file_and_the_field(tmp_path: Path, text: str, word: str) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=rf"plan\.yaml: {word}"):
        load_plan(path)


def test_missing_photographs_are_named(tmp_path: Path) -> None:
    plan = replace(AsmnetPlan(), rows=("asmnet",))
    with pytest.raises(DataError, match=r"labels\.json"):
        run_study(plan, tmp_path, tmp_path / "out")


def test_the_dropout_of_a_recipe_is_that_of_the_networks():
    for row in ("asmnet", "mnv2"):
        network = build_network(asmnet_training.ROWS[row], AsmnetRecipe(dropout=0.1))
        assert [m.p for m in network.modules() if isinstance(m, torch.nn.Dropout)] == [0.1]
    assert AsmnetRecipe().dropout == 0.3  # as published
    for wrong in (-0.1, 1.0):
        with pytest.raises(ValueError, match="dropout: must be at least 0 and below 1"):
            AsmnetRecipe(dropout=wrong)
