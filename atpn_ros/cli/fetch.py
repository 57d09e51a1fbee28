# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The command ``atpn fetch``: downloads third-party detectors into the user's cache."""

from __future__ import annotations

import argparse

from atpn_ros.cli.download import Unreachable, download
from atpn_ros.detectors import yunet


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``fetch`` to ``atpn``."""
    parser = commands.add_parser(
        "fetch",
        help="download a detector that is not part of this package",
        description=f"{yunet.PUBLISHED.about}. It is verified by its SHA-256 digest and kept in the"
        " user's cache (XDG_CACHE_HOME), from which 'detector_model: yunet' loads it. The same"
        " command resumes an interrupted download.",
    )
    parser.add_argument("name", choices=("yunet",))
    parser.add_argument(
        "--from", dest="source", default="", metavar="FILE_OR_URL",
        help=f"a copy on this machine, or a mirror (default: {yunet.PUBLISHED.url})",
    )  # fmt: skip
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    target = yunet.cached_model()
    try:
        new = download(yunet.PUBLISHED, target, args.source)
    except Unreachable as error:
        raise Unreachable(
            f"{error}; without a network: atpn fetch {args.name} --from FILE_OR_URL"
        ) from error
    print(f"{target}: {'verified' if new else 'already there'}; detector_model: {args.name}")
    return 0
