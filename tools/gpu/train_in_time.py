# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Renders faces and trains with them in a limited time, from the folder that pack.py makes.

``run.sh`` starts it on the borrowed machine, which needs Python, PyTorch, OpenCV and ONNX, but no
network. Small packages that are missing are installed from ``wheels/``; missing OpenGL libraries
are loaded from ``lib/``. Without OpenGL, the renders in the bundle are used.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from ctypes.util import find_library
from pathlib import Path
from typing import Any

BUNDLE = Path(__file__).resolve().parent
NEEDED = ("numpy", "cv2", "torch", "onnx", "ruamel.yaml", "moderngl", "glcontext")
"""Modules that the training needs."""
PACKED = ("ruamel.yaml", "moderngl", "glcontext")
"""Those that the bundle contains packages of."""
OPTIONAL = ("moderngl", "glcontext")
"""Only rendering needs these."""
NVIDIA = ("/usr/local/nvidia/share/glvnd/egl_vendor.d/10_nvidia.json",
          "/usr/share/glvnd/egl_vendor.d/10_nvidia.json",
          "/etc/glvnd/egl_vendor.d/10_nvidia.json")  # fmt: skip
"""Files in which NVIDIA's driver names its EGL library."""
_RESERVE_S = 12.0
"""For starting, and for what follows the training, before the hard limit."""
_GRACE_S = 20.0
"""For renderers to complete their last picture and write checksums."""


def main() -> int:
    """The commands of run.sh, and of the processes that this script starts itself."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    train = commands.add_parser("train", help="render and train")
    train.add_argument("--minutes", type=float, required=True, help="time limit")
    train.add_argument("--out", type=Path, required=True)
    train.add_argument("--render-share", type=float, default=0.2, help="of the minutes (0.2)")
    train.add_argument("--renders", type=int, help="pictures at most (default: time decides)")
    train.add_argument("--steps", type=int, help="training steps, in place of planned ones")
    cores = os.cpu_count() or 2
    train.add_argument("--processes", type=int, default=max(1, cores - 1), help="for rendering, "
                       "and for training crops (default: cores - 1)")  # fmt: skip
    train.add_argument("--threads", type=int, help="PyTorch's threads on a CPU")
    render = commands.add_parser("render", help="render until a time; started by train")
    render.add_argument("--out", type=Path, required=True)
    render.add_argument("--until", type=float, required=True, help="seconds of time.monotonic")
    render.add_argument("--first", type=int, required=True)
    render.add_argument("--every", type=int, required=True)
    render.add_argument("--count", type=int)
    commands.add_parser("opengl", help="print the OpenGL renderer; started by train")
    args = parser.parse_args()
    sys.path.insert(0, str(BUNDLE / "code"))
    return {"train": _train, "render": _render, "opengl": _opengl}[args.command](args)


def _train(args: argparse.Namespace) -> int:
    end = time.monotonic() + args.minutes * 60 - _RESERVE_S
    work = Path(tempfile.mkdtemp(prefix="atpn-bundle-"))
    missing = _install(work / "site")
    if set(missing) - set(OPTIONAL):
        print(f"bundle: these Python packages are missing: {', '.join(missing)}")
        return 2
    run = json.loads((BUNDLE / "run.yaml").read_text())
    renders = None
    if (BUNDLE / "assets.npz").is_file() and not missing:
        until = time.monotonic() + args.render_share * (end - time.monotonic())
        renders = _rendered(work / "renders", until, args)
    stages = run.get("stages", [run])
    for stage in stages:
        if renders is not None and stage["data"]["renders"]:
            stage["data"]["renders"] = str(renders)
        if args.steps is not None:
            stage["train"] |= {"steps": args.steps, "save_every": args.steps}
    path = work / "run.yaml"
    path.write_text(json.dumps(run))

    import torch

    from atpn_ros.learning.training.stages import run_file
    from atpn_ros.types import AtpnError

    where = torch.cuda.get_device_name() if torch.cuda.is_available() else "the CPU"
    print(f"bundle: {end - time.monotonic():.0f} s left; training on {where} with "
          f"{args.processes} processes that make crops")  # fmt: skip
    minutes = None if args.steps is not None else max(0.1, (end - time.monotonic()) / 60)
    try:
        run_file(path, BUNDLE / "data", args.out, args.processes, args.threads, minutes)
    except AtpnError as error:
        print(f"bundle: {error}")
        return 1
    print(f"bundle: done, {end + _RESERVE_S - time.monotonic():.0f} s before the limit")
    return 0


def _install(site: Path) -> list[str]:
    """Install the packed packages that are missing; returns the modules that still are."""
    lacking = [name for name in NEEDED if not _has(name)]
    wheels = BUNDLE / "wheels"
    packed = [name for name in lacking if name in PACKED]
    sys.path.append(str(site))
    for package in packed if wheels.is_dir() else []:
        command = [sys.executable, "-m", "pip", "install", "-q", "--no-index", "--no-deps",
                   "--no-compile", "--find-links", str(wheels), "--target", str(site),
                   package]  # fmt: skip
        subprocess.run(command, check=False)  # modules that are still missing are reported
    importlib.invalidate_caches()
    os.environ["PYTHONPATH"] = os.pathsep.join(
        p for p in (str(BUNDLE / "code"), os.environ.get("PYTHONPATH", ""), str(site)) if p
    )
    return [name for name in lacking if not _has(name)]


def _has(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # the parent package is missing
        return False


def _rendered(folder: Path, until: float, args: argparse.Namespace) -> Path | None:
    """Render into a folder; None if OpenGL fails or renders fewer than the bundle contains."""
    environment = _opengl_environment()
    if environment is None:
        print("bundle: no OpenGL: the renders in the bundle are used")
        return None
    environment |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    began, most = time.monotonic(), args.renders
    folder.mkdir()
    workers = []
    for k in range(args.processes):
        command = [sys.executable, __file__, "render", "--out", str(folder / f"part-{k:03d}"),
                   "--until", str(until), "--first", str(k),
                   "--every", str(args.processes)]  # fmt: skip
        if most is not None:
            command += ["--count", str(len(range(k, most, args.processes)))]
        workers.append(subprocess.Popen(command, env=environment, stdout=subprocess.PIPE))
    drawn = 0
    for worker in workers:
        try:
            left = max(1.0, until + _GRACE_S - time.monotonic())
            drawn += int(worker.communicate(timeout=left)[0] or 0)
        except (subprocess.TimeoutExpired, ValueError):
            worker.kill()  # its folder has no checksums, and is not read
            worker.communicate()
    spent = time.monotonic() - began
    print(f"bundle: {drawn} renders in {spent:.0f} s, {drawn / spent:.1f} a second")
    packed = json.loads((BUNDLE / "bundle.json").read_text())["packed_renders"]
    return folder if drawn and (drawn >= packed or most is not None) else None


def _opengl_environment() -> dict[str, str] | None:
    """Environment variables with which OpenGL works: NVIDIA's, else any, else Mesa's software."""
    base, lib = dict(os.environ), BUNDLE / "lib"
    paths = (base.get("LD_LIBRARY_PATH"), "/usr/local/nvidia/lib64", str(lib))
    base["LD_LIBRARY_PATH"] = os.pathsep.join(p for p in paths if p)
    if find_library("EGL") is None:
        base["GLCONTEXT_LINUX_LIBEGL"] = str(lib / "libEGL.so.1")
    if find_library("GL") is None:
        base["GLCONTEXT_LINUX_LIBGL"] = find_library("OpenGL") or str(lib / "libOpenGL.so.0")
    vendor = Path(tempfile.mkdtemp(prefix="atpn-egl-")) / "10_nvidia.json"
    vendor.write_text(json.dumps(
        {"file_format_version": "1.0.0", "ICD": {"library_path": "libEGL_nvidia.so.0"}}
    ))  # fmt: skip
    files = [p for p in NVIDIA if Path(p).is_file()] + [str(vendor)]
    tries = [{"__EGL_VENDOR_LIBRARY_FILENAMES": p} for p in files]
    for extra in (*tries, {}, {"LIBGL_ALWAYS_SOFTWARE": "1"}):
        try:
            found = subprocess.run(
                [sys.executable, __file__, "opengl"], env=base | extra, timeout=60,
                capture_output=True, text=True, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            continue
        lines = (found.stdout if found.returncode == 0 else found.stderr).strip().splitlines()
        print(f"bundle: OpenGL with {extra or 'no extra setting'}: {(lines or ['no output'])[-1]}")
        if found.returncode == 0:
            return base | extra
    return None


def _opengl(_: argparse.Namespace) -> int:
    from atpn_ros.learning.synth.opengl.context import create_context

    context = create_context()
    print(context.info["GL_RENDERER"])
    return 0


def _render(args: argparse.Namespace) -> int:
    import cv2

    from atpn_ros.learning.synth.output import shards
    from atpn_ros.learning.synth.render.stream import SampleRenderer, load_assets
    from atpn_ros.learning.synth.sampling.face_scenes import SamplePlan

    cv2.setNumThreads(1)
    bundle = json.loads((BUNDLE / "bundle.json").read_text())
    plan: dict[str, Any] = bundle["plan"]
    plan["share"] = tuple(plan["share"])
    if (BUNDLE / "aged_head.npz").is_file():
        plan["aged_head"] = BUNDLE / "aged_head.npz"
    renderer = SampleRenderer(
        load_assets(BUNDLE / "assets.npz"), bundle["seed"], SamplePlan(**plan)
    )
    drawn = 0

    def samples() -> Any:
        nonlocal drawn
        while time.monotonic() < args.until and (args.count is None or drawn < args.count):
            yield renderer.sample(args.first + drawn * args.every)
            drawn += 1

    shards.write(samples(), args.out, 500)
    print(drawn)
    return 0


if __name__ == "__main__":
    sys.exit(main())
