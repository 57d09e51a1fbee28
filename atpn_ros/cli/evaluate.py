# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""``atpn evaluate``: evaluates landmark models and detectors on labelled faces.

PyTorch is imported only for a checkpoint.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atpn_ros.detectors import load_detector
from atpn_ros.drawing.figures import need_matplotlib
from atpn_ros.files import sha256, write_text
from atpn_ros.learning.data.layouts import LAYOUTS
from atpn_ros.learning.evaluation.crops import BOXES
from atpn_ros.types import AtpnError

if TYPE_CHECKING:
    from atpn_ros.learning.data.labelled_face import LabelledFace
    from atpn_ros.learning.evaluation.peer_config import PeerConfig
    from atpn_ros.learning.evaluation.report import Report

_STILL = 20
"""Number of faces that jitter is measured on."""
_VIEWS = 240
"""Number of square pieces of panoramas."""


class BadRequest(AtpnError):
    """Arguments do not go together, or a library is missing."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to ``atpn``."""
    p = commands.add_parser("evaluate", help="evaluate models on labelled faces")
    p.add_argument("models", type=Path, nargs="*", metavar="MODEL",
                   help=".onnx files, or checkpoints (.pt)")  # fmt: skip
    p.add_argument("--data", nargs="+", default=[], metavar="KIND:FOLDER",
                   help="data sets as published: wflw, 300w, 300vw, 300w_lp, aflw2000, biwi, wider "
                   "(recall of --detector), lens (gaze); or photographs, renders")  # fmt: skip
    p.add_argument("--partial", action="store_true",
                   help="accept data sets with another size than published")  # fmt: skip
    p.add_argument("--faces", type=Path, help="folder with labels.json and images/ (68 points)")
    p.add_argument("--split", help="part of the data set (default: val of --faces; the test part)")
    p.add_argument("--renders", type=Path, help="folder of tar shards, as atpn synth writes them")
    p.add_argument("--backgrounds", type=Path, metavar="DIR",
                   help="folder of .hdr panoramas without people, for presence")  # fmt: skip
    p.add_argument("--limit", type=int, help="use at most this many faces of each set")
    p.add_argument("--face-sizes", type=float, nargs="+", default=[], metavar="PIXELS",
                   help="evaluate --renders reduced to these face sizes too")  # fmt: skip
    p.add_argument("--sequence", type=Path, help="folder of a sequence, as atpn synth writes it")
    p.add_argument("--detector", default="", metavar="YUNET",
                   help="for --sequence and wider (default: the embedded detector)")  # fmt: skip
    p.add_argument("--still", action="store_true", help="measure jitter on still faces")
    p.add_argument("--boxes", nargs="+", choices=BOXES, default=list(BOXES[1:]),
                   help="source of the crops (default: detector tracked)")  # fmt: skip
    p.add_argument("--adapt-on", metavar="SPLIT",
                   help="also give adapted figures; fits the adapter on this split")  # fmt: skip
    p.add_argument("--describe", type=Path, metavar="FILE.yaml",
                   help="format of another project's model (docs/measure.md)")  # fmt: skip
    p.add_argument("--layout", choices=tuple(LAYOUTS),
                   help="of its points, instead of the file's")  # fmt: skip
    p.add_argument("--json", type=Path, metavar="FILE", help="write all figures")
    p.add_argument("--plots", type=Path, metavar="DIR", help="write plots")
    p.set_defaults(run=run, outputs=("json", "plots"))


def run(args: argparse.Namespace) -> int:
    """Evaluate the models, print a table, and write JSON and plots where asked for.

    Raises:
        BadRequest: Arguments do not go together, or a file cannot be written.
    """
    _check(args)
    from atpn_ros.learning.evaluation import plots, report
    from atpn_ros.learning.evaluation.peer_config import load_peer_config

    if args.plots is not None:
        need_matplotlib()
    config = None
    if args.describe is not None:
        config = load_peer_config(args.describe, args.layout)
    reports = _reports(args, config)
    print(report.table(reports))
    try:
        if args.json is not None:
            args.json.parent.mkdir(parents=True, exist_ok=True)
            write_text(args.json, json.dumps(report.as_json(reports), indent=1) + "\n")
        if args.plots is not None:
            plots.write_plots(reports, args.plots)
    except OSError as error:
        raise BadRequest(str(error)) from error
    return 0


def _reports(args: argparse.Namespace, config: PeerConfig | None) -> list[Report]:
    from atpn_ros.learning.data.backgrounds import load_panoramas, square_views
    from atpn_ros.learning.data.datasets import read_photographs
    from atpn_ros.learning.data.face_regions import with_face_side
    from atpn_ros.learning.data.renders import load_renders
    from atpn_ros.learning.data.training_faces import negatives, positives
    from atpn_ros.learning.evaluation import dataset_metrics, jitter, models, sequences
    from atpn_ros.learning.evaluation.checkpoint_export import onnx_file
    from atpn_ros.learning.evaluation.report import Report

    end = args.limit
    photographs, adapt_on, rendered = [], [], []
    if args.faces is not None:
        photographs = read_photographs(args.faces, args.split or "val")[:end]
        if args.adapt_on is not None:
            adapt_on = read_photographs(args.faces, args.adapt_on)
    if args.renders is not None:
        rendered = load_renders(args.renders)
    renders, empty = positives(rendered)[:end], negatives(rendered)[:end]
    if args.backgrounds is not None:
        empty += square_views(load_panoramas(args.backgrounds), _VIEWS)
    smaller = {side: [with_face_side(f, side) for f in renders] for side in args.face_sizes}
    data_sets, reports = _data_sets(args)
    for path in args.models:
        with onnx_file(path) as file:
            model = models.open_model(file, config)
            out: dict[str, Any] = {}
            if photographs:
                out["photographs"] = dataset_metrics.evaluate_set(
                    model, photographs, args.boxes, adapt_on, empty
                )
            if renders:
                out["renders"] = dataset_metrics.evaluate_set(
                    model, renders, args.boxes, empty=empty
                )
            out["data_sets"] = {
                name: dataset_metrics.evaluate_set(
                    model, positives(faces)[:end], args.boxes,
                    empty=negatives(faces)[:end], published_angles=published,
                )
                for name, (faces, published) in data_sets.items()
            }  # fmt: skip
            out["smaller"] = {
                side: dataset_metrics.evaluate_set(model, faces, args.boxes)
                for side, faces in smaller.items()
            }
            if args.sequence is not None:
                if model.engine is None:
                    raise BadRequest(f"{path}: --sequence needs a model that the node can run")
                out["sequence"] = sequences.evaluate_sequence(
                    args.sequence, model.engine, load_detector(args.detector)
                )
            if args.still:
                out["still"] = jitter.measure_jitter(
                    model, jitter.frontal_faces(renders or photographs, _STILL)
                )
            reports.append(Report(path.name, sha256(file), model.layout.name, **out))
    return reports


def _data_sets(
    args: argparse.Namespace,
) -> tuple[dict[str, tuple[list[LabelledFace], bool]], list[Report]]:
    """Faces by ``KIND:FOLDER`` with whether its angles are published, and reports of detectors."""
    from atpn_ros.learning.data.datasets import DATA_SETS, data_set_of, read_faces
    from atpn_ros.learning.evaluation.detection_metrics import evaluate_detector
    from atpn_ros.learning.evaluation.report import Report

    faces_of, detection = {}, {}
    for name in args.data:
        kind, folder = data_set_of(name)
        faces = read_faces(kind, folder, args.split, not args.partial)
        if DATA_SETS[kind].boxes_only:
            detection[name] = evaluate_detector(load_detector(args.detector), faces[: args.limit])
        else:
            faces_of[name] = (faces, DATA_SETS[kind].published_angles)
    if not detection:
        return faces_of, []
    title = next(iter(detection.values())).detector
    return faces_of, [Report(f"detector {title}", "", "", detection=detection)]


def _check(args: argparse.Namespace) -> None:
    if importlib.util.find_spec("scipy") is None:
        raise BadRequest("needs the learning side: pip install 'atpn_ros[learning]'")
    given = [args.faces, args.renders, args.sequence]
    if any(side <= 0 for side in args.face_sizes):
        raise BadRequest("--face-sizes must be above 0")
    if args.face_sizes and args.renders is None:
        raise BadRequest("--face-sizes needs --renders")
    if not args.data and all(v is None for v in given):
        raise BadRequest("no data: give --data, --faces, --renders or --sequence")
    only_boxes = bool(args.data) and all(name.startswith("wider:") for name in args.data)
    if not args.models and not (only_boxes and all(v is None for v in given)):
        raise BadRequest("no model given")
    if args.adapt_on is not None and args.faces is None:
        raise BadRequest("--adapt-on needs --faces")
    if args.adapt_on is not None and args.adapt_on == (args.split or "val"):
        raise BadRequest("--adapt-on must be another split than the one that is measured")
    if args.still and args.faces is None and args.renders is None:
        raise BadRequest("--still needs --faces or --renders")
    if args.layout is not None and args.describe is None:
        raise BadRequest("--layout needs --describe: the crop and the input must be known too")
    if args.limit is not None and args.limit < 1:
        raise BadRequest(f"--limit must be at least 1, is {args.limit}")
