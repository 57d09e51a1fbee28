# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""docs/architecture.md has one line for each file, and it is the file's own first sentence."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "architecture.md"
pytestmark = pytest.mark.skipif(not PAGE.is_file(), reason="not in a source checkout")


def first_words(path):
    """The first paragraph of a file's docstring, as Markdown in a table."""
    words = (ast.get_docstring(ast.parse(path.read_text())) or "").split("\n\n")[0]
    words = re.sub(r":\w+:`~?([^`]*)`", r"`\1`", " ".join(words.split()))
    return words.replace("``", "`").replace("|", r"\|")


def rows(folder):
    """The page's rows for the files of a folder, as the files say of themselves."""
    return [f"| `{path.name}` | {first_words(path)} |" for path in sorted(folder.glob("*.py"))]


def folders():
    """Every folder of the package with Python files, as the page names it."""
    found = {p.parent for p in (ROOT / "atpn_ros").rglob("*.py")}
    generated = ROOT / "atpn_ros" / "msg"  # left by an editable install
    return sorted(f"{p.relative_to(ROOT).as_posix()}/" for p in found if p != generated)


def written():
    """Folder to its rows on the page."""
    out, folder = {}, None
    for line in PAGE.read_text().splitlines():
        if match := re.fullmatch(r"## `(atpn_ros/.*)`", line):
            folder = out.setdefault(match[1], [])
        elif folder is not None and line.startswith("| `"):
            folder.append(line)
    return out


def test_the_page_has_the_packages_folders_in_order():
    assert list(written()) == folders()


@pytest.mark.parametrize("folder", folders())
def test_the_page_has_each_file_of_a_folder_with_its_own_words(folder):
    expected = rows(ROOT / folder)
    assert written().get(folder) == expected, "\n".join(
        [f"docs/architecture.md, under ## `{folder}`, should have these lines:", *expected]
    )


def test_every_file_says_what_it_is_for():
    for folder in folders():
        assert not [path for path in (ROOT / folder).glob("*.py") if not first_words(path)]
