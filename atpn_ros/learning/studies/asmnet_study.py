# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The ASMNet study: compares ASMNet and MobileNetV2 with and without the ASM-assisted loss."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from atpn_ros.learning.config import ConfigError, read_config
from atpn_ros.learning.data.datasets import read_photographs
from atpn_ros.learning.data.head_point_model import load_points
from atpn_ros.learning.data.labelled_face import LabelledFace
from atpn_ros.learning.data.layouts import IBUG68
from atpn_ros.learning.data.training_faces import load_training_photographs
from atpn_ros.learning.evaluation.crops import BOXES, CropPlan
from atpn_ros.learning.evaluation.dataset_metrics import evaluate_set
from atpn_ros.learning.evaluation.models import ModelOutput
from atpn_ros.learning.evaluation.report import format_estimate
from atpn_ros.learning.evaluation.statistics import Estimate, estimate
from atpn_ros.learning.networks.asmnet import AsmNet, MobileNetV2, from_asmnet
from atpn_ros.learning.studies import pages
from atpn_ros.learning.studies.asmnet_training import (
    ROWS,
    AsmnetRecipe,
    RowName,
    describe,
    train_row,
)
from atpn_ros.learning.studies.asmnet_views import Views, make_views
from atpn_ros.learning.studies.results import (
    load_result,
    require_distinct,
    save_result,
    seed_spread,
)
from atpn_ros.types import Image

PUBLISHED: dict[str, tuple[str, str]] = {
    "mnv2": ("3.93", "4.70"),
    "mnv2_r": ("3.88", "4.59"),
    "asmnet_nr": ("5.86", "6.46"),
    "asmnet": ("4.82", "5.50"),
}
"""NME in percent in the paper, for 300-W's common and full set."""

_PAIRS = (
    ("asmnet_nr", "asmnet"),
    ("mnv2", "mnv2_r"),
    ("asmnet_w", "asmnet"),
    ("mnv2_w", "mnv2_r"),
)
"""Pairs of rows that differ only in the shape model's targets: without, with."""


@dataclass(frozen=True, slots=True)
class AsmnetPlan:
    """Plan of the study.

    Attributes:
        recipe: Training settings of every row.
        rows: Rows, in the order in which they are trained.
        seeds: All rows are trained with the first seed before any with the second.
        photographs: Data folder with ``labels.json``; split ``train`` for training, ``val`` for
            testing.
        head: Data folder with the packed ICT head, from which the angles are computed.
        begin_with: File of weights that all rows begin with, which ``atpn export-asmnet --weights``
            writes; empty for random weights. All rows must be of its network.
    """

    recipe: AsmnetRecipe = field(default_factory=AsmnetRecipe)
    rows: tuple[RowName, ...] = ("asmnet_nr", "asmnet", "mnv2", "mnv2_r")
    seeds: tuple[int, ...] = (1,)
    photographs: str = "faces_300w_dev"
    head: str = "ict_facekit"
    begin_with: str = ""

    def __post_init__(self) -> None:
        require_distinct(rows=self.rows, seeds=self.seeds)


def load_plan(path: Path) -> AsmnetPlan:
    """Read a plan.

    Raises:
        ConfigError: The file is not a valid plan; the message names the field.
    """
    plan: AsmnetPlan = read_config(path, AsmnetPlan)
    if not plan.photographs or not plan.head:
        raise ConfigError(f"{path}: {'head' if plan.photographs else 'photographs'}: is empty")
    return plan


class AsmnetModel:
    """ASMNet or its baseline behind the interface of the evaluation."""

    layout, plan, engine = IBUG68, CropPlan(), None

    def __init__(self, network: AsmNet | MobileNetV2, size: int, path: Path) -> None:
        self._network, self.size, self.path = network, size, path

    def run(self, crops: Image) -> ModelOutput:
        """See :meth:`atpn_ros.learning.evaluation.models.EvaluatedModel.run`."""
        with torch.inference_mode():
            out = self._network(torch.from_numpy(crops))
        return ModelOutput(from_asmnet(out.landmarks).double().numpy())


def run_study(
    plan: AsmnetPlan, root: Path, folder: Path, threads: int | None = None
) -> dict[str, Any]:
    """Train and test every run that is not finished; returns and writes all results.

    The folder gets one folder per run, and ``asmnet.json`` after each.

    Args:
        plan: The plan.
        root: Folder that the data folders are relative to.
        folder: Output folder of the study.
        threads: PyTorch's number of threads; None for one per core.

    Raises:
        DataError: Data or earlier results in the folder cannot be read.
        AssetError: The head cannot be read.
    """
    if threads is not None:
        torch.set_num_threads(threads)

    begin_with = root / plan.begin_with if plan.begin_with else None

    @cache
    def views() -> Views:  # computed only if a run is left to train
        samples = load_training_photographs(root / plan.photographs, "train")
        recipe, head = plan.recipe, load_points(root / plan.head)
        return make_views(samples, head, recipe.size, recipe.views, recipe.kept)

    @cache
    def test_faces() -> list[LabelledFace]:
        return read_photographs(root / plan.photographs, "val")

    described = describe(plan.recipe)
    runs: dict[str, dict[str, Any]] = {name: {} for name in plan.rows}
    for seed in plan.seeds:
        for name in plan.rows:
            run_folder = folder / f"{name}-{seed}"
            settings_of_run = {"recipe": asdict(plan.recipe), "row": name, "seed": seed}
            settings_of_run |= {"photographs": plan.photographs, "head": plan.head}
            if plan.begin_with:
                settings_of_run["begin_with"] = plan.begin_with
            figure = load_result(run_folder, settings_of_run)
            if figure is None:
                network = train_row(plan.recipe, name, seed, views(), run_folder, begin_with)
                subject = AsmnetModel(network, plan.recipe.size, run_folder / "checkpoint.pt")
                metrics = evaluate_set(subject, test_faces(), BOXES)
                figure = save_result(
                    run_folder, settings_of_run, asdict(metrics) | {"modes": views().modes}
                )
            runs[name][str(seed)] = figure
            report = {"plan": asdict(plan), **described, "runs": runs,
                      "helped": nme_gains(runs)}  # fmt: skip
            (folder / "asmnet.json").write_text(json.dumps(report, indent=1) + "\n")
    return report


def nme_gains(runs: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Mean decrease of the NME of each face by the ASM-assisted loss, averaged over the seeds.

    The interval is over faces, each compared with itself; it does not cover other seeds.
    """
    out: dict[str, dict[str, Any]] = {}
    for without, with_it in _PAIRS:
        if not (runs.get(without) and runs.get(with_it)):
            continue
        found = estimate(_errors(runs[without]) - _errors(runs[with_it]))
        if found is not None:
            out[f"{without} - {with_it}"] = asdict(found)
    return out


def _errors(seeds: dict[str, Any]) -> np.ndarray:
    """(N,) each face's NME from the true boxes, averaged over the seeds."""
    return np.mean([_raw(figure, "truth")["errors"] for figure in seeds.values()], axis=0)


def _raw(figure: dict[str, Any], boxes: str) -> dict[str, Any]:
    raw: dict[str, Any] = figure["boxes"][boxes]["landmarks"]["raw"]
    return raw


def tables(report: dict[str, Any]) -> str:
    """The Markdown tables: rows, differences by the loss, and network sizes."""
    rows = []
    for name, seeds in report["runs"].items():
        if not seeds:
            continue
        published = PUBLISHED.get(name, ("-", "-"))
        rows.append([f"`{name}`", ROWS[name].description, *(_nme(seeds, kind) for kind in BOXES),
                     _fr10(seeds), str(len(seeds)), *published])  # fmt: skip
    head = ["row", "what it is", "NME %, true boxes", "NME %, detector", "NME %, tracked",
            "FR@10 %, true boxes", "seeds", "published, common", "published, full"]  # fmt: skip
    gains = [
        [f"`{pair}`", format_estimate(Estimate(**found), 2)]
        for pair, found in report["helped"].items()
    ]
    r = report["recipe"]
    sizes = [
        [f"`{name}`", f"{s['parameters']:,}", f"{s['mmacs']:.1f}", f"{s['mmacs_at_224']:.1f}"]
        for name, s in report["networks"].items()
    ]
    return "\n\n".join([
        pages.markdown_table(head, rows),
        pages.markdown_table(["without - with", "NME lowered by, points of %"], gains),
        pages.markdown_table(
            ["network", "parameters", f"M MACs at {r['size']}", "M MACs at 224"], sizes
        ),
    ])  # fmt: skip


def _nme(seeds: dict[str, Any], boxes: str) -> str:
    found = [Estimate(**_raw(figure, boxes)["nme"]) for figure in seeds.values()]
    return (
        format_estimate(found[0])
        if len(found) == 1
        else seed_spread([f.value for f in found]).text()
    )


def _fr10(seeds: dict[str, Any]) -> str:
    values = [_raw(figure, "truth")["fr10"]["value"] for figure in seeds.values()]
    return seed_spread(values).text(1)
