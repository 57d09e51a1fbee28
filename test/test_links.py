# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the pages lead to is there: files, launch files, and the arguments that they give."""

import ast
import re
from pathlib import Path

import pytest

from atpn_ros.node.launch_arguments import PROFILE_VARIABLES
from atpn_ros.settings import CONSTRAINTS

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


def launch_arguments():
    """The names of the launch files' own arguments."""
    names = set()
    for file in (ROOT / "launch").glob("*.launch.py"):
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "ARGUMENTS":
                names |= {ast.literal_eval(key) for key in node.value.keys}
    return names


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_argument_and_launch_file_is_known(page):
    text = page.read_text()
    known = {*CONSTRAINTS, *launch_arguments(), "__ns"}
    assert set(re.findall(r"([\w./~]+):=", text)) <= known
    for file in re.findall(r"ros2 launch atpn_ros (\S+)", text):
        assert (ROOT / "launch" / file).is_file()


def test_the_quick_start_gives_the_camera_the_profile():
    """Without it on the camera's side most images are lost, whatever the node does."""
    (camera,) = re.findall(
        r"# Terminal 1, the camera:\n(.*?)\n\n", (ROOT / "README.md").read_text(), re.DOTALL
    )
    exports, launch = camera.splitlines()[:2], camera.splitlines()[2]
    assert [re.match(r"export (\w+)=", line)[1] for line in exports] == list(PROFILE_VARIABLES)
    assert "share/atpn_ros/config/fastdds_shm.xml" in exports[0]
    assert (ROOT / "config" / "fastdds_shm.xml").is_file()
    assert launch.startswith("ros2 launch ")
