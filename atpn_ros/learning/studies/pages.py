# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Writes generated Markdown tables between two markers of a documentation page."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from atpn_ros.files import atomic_replace
from atpn_ros.types import AtpnError

BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"


_LONG = ("errors", "false_alarms", "hits")
"""Fields with a number for each face or each point of a curve."""


class PageError(AtpnError):
    """A page that cannot be read or lacks the markers for a table."""


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Format a Markdown table.

    >>> print(markdown_table(["row", "NME"], [["whole", "8.1"]]))
    | row | NME |
    |---|---|
    | whole | 8.1 |
    """
    lines = [head, *rows]
    text = ["| " + " | ".join(line) + " |" for line in lines]
    return "\n".join([text[0], "|" + "---|" * len(head), *text[1:]])


def replace_tables(page: Path, text: str) -> None:
    """Replace the text between the markers of a page, atomically.

    Raises:
        PageError: The page cannot be read, or does not have exactly one pair of markers.
    """
    try:
        old = page.read_text()
    except OSError as error:
        raise PageError(f"{page}: {error.strerror}") from error
    if old.count(BEGIN) != 1 or old.count(END) != 1 or old.index(BEGIN) > old.index(END):
        raise PageError(f"{page}: needs exactly one {BEGIN} and below it one {END}")
    before, rest = old.split(BEGIN)
    with atomic_replace(page) as part:
        part.write_text(f"{before}{BEGIN}\n{text}\n{END}{rest.split(END)[1]}")


def write_json(page: Path, report: dict[str, Any]) -> None:
    """Write a report as JSON next to a page, without the values that only plots need."""
    text = json.dumps(_shortened(report), indent=1)
    page.with_suffix(".json").write_text(text + "\n")


def _shortened(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _shortened(v) for k, v in value.items() if k not in _LONG}
    return value
