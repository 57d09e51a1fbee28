# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The command ``atpn measure-tracking``: compares tracking quality with MediaPipe Face Mesh."""

from __future__ import annotations

import argparse
import sys
from contextlib import closing
from pathlib import Path

from atpn_ros.cli.extras import need
from atpn_ros.cli.studies import write_report


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``measure-tracking`` to ``atpn``."""
    p = commands.add_parser(
        "measure-tracking",
        help="compare ids, lost time and jitter with MediaPipe's; updates docs/tracking.md",
        description="Runs the pipeline and MediaPipe Face Mesh, which is installed in an"
        " environment of its own, over rendered sequences, clips and still photographs.",
    )
    p.add_argument("plan", type=Path, metavar="PLAN.yaml", help="see config/studies/tracking.yaml")
    p.add_argument("--data", type=Path, required=True, help="parent of the plan's data folders")
    p.add_argument("--out", type=Path, required=True,
                   help="output folder; sequences and tracks in it are not computed"
                        " again")  # fmt: skip
    p.add_argument("--page", type=Path, metavar="PAGE",
                   help="Markdown page for the tables; JSON goes beside it")  # fmt: skip
    p.add_argument("--model", default="", metavar="FILE", help="as the node's parameter model")
    p.add_argument(
        "--peer-python", type=Path, default=Path(sys.executable),
        help="Python 3.9 to 3.12 interpreter for MediaPipe's virtual environment",
    )  # fmt: skip
    p.set_defaults(run=_run, outputs=("out", "page"))


def _run(args: argparse.Namespace) -> int:
    need("scipy", "learning")
    import cv2

    from atpn_ros.bench.mediapipe_faces import MediaPipeFaces
    from atpn_ros.bench.peer_environment import mediapipe_python
    from atpn_ros.engines import load_engine
    from atpn_ros.learning.evaluation.face_trackers import MediaPipeTracker, PipelineTracker
    from atpn_ros.learning.studies import tracking_plan, tracking_study, tracking_tables
    from atpn_ros.setting_values import update_settings
    from atpn_ros.settings import Settings

    plan = tracking_plan.load_plan(args.plan)
    settings = update_settings(
        Settings(),
        {"model": args.model, "backend": "onnx-cpu", "threads": 1, "max_faces": plan.max_faces},
    )
    python = mediapipe_python(args.peer_python)
    tracking_plan.render_missing(plan, args.data, args.out / "sequences")
    cv2.setNumThreads(1)
    engine = load_engine(settings.model_path(), settings.backend, settings.threads, strict=True)
    with closing(engine), MediaPipeFaces(python, plan.max_faces) as process:
        trackers = [
            PipelineTracker(engine, settings, plan.rate_hz),
            MediaPipeTracker(process),
        ]
        reports = tracking_study.run_study(plan, args.data, args.out, trackers)
    return write_report(
        args, tracking_study.as_json(reports), tracking_tables.tables(plan, reports)
    )
