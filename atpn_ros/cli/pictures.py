# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""``atpn image`` and ``atpn video``: faces in pictures, clips and live cameras, drawn and told."""

from __future__ import annotations

import argparse
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TextIO

import cv2

from atpn_ros.camera import Camera, camera_from_field_of_view
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
        "image", help="draw and tell the faces of pictures",
        description="Each picture is a scene of its own. Exit code 1 if one could not be read.",
    )  # fmt: skip
    image.add_argument("files", type=Path, nargs="+", metavar="FILE")
    _add_common(image, "out/image")
    image.set_defaults(run=_images)

    video = commands.add_parser(
        "video", help="draw and tell the faces of clips, GIFs and live cameras",
        description="Every frame of a clip is processed; of a camera, those that come."
        " Exit code 1 if one could not be read.",
    )  # fmt: skip
    video.add_argument(
        "sources", nargs="+", metavar="FILE|INDEX", help="clips or GIFs, or a camera's number"
    )
    _add_common(video, "out/video")
    video.add_argument("--seconds", type=float, help="end after this time of the clip or camera")
    video.add_argument("--show", action="store_true", help="in a window too")
    video.set_defaults(run=_videos)


def _add_common(parser: argparse.ArgumentParser, out: str) -> None:
    parser.add_argument("--out", type=Path, default=Path(out), help=f"annotated files ({out})")
    parser.add_argument(
        "--json", metavar="FILE", help="JSON lines; - for standard output (OUT/faces.jsonl)"
    )
    parser.add_argument(
        "--view", type=float, metavar="DEGREES",
        help="the camera's horizontal angle of view, for distances and true angles",
    )  # fmt: skip
    parser.add_argument("--params-file", type=Path, help="settings, e.g. config/atpn.yaml")
    parser.add_argument(
        "--set", nargs="+", action="extend", default=[], metavar="NAME=VALUE", help="one setting"
    )


class _Eye:
    """Makes pipelines that share one engine, and says what they see."""

    def __init__(self, args: argparse.Namespace, lines: TextIO) -> None:
        self._settings = load_settings(args.params_file, args.set)
        self._sight = load_pipeline(self._settings, LoadControl())
        self._view, self._lines = args.view, lines
        # Standard output is for one of the two.
        self._words = sys.stderr if lines is sys.stdout else sys.stdout

    def pipeline(self) -> FacePipeline:
        """A fresh one: nobody is known to it."""
        return self._sight.new_pipeline(self._settings)

    def close(self) -> None:
        """Free the engine."""
        self._sight.close()

    def look(self, pipeline: FacePipeline, source: str, n: int, frame: Frame) -> FaceFrame:
        """The faces of a frame, also written as JSON."""
        result = pipeline.process(frame, self._camera(frame.image))
        self._lines.write(json_lines.json_line(source, n, result) + "\n")
        return result

    def say(self, words: str) -> None:
        """Tell a person."""
        print(words, file=self._words, flush=True)

    def _camera(self, image: Image) -> Camera | None:
        height, width = image.shape[:2]
        return None if self._view is None else camera_from_field_of_view(self._view, width, height)


@contextmanager
def _json_lines(args: argparse.Namespace) -> Iterator[TextIO]:
    """Where JSON lines go; the output folder is there too."""
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
    with _json_lines(args) as lines, closing(_Eye(args, lines)) as eye:
        for path in args.files:
            try:
                picture = read_image(path)
                result = eye.look(eye.pipeline(), str(path), 0, Frame(picture, 0))
                suffix = path.suffix if path.suffix.lower() in (".jpg", ".jpeg", ".png") else ".png"
                target = _unlike(targets, args.out, path.stem, suffix)
                write_image(target, draw.draw(picture, result))
            except MediaError as error:
                print(f"atpn image: {error}", file=sys.stderr)
                failed += 1
                continue
            eye.say(f"{path}: {_log_errors(result)}  ({target})")
    return int(failed > 0)


def _videos(args: argparse.Namespace) -> int:
    failed = 0
    targets: set[Path] = set()
    with _json_lines(args) as lines, closing(_Eye(args, lines)) as eye:
        for source in args.sources:
            try:
                clip = VideoReader(source)
            except MediaError as error:
                print(f"atpn video: {error}", file=sys.stderr)
                failed += 1
                continue
            name = f"camera{source}" if clip.live else Path(source).stem
            writer = VideoWriter(_unlike(targets, args.out, name, ".mp4"), clip.fps)
            whole = False
            try:
                failed += not _play(args, eye, clip, writer)
                whole = True
            finally:
                clip.close()
                writer.close(keep=whole)
    return int(failed > 0)


def _play(args: argparse.Namespace, eye: _Eye, clip: VideoReader, writer: VideoWriter) -> bool:
    """Show a clip to the pipeline; whether there was a frame at all."""
    pipeline = eye.pipeline()
    spark: deque[tuple[float, bool]] = deque(maxlen=_SPARK)
    times: list[int] = []
    with_faces = detections = n = 0
    ids: set[int] = set()
    first = told = None
    try:
        for frame in clip:
            first = frame.stamp_ns if first is None else first
            since = (frame.stamp_ns - first) / 1e9
            if args.seconds is not None and since >= args.seconds:
                break
            began = time.perf_counter_ns()
            result = eye.look(pipeline, clip.source, n, frame)
            times.append(time.perf_counter_ns() - began)
            held = {f.id for f in result.faces if f.state is not FaceState.LOST}
            n, with_faces, ids = n + 1, with_faces + bool(held), ids | held
            detections += result.detector_ran
            spark.append((times[-1] / 1e6, result.detector_ran))
            picture = draw.draw(frame.image, result)
            draw.sparkline(picture, [v for v, _ in spark], [m for _, m in spark])
            writer.write(picture)
            if told is None or since >= told + 1:
                told = since
                (usual,) = percentiles_ms(times[-round(clip.fps) :], 50)
                eye.say(f"{since:6.1f} s  {usual:5.1f} ms  {_log_errors(result)}")
            if args.show and not _show(picture):
                break
    except KeyboardInterrupt:
        if not clip.live:  # of a camera it is the way to end
            raise
    p50, p95 = percentiles_ms(times, 50, 95)
    eye.say(
        f"{clip.source}: {n} frames, {with_faces} with faces, ids {sorted(ids)};"
        f" p50 {p50:.1f} ms, p95 {p95:.1f} ms; detector {detections} calls  ({writer.path})"
    )
    if not n or (args.seconds is None and not args.show and n < clip.frames * 0.9):
        said = f" of the {clip.frames} that it says to hold" if clip.frames else ""
        print(f"atpn video: {clip.source}: ended after {n} frames{said}", file=sys.stderr)
    return n > 0


def _show(picture: Image) -> bool:
    """Show a frame in a window; whether to go on."""
    try:
        cv2.imshow(_WINDOW, picture)
        return cv2.waitKey(1) & 0xFF not in (27, ord("q"))
    except cv2.error as error:
        raise MediaError("--show: this OpenCV was built without windows") from error


def _log_errors(result: FaceFrame) -> str:
    return "   ".join(overlay.caption(face) for face in result.faces) or "no face"


def _unlike(taken: set[Path], folder: Path, stem: str, suffix: str) -> Path:
    """A path that this run has not written yet."""
    path, n = folder / f"{stem}{suffix}", 2
    while path in taken:
        path, n = folder / f"{stem}-{n}{suffix}", n + 1
    taken.add(path)
    return path
