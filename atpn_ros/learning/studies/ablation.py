# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The ablation: what each design choice of ATPN that the paper claims is worth here."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch

from atpn_ros.learning.config import ConfigError, read_config
from atpn_ros.learning.data.batches import Source
from atpn_ros.learning.evaluation import faces, figures
from atpn_ros.learning.evaluation.statistics import Estimate
from atpn_ros.learning.evaluation.subjects import open_subject
from atpn_ros.learning.networks.atpn import Atpn
from atpn_ros.learning.studies import pages
from atpn_ros.learning.studies.results import finished, keep, need_different, spread
from atpn_ros.learning.training.run_file import TrainingData, load_source
from atpn_ros.learning.training.train import TrainSettings, train

RowName = Literal["whole", "no_shortcut", "no_heatmap", "heatmap_per_landmark", "heatmap_only",
                  "features_only", "no_points", "in_turn"]  # fmt: skip


class Row(NamedTuple):
    """One variant: what it changes, and what that means."""

    change: Callable[[TrainSettings], TrainSettings]
    means: str


def _network(**switches: Any) -> Callable[[TrainSettings], TrainSettings]:
    return lambda s: replace(s, network=replace(s.network, **switches))


ROWS: Mapping[str, Row] = {
    "whole": Row(lambda s: s, "the whole network"),
    "no_shortcut": Row(_network(shortcut=False),
                       "alignment sees deep features only, no shortcut from shallow ones"),
    "no_heatmap": Row(_network(heatmap="none", head_inputs="features"),
                      "the heads see features and the points' coordinates, no heatmap"),
    "heatmap_per_landmark": Row(_network(heatmap="per_landmark"),
                                "98 heatmaps, one per point, instead of one for all"),
    "heatmap_only": Row(_network(head_inputs="heatmap", points=False),
                        "the heads see the heatmap and nothing else"),
    "features_only": Row(_network(heatmap="none", head_inputs="features", points=False),
                         "the heads see features and nothing of the points"),
    "no_points": Row(_network(points=False),
                     "the heads see features and the heatmap, not the points' coordinates"),
    "in_turn": Row(lambda s: replace(s, order="in_turn"),
                   "alignment in the first half; then, with it frozen, the heads"),
}  # fmt: skip
"""Every row but the first takes one thing away, or does it in another way."""


@dataclass(frozen=True, slots=True)
class AblationPlan:
    """A plan of the study.

    Attributes:
        train: Of every row, before its change; the seed is not looked at.
        data: What teaches and what is measured: ``watch_renders`` and ``watch_photographs``.
        rows: Which.
        seeds: All rows with the first seed come before any with the second.
        faces: At most so many of each set are measured.
    """

    train: TrainSettings = field(default_factory=TrainSettings)
    data: TrainingData = field(default_factory=TrainingData)
    rows: tuple[RowName, ...] = ("whole", "no_shortcut", "no_heatmap", "heatmap_per_landmark",
                                 "heatmap_only", "features_only", "no_points",
                                 "in_turn")  # fmt: skip
    seeds: tuple[int, ...] = (1, 2)
    faces: int = 1000

    def __post_init__(self) -> None:
        need_different(rows=self.rows, seeds=self.seeds)
        if self.faces < 1:
            raise ValueError(f"faces: must be at least 1, is {self.faces}")


def load_plan(path: Path) -> AblationPlan:
    """Read a plan.

    Raises:
        ConfigError: Names the file and the field.
    """
    plan: AblationPlan = read_config(path, AblationPlan)
    if not (plan.data.renders or plan.data.photographs):
        raise ConfigError(f"{path}: data: neither renders nor photographs")
    for name in ("watch_renders", "watch_photographs"):
        if not getattr(plan.data, name):
            raise ConfigError(f"{path}: data: {name}: is empty, but the rows are measured on it")
    return plan


def run_study(
    plan: AblationPlan, root: Path, folder: Path, workers: int = 1, threads: int | None = None
) -> dict[str, Any]:
    """Train and measure every run that is not done yet; returns and writes all figures.

    The folder gets one folder per run, and ``ablation.json`` after each.

    Args:
        plan: What to do.
        root: Folder of the data.
        folder: Of the study.
        workers: Processes that make examples.
        threads: Of PyTorch; None for as many as there are cores.

    Raises:
        DataError: Data, or what an earlier call left in the folder, cannot be used.
    """
    if threads is not None:
        torch.set_num_threads(threads)
    data = plan.data

    @cache
    def source() -> Source:  # read only where something is left to train
        return load_source(data, root)

    @cache
    def held_back() -> tuple[list[faces.Face], faces.Renders]:
        photographs = faces.photographs(root / data.watch_photographs, "val")
        return photographs, faces.renders(root / data.watch_renders)

    runs: dict[str, dict[str, Any]] = {name: {} for name in plan.rows}
    report: dict[str, Any] = {"plan": asdict(plan), "runs": runs}
    for seed in plan.seeds:
        for name in plan.rows:
            place = folder / f"{name}-{seed}"
            settings = ROWS[name].change(replace(plan.train, seed=seed))
            known = {"train": asdict(settings), "data": asdict(data), "faces": plan.faces}
            figure = finished(place, known)
            if figure is None:
                print(f"{name}, seed {seed}", flush=True)
                network = train(settings, source(), {}, place, workers)
                figure = keep(place, known, _measured(network, place, plan.faces, *held_back()))
            runs[name][str(seed)] = figure
            (folder / "ablation.json").write_text(json.dumps(report, indent=1) + "\n")
    return report


def _measured(
    network: Atpn, place: Path, count: int, photographs: list[faces.Face], rendered: faces.Renders
) -> dict[str, Any]:
    subject = open_subject(place / "atpn.onnx")
    on_photographs = figures.measure_set(subject, photographs[:count], ("tracked",))
    on_renders = figures.measure_set(
        subject, rendered.faces[:count], ("tracked",), empty=rendered.empty[:count]
    )
    seen, made = on_photographs.boxes["tracked"], on_renders.boxes["tracked"]
    pose, presence = made.pose, on_renders.presence
    gaze = made.gaze.get("eyes") if network.gaze is not None else None
    return {
        "parameters": sum(p.numel() for p in network.parameters()),
        "photographs_nme": _value(seen.landmarks["clicked"].nme),
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
    """What the page shows: a row per variant, mean and spread over its seeds."""
    rows = [
        [f"`{name}`", ROWS[name].means, *(_cell(seeds, key, d) for key, _, d in _COLUMNS),
         f"{next(iter(seeds.values()))['parameters']:,}", str(len(seeds))]
        for name, seeds in report["runs"].items()
        if seeds
    ]  # fmt: skip
    head = ["row", "what it is", *(title for _, title, _ in _COLUMNS), "parameters", "seeds"]
    return pages.table(head, rows)


def _cell(seeds: dict[str, Any], key: str, digits: int) -> str:
    values = [figures[key] for figures in seeds.values()]
    return "-" if None in values else spread(values).text(digits)
