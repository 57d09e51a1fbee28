# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The commands ``atpn image`` and ``atpn video``: find and draw faces in files and live cameras."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TextIO

import cv2

from atpn_ros.camera import Camera, camera_from_field_of_view
from atpn_ros.cli.options import add_settings_options
from atpn_ros.drawing import draw, json_lines, overlay
from atpn_ros.drawing.video import MediaError, VideoReader, VideoWriter, read_image, write_image
from atpn_ros.engines import LoadControl
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
        "video", help="find and track faces in videos, GIFs and live cameras",
        description="Every frame of a file is processed; of a camera, the frames it delivers."
        " Exit code 1 if one could not be read.",
    )  # fmt: skip
    video.add_argument(
        "sources",
        nargs="+",
        metavar="FILE|INDEX",
        help="video or GIF files, or the index of a camera",
    )
    _add_common(video, "out/video")
    video.add_argument("--seconds", type=float, help="stop after this time of the file or camera")
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

    def __init__(self, args: argparse.Namespace, lines: TextIO) -> None:
        self._settings = load_settings(args.params_file, args.set)
        self._loaded = load_pipeline(self._settings, LoadControl())
        self._view, self._lines = args.view, lines
        # Standard output is for either the JSON lines or the text.
        self._stream = sys.stderr if lines is sys.stdout else sys.stdout

    def pipeline(self) -> FacePipeline:
        """A new pipeline without tracks."""
        return self._loaded.new_pipeline(self._settings)

    def close(self) -> None:
        """Free the engine."""
        self._loaded.close()

    def process(self, pipeline: FacePipeline, source: str, n: int, frame: Frame) -> FaceFrame:
        """The faces of a frame; they are also written as a JSON line."""
        result = pipeline.process(frame, self._camera(frame.image))
        self._lines.write(json_lines.json_line(source, n, result) + "\n")
        return result

    def report(self, line: str) -> None:
        """Print a line of text."""
        print(line, file=self._stream, flush=True)

    def _camera(self, image: Image) -> Camera | None:
        height, width = image.shape[:2]
        return None if self._view is None else camera_from_field_of_view(self._view, width, height)


@contextmanager
def _json_lines(args: argparse.Namespace) -> Iterator[TextIO]:
    """The stream for JSON lines; also creates the output folder."""
    try:
        args.out.mkdir(parents=True, exist_ok=True)
        if args.json == "-":
            yield sys.stdout
            return
        with (Path(args.json) if args.json else args.out / "faces.jsonl").open("w") as stream:
            yield stream
    except OSError as error:
        raise MediaError(f"{error.filename}: {error.strerror}") from error


def _images(args: argparse.Namespace) -> int:
    failed = 0
    targets: set[Path] = set()
    with _json_lines(args) as lines, closing(_Processor(args, lines)) as processor:
        for path in args.files:
            try:
                picture = read_image(path)
                result = processor.process(processor.pipeline(), str(path), 0, Frame(picture, 0))
                suffix = path.suffix if path.suffix.lower() in (".jpg", ".jpeg", ".png") else ".png"
                target = _unused_path(targets, args.out, path.stem, suffix)
                write_image(target, draw.draw(picture, result))
            except MediaError as error:
                print(f"atpn image: {error}", file=sys.stderr)
                failed += 1
                continue
            processor.report(f"{path}: {_captions(result)}  ({target})")
    return int(failed > 0)


def _videos(args: argparse.Namespace) -> int:
    failed = 0
    targets: set[Path] = set()
    with _json_lines(args) as lines, closing(_Processor(args, lines)) as processor:
        for source in args.sources:
            try:
                clip = VideoReader(source)
            except MediaError as error:
                print(f"atpn video: {error}", file=sys.stderr)
                failed += 1
                continue
            name = f"camera{source}" if clip.live else Path(source).stem
            writer = VideoWriter(_unused_path(targets, args.out, name, ".mp4"), clip.fps)
            whole = False
            try:
                failed += not _play(args, processor, clip, writer)
                whole = True
            finally:
                clip.close()
                writer.close(keep=whole)
    return int(failed > 0)


def _play(
    args: argparse.Namespace, processor: _Processor, clip: VideoReader, writer: VideoWriter
) -> bool:
    """Process a video and write its annotated copy; whether it had a frame."""
    pipeline = processor.pipeline()
    spark: deque[tuple[float, bool]] = deque(maxlen=_SPARK)
    times: list[int] = []
    with_faces = detections = n = 0
    ids: set[int] = set()
    odd_stamps: Counter[str] = Counter()
    first = reported = None
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
                odd_stamps[pipeline.stamp_problem] += 1
            held = {f.id for f in result.faces if f.state is not FaceState.LOST}
            n, with_faces, ids = n + 1, with_faces + bool(held), ids | held
            detections += result.detector_ran
            spark.append((times[-1] / 1e6, result.detector_ran))
            picture = draw.draw(frame.image, result)
            draw.sparkline(picture, [v for v, _ in spark], [m for _, m in spark])
            writer.write(picture)
            if reported is None or since >= reported + 1:
                reported = since
                (usual,) = percentiles_ms(times[-round(clip.fps) :], 50)
                processor.report(f"{since:6.1f} s  {usual:5.1f} ms  {_captions(result)}")
            if args.show and not _show(picture):
                break
    except KeyboardInterrupt:
        if not clip.live:  # with a camera, Ctrl-C is the normal end
            raise
    p50, p95 = percentiles_ms(times, 50, 95)
    processor.report(
        f"{clip.source}: {n} frames, {with_faces} with faces, ids {sorted(ids)};"
        f" p50 {p50:.1f} ms, p95 {p95:.1f} ms; detector {detections} calls  ({writer.path})"
    )
    for problem, count in odd_stamps.items():
        print(
            f"atpn video: {clip.source}: {problem} in {count} of {n} frames:"
            " tracking counts frames instead",
            file=sys.stderr,
        )
    if not n or (args.seconds is None and not args.show and n < clip.frames * 0.9):
        said = f" of {clip.frames} expected" if clip.frames else ""
        print(f"atpn video: {clip.source}: ended after {n} frames{said}", file=sys.stderr)
    return n > 0


def _show(picture: Image) -> bool:
    """Show a frame in a window; returns False when the user quits."""
    try:
        cv2.imshow(_WINDOW, picture)
        return cv2.waitKey(1) & 0xFF not in (27, ord("q"))
    except cv2.error as error:
        raise MediaError("--show: this OpenCV was built without windows") from error


def _captions(result: FaceFrame) -> str:
    return "   ".join(overlay.caption(face) for face in result.faces) or "no face"


def _unused_path(taken: set[Path], folder: Path, stem: str, suffix: str) -> Path:
    """A path that this run has not used yet; adds it to ``taken``."""
    path, n = folder / f"{stem}{suffix}", 2
    while path in taken:
        path, n = folder / f"{stem}-{n}{suffix}", n + 1
    taken.add(path)
    return path
