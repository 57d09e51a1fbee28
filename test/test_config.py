# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The sample files in config/ name what the node really has."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from xml.etree import ElementTree

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2: make venv, or source a workspace")
yaml = pytest.importorskip("yaml")

from atpn_ros.node.health import PROFILE_MIB
from ros_world import NodeProcess, Robot

CONFIG = Path(__file__).parents[1] / "config"
NODE = "/face_node"


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Robot]:
    robot = Robot()
    node = NodeProcess(tmp_path_factory.mktemp("config"))
    robot.wait_for_node()
    yield robot
    assert node.stop() == 0
    robot.close()


def names(permission: str, tag: str) -> set[str]:
    policy = ElementTree.parse(CONFIG / "sros2_policy.xml")
    found = policy.iterfind(f".//*[@{permission}='ALLOW']/{tag}")
    return {absolute(str(element.text)) for element in found}


def absolute(name: str) -> str:
    if name.startswith("~"):
        return NODE + name[1:]
    return name if name.startswith("/") else f"/{name}"


def test_the_security_policy_allows_all_that_the_node_does_and_no_topic_beyond(
    graph: Robot,
) -> None:
    of_node = lambda kind: {  # noqa: E731
        name for name, _ in getattr(graph.node, f"get_{kind}_by_node")("face_node", "/")
    }
    published = of_node("publisher_names_and_types")
    # Foxglove's annotations are sent only where its messages are installed.
    assert names("publish", "topic") | {f"{NODE}/annotations"} == published | {
        f"{NODE}/annotations"
    }
    subscribed = of_node("subscriber_names_and_types")
    assert subscribed <= names("subscribe", "topic")
    assert of_node("service_names_and_types") <= names("reply", "service")


def test_the_rviz_file_shows_topics_that_exist(graph: Robot) -> None:
    text = yaml.safe_load((CONFIG / "atpn.rviz").read_text())
    topics = [
        d["Topic"]["Value"] for d in text["Visualization Manager"]["Displays"] if "Topic" in d
    ]
    assert topics
    for topic in topics:
        assert graph.node.count_publishers(topic) == 1


def test_the_policy_tells_what_rep155_needs_besides() -> None:
    text = (CONFIG / "sros2_policy.xml").read_text()
    for topic in ("/humans/faces/tracked", "/humans/faces/*"):
        assert f"<!-- <topic>{topic}</topic> -->" in text


def test_the_foxglove_layout_shows_topics_and_fields_that_exist(graph: Robot) -> None:
    layout = json.loads((CONFIG / "atpn_foxglove.json").read_text())
    shown = set(re.findall(r'"(/[a-z][\w/]*)(?:\.(\w+))?"', json.dumps(layout)))
    assert {f"{NODE}/markers", "/diagnostics"} <= {topic for topic, _ in shown}
    known = dict(graph.node.get_topic_names_and_types())
    for topic, field in shown - {(f"{NODE}/annotations", "")}:
        assert topic in known
        if field:
            (kind,) = known[topic]
            package, _, name = kind.split("/")
            message = getattr(import_module(f"{package}.msg"), name)
            assert field in message.get_fields_and_field_types()


def panels(part: object) -> set[str]:
    return {part} if isinstance(part, str) else panels(part["first"]) | panels(part["second"])  # type: ignore[index]


def test_every_panel_of_the_foxglove_layout_has_its_place() -> None:
    layout = json.loads((CONFIG / "atpn_foxglove.json").read_text())
    assert panels(layout["layout"]) == set(layout["configById"])


def test_the_dds_profile_is_well_formed() -> None:
    root = ElementTree.parse(CONFIG / "fastdds_shm.xml").getroot()
    size = root.find(".//{*}segment_size")
    assert size is not None
    message = root.find(".//{*}maxMessageSize")
    assert message is not None
    assert int(str(message.text)) == PROFILE_MIB * 2**20 > 3 * 3840 * 2160  # one whole image
    assert int(str(size.text)) > 2 * 3 * 3840 * 2160
