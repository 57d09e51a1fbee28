# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The commands ``atpn image`` and ``atpn video``: find and draw faces in files and live cameras."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter, deque
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import cv2

from atpn_ros.camera import Camera, camera_from_field_of_view
from atpn_ros.cli.options import add_settings_options, positive, settings_files
from atpn_ros.drawing import draw, overlay
from atpn_ros.drawing.json_lines import JsonLinesFile, json_line
from atpn_ros.drawing.video import (
    MediaError,
    VideoReader,
    VideoWriter,
    read_image,
    video_source,
    write_image,
)
from atpn_ros.engines import LoadControl
from atpn_ros.files import check_inputs_kept, error_text, printable
from atpn_ros.pipeline.looking import CAMERA_ORIGIN
from atpn_ros.pipeline.pipeline import FacePipeline
from atpn_ros.runtime import load_pipeline
from atpn_ros.settings_file import load_settings
from atpn_ros.timing import percentiles_ms
from atpn_ros.types import FaceFrame, FaceState, Frame, Image

_SPARK = 120  # frames in the sparkline
_WINDOW = "atpn video (q ends)"


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``image`` and ``video`` to ``atpn``."""
    image = commands.add_parser(
        "image", help="find faces in images; write annotated copies and JSON lines",
        description="Every image is processed separately. Exit code 1 if one could not be read.",
    )  # fmt: skip
    image.add_argument("files", type=Path, nargs="+", metavar="FILE")
    _add_common(image, "out/image")
    image.set_defaults(run=_images)

    video = commands.add_parser(
        "video", help="find and track faces in videos, GIFs, live cameras and streams",
        description="Every frame of a file is processed; of a camera, the frames it delivers."
        " Exit code 1 if one could not be read.",
    )  # fmt: skip
    video.add_argument(
        "sources",
        nargs="+",
        metavar="SOURCE",
        help="video or GIF files, - for the standard input, the number or device (/dev/video0) of a"
        " camera, or addresses (rtsp://, http://)",
    )
    _add_common(video, "out/video")
    video.add_argument(
        "--seconds", type=positive, help="stop after this time of the file or camera"
    )
    video.add_argument("--show", action="store_true", help="also show the result in a window")
    video.set_defaults(run=_videos)


def _add_common(parser: argparse.ArgumentParser, out: str) -> None:
    parser.add_argument(
        "--out", type=Path, default=Path(out), help=f"output folder (default {out})"
    )
    parser.add_argument(
        "--json",
        metavar="FILE",
        help="file for JSON lines; - for standard output (default OUT/faces.jsonl)",
    )
    parser.add_argument(
        "--view", type=float, metavar="DEGREES",
        help="horizontal angle of view of the camera, for distances and exact angles",
    )  # fmt: skip
    add_settings_options(parser)


class _Processor:
    """Makes pipelines that share one engine, and writes their results as JSON lines."""

    def __init__(self, args: argparse.Namespace, lines: JsonLinesFile) -> None:
        self._settings = load_settings(args.params_file, args.set)
        self._loaded = load_pipeline(self._settings, LoadControl())
        self._view, self._lines = args.view, lines
        # Standard output is for either the JSON lines or the text.
        self._stream = sys.stderr if lines.path is None else sys.stdout

    def pipeline(self) -> FacePipeline:
        """A new pipeline without tracks."""
        return self._loaded.new_pipeline(self._settings)

    def close(self) -> None:
        """Free the engine."""
        self._loaded.close()

    def process(self, pipeline: FacePipeline, source: str, n: int, frame: Frame) -> FaceFrame:
        """The faces of a frame; they are also written as a JSON line."""
        # A file has no TF, so the position of a frame is unknown.
        target = None if self._settings.looking_target else CAMERA_ORIGIN
        result = pipeline.process(frame, self._camera(frame.pixels()), target)
        self._lines.write(json_line(source, n, result))
        return result

    def report(self, line: str) -> None:
        """Print a line of text."""
        print(line, file=self._stream, flush=True)

    def warn_untracked(self, command: str, source: str, untracked: int) -> None:
        """Warn of faces in a file that were not tracked, if there are any."""
        if untracked:
            limit = f"faces in view beyond max_faces ({self._settings.max_faces})"
            print(f"atpn {command}: {source}: {limit}: up to {untracked}", file=sys.stderr)

    def _camera(self, image: Image) -> Camera | None:
        height, width = image.shape[:2]
        return None if self._view is None else camera_from_field_of_view(self._view, width, height)


def _json_lines(args: argparse.Namespace) -> JsonLinesFile:
    """The file for JSON lines; also creates the output folder."""
    try:
        args.out.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise MediaError(f"--out {printable(args.out)}: is a file, not a folder") from error
    except OSError as error:
        raise MediaError(error_text(error)) from error
    try:
        return JsonLinesFile(next(iter(_json_files(args)), None))
    except OSError as error:
        raise MediaError(error_text(error)) from error


def _images(args: argparse.Namespace) -> int:
    failed = 0
    targets = _targets(args.out, [_image_name(path) for path in args.files])
    check_inputs_kept([*_json_files(args), *targets], [*args.files, *settings_files(args)])
    with _json_lines(args) as lines, closing(_Processor(args, lines)) as processor:
        for path, target in zip(args.files, targets, strict=True):
            pipeline = processor.pipeline()
            try:
                picture = read_image(path)
                result = processor.process(pipeline, printable(path), 0, Frame(picture, 0))
                write_image(target, draw.draw(picture, result))
            except MediaError as error:
                print(f"atpn image: {error}", file=sys.stderr)
                failed += 1
                continue
            name = printable(path)
            processor.report(f"{name}: {_captions(result)}  ({printable(target)})")
            processor.warn_untracked("image", name, pipeline.untracked)
    return int(failed > 0)


def _videos(args: argparse.Namespace) -> int:
    failed = 0
    targets = _targets(args.out, [_video_name(source) for source in args.sources])
    inputs = [*map(Path, args.sources), *settings_files(args)]
    check_inputs_kept([*_json_files(args), *targets], inputs)
    with _json_lines(args) as lines, closing(_Processor(args, lines)) as processor:
        for source, target in zip(args.sources, targets, strict=True):
            try:
                clip = VideoReader(source)
            except MediaError as error:
                print(f"atpn video: {error}", file=sys.stderr)
                failed += 1
                continue
            writer = VideoWriter(target, clip.fps)
            try:
                count, ended, line = _play(args, processor, clip, writer)
                writer.close(keep=True)
            finally:
                clip.close()
                writer.close(keep=False)  # if it was not finished
            failed += not count
            processor.report(line)
            if ended and (why := clip.early_end()):
                print(f"atpn video: {clip.source}: {why}", file=sys.stderr)
    return int(failed > 0)


def _play(
    args: argparse.Namespace, processor: _Processor, clip: VideoReader, writer: VideoWriter
) -> tuple[int, bool, str]:
    """Process a video and write its annotated copy.

    Returns:
        The number of frames, whether the source ended, and a summary.
    """
    pipeline = processor.pipeline()
    spark: deque[tuple[float, bool]] = deque(maxlen=_SPARK)
    times: list[int] = []
    with_faces = detections = untracked = n = 0
    ids: set[int] = set()
    stamp_problems: Counter[str] = Counter()
    first = reported = None
    ended = False
    try:
        for frame in clip:
            first = frame.stamp_ns if first is None else first
            since = (frame.stamp_ns - first) / 1e9
            if args.seconds is not None and since >= args.seconds:
                break
            began = time.perf_counter_ns()
            result = processor.process(pipeline, clip.source, n, frame)
            times.append(time.perf_counter_ns() - began)
            if pipeline.stamp_problem:
                stamp_problems[pipeline.stamp_problem] += 1
            tracked = {f.id for f in result.faces if f.state is not FaceState.LOST}
            n, with_faces, ids = n + 1, with_faces + bool(tracked), ids | tracked
            detections += result.detector_ran
            untracked = max(untracked, pipeline.untracked)
            spark.append((times[-1] / 1e6, result.detector_ran))
            image = frame.pixels()
            picture = draw.draw(image, result, [draw.sparkline_area(image)])
            draw.sparkline(picture, [v for v, _ in spark], [m for _, m in spark])
            writer.write(picture)
            if reported is None or since >= reported + 1:
                reported = since
                (usual,) = percentiles_ms(times[-round(clip.fps) :], 50)
                processor.report(f"{since:6.1f} s  {usual:5.1f} ms  {_captions(result)}")
            if args.show and not _show(picture):
                break
        else:
            ended = True
    except KeyboardInterrupt:
        if not clip.live:  # with a camera, Ctrl-C is the normal end
            raise
    p50, p95 = percentiles_ms(times, 50, 95)
    summary = (
        f"{clip.source}: {n} frames, {with_faces} with faces, ids {sorted(ids)};"
        f" p50 {p50:.1f} ms, p95 {p95:.1f} ms; detector {detections} calls"
    )
    processor.warn_untracked("video", clip.source, untracked)
    for problem, count in stamp_problems.items():
        print(
            f"atpn video: {clip.source}: {problem} in {count} of {n} frames:"
            " tracking counts frames instead",
            file=sys.stderr,
        )
    return n, ended, f"{summary}  ({printable(writer.path)})"


def _show(picture: Image) -> bool:
    """Show a frame in a window; returns False when the user quits."""
    try:
        cv2.imshow(_WINDOW, picture)
        return cv2.waitKey(1) & 0xFF not in (27, ord("q"))
    except cv2.error as error:
        raise MediaError("--show: this OpenCV was built without windows") from error


def _captions(result: FaceFrame) -> str:
    return "   ".join(overlay.caption(face) for face in result.faces) or "no face"


def _image_name(path: Path) -> str:
    return path.name if path.suffix.lower() in (".jpg", ".jpeg", ".png") else f"{path.stem}.png"


def _video_name(source: str) -> str:
    try:
        return f"{video_source(source).stem}.mp4"
    except MediaError:  # reported when the source is opened
        return f"{Path(source).stem}.mp4"


def _targets(folder: Path, names: Sequence[str]) -> list[Path]:
    """A path in a folder for each file name; names that occur again are numbered."""
    taken: dict[Path, None] = {}  # a set in order
    for name in map(Path, names):
        path, n = folder / name, 2
        while path in taken:
            path, n = folder / f"{name.stem}-{n}{name.suffix}", n + 1
        taken[path] = None
    return list(taken)


def _json_files(args: argparse.Namespace) -> list[Path]:
    """The file of the JSON lines; none if they go to the standard output."""
    if args.json == "-":
        return []
    return [Path(args.json) if args.json else args.out / "faces.jsonl"]
