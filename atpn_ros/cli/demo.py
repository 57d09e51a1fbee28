# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The command ``atpn demo``: runs ``face_node`` on moving people and reports its results.

The node and the camera run in separate processes (``face_node`` and ``demo_client``) that exchange
ROS messages only; this module starts them, summarises the results and draws them.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from atpn_ros import resources
from atpn_ros.bench import node_process
from atpn_ros.cli.demo_scene import RATE, Scene, is_read_once, open_scene
from atpn_ros.cli.demo_summary import print_summary, summarise
from atpn_ros.drawing import draw
from atpn_ros.drawing.contact_sheet import contact_sheet
from atpn_ros.drawing.video import VideoWriter, write_image
from atpn_ros.files import check_inputs_kept, write_text
from atpn_ros.types import (
    AtpnError,
    Box,
    Face,
    FaceFrame,
    FaceState,
    Gaze,
    GazeSource,
    HeadPose,
    Image,
)

FRAMES, BAG, RECORDING = "frames.jsonl", "bag", "camera.raw"
"""Files in the output folder that ``demo_client`` writes; the last one is removed at the end."""
_VIDEO, _SHEET, _SUMMARY, _LOG = "demo.mp4", "faces.jpg", "summary.json", "node.log"

_TILES = 12


class DemoError(AtpnError):
    """The demo cannot run, or a process failed; one line."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``demo`` to ``atpn``."""
    parser = commands.add_parser(
        "demo",
        help="run the ROS node on moving people, or on a picture, video or camera of yours",
        description="Run the ROS node on two people who move, or on your own picture, video or"
        " camera, and write an annotated video, a sheet of pictures, figures and a bag.",
    )
    parser.add_argument(
        "source", nargs="?", default="", metavar="SOURCE",
        help="a picture, a video, the number of a camera, or an address (default: two people from"
        " public-domain photographs)",
    )  # fmt: skip
    parser.add_argument(
        "--out", type=Path, default=Path("out/demo"), help="output folder (default out/demo)"
    )
    parser.add_argument(
        "--seconds", type=float, default=24.0, help="length in seconds (default 24)"
    )
    parser.set_defaults(run=run, outputs=("out",))


def run(args: argparse.Namespace) -> int:
    """Run the demo; returns 0 if the node processed images."""
    for module in ("rclpy", "tf2_msgs"):
        if importlib.util.find_spec(module) is None:
            raise DemoError(resources.missing_module(module))
    if not math.isfinite(args.seconds):
        raise DemoError(f"--seconds {args.seconds:g} is not a finite number")
    if args.seconds * RATE < 1:
        raise DemoError(f"--seconds {args.seconds:g} is too short for one frame")
    out: Path = args.out
    names = (_VIDEO, _SHEET, _SUMMARY, FRAMES, _LOG, BAG)
    outputs = [out / name for name in (*names, RECORDING)]
    check_inputs_kept(outputs, [Path(args.source)] if args.source else [])
    recording = out / RECORDING
    try:
        out.mkdir(parents=True, exist_ok=True)
        recording.unlink(missing_ok=True)
        # A file that cannot be read is reported before the node is started. What can be read only
        # once is left to demo_client, and opened here from its recording.
        once = is_read_once(args.source)
        scene = None if once else open_scene(args.source, args.seconds, recording)
        records = _play(out, args.seconds, args.source)
        scene = scene or open_scene(args.source, args.seconds, recording)
        summary = summarise(records, scene)
        write_text(out / _SUMMARY, json.dumps(summary, indent=2) + "\n")
        write_image(out / _SHEET, _draw(records, scene, out / _VIDEO))
    finally:
        recording.unlink(missing_ok=True)
    print_summary(summary)
    print(f"\nwritten to {out}: {', '.join(names)}")
    print(_NEXT)
    return 0 if summary["frames"]["processed"] else 1


_NEXT = (
    "next: atpn demo MY.jpg | MY.mp4 | 0 (your camera);"
    " ros2 launch atpn_ros atpn.launch.py image_topic:=/image_raw"
)


def _play(out: Path, seconds: float, source: str) -> list[dict[str, Any]]:
    """Start both processes, wait for the camera process to end and stop the node."""
    world = node_process.environment()
    log = out / _LOG
    print(f"starting face_node (log: {log})", flush=True)
    with node_process.node(log, world) as node:
        client = subprocess.run(  # noqa: S603 our own script
            [sys.executable, str(resources.script_path("demo_client")), str(out), f"{seconds:g}",
             f"{node_process.START_LIMIT_S:g}", source],
            env=world, check=False,
        )  # fmt: skip
    code = node.returncode
    if client.returncode == _CLIENT_ERROR:
        raise DemoError("the frames could not be sent")
    if client.returncode:
        raise DemoError(
            f"the node published no results; the end of its log: {node_process.last_line(log)}"
        )
    if code:
        raise DemoError(f"face_node ended with code {code}, see {log}")
    return [json.loads(line) for line in (out / FRAMES).read_text().splitlines()]


_CLIENT_ERROR = 3
"""Exit code of ``demo_client`` when it has printed the reason."""


def _draw(records: list[dict[str, Any]], scene: Scene, video: Path) -> Image:
    """Write a video of all annotated frames; returns a sheet of some of them."""
    with_result = [n for n, record in enumerate(records) if record["received_ns"] is not None]
    even = np.linspace(0, len(with_result) - 1, _TILES).round().astype(int)
    chosen = {with_result[i] for i in even.tolist()} if with_result else set()
    writer = VideoWriter(video, scene.rate)
    pictures = []
    try:
        for n, (record, picture) in enumerate(zip(records, scene.frames(), strict=False)):
            height, width = picture.shape[:2]
            annotated = draw.draw(picture, face_frame(record, width, height))
            writer.write(annotated)
            pictures += [annotated] * (n in chosen)
        writer.close(keep=True)
    finally:
        writer.close(keep=False)
    return contact_sheet(pictures, 4, (400, 300), _TILES // 4)


def face_frame(record: dict[str, Any], width: int, height: int) -> FaceFrame:
    """Convert a record of ``demo_client``, of a frame of the given size."""
    faces = []
    for f in record["faces"]:
        points = np.array(f["xy"]).reshape(-1, 2) if f["xy"] else None
        pose = gaze = None
        if f["rotation"]:
            position = None if f["position"] is None else np.array(f["position"])
            pose = HeadPose(np.array(f["rotation"]).reshape(3, 3), position, np.zeros((6, 6)))
        if f["gaze"]:
            source = GazeSource(f["gaze_source"])
            gaze = Gaze(np.array(f["gaze"]), source, 1.0, looking=f["looking"])
        faces.append(
            Face(f["id"], FaceState(f["state"]), Box(*f["box"]), f["presence"], 0, 0, points,
                 pose=pose, gaze=gaze)
        )  # fmt: skip
    return FaceFrame(record["stamp_ns"], "camera", width, height, tuple(faces))
