# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The command ``atpn export``, which writes a network as ONNX, and FP16 and INT8 copies of it."""

from __future__ import annotations

import argparse
import importlib.util
import shutil
from pathlib import Path

from atpn_ros.files import check_inputs_kept
from atpn_ros.types import AtpnError


class ExportError(AtpnError):
    """Invalid arguments, a missing library, or an output file that cannot be written."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to ``atpn``."""
    p = commands.add_parser("export", help="write the network of a checkpoint as ONNX")
    p.add_argument("checkpoint", type=Path, help="a checkpoint (.pt), or an exported model (.onnx)")
    p.add_argument("model", type=Path, help="the .onnx file to write")
    p.add_argument("--no-gaze", action="store_true", help="leave the gaze head out")
    p.add_argument("--fp16", action="store_true", help="write MODEL_fp16.onnx too")
    p.add_argument("--int8", action="store_true", help="write MODEL_int8.onnx too")
    p.add_argument("--calibrate", type=Path, metavar="DIR",
                   help="training faces for --int8: shards or photographs")  # fmt: skip
    p.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    if args.int8 and args.calibrate is None:
        raise ExportError("--int8 needs --calibrate: faces from the network's training data")
    exported = args.checkpoint.suffix == ".onnx"
    if exported and args.no_gaze:
        raise ExportError("--no-gaze needs a checkpoint")
    if not exported and importlib.util.find_spec("torch") is None:
        raise ExportError("needs PyTorch: pip install 'atpn_ros[learning]'")
    variants = [_beside(args.model, v) for v in ("fp16", "int8") if getattr(args, v)]
    inputs = [args.checkpoint, *([] if args.calibrate is None else [args.calibrate])]
    # A model may be named twice, to write only its variants; nothing is written to it then.
    check_inputs_kept(variants if exported else [args.model, *variants], inputs)
    try:
        args.model.parent.mkdir(parents=True, exist_ok=True)
        if not exported:
            _write(args.checkpoint, args.model, args.no_gaze)
        elif args.checkpoint.resolve() != args.model.resolve():
            shutil.copyfile(args.checkpoint, args.model)
    except OSError as error:
        raise ExportError(str(error)) from error
    if args.fp16:
        from atpn_ros.learning.export.quantization import convert_to_fp16

        convert_to_fp16(args.model, _beside(args.model, "fp16"))
    if args.int8:
        from atpn_ros.learning.evaluation.calibration import calibration_crops
        from atpn_ros.learning.export.quantization import convert_to_int8

        convert_to_int8(args.model, _beside(args.model, "int8"), calibration_crops(args.calibrate))
    for path in (args.model, *(_beside(args.model, v) for v in ("fp16", "int8"))):
        if path.is_file() and (path == args.model or getattr(args, path.stem[-4:])):
            print(f"{path}: {path.stat().st_size / 1e6:.2f} MB")
    return 0


def _write(checkpoint: Path, model: Path, without_gaze: bool) -> None:
    from atpn_ros.learning.export.onnx_export import export
    from atpn_ros.learning.training.train import load_average

    network = load_average(checkpoint)
    if without_gaze:
        network.gaze = None
    export(network, model)


def _beside(model: Path, variant: str) -> Path:
    return model.with_name(f"{model.stem}_{variant}{model.suffix}")
