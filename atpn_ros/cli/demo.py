# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The command ``atpn demo``: runs ``face_node`` on a moving portrait and reports its results.

The node and the camera run in separate processes (``face_node`` and ``demo_client``) that exchange
ROS messages only; this module starts them, summarises the results and draws them.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from atpn_ros import resources
from atpn_ros.bench import node_process
from atpn_ros.cli.portrait import HEIGHT, RATE, WIDTH, MovingPortrait
from atpn_ros.drawing import draw
from atpn_ros.timing import percentiles_ms
from atpn_ros.types import AtpnError, Box, Face, FaceFrame, FaceState, HeadPose, Image


class DemoError(AtpnError):
    """The demo cannot run, or a process failed; one line."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``demo`` to ``atpn``."""
    parser = commands.add_parser(
        "demo", help="run the ROS node on a moving portrait and report its results"
    )
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
    frames = round(args.seconds * RATE)
    if frames < 1:
        raise DemoError(f"--seconds {args.seconds:g} is too short for one frame")
    out: Path = args.out
    out.mkdir(parents=True, exist_ok=True)
    portrait = MovingPortrait(frames)
    records = _play(out, frames)
    summary = summarise(records, portrait)
    (out / "summary.json").write_text(json.dumps(summary, indent=2) + "\n")
    cv2.imwrite(str(out / "faces.jpg"), sheet(records, portrait), [cv2.IMWRITE_JPEG_QUALITY, 88])
    _print_summary(summary)
    print(f"\nwritten to {out}: faces.jpg, summary.json, frames.jsonl, node.log, bag")
    return 0 if summary["frames"]["processed"] else 1


def _play(out: Path, frames: int) -> list[dict[str, Any]]:
    """Start both processes, wait for the camera process to end and stop the node."""
    world = node_process.environment()
    log = out / "node.log"
    print(f"starting face_node (log: {log})", flush=True)
    with node_process.node(log, world) as node:
        client = subprocess.run(  # noqa: S603 our own script
            [sys.executable, str(resources.script_path("demo_client")), str(out / "frames.jsonl"),
             str(out / "bag"), str(frames), f"{node_process.START_LIMIT_S:g}"],
            env=world, check=False,
        )  # fmt: skip
    code = node.returncode
    if client.returncode:
        raise DemoError(
            f"the node published no results; the end of its log: {node_process.last_line(log)}"
        )
    if code:
        raise DemoError(f"face_node ended with code {code}, see {log}")
    return [json.loads(line) for line in (out / "frames.jsonl").read_text().splitlines()]


def summarise(records: list[dict[str, Any]], portrait: MovingPortrait) -> dict[str, Any]:
    """Summary of the demo: frames, track ids, latency, detector calls and engine.

    Args:
        records: One per frame sent, as ``demo_client`` writes them; ``received_ns`` is null for a
            frame without a result.
        portrait: The moving portrait, which knows in which frames the face is in view.
    """
    answered = [r for r in records if r["received_ns"] is not None]
    latency = [r["received_ns"] - r["stamp_ns"] for r in answered]
    outside = [
        1 - r["network_ns"] / max(1, t)
        for r, t in zip(answered, latency, strict=True)
        if r["faces"]
    ]
    held = {r["n"]: [f["id"] for f in r["faces"] if f["state"] != FaceState.LOST] for r in answered}
    left = portrait.leaves_at
    gone = next((n for n in sorted(held) if n >= left and not held[n]), len(records))
    first = [i for n, ids in held.items() if n < left for i in ids]
    p50, p95, worst = percentiles_ms(latency, 50, 95, 100)
    detector_calls = sum(r["detector_ran"] for r in answered)
    span = (records[-1]["stamp_ns"] - records[0]["stamp_ns"]) * 1e-9
    return {
        "frames": {
            "sent": len(records),
            "processed": len(answered),
            "dropped": len(records) - len(answered),
            "rate_hz": round((len(records) - 1) / span, 2) if span > 0 else 0.0,
        },
        "faces": {
            "frames_with_face": sum(bool(ids) for ids in held.values()),
            "track_ids": sorted({i for ids in held.values() for i in ids}),
            "track_ids_before_leaving": sorted(set(first)),
            "frames_held_before_leaving": len(first),
            "frames_in_view_before_leaving": left,
            "lost_frames_after_leaving": gone - left,
        },
        "latency_ms": {
            "p50": round(p50, 2),
            "p95": round(p95, 2),
            "max": round(worst, 2),
            "share_outside_network_p50": round(float(np.median(outside)), 3) if outside else None,
        },
        "detector": {
            "name": answered[-1]["detector"] if answered else None,
            "calls": detector_calls,
            "share_of_frames": round(detector_calls / max(1, len(answered)), 3),
        },
        "engine": answered[-1]["engine"] if answered else None,
    }


def _print_summary(summary: dict[str, Any]) -> None:
    frames, faces = summary["frames"], summary["faces"]
    latency, detector = summary["latency_ms"], summary["detector"]
    share = latency["share_outside_network_p50"]
    print(
        f"\nframes    {frames['sent']} sent at {frames['rate_hz']} Hz,"
        f" {frames['processed']} processed, {frames['dropped']} dropped"
        f"\nfaces     ids {faces['track_ids']}; tracked in {faces['frames_held_before_leaving']} of"
        f" {faces['frames_in_view_before_leaving']} frames before it left, LOST"
        f" {faces['lost_frames_after_leaving']} frames after it left"
        f"\nlatency   image stamp to landmarks received: p50 {latency['p50']} ms,"
        f" p95 {latency['p95']} ms"
        + ("" if share is None else f"; {share:.0%} of it outside the network (p50)")
        + f"\ndetector  {detector['name']}: {detector['calls']} calls,"
        f" {detector['share_of_frames']:.1%} of frames"
        f"\nengine    {summary['engine']}"
    )


def sheet(records: list[dict[str, Any]], portrait: MovingPortrait, tiles: int = 12) -> Image:
    """A contact sheet of ``tiles`` annotated frames, evenly spread over the demo."""
    chosen = np.linspace(0, len(records) - 1, tiles).round().astype(int)
    pictures = []
    for n in chosen:
        record, picture = records[n], portrait.frame(int(n))
        annotated = draw.draw(picture, face_frame(record))
        pictures.append(cv2.resize(annotated, (400, 300), interpolation=cv2.INTER_AREA))
    rows = [np.hstack(pictures[i : i + 4]) for i in range(0, tiles, 4)]
    return np.vstack(rows).astype(np.uint8)


def face_frame(record: dict[str, Any]) -> FaceFrame:
    """Convert a record of ``demo_client``."""
    faces = []
    for f in record["faces"]:
        points = np.array(f["xy"]).reshape(-1, 2) if f["xy"] else None
        pose = None
        if f["rotation"]:
            position = None if f["position"] is None else np.array(f["position"])
            pose = HeadPose(np.array(f["rotation"]).reshape(3, 3), position, np.zeros((6, 6)))
        faces.append(
            Face(f["id"], FaceState(f["state"]), Box(*f["box"]), f["presence"], 0, 0, points,
                 pose=pose)
        )  # fmt: skip
    return FaceFrame(record["stamp_ns"], "camera", WIDTH, HEIGHT, tuple(faces))
