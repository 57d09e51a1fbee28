# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The ablation study of ATPN: trains it with one design choice removed at a time."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch

from atpn_ros.learning.config import ConfigError, read_config
from atpn_ros.learning.data.batches import TrainingSet
from atpn_ros.learning.data.datasets import read_photographs
from atpn_ros.learning.data.labelled_face import LabelledFace
from atpn_ros.learning.data.renders import load_renders
from atpn_ros.learning.data.training_faces import negatives, positives
from atpn_ros.learning.evaluation.dataset_metrics import evaluate_set
from atpn_ros.learning.evaluation.models import open_model
from atpn_ros.learning.evaluation.statistics import Estimate
from atpn_ros.learning.networks.atpn import Atpn
from atpn_ros.learning.studies import pages
from atpn_ros.learning.studies.results import (
    load_result,
    require_distinct,
    save_result,
    seed_spread,
)
from atpn_ros.learning.training.run_file import TrainingData, load_source
from atpn_ros.learning.training.train import TrainSettings, train

RowName = Literal["whole", "no_shortcut", "no_heatmap", "heatmap_per_landmark", "heatmap_only",
                  "features_only", "no_points", "in_turn"]  # fmt: skip


class AblationRow(NamedTuple):
    """One variant of the network: its change of the settings, and a description for the table."""

    change: Callable[[TrainSettings], TrainSettings]
    description: str


def _network(**switches: Any) -> Callable[[TrainSettings], TrainSettings]:
    return lambda s: replace(s, network=replace(s.network, **switches))


ROWS: Mapping[str, AblationRow] = {
    "whole": AblationRow(lambda s: s, "the whole network"),
    "no_shortcut": AblationRow(_network(shortcut=False),
                       "alignment sees deep features only, no shortcut from shallow ones"),
    "no_heatmap": AblationRow(_network(heatmap="none", head_inputs="features"),
                      "the heads see features and the points' coordinates, no heatmap"),
    "heatmap_per_landmark": AblationRow(_network(heatmap="per_landmark"),
                                "98 heatmaps, one per point, instead of one for all"),
    "heatmap_only": AblationRow(_network(head_inputs="heatmap", points=False),
                        "the heads see the heatmap and nothing else"),
    "features_only": AblationRow(_network(heatmap="none", head_inputs="features", points=False),
                         "the heads see features and nothing of the points"),
    "no_points": AblationRow(_network(points=False),
                     "the heads see features and the heatmap, not the points' coordinates"),
    "in_turn": AblationRow(lambda s: replace(s, order="in_turn"),
                   "alignment in the first half; then, with it frozen, the heads"),
}  # fmt: skip
"""Every row but the first removes or replaces one design choice."""


@dataclass(frozen=True, slots=True)
class AblationPlan:
    """Plan of the study.

    Attributes:
        train: Settings of every row before its change; their seed is not used.
        data: Training data, and ``validation_renders`` and ``validation_photographs`` for testing.
        rows: Rows to train.
        seeds: All rows are trained with the first seed before any with the second.
        faces: Largest number of test faces of each set.
    """

    train: TrainSettings = field(default_factory=TrainSettings)
    data: TrainingData = field(default_factory=TrainingData)
    rows: tuple[RowName, ...] = ("whole", "no_shortcut", "no_heatmap", "heatmap_per_landmark",
                                 "heatmap_only", "features_only", "no_points",
                                 "in_turn")  # fmt: skip
    seeds: tuple[int, ...] = (1, 2)
    faces: int = 1000

    def __post_init__(self) -> None:
        require_distinct(rows=self.rows, seeds=self.seeds)
        if self.faces < 1:
            raise ValueError(f"faces: must be at least 1, is {self.faces}")


def load_plan(path: Path) -> AblationPlan:
    """Read a plan.

    Raises:
        ConfigError: The file is not a valid plan; the message names the field.
    """
    plan: AblationPlan = read_config(path, AblationPlan)
    if not (plan.data.renders or plan.data.photographs or plan.data.sets):
        raise ConfigError(f"{path}: data: needs renders, photographs or sets")
    for name in ("validation_renders", "validation_photographs"):
        if not getattr(plan.data, name):
            raise ConfigError(f"{path}: data: {name}: is empty, but is needed to test the rows")
    return plan


def run_study(
    plan: AblationPlan, root: Path, folder: Path, workers: int = 1, threads: int | None = None
) -> dict[str, Any]:
    """Train and test every run that is not finished; returns and writes all results.

    The folder gets one folder per run, and ``ablation.json`` after each.

    Args:
        plan: The plan.
        root: Folder that the data folders are relative to.
        folder: Output folder of the study.
        workers: Processes that make training crops.
        threads: PyTorch's number of threads; None for one per core.

    Raises:
        DataError: Data or earlier results in the folder cannot be read.
    """
    if threads is not None:
        torch.set_num_threads(threads)
    data = plan.data

    @cache
    def source() -> TrainingSet:  # loaded only if a run is left to train
        return load_source(data, root)

    @cache
    def test_sets() -> tuple[list[LabelledFace], list[LabelledFace]]:
        photographs = read_photographs(root / data.validation_photographs, "val")
        return photographs, load_renders(root / data.validation_renders)

    runs: dict[str, dict[str, Any]] = {name: {} for name in plan.rows}
    report: dict[str, Any] = {"plan": asdict(plan), "runs": runs}
    for seed in plan.seeds:
        for name in plan.rows:
            run_folder = folder / f"{name}-{seed}"
            settings = ROWS[name].change(replace(plan.train, seed=seed))
            settings_of_run = {"train": asdict(settings), "data": asdict(data), "faces": plan.faces}
            figure = load_result(run_folder, settings_of_run)
            if figure is None:
                print(f"{name}, seed {seed}", flush=True)
                network = train(settings, source(), {}, run_folder, workers)
                figure = save_result(
                    run_folder,
                    settings_of_run,
                    _metrics(network, run_folder, plan.faces, *test_sets()),
                )
            runs[name][str(seed)] = figure
            (folder / "ablation.json").write_text(json.dumps(report, indent=1) + "\n")
    return report


def _metrics(
    network: Atpn,
    run_folder: Path,
    count: int,
    photographs: list[LabelledFace],
    rendered: list[LabelledFace],
) -> dict[str, Any]:
    subject = open_model(run_folder / "atpn.onnx")
    on_photographs = evaluate_set(subject, photographs[:count], ("tracked",))
    on_renders = evaluate_set(
        subject, positives(rendered)[:count], ("tracked",), empty=negatives(rendered)[:count]
    )
    seen, made = on_photographs.boxes["tracked"], on_renders.boxes["tracked"]
    pose, presence = made.pose, on_renders.presence
    gaze = made.gaze.get("eyes") if network.gaze is not None else None
    return {
        "parameters": sum(p.numel() for p in network.parameters()),
        "photographs_nme": _value(seen.landmarks["annotated"].nme),
        "renders_nme": _value(made.landmarks["raw"].nme),
        "rotation": None if pose is None else _value(pose.by_yaw["0-60"]),
        "gaze": _value(gaze),
        "presence_auc": None if presence is None else presence.auc,
    }


def _value(estimate: Estimate | None) -> float | None:
    return None if estimate is None else estimate.value


_COLUMNS = (
    ("renders_nme", "NME %, renders", 2),
    ("photographs_nme", "NME %, photographs", 2),
    ("rotation", "rotation, degrees", 2),
    ("gaze", "gaze, degrees", 2),
    ("presence_auc", "presence AUC", 4),
)


def tables(report: dict[str, Any]) -> str:
    """The Markdown table: a row for each variant, with mean and deviation over its seeds."""
    rows = [
        [f"`{name}`", ROWS[name].description, *(_cell(seeds, key, d) for key, _, d in _COLUMNS),
         f"{next(iter(seeds.values()))['parameters']:,}", str(len(seeds))]
        for name, seeds in report["runs"].items()
        if seeds
    ]  # fmt: skip
    head = ["row", "what it is", *(title for _, title, _ in _COLUMNS), "parameters", "seeds"]
    return pages.markdown_table(head, rows)


def _cell(seeds: dict[str, Any], key: str, digits: int) -> str:
    values = [figures[key] for figures in seeds.values()]
    return "-" if None in values else seed_spread(values).text(digits)
