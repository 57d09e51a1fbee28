# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The commands that make data for, train, export and evaluate the face detector.

PyTorch and OpenGL are loaded only by the command that needs them.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from atpn_ros.cli.extras import need
from atpn_ros.types import AtpnError


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the four commands to ``atpn``."""
    draw = commands.add_parser(
        "draw-sprites", help="render people with transparent background for detector scenes"
    )
    draw.add_argument("--assets", type=Path, required=True, help="folder with ict_facekit, "
                      "faces_london, hdri and hair_cc0")  # fmt: skip
    draw.add_argument("--out", type=Path, required=True)
    draw.add_argument("--part", choices=("train", "test"), default="train")
    draw.add_argument("--count", type=int, default=2000)
    draw.add_argument("--start", type=int, default=0, help="index of the first one")
    draw.add_argument("--seed", type=int, default=1)
    draw.add_argument("--size", type=int, default=160, help="side in pixels (default 160)")
    draw.set_defaults(run=_draw)

    train = commands.add_parser(
        "train-detector", help="train the face detector, or resume a training"
    )
    train.add_argument("run_file", type=Path, metavar="RUN.yaml", help="see config/runs/")
    train.add_argument("--data", type=Path, required=True, help="folder of the training data")
    train.add_argument("--out", type=Path, required=True, help="folder of the run")
    train.add_argument(
        "--workers", type=int, default=1, help="number of processes that compose scenes"
    )
    train.add_argument("--threads", type=int, help="PyTorch threads (default: number of cores)")
    train.set_defaults(run=_train)

    export = commands.add_parser(
        "export-detector", help="export the face detector of a checkpoint to ONNX"
    )
    export.add_argument("checkpoint", type=Path)
    export.add_argument("model", type=Path)
    export.set_defaults(run=_export)

    compare = commands.add_parser(
        "evaluate-detectors", help="measure recall, false positives and time of face detectors"
    )
    compare.add_argument(
        "--sprites", type=Path, help="sprites of the test set, for composed scenes"
    )
    compare.add_argument("--backgrounds", type=Path, help="folder of .hdr panoramas, for scenes")
    compare.add_argument("--scenes", type=int, default=300)
    compare.add_argument("--seed", type=int, default=99)
    compare.add_argument("--clips", type=Path, nargs="*", default=(), help="videos without labels")
    compare.add_argument("--every", type=int, default=10, help="use every n-th frame of the videos")
    compare.add_argument("--model", type=Path, help="another .onnx file of this package's detector")
    compare.add_argument("--yunet", type=Path, help="YuNet's .onnx")
    compare.add_argument("--rfb", type=Path, help="RFB-320's .onnx")
    compare.add_argument("--out", type=Path, help="folder for images with the boxes drawn")
    compare.set_defaults(run=_compare)


def _draw(args: argparse.Namespace) -> int:
    need("moderngl", "synth")
    from atpn_ros.learning.detector import draw
    from atpn_ros.learning.synth.sampling.face_scenes import SamplePlan

    plan = SamplePlan(
        size=args.size, share=(0.28, 0.45), shift=0.05, hard_pose=0.5, effects=0.0, part=args.part
    )
    draw.write(args.assets, args.out, plan, args.seed, args.start, args.count)
    return 0


def _train(args: argparse.Namespace) -> int:
    need("torch", "learning")
    from atpn_ros.learning.detector.runs import carry_out, load_run

    carry_out(load_run(args.run_file), args.data, args.out, args.workers, args.threads)
    return 0


def _export(args: argparse.Namespace) -> int:
    need("torch", "learning")
    from atpn_ros.learning.detector.export import export
    from atpn_ros.learning.detector.train import load_average

    export(load_average(args.checkpoint), args.model)
    return 0


def _compare(args: argparse.Namespace) -> int:
    import cv2

    from atpn_ros.learning.detector import report

    cv2.setNumThreads(1)  # times are measured on one core, as those of ONNX Runtime
    if not args.sprites and not args.clips:
        raise AtpnError("nothing to measure on: give --sprites and --backgrounds, or --clips")
    detectors = report.line_up(args.model, args.yunet, args.rfb)
    if args.sprites:
        if not args.backgrounds:
            raise AtpnError("--sprites needs --backgrounds")
        scenes = report.held_back_scenes(args.sprites, args.backgrounds, args.scenes, args.seed)
        print(report.on_scenes(detectors, scenes, args.out))
    if args.clips:
        print(report.on_clips(detectors, args.clips, args.every, args.out))
    return 0
