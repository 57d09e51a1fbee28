# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The command ``atpn engine``: builds, lists, removes and checks cached TensorRT engines."""

from __future__ import annotations

import argparse
from pathlib import Path

from atpn_ros.engines import BACKENDS, PRECISIONS, FallbackEngine, LoadControl, load_engine
from atpn_ros.engines.cache import EngineCache
from atpn_ros.engines.compare import compare, sample_crops
from atpn_ros.settings import SHIPPED_MODEL, Settings


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``engine`` to ``atpn``."""
    parser = commands.add_parser("engine", help="build, list, clean or check TensorRT engines")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    build = actions.add_parser(
        "build", help="build the engine now, so that the node need not build it at its first start"
    )
    _add_model(build)
    build.set_defaults(run=_build)
    show = actions.add_parser("list", help="list the cached engines; exit code 1 if one is damaged")
    show.set_defaults(run=_list)
    clean = actions.add_parser("clean", help="remove all cached engines")
    clean.set_defaults(run=_clean)
    check = actions.add_parser(
        "check", help="compare the outputs of a backend with those of the CPU"
    )
    _add_model(check)
    check.add_argument("--backend", choices=BACKENDS, default="auto", help="the backend to check")
    check.set_defaults(run=_check)


def _add_model(parser: argparse.ArgumentParser) -> None:
    default = Settings()
    parser.add_argument("--model", type=Path, default=SHIPPED_MODEL, help="an ATPN .onnx file")
    parser.add_argument("--precision", choices=PRECISIONS, default=default.precision)
    parser.add_argument(
        "--max-faces", type=int, default=default.max_faces, help="largest batch size"
    )


def _load(args: argparse.Namespace, backend: str, strict: bool) -> FallbackEngine:
    control = LoadControl(lambda line: print(line, flush=True))
    engine = load_engine(
        args.model, backend, strict=strict, max_faces=args.max_faces, precision=args.precision,
        control=control,
    )  # fmt: skip
    for reason in engine.skipped_backends:
        print(f"not used: {reason}")
    return engine


def _build(args: argparse.Namespace) -> int:
    engine = _load(args, "tensorrt", strict=True)
    print(engine.report)
    engine.close()
    return 0


def _list(args: argparse.Namespace) -> int:
    cache = EngineCache()
    entries = cache.entries()
    print(f"{cache.folder}: {len(entries)} engine{'' if len(entries) == 1 else 's'}")
    for entry in entries:
        key = entry.key
        about = (
            f"TensorRT {key['tensorrt']}, {key['gpu']} (compute {key['compute']}), "
            f"{key['precision']}, batch 1..{key['max_batch']}, model {key['model_sha256'][:12]}, "
            f"{entry.size / 1e6:.1f} MB, built {entry.built}"
            if key
            else ""
        )
        print(
            f"{entry.digest[:12]}  {about}{'  REFUSED: ' + entry.problem if entry.problem else ''}"
        )
    return int(any(entry.problem for entry in entries))


def _clean(args: argparse.Namespace) -> int:
    cache = EngineCache()
    print(f"{cache.folder}: {cache.clean()} removed")
    return 0


def _check(args: argparse.Namespace) -> int:
    engine = _load(args, args.backend, strict=args.backend != "auto")
    reference = load_engine(args.model, "onnx-cpu", strict=True)
    crops = sample_crops()
    print(f"{engine.report}\nagainst {reference.report}\n{len(crops)} crops, batches of 1 to 4")
    differences = compare(engine, reference, crops)
    for d in differences:
        verdict = "ok" if d.passes else "TOO FAR"
        print(
            f"  {d.output:10} greatest {d.greatest:.3g}, mean {d.mean:.3g}, "
            f"limit {d.limit:g}: {verdict}"
        )
    engine.close()
    reference.close()
    return int(not all(d.passes for d in differences))
