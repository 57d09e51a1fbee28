# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""``atpn evaluate``: figures of models on labelled faces, side by side.

PyTorch is imported only for a checkpoint.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
from pathlib import Path
from typing import TYPE_CHECKING

from atpn_ros.detectors import load_detector
from atpn_ros.files import sha256
from atpn_ros.types import AtpnError

if TYPE_CHECKING:
    from atpn_ros.learning.evaluation.peer_config import Description
    from atpn_ros.learning.evaluation.report import Report

_BOXES = ("truth", "detector", "tracked")
_STILL = 20
"""Faces that the trembling is measured on."""
_VIEWS = 240
"""Pieces of panoramas that hold no face."""


class BadRequest(AtpnError):
    """Arguments that do not go together, or a library that is missing."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to ``atpn``."""
    p = commands.add_parser("evaluate", help="measure models on labelled faces")
    p.add_argument("models", type=Path, nargs="+", metavar="MODEL",
                   help=".onnx files, or checkpoints (.pt)")  # fmt: skip
    p.add_argument("--faces", type=Path, help="folder with labels.json and images/ (68 points)")
    p.add_argument("--split", default="val", help="which of those faces (default val)")
    p.add_argument("--renders", type=Path, help="folder of tar shards, as atpn synth writes them")
    p.add_argument("--backgrounds", type=Path, metavar="DIR",
                   help="folder of .hdr panoramas without people, for presence")  # fmt: skip
    p.add_argument("--limit", type=int, help="at most so many faces of each set")
    p.add_argument("--sequence", type=Path, help="folder of a sequence, as atpn synth writes it")
    p.add_argument("--detector", default="", metavar="YUNET",
                   help="starts the sequence's tracks (default: the embedded one)")  # fmt: skip
    p.add_argument("--still", action="store_true", help="measure trembling on still faces")
    p.add_argument("--boxes", nargs="+", choices=_BOXES, default=list(_BOXES[1:]),
                   help="where crops come from (default: detector tracked)")  # fmt: skip
    p.add_argument("--adapt-on", metavar="SPLIT",
                   help="give adapted figures too, the adapter fitted on this split")  # fmt: skip
    p.add_argument("--describe", type=Path, metavar="FILE.yaml",
                   help="how a peer's model is fed and read (see docs/measure.md)")  # fmt: skip
    p.add_argument("--layout", choices=("wflw98", "ibug68", "hri70"),
                   help="of its points, instead of what the description says")  # fmt: skip
    p.add_argument("--json", type=Path, metavar="FILE", help="write all figures")
    p.add_argument("--plots", type=Path, metavar="DIR", help="draw them")
    p.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Measure."""
    _check(args)
    from atpn_ros.learning.evaluation import plots, report
    from atpn_ros.learning.evaluation.peer_config import load_description

    if args.plots is not None:
        plots.need_matplotlib()
    description = None
    if args.describe is not None:
        description = load_description(args.describe, args.layout)
    reports = _measured(args, description)
    print(report.table(reports))
    try:
        if args.json is not None:
            args.json.parent.mkdir(parents=True, exist_ok=True)
            args.json.write_text(json.dumps(report.as_json(reports), indent=1) + "\n")
        if args.plots is not None:
            plots.write_plots(reports, args.plots)
    except OSError as error:
        raise BadRequest(str(error)) from error
    return 0


def _measured(args: argparse.Namespace, description: Description | None) -> list[Report]:
    from atpn_ros.learning.evaluation import faces, figures, report, sequences, stillness, subjects
    from atpn_ros.learning.evaluation.loading import as_onnx

    end = args.limit
    photographs, taught, rendered = [], [], faces.Renders([], [])
    if args.faces is not None:
        photographs = faces.photographs(args.faces, args.split)[:end]
        if args.adapt_on is not None:
            taught = faces.photographs(args.faces, args.adapt_on)
    if args.renders is not None:
        rendered = faces.renders(args.renders)
    empty = rendered.empty[:end]
    if args.backgrounds is not None:
        from atpn_ros.learning.data.backgrounds import load_panoramas

        empty += faces.views(load_panoramas(args.backgrounds), _VIEWS)
    reports = []
    for model in args.models:
        with as_onnx(model) as path:
            subject = subjects.open_subject(path, description)
            out = {"photographs": None, "renders": None, "sequence": None, "still": None}
            if photographs:
                out["photographs"] = figures.measure_set(
                    subject, photographs, args.boxes, taught, empty
                )
            if rendered.faces:
                out["renders"] = figures.measure_set(
                    subject, rendered.faces[:end], args.boxes, empty=empty
                )
            if args.sequence is not None:
                if subject.engine is None:
                    raise BadRequest(
                        f"{model}: the node cannot run it, so --sequence cannot either"
                    )
                out["sequence"] = sequences.measure_sequence(
                    args.sequence, subject.engine, load_detector(args.detector)
                )
            if args.still:
                out["still"] = stillness.still_figures(subject, stillness.chosen(
                    rendered.faces or photographs, _STILL))  # fmt: skip
            digest = sha256(path)
            reports.append(report.Report(model.name, digest, subject.layout.name, **out))
    return reports


def _check(args: argparse.Namespace) -> None:
    if importlib.util.find_spec("scipy") is None:
        raise BadRequest("needs the learning side: pip install 'atpn_ros[learning]'")
    if args.faces is None and args.renders is None and args.sequence is None:
        raise BadRequest("nothing to measure on: give --faces, --renders or --sequence")
    if args.adapt_on is not None and args.faces is None:
        raise BadRequest("--adapt-on needs --faces")
    if args.adapt_on is not None and args.adapt_on == args.split:
        raise BadRequest("--adapt-on must be another split than the one that is measured")
    if args.still and args.faces is None and args.renders is None:
        raise BadRequest("--still needs --faces or --renders")
    if args.layout is not None and args.describe is None:
        raise BadRequest("--layout needs --describe: the crop and the input must be known too")
    if args.limit is not None and args.limit < 1:
        raise BadRequest(f"--limit must be at least 1, is {args.limit}")
