# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the pages lead to is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([ROOT / "README.md", ROOT / "QUALITY_DECLARATION.md", *(ROOT / "docs").glob("*.md")])
pytestmark = pytest.mark.skipif(not (ROOT / "docs").is_dir(), reason="not in a source checkout")


def links(page):
    """The files that a page leads to, as it names them."""
    found = re.findall(r"\]\(([^)#\s]+)", page.read_text())
    return [link for link in found if "://" not in link]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page):
    assert not [link for link in links(page) if not (page.parent / link).exists()]
