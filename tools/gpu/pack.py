#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Packs code, data and settings of a training run into one small folder for a GPU without network.

``python tools/gpu/pack.py RUN.yaml --data DATA --out BUNDLE`` needs the package with its learning
dependencies and ONNX Runtime here; ``bash BUNDLE/run.sh MINUTES`` needs only Python, PyTorch,
OpenCV and ONNX there, and no network. Landmarks and rotations that a run's first network has to
estimate are estimated while packing. Never commit or publish a bundle: it contains the data.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from ctypes.util import find_library
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from atpn_ros.files import cache_folder
from atpn_ros.learning.data.detection_crops import DetectionCrops, save_packed_crops
from atpn_ros.learning.data.face_regions import with_face_side
from atpn_ros.learning.data.labelled_face import LabelledFace
from atpn_ros.learning.data.layouts import WFLW98
from atpn_ros.learning.data.packed_faces import save_packed_faces
from atpn_ros.learning.data.renders import load_renders
from atpn_ros.learning.synth.assets import library, packed
from atpn_ros.learning.training.run_file import (
    TrainingData,
    TrainingRun,
    load_uncorrected,
    load_validation_sets,
)
from atpn_ros.learning.training.stages import load_stages
from atpn_ros.settings import SHIPPED_MODEL
from atpn_ros.types import AtpnError

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PACKED = ("moderngl", "glcontext", "ruamel.yaml")
"""Small packages that the borrowed machine may lack."""
GL_LIBRARIES = ("libEGL.so.1", "libOpenGL.so.0", "libGLdispatch.so.0")
"""Libraries that load the graphics driver (libglvnd); the driver itself is not packed."""


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run_file", type=Path, metavar="RUN.yaml")
    parser.add_argument("--data", type=Path, required=True, help="as for atpn train")
    parser.add_argument("--out", type=Path, required=True, help="folder to make; replaced")
    parser.add_argument("--assets", type=Path, help="as for atpn synth: a folder, or a file of "
                        "packed ones; without them nothing is rendered there")  # fmt: skip
    parser.add_argument("--cache", type=Path, default=cache_folder("synth"))
    parser.add_argument("--face", type=float, default=112, help="longest side of faces in "
                        "photographs, pixels (112)")  # fmt: skip
    parser.add_argument("--quality", type=int, default=80, help="of pictures, 1 to 100 (80)")
    parser.add_argument("--renders", type=int, default=500, help="packed renders (500)")
    parser.add_argument("--finds", type=int, default=6000, help="crops of detections (6000)")
    parser.add_argument("--validation", type=int, default=302, help="faces of each set (302)")
    parser.add_argument("--size", type=int, default=192, help="side of renders made there (192)")
    parser.add_argument("--share", type=float, nargs=2, default=(0.4, 0.5), metavar=("MIN", "MAX"))
    parser.add_argument("--effects", type=float, default=0.25)
    parser.add_argument("--hard-pose", type=float, default=0.25, help="share of renders with any "
                        "pose (0.25)")  # fmt: skip
    parser.add_argument("--not-faces", type=float, default=0.0, help="share of renders without a "
                        "face (0)")  # fmt: skip
    parser.add_argument("--aged-head", type=Path, help="file of atpn export-anny")
    parser.add_argument("--aged-share", type=float, default=0.2, help="of renders with that head")
    parser.add_argument("--seed", type=int, default=1, help="of the renders made there")
    parser.add_argument("--wheels", type=Path, help="folder with wheels to pack; default: "
                        f"{', '.join(PACKED)} are downloaded")  # fmt: skip
    parser.add_argument("--python", nargs="+", default=["3.11", "3.12", "3.13"],
                        help="versions that wheels are downloaded for")  # fmt: skip
    parser.add_argument("--limit", type=float, default=60, help="largest size, MiB (60)")
    args = parser.parse_args()
    try:
        return _pack(args)
    except AtpnError as error:
        print(f"pack: {error}", file=sys.stderr)
        return 1


def _pack(args: argparse.Namespace) -> int:
    run, stages = load_stages(args.run_file)
    bundle: Path = args.out
    if bundle.exists() and not (bundle / "bundle.json").is_file():
        raise AtpnError(f"{bundle}: exists and is not a bundle")
    shutil.rmtree(bundle, ignore_errors=True)
    data = bundle / "data"
    data.mkdir(parents=True)
    (bundle / "bundle.json").write_text("{}")  # marks the folder as a bundle, which may be replaced
    begin = ""
    if run.begin_with:
        begin = f"begin{Path(run.begin_with).suffix}"
        shutil.copyfile(args.data / run.begin_with, data / begin)

    # A first stage may begin with random weights: then the shipped network labels its faces.
    labelling = args.data / run.begin_with if begin.endswith(".onnx") else SHIPPED_MODEL
    run = replace(run, begin_with=str(labelling.absolute()))
    packed_data: dict[TrainingData, TrainingData] = {}
    for part in [stage.data for stage in stages] or [run.data]:
        if part not in packed_data:
            packed_data[part] = _pack_data(replace(run, data=part), data, len(packed_data), args)
    content: dict[str, Any] = {"begin_with": begin}
    if stages:
        content["stages"] = [asdict(replace(s, data=packed_data[s.data])) for s in stages]
    else:
        content |= {"train": asdict(run.train), "data": asdict(packed_data[run.data])}
    (bundle / "run.yaml").write_text(json.dumps(content, indent=1))  # JSON is YAML too

    if args.assets is not None:
        if args.assets.is_file():
            shutil.copyfile(args.assets, bundle / "assets.npz")
        else:
            packed.save(bundle / "assets.npz", library.load(args.assets, args.cache), args.quality)
    unused = shutil.ignore_patterns("__pycache__", "weights", "*.so", "msg")
    shutil.copytree(ROOT / "atpn_ros", bundle / "code" / "atpn_ros", ignore=unused)
    for name in ("train_in_time.py", "run.sh"):
        shutil.copyfile(HERE / name, bundle / name)
    _wheels(bundle / "wheels", args)
    _gl_libraries(bundle / "lib")
    plan = {"size": args.size, "share": args.share, "effects": args.effects, "part": "train",
            "hard_pose": args.hard_pose, "not_faces": args.not_faces}  # fmt: skip
    if args.aged_head is not None:
        shutil.copyfile(args.aged_head, bundle / "aged_head.npz")
        plan["aged_share"] = args.aged_share
    settings = {"plan": plan, "seed": args.seed, "packed_renders": args.renders}
    (bundle / "bundle.json").write_text(json.dumps(settings))
    return _report(bundle, args.limit)


def _pack_data(run: TrainingRun, out: Path, number: int, args: argparse.Namespace) -> TrainingData:
    """Write the data of one run; returns the data fields for the run file in the bundle."""
    data = run.data
    source, offsets = load_uncorrected(replace(run, data=replace(data, renders="")), args.data)
    empty = [
        LabelledFace(image, None, WFLW98, "background", presence=False)
        for image in source.backgrounds
    ]

    def save(name: str, faces: list[LabelledFace]) -> str:
        """The name of a file of faces; empty where there are none."""
        file = f"{name}-{number}.npz"
        if faces:
            small = [with_face_side(face, args.face) for face in faces]
            save_packed_faces(out / file, small, args.quality)
        return file if faces else ""

    result = {"photographs": save("photographs", [*source.photographs, *empty])}
    if data.renders:
        renders = load_renders(args.data / data.renders, args.renders)[: args.renders]
        result["renders"] = save("renders", renders)
    if source.finds is not None:
        chosen = np.random.default_rng(0).permutation(len(source.finds.faces))[: args.finds]
        finds = DetectionCrops(source.finds.crops[chosen], source.finds.faces[chosen])
        result["finds"] = f"finds-{number}.npz"
        save_packed_crops(out / result["finds"], finds, args.quality)
    for name, faces in load_validation_sets(data, args.data).items():
        result[f"validation_{name}"] = save(f"validation_{name}", faces[: args.validation])
    if offsets is not None:
        result["render_offsets"] = f"offsets-{number}.npy"
        np.save(out / result["render_offsets"], offsets)
    return TrainingData(**result)


def _wheels(folder: Path, args: argparse.Namespace) -> None:
    folder.mkdir()
    if args.wheels is not None:
        for wheel in sorted(args.wheels.glob("*.whl")):
            shutil.copyfile(wheel, folder / wheel.name)
        return
    platforms = [f"--platform=manylinux{v}_x86_64" for v in ("_2_28", "_2_17", "2014")]
    for version in args.python:
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps",
                   "--only-binary=:all:", "--python-version", version, *platforms, "-d",
                   str(folder), *PACKED]  # fmt: skip
        if subprocess.run(command, check=False).returncode:
            raise AtpnError(f"pip could not download {', '.join(PACKED)} for Python {version}")


def _gl_libraries(folder: Path) -> None:
    """Copy this machine's libraries that load the graphics driver, as far as it has them."""
    folder.mkdir()
    where = (Path("/usr/lib/x86_64-linux-gnu"), Path("/usr/lib64"), Path("/usr/lib"))
    for name in GL_LIBRARIES:
        found = next((path / name for path in where if (path / name).exists()), None)
        if found is not None:
            shutil.copyfile(found, folder / name)
    if find_library("EGL") is None:
        print("pack: this machine has no libEGL to pack: the other one needs its own")


def _report(bundle: Path, limit: float) -> int:
    def mib(path: Path) -> float:
        files = path.rglob("*") if path.is_dir() else [path]
        return sum(f.stat().st_size for f in files if f.is_file()) / 2**20

    for path in sorted([*bundle.iterdir(), *(bundle / "data").iterdir()]):
        print(f"{mib(path):6.2f} MiB  {path.relative_to(bundle)}")
    total = mib(bundle)
    print(f"{total:6.2f} MiB in all")
    if total > limit:
        print(f"pack: more than {limit:g} MiB: lower --quality, --finds or --renders, or "
              "turned_irises in the run file", file=sys.stderr)  # fmt: skip
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
