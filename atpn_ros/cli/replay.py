# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The command ``atpn replay``: runs the pipeline on recorded bags, and compares two results."""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import sys
from collections.abc import Generator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atpn_ros.cli.options import add_settings_options, settings_files
from atpn_ros.cli.signals import interruption
from atpn_ros.files import check_inputs_kept, printable, write_text
from atpn_ros.settings_file import load_settings
from atpn_ros.types import AtpnError

if TYPE_CHECKING:
    from atpn_ros.replay.bag_replay import ReplayJob
    from atpn_ros.replay.parallel import InterruptGuard
    from atpn_ros.replay.results import ReplayOutcome

_ABOUT = """
Process every image of a recording as face_node would, stamped with the image's stamp, and write the
results beside the original topics. The same bag gives the same bytes each time. With one image
topic the results are on the topics of /face_node; with several, each has a face_node under its own
name. A finished bag is skipped; an interrupted run leaves no incomplete result and can be started
again. Exit codes: 0 all bags done, 1 at least one failed. With --diff: 0 no difference, 1
differences, 2 the bags cannot be compared.
"""


class BadArguments(AtpnError):
    """The arguments are not valid together."""


class NoRosbags(AtpnError):
    """The library rosbags is not installed."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``replay`` to ``atpn``."""
    p = commands.add_parser(
        "replay",
        help="run the pipeline on recorded bags, or compare two results",
        description=_ABOUT,
    )
    p.add_argument(
        "bags", type=Path, nargs="+", metavar="BAG",
        help="IN OUT, IN FOLDER or IN IN .. FOLDER, or with --diff A B; rosbag2 folders, .mcap,"
        " .db3, .bag",
    )  # fmt: skip
    p.add_argument("--diff", action="store_true", help="compare two results")
    p.add_argument("--json", type=Path, help="file for the summaries, or for the differences")
    p.set_defaults(run=run, outputs=("json",))

    what = p.add_argument_group("input")
    what.add_argument(
        "--topics", nargs="+", action="extend", default=[], metavar="TOPIC",
        help="only these image topics (default: all; of a raw and a compressed topic only the raw);"
        " must come after the bags",
    )  # fmt: skip
    what.add_argument(
        "--camera-info", default="", metavar="TOPIC", help="default: the one beside the image topic"
    )
    what.add_argument(
        "--answered-only", action="store_true",
        help="only images that a live node processed according to its recorded status",
    )  # fmt: skip
    add_settings_options(what)
    what.add_argument(
        "--strict", action="store_true", help="stop at the first bad bag, image or unknown type"
    )

    how = p.add_argument_group("output")
    how.add_argument(
        "--format", choices=("mcap", "sqlite3", "ros1"), help="default: that of the recording"
    )
    how.add_argument("--compress", action="store_true", help="MCAP: zstd; ROS 1: lz4")
    how.add_argument("--only-faces", action="store_true", help="leave the original topics out")
    how.add_argument("--overwrite", action="store_true", help="replace existing results")
    how.add_argument(
        "--jobs", type=int, default=0, help="bags processed in parallel (default: number of cores)"
    )
    how.add_argument(
        "--ray",
        metavar="ADDRESS",
        help="run on this Ray cluster; 'local' starts one on this machine",
    )

    diff = p.add_argument_group("tolerances of --diff")
    diff.add_argument("--within-px", type=float, default=0.01, help="of landmarks (0.01)")
    diff.add_argument("--within-deg", type=float, default=0.01, help="of angles (0.01)")
    diff.add_argument("--within-m", type=float, default=0.001, help="of positions (0.001)")
    diff.add_argument(
        "--common", action="store_true", help="compare only images with results in both bags"
    )


def run(args: argparse.Namespace) -> int:
    """Replay bags, or compare two."""
    if importlib.util.find_spec("rosbags") is None:
        raise NoRosbags("needs the library rosbags: pip install rosbags")
    if args.diff:
        return _diff(args)
    jobs = _jobs(args)
    outcomes = []
    from atpn_ros.replay.parallel import InterruptGuard

    # SIGTERM raises an exception as Ctrl-C does, so that incomplete files are removed.
    with (
        InterruptGuard(interruption) as stop,
        _ProgressBar(len(jobs)) as bar,
        closing(_outcomes(args, jobs, bar, stop)) as coming,
    ):
        for outcome in coming:
            outcomes.append(outcome)
            bar.print_lines(_lines(outcome), outcome)
            if outcome.error and args.strict:
                break
    if args.json is not None:
        every = [o.summary or {"source": str(o.job.source), "error": o.error} for o in outcomes]
        _write_json(args.json, every)
    return 1 if any(o.error for o in outcomes) else 0


def _jobs(args: argparse.Namespace) -> list[ReplayJob]:
    from atpn_ros.replay.bag_files import bag_name, files_in, is_bag, storage_format
    from atpn_ros.replay.bag_replay import ReplayJob

    *sources, target = args.bags
    if not sources:
        raise BadArguments("give at least one bag to read and where to write: IN OUT")
    if args.jobs < 0:
        raise BadArguments(f"--jobs {args.jobs}: must be positive")
    formats = [args.format or storage_format(source) for source in sources]
    endings = [".bag" if name == "ros1" else "" for name in formats]
    if len(sources) == 1 and (is_bag(target) or not target.is_dir()):
        if target.name in ("", ".."):  # inside a bag
            target = target.resolve()
        if endings[0] and target.suffix != endings[0]:
            target = target.with_name(target.name + endings[0])
        targets = [target]
    else:
        targets = [target / (bag_name(s) + e) for s, e in zip(sources, endings, strict=True)]
        twice = {t.name for t in targets if targets.count(t) > 1}
        if twice:
            raise BadArguments(f"several bags would be written as {', '.join(sorted(twice))}")
    read = [*sources, *(f for s in sources for f in files_in(s)), *settings_files(args)]
    check_inputs_kept([*targets, *([] if args.json is None else [args.json])], read)
    settings = load_settings(args.params_file, args.set)
    return [
        ReplayJob(
            source,
            target,
            settings,
            tuple(args.topics),
            args.camera_info,
            format_name,
            args.compress,
            args.only_faces,
            args.answered_only,
            args.strict,
        )
        for source, target, format_name in zip(sources, targets, formats, strict=True)
    ]


def _outcomes(
    args: argparse.Namespace, jobs: list[ReplayJob], bar: _ProgressBar, stop: InterruptGuard
) -> Generator[ReplayOutcome, None, None]:
    from atpn_ros.replay.parallel import replay_all, replay_on_ray

    if args.ray:
        return replay_on_ray(jobs, args.ray, args.overwrite)
    workers = min(len(jobs), args.jobs or len(os.sched_getaffinity(0)))
    return replay_all(jobs, workers, args.overwrite, bar.report, stop)


def _lines(outcome: ReplayOutcome) -> list[str]:
    """Lines to print about the outcome of one bag."""
    if outcome.error or outcome.summary is None:
        return [f"atpn replay: {outcome.error}"]
    summary, target = outcome.summary, printable(outcome.job.target)
    if outcome.skipped:
        return [f"{target}: already done"]
    topics = summary["topics"].values()
    refused = sum(sum(t["refused"].values()) for t in topics)
    faces = sum(t["with_faces"] for t in topics)
    line = f"{target}: {summary['images']} images, {faces} with faces"
    line += f", {refused} refused" if refused else ""
    return [*summary["notes"], f"{line}, {summary['images_per_second']:.0f} per second"]


def _diff(args: argparse.Namespace) -> int:
    from atpn_ros.replay.compare import compare

    if len(args.bags) != 2:
        print("atpn replay: --diff compares two bags", file=sys.stderr)
        return 2
    try:
        difference = compare(*args.bags)
        changed = difference.changed(args.within_px, args.within_deg, args.within_m, args.common)
        if args.json is not None:
            _write_json(args.json, difference.as_json() | {"changed": changed})
    except AtpnError as error:
        print(f"atpn replay: {error}", file=sys.stderr)
        return 2
    print(*difference.lines(), "changed" if changed else "the same", sep="\n")
    return int(changed)


def _write_json(path: Path, content: Any) -> None:
    try:
        write_text(path, json.dumps(content, indent=2) + "\n")
    except OSError as error:
        raise BadArguments(f"--json {path}: {error.strerror}") from error


class _ProgressBar:
    """A progress bar over all bags; drawn only on a terminal."""

    def __init__(self, bags: int) -> None:
        self._shares = [0.0] * bags
        self._images = [0] * bags
        self._ended = 0
        self._drawn = sys.stderr.isatty()

    def __enter__(self) -> _ProgressBar:
        return self

    def __exit__(self, *error: Any) -> None:
        self._clear()

    def report(self, job: int, done: int, total: int) -> None:
        """Set the number of processed images of a bag."""
        self._images[job] = done
        self._shares[job] = done / max(total, done, 1)
        self._draw()

    def print_lines(self, lines: list[str], outcome: ReplayOutcome) -> None:
        """Print lines about a finished bag above the progress bar."""
        self._clear()
        for line in lines:
            print(line, file=sys.stderr if outcome.error else sys.stdout, flush=True)
        self._ended += 1
        self._draw()

    def _draw(self) -> None:
        if not self._drawn:
            return
        share = max(sum(self._shares), self._ended) / len(self._shares)
        bar = ("#" * round(30 * share)).ljust(30, ".")
        bags = f"{self._ended}/{len(self._shares)} bags"
        print(f"\r[{bar}] {share:4.0%}  {bags}, {sum(self._images)} images", end="",
              file=sys.stderr, flush=True)  # fmt: skip

    def _clear(self) -> None:
        if self._drawn:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
