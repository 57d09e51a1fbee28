# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The commands that train, export and evaluate the face detector, or export its detections.

PyTorch is loaded only by the command that needs it.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from atpn_ros.cli.extras import need
from atpn_ros.detectors import Detector, load_detector
from atpn_ros.detectors.atpn import DETECTOR_MODEL, MIN_SCORE, AtpnDetector
from atpn_ros.drawing.figures import need_matplotlib
from atpn_ros.engines import Engine, load_engine
from atpn_ros.setting_values import update_settings
from atpn_ros.settings import SHIPPED_MODEL, Settings
from atpn_ros.types import AtpnError


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the four commands to ``atpn``."""
    _add_train(commands)
    export = commands.add_parser("export-detector", help="write a checkpoint's detector as ONNX")
    export.add_argument("checkpoint", type=Path)
    export.add_argument("model", type=Path)
    export.add_argument("--weights", type=Path, metavar="FILE.npz",
                        help="write the weights too, to start another training from")  # fmt: skip
    export.set_defaults(run=_export, outputs=("model", "weights"))
    _add_evaluate(commands)
    collect = commands.add_parser(
        "collect-finds",
        help="write crops of a detector's true and false detections, to train presence",
    )
    collect.add_argument("folder", type=Path, metavar="RUN", help="folder of a detector's training")
    collect.add_argument("out", type=Path, metavar="OUT.npz")
    collect.add_argument("--model", type=Path, help="another .onnx of this package's detector")
    collect.add_argument(
        "--score", type=float, default=0.3, help="lowest score of false detections"
    )
    collect.add_argument("--shards", type=int, nargs=2, default=(0, 20), metavar=("FIRST", "LAST"),
                       help="which files of composed scenes")  # fmt: skip
    collect.set_defaults(run=_collect, outputs=("out",))


def _add_train(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    train = commands.add_parser(
        "train-detector", help="train the detector of a run file, or resume a training"
    )
    train.add_argument("run_file", type=Path, metavar="RUN.yaml", help="see config/runs/")
    train.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    train.add_argument("--out", type=Path, required=True, help="the run's folder")
    train.add_argument("--face-model", type=Path, default=SHIPPED_MODEL, metavar="ONNX",
                       help="locates faces without points (default: shipped)")  # fmt: skip
    train.add_argument("--start", type=Path, metavar="FILE.npz",
                       help="start from these weights (see export-detector --weights)")  # fmt: skip
    train.add_argument("--finish", action="store_true",
                       help="decay the learning rate from where the run stopped")  # fmt: skip
    train.add_argument("--workers", type=int, default=1, help="processes that read scenes")
    train.add_argument("--composers", type=int, default=1, help="processes that compose scenes")
    train.add_argument("--threads", type=int, help="of PyTorch; default: as many as cores")
    train.set_defaults(run=_train, outputs=("out",))


def _add_evaluate(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    p = commands.add_parser(
        "evaluate-detectors", help="recall by size, false detections and time of several detectors"
    )
    p.add_argument("--scenes", type=Path, metavar="DIR",
                   help="labelled pictures: a folder with labels.json")  # fmt: skip
    p.add_argument("--wider", type=Path, metavar="DIR", help="WIDER FACE, its val pictures")
    p.add_argument(
        "--held-out",
        type=Path,
        metavar="DIR",
        help="folder of the data sets: measure on held-out turned heads and images without a face",
    )
    p.add_argument("--limit", type=int, help="at most so many pictures, evenly chosen")
    p.add_argument("--detectors", nargs="+", default=["atpn"], metavar="NAME",
                   help="atpn, yunet, or paths of YuNet's .onnx (default: atpn)")  # fmt: skip
    p.add_argument("--alone", action="store_true", help="without the pipeline")
    p.add_argument("--set", nargs="*", default=(), metavar="NAME=VALUE",
                   help="settings of the pipeline")  # fmt: skip
    p.add_argument("--model", type=Path, help="another .onnx of this package's detector")
    p.add_argument("--score", type=float, help="its score threshold instead of the default")
    p.add_argument(
        "--cutouts",
        type=Path,
        metavar="FILE.npz",
        help="cut-outs of a training: measure on composed scenes of held-out people",
    )
    p.add_argument("--data", type=Path, help="folder of the data sets, for --cutouts")
    p.add_argument("--composed", type=int, default=300, help="how many (default 300)")
    p.add_argument("--seed", type=int, default=99)
    p.add_argument("--clips", type=Path, nargs="*", default=(), help="videos without labels")
    p.add_argument("--every", type=int, default=10, help="of clips, each n-th frame")
    p.add_argument("--yunet", type=Path, help="YuNet's .onnx, for --cutouts and --clips")
    p.add_argument("--rfb", type=Path, help="RFB-320's .onnx, for --cutouts and --clips")
    p.add_argument("--out", type=Path, metavar="DIR",
                   help="folder for pictures with boxes: of --scenes and --wider the missed "
                   "and the false faces")  # fmt: skip
    p.add_argument("--plots", type=Path, metavar="DIR",
                   help="plot recall by size, and by turn with --held-out")  # fmt: skip
    p.set_defaults(run=_evaluate, outputs=("out", "plots"))


def _train(args: argparse.Namespace) -> int:
    need("torch", "learning")
    from atpn_ros.learning.detector.training_run import load_run, run_detector_training

    run_detector_training(
        load_run(args.run_file), args.data, args.out, args.face_model, start=args.start,
        workers=args.workers, composers=args.composers, threads=args.threads,
        finish_now=args.finish,
    )  # fmt: skip
    return 0


def _export(args: argparse.Namespace) -> int:
    need("torch", "learning")
    from atpn_ros.learning.detector.export import export
    from atpn_ros.learning.detector.train import load_average
    from atpn_ros.learning.export.weights_file import write_weights

    network = load_average(args.checkpoint)
    export(network, args.model)
    if args.weights is not None:
        write_weights(network, args.weights)
    return 0


def _collect(args: argparse.Namespace) -> int:
    need("torch", "learning")
    from atpn_ros.learning.detector.presence_crops import collect

    model = args.model or args.folder / "detector.onnx"
    print(collect(args.folder, args.out, model, args.score, range(*args.shards)))
    return 0


def _evaluate(args: argparse.Namespace) -> int:
    import cv2

    cv2.setNumThreads(1)  # times are of one core, as those of ONNX Runtime here
    if not (args.scenes or args.wider or args.held_out or args.cutouts or args.clips):
        raise AtpnError(
            "nothing to measure on: give --scenes, --wider, --held-out, --cutouts or --clips"
        )
    if args.plots is not None:
        need_matplotlib()
    if args.scenes or args.wider:
        _on_pictures(args)
    if args.held_out:
        _on_held_out(args)
    if args.cutouts or args.clips:
        need("torch", "learning")
        from atpn_ros.learning.detector import report

        detectors = report.line_up(args.model, args.yunet, args.rfb)
        if args.cutouts:
            if not args.data:
                raise AtpnError("--cutouts needs --data")
            scenes = report.held_out_scenes(args.cutouts, args.data, args.composed, args.seed)
            print(report.on_scenes(detectors, scenes, args.out))
        if args.clips:
            print(report.on_clips(detectors, args.clips, args.every, args.out))
    return 0


def _on_pictures(args: argparse.Namespace) -> None:
    from atpn_ros.learning.detector import (
        detector_plots,
        error_sheets,
        labelled_images,
        pipeline_recall,
    )

    chosen = labelled_images.scenes_folder(args.scenes) if args.scenes else []
    chosen += labelled_images.wider(args.wider) if args.wider else []
    if args.limit and args.limit < len(chosen):
        chosen = [chosen[i * len(chosen) // args.limit] for i in range(args.limit)]
    settings = _settings(args)
    engine = None if args.alone else _engine(settings)
    outcomes = [
        replace(
            pipeline_recall.measure(detector, chosen, engine, settings.pipeline_settings()),
            name=name,
        )
        for name, detector in _detectors(args)
    ]
    faces = sum(len(p.faces) for p in chosen)
    print(f"{len(chosen)} pictures, {faces} faces; recall in % (95 % interval)")
    print(pipeline_recall.table(outcomes))
    if args.out is not None:
        for outcome in outcomes:
            error_sheets.write_sheets(args.out, chosen, outcome)
    if args.plots is not None:
        detector_plots.plot_sizes(args.plots / "recall_by_size.png", outcomes)


def _on_held_out(args: argparse.Namespace) -> None:
    from atpn_ros.learning.detector import detector_plots, held_out_sets

    by_turn = {}
    settings = _settings(args)
    engine, pipeline = _engine(settings), settings.pipeline_settings()
    for name, detector in _detectors(args):
        folder = args.held_out
        turned = held_out_sets.turned_heads(folder / "pointing04", detector, engine, pipeline)
        empty = held_out_sets.empty_pictures(folder / "nofaces", detector, engine, pipeline)
        print(f"{name}\n{held_out_sets.format_results(turned, empty)}")
        by_turn[name] = turned
    if args.plots is not None:
        detector_plots.plot_turns(args.plots / "recall_by_turn.png", by_turn)


def _settings(args: argparse.Namespace) -> Settings:
    return update_settings(Settings(), dict(_pair(text) for text in args.set))


def _engine(settings: Settings) -> Engine:
    return load_engine(settings.model_path(), settings.backend)


def _detectors(args: argparse.Namespace) -> Iterator[tuple[str, Detector]]:
    """Those that are to be measured, each at its usual score, with names that differ."""
    seen: Counter[str] = Counter()
    for name in args.detectors:
        if name == "atpn" and (args.model or args.score is not None):
            score = MIN_SCORE if args.score is None else args.score
            detector: Detector = AtpnDetector(args.model or DETECTOR_MODEL, score)
        else:
            detector = load_detector(name)
        seen[detector.name] += 1
        number = seen[detector.name]
        yield detector.name if number == 1 else f"{detector.name}_{number}", detector


def _pair(text: str) -> tuple[str, bool | int | float | str]:
    from ruamel.yaml import YAML

    name, _, value = text.partition("=")
    return name, YAML(typ="safe").load(value)
