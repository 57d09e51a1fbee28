# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""ASMNet's four rows: does the shape model's help pay, and for the small network more?"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from atpn_ros.learning.config import ConfigError, read_config
from atpn_ros.learning.data.photographs import load_faces_300w
from atpn_ros.learning.data.point_model import load_points
from atpn_ros.learning.evaluation import faces, figures
from atpn_ros.learning.evaluation.crops import CropPlan
from atpn_ros.learning.evaluation.points import IBUG68
from atpn_ros.learning.evaluation.report import text
from atpn_ros.learning.evaluation.statistics import Estimate, estimate
from atpn_ros.learning.evaluation.subjects import Answer
from atpn_ros.learning.networks.asmnet import AsmNet, MobileNetV2, from_asmnet
from atpn_ros.learning.studies import pages
from atpn_ros.learning.studies.asmnet_training import ROWS, Recipe, RowName, describe, train_row
from atpn_ros.learning.studies.asmnet_views import Views, prepare
from atpn_ros.learning.studies.results import finished, keep, need_different, spread
from atpn_ros.types import Image

PUBLISHED: dict[str, tuple[str, str]] = {
    "mnv2": ("3.93", "4.70"),
    "mnv2_r": ("3.88", "4.59"),
    "asmnet_nr": ("5.86", "6.46"),
    "asmnet": ("4.82", "5.50"),
}
"""NME % that the paper gives for 300W: common and full set."""

_BOXES = ("truth", "detector", "tracked")
_PAIRS = (
    ("asmnet_nr", "asmnet"),
    ("mnv2", "mnv2_r"),
    ("asmnet_w", "asmnet"),
    ("mnv2_w", "mnv2_r"),
)
"""Rows that differ by the shape model's help alone: without it, with it."""


@dataclass(frozen=True, slots=True)
class AsmPlan:
    """A plan of the study.

    Attributes:
        recipe: Of every row.
        rows: Which, in the order in which they are trained.
        seeds: All rows with the first seed come before any with the second.
        photographs: Folder below the data with ``labels.json``; ``train`` teaches, ``val`` tells.
        head: Folder below the data with the packed ICT head, for the angles.
    """

    recipe: Recipe = field(default_factory=Recipe)
    rows: tuple[RowName, ...] = ("asmnet_nr", "asmnet", "mnv2", "mnv2_r")
    seeds: tuple[int, ...] = (1,)
    photographs: str = "faces_300w_dev"
    head: str = "ict_facekit"

    def __post_init__(self) -> None:
        need_different(rows=self.rows, seeds=self.seeds)


def load_plan(path: Path) -> AsmPlan:
    """Read a plan.

    Raises:
        ConfigError: Names the file and the field.
    """
    plan: AsmPlan = read_config(path, AsmPlan)
    if not plan.photographs or not plan.head:
        raise ConfigError(f"{path}: {'head' if plan.photographs else 'photographs'}: is empty")
    return plan


class AsmSubject:
    """ASMNet or its baseline, as the measuring room wants its models."""

    layout, plan, engine = IBUG68, CropPlan(), None

    def __init__(self, network: AsmNet | MobileNetV2, size: int, path: Path) -> None:
        self._network, self.size, self.path = network, size, path

    def run(self, crops: Image) -> Answer:
        """See :meth:`atpn_ros.learning.evaluation.subjects.Subject.run`."""
        with torch.inference_mode():
            out = self._network(torch.from_numpy(crops))
        return Answer(from_asmnet(out.landmarks).double().numpy())


def run_study(
    plan: AsmPlan, root: Path, folder: Path, threads: int | None = None
) -> dict[str, Any]:
    """Train and measure every run that is not done yet; returns and writes all figures.

    The folder gets one folder per run, and ``asmnet.json`` after each.

    Args:
        plan: What to do.
        root: Folder of the data.
        folder: Of the study.
        threads: Of PyTorch; None for as many as there are cores.

    Raises:
        DataError: Data, or what an earlier call left in the folder, cannot be used.
        AssetError: The head cannot be read.
    """
    if threads is not None:
        torch.set_num_threads(threads)

    @cache
    def views() -> Views:  # made only where something is left to train
        samples = load_faces_300w(root / plan.photographs, "train")
        recipe, head = plan.recipe, load_points(root / plan.head)
        return prepare(samples, head, recipe.size, recipe.views, recipe.kept)

    @cache
    def held_back() -> list[faces.Face]:
        return faces.photographs(root / plan.photographs, "val")

    described = describe(plan.recipe)
    runs: dict[str, dict[str, Any]] = {name: {} for name in plan.rows}
    for seed in plan.seeds:
        for name in plan.rows:
            place = folder / f"{name}-{seed}"
            known = {"recipe": asdict(plan.recipe), "row": name, "seed": seed}
            known |= {"photographs": plan.photographs, "head": plan.head}
            figure = finished(place, known)
            if figure is None:
                network = train_row(plan.recipe, name, seed, views(), place)
                subject = AsmSubject(network, plan.recipe.size, place / "checkpoint.pt")
                told = figures.measure_set(subject, held_back(), _BOXES)
                figure = keep(place, known, asdict(told) | {"modes": views().modes})
            runs[name][str(seed)] = figure
            report = {"plan": asdict(plan), **described, "runs": runs,
                      "helped": helped(runs)}  # fmt: skip
            (folder / "asmnet.json").write_text(json.dumps(report, indent=1) + "\n")
    return report


def helped(runs: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """By how much the shape model's help lowered each face's NME, averaged over the seeds.

    The interval is over faces, each compared with itself; it knows nothing of other seeds.
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
    """What the page shows: the rows, what the help changed, and the networks' sizes."""
    rows = []
    for name, seeds in report["runs"].items():
        if not seeds:
            continue
        published = PUBLISHED.get(name, ("-", "-"))
        rows.append([f"`{name}`", ROWS[name].means, *(_nme(seeds, kind) for kind in _BOXES),
                     _fr10(seeds), str(len(seeds)), *published])  # fmt: skip
    head = ["row", "what it is", "NME %, true boxes", "NME %, detector", "NME %, tracked",
            "FR@10 %, true boxes", "seeds", "published, common", "published, full"]  # fmt: skip
    gains = [[f"`{pair}`", text(Estimate(**found), 2)] for pair, found in report["helped"].items()]
    r = report["recipe"]
    sizes = [
        [f"`{name}`", f"{s['parameters']:,}", f"{s['mmacs']:.1f}", f"{s['mmacs_at_224']:.1f}"]
        for name, s in report["networks"].items()
    ]
    return "\n\n".join([
        pages.table(head, rows),
        pages.table(["without - with", "NME lowered by, points of %"], gains),
        pages.table(["network", "parameters", f"M MACs at {r['size']}", "M MACs at 224"], sizes),
    ])  # fmt: skip


def _nme(seeds: dict[str, Any], boxes: str) -> str:
    found = [Estimate(**_raw(figure, boxes)["nme"]) for figure in seeds.values()]
    return text(found[0]) if len(found) == 1 else spread([f.value for f in found]).text()


def _fr10(seeds: dict[str, Any]) -> str:
    values = [_raw(figure, "truth")["fr10"]["value"] for figure in seeds.values()]
    return spread(values).text(1)
