# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The command ``atpn measure-range``: writes docs/range.md, the range of the face detectors."""

from __future__ import annotations

import argparse
import shlex
from contextlib import closing
from pathlib import Path

from atpn_ros.detectors import Detector, detector_file, load_detector
from atpn_ros.engines import load_engine
from atpn_ros.engines.onnx import OnnxEngine
from atpn_ros.files import sha256
from atpn_ros.settings import SHIPPED_MODEL, Settings

PICTURES = 8
"""Pictures for each camera and distance, so that a run takes less than four minutes."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``measure-range`` to ``atpn``."""
    p = commands.add_parser(
        "measure-range",
        help="measure the distance up to which faces are tracked; prints docs/range.md",
        description="Pastes held-out people into pictures without a face, in the size in which a"
        " camera shows them at a distance, and counts the faces that each detector detects and the"
        " pipeline tracks. Prints a page in Markdown. Takes about four minutes on one core.",
    )
    p.add_argument(
        "--data", type=Path, required=True, metavar="DIR", help="folder of the data sets"
    )
    p.add_argument(
        "--detectors", nargs="+", default=["atpn"], metavar="NAME",
        help="atpn, yunet, or paths of YuNet's .onnx (default: atpn)",
    )  # fmt: skip
    p.add_argument("--pictures", type=int, default=PICTURES,
                   help=f"for each camera and distance (default {PICTURES})")  # fmt: skip
    p.add_argument("--seed", type=int, default=0)
    p.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    import cv2

    from atpn_ros.learning.data.backgrounds import without_faces
    from atpn_ros.learning.data.photograph_landmarks import Finder
    from atpn_ros.learning.detector import range_page
    from atpn_ros.learning.detector.detection_range import measure_range
    from atpn_ros.learning.detector.segmentation import cut
    from atpn_ros.learning.detector.source_photographs import held_out_portraits
    from atpn_ros.learning.detector.tone_recall import measure_tones

    cv2.setNumThreads(1)  # as ONNX Runtime here
    detectors: list[tuple[str, Detector]] = [(_name(n), load_detector(n)) for n in args.detectors]
    settings = Settings()
    engine = load_engine(settings.model_path(), settings.backend)
    with closing(OnnxEngine(SHIPPED_MODEL, "onnx-cpu", "CPUExecutionProvider")) as finding:
        people = [cut(portrait) for portrait in held_out_portraits(args.data, Finder(finding))]
    sprites = [person.sprite for person in people]
    views = [image for _, image in without_faces(args.data / "nofaces", held_out=True)]
    results = list(
        measure_range(detectors, sprites, views, engine, settings.pipeline_settings(),
                      args.pictures, args.seed)
    )  # fmt: skip
    tones = list(
        measure_tones(detectors, people, views, engine, settings.pipeline_settings(),
                      args.pictures, args.seed)
    )  # fmt: skip
    engine.close()
    weights = {_name(n): _weights(n) for n in args.detectors}
    text = range_page.page(
        results, tones, weights, _command(args), len(people), len(views), args.pictures
    )
    print(text, end="")
    return 0


def _command(args: argparse.Namespace) -> str:
    """The command line that prints the page, without the user's folders."""
    names = [Path(n).name for n in args.detectors]
    words = ["atpn", "measure-range", "--data", "DATA", "--detectors", *names]
    words += [] if args.pictures == PICTURES else ["--pictures", str(args.pictures)]
    words += [] if args.seed == 0 else ["--seed", str(args.seed)]
    return f"{shlex.join(words)} > docs/range.md"


def _name(detector: str) -> str:
    return Path(detector).stem


def _weights(detector: str) -> str:
    path = detector_file(detector)
    return f"`{path.name}`, SHA-256 {sha256(path)[:12]}"
