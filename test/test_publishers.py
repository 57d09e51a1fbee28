# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the node sends: only what somebody listens to, and a face's own topics while it is seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2: make venv, or source a workspace")

from builtin_interfaces.msg import Time
from rclpy.serialization import serialize_message
from std_msgs.msg import Header

from atpn_ros.conversions.messages import FrameProgress
from atpn_ros.geometry import head_rotation
from atpn_ros.node import publishers, rep155_publishers
from atpn_ros.node.publishers import OUTPUTS, Output, Publishers
from atpn_ros.node.rep155_publishers import FaceTopics
from atpn_ros.node.worker import FrameResult
from atpn_ros.settings import Settings
from atpn_ros.types import Box, Face, FaceFrame, FaceState, Frame, Gaze, GazeSource, HeadPose
from doubles import foxglove_double, hri_double, message_double
from fakes import FACE

PROGRESS = FrameProgress(1, 2, 3, 0, 0, 1, 1, 0, 0, "engine", "detector", 1)
SETTINGS = Settings()


class Topic:
    """A publisher that keeps what is published, with listeners to order."""

    def __init__(self, kind: type, name: str, heard: set[str]) -> None:
        self.kind, self.name, self.heard, self.sent = kind, name, heard, []
        self.alive = True

    def get_subscription_count(self) -> int:
        assert self.alive
        return int(self.name in self.heard)

    def publish(self, message: Any) -> None:
        assert self.alive
        assert type(message) is self.kind
        self.sent.append(message)


class FakeNode:
    """As much of a node as publishers need."""

    def __init__(self) -> None:
        self.topics: dict[str, Topic] = {}
        self.heard: set[str] = set()
        self.made = 0
        self.errors: list[str] = []

    def create_publisher(self, kind: type, name: str, qos: Any, **more: Any) -> Topic:
        assert name not in self.topics
        self.made += 1
        self.topics[name] = Topic(kind, name, self.heard)
        return self.topics[name]

    def destroy_publisher(self, topic: Topic) -> None:
        topic.alive = False
        del self.topics[topic.name]

    def get_logger(self) -> Any:
        return SimpleNamespace(error=self.errors.append)

    def sent(self, name: str) -> list[Any]:
        return self.topics[name].sent


def face(number: int, state: FaceState = FaceState.TRACKED) -> Face:
    points = FACE * 40 + (100, 90)
    if state is FaceState.LOST:
        return Face(number, state, Box.around(points), 0.1, 0, 0)
    rotation = head_rotation(0.1, 0.2, 0.3)
    return Face(
        number, state, Box.around(points), 0.9, 0, 0, points, np.full(98, 1.0),
        HeadPose(rotation, np.array([0.1, 0.0, 0.8]), np.eye(6)),
        Gaze(rotation[:, 0], GazeSource.EYES, 0.7),
    )  # fmt: skip


def answer(*faces: Face, settings: Settings = SETTINGS, header: Any = None) -> FrameResult:
    picture = np.indices((240, 320, 3)).sum(axis=0).astype(np.uint8) // 2  # shades
    header = header or Header(stamp=Time(sec=5), frame_id="cam")
    source = Frame(picture, 5, "cam")
    return FrameResult(source, header, FaceFrame(5, "cam", 320, 240, faces), PROGRESS, settings)


def test_nothing_is_made_while_nobody_listens() -> None:
    def never(_: FrameResult) -> None:
        raise AssertionError("made for nobody")

    node = FakeNode()
    lazy = Publishers(node, outputs=tuple(replace(o, make=never) for o in OUTPUTS))  # type: ignore[arg-type]
    lazy.publish(answer(face(1)))
    node.heard.add("~/markers")
    with pytest.raises(AssertionError, match="nobody"):
        lazy.publish(answer(face(1)))


@pytest.mark.parametrize("output", OUTPUTS, ids=lambda o: o.topic)
def test_each_output_is_made_for_who_listens_and_travels(output: Output) -> None:
    node = FakeNode()
    node.heard.add(output.topic)
    every = Publishers(node)  # type: ignore[arg-type]
    for faces in ((), (face(1), face(2, FaceState.LOST))):
        every.publish(answer(*faces))
    sent = node.sent(output.topic)
    assert len(sent) == (1 if output.topic == "/tf" else 2)  # without faces there are no frames
    for message in sent:
        assert serialize_message(message)
        if hasattr(message, "header"):
            assert message.header == Header(stamp=Time(sec=5), frame_id="cam")
    assert not any(t.sent for n, t in node.topics.items() if n != output.topic)
    every.close()
    assert node.topics == {}


def test_the_jpeg_is_the_debug_image() -> None:
    node = FakeNode()
    node.heard |= {"~/debug_image", "~/debug_image/compressed"}
    Publishers(node).publish(answer(face(1)))  # type: ignore[arg-type]
    (raw,), (jpeg,) = node.sent("~/debug_image"), node.sent("~/debug_image/compressed")
    decoded = cv2.imdecode(np.frombuffer(jpeg.data, np.uint8), cv2.IMREAD_COLOR)
    plain = np.frombuffer(raw.data, np.uint8).reshape(240, 320, 3)
    assert decoded.shape == plain.shape
    assert np.abs(decoded.astype(int) - plain).mean() < 4
    assert "jpeg" in jpeg.format


def test_annotations_are_there_where_their_messages_are() -> None:
    assert publishers._annotations(None) == ()
    (output,) = publishers._annotations(foxglove_double)
    stamped = message_double.Header(stamp=message_double.Time(sec=5, nanosec=0), frame_id="cam")
    message = output.make(answer(face(1), header=stamped))
    assert (output.topic, output.kind) == ("~/annotations", foxglove_double.ImageAnnotations)
    assert len(message.texts) == 1


# --- REP-155 --------------------------------------------------------------------------------------

OF_A_FACE = {"roi", "landmarks", "cropped", "aligned"}


class Humans:
    """REP-155's topics of a fake node."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, prefix: str = "") -> None:
        # Images stay ROS's own; only their header is the double's.
        monkeypatch.setattr(
            rep155_publishers.ros_messages, "image_message", lambda image, header: image
        )
        monkeypatch.setattr(rep155_publishers, "ImageMsg", np.ndarray)
        self.node = FakeNode()
        self.topics = FaceTopics(self.node, hri_double)  # type: ignore[arg-type]
        self.settings = Settings(rep155=True, tf_prefix=prefix)
        self.header = message_double.Header()

    def show(self, *faces: Face) -> None:
        self.topics.publish(answer(*faces, settings=self.settings, header=self.header))

    @property
    def names(self) -> set[str]:
        return {name.removeprefix("/humans/faces/") for name in self.node.topics}


@pytest.fixture
def humans(monkeypatch: pytest.MonkeyPatch) -> Humans:
    return Humans(monkeypatch)


def test_a_face_has_its_topics_while_it_is_seen(humans: Humans) -> None:
    assert humans.names == {"tracked"}
    humans.show(face(3), face(4))
    assert humans.names == {"tracked"} | {f"{i}/{t}" for i in ("f3", "f4") for t in OF_A_FACE}
    made = humans.node.made
    humans.show(face(3), face(4))
    assert humans.node.made == made  # they are kept
    humans.show(face(3, FaceState.LOST), face(4))
    assert humans.names == {"tracked"} | {f"f4/{t}" for t in OF_A_FACE}
    humans.show()
    assert humans.names == {"tracked"}


def test_faces_that_vanish_without_being_lost_have_no_topics_left(humans: Humans) -> None:
    """As in a jump of time; and when the node is deactivated, or cleaned up."""
    humans.show(face(3))
    humans.show(face(9))
    assert humans.names == {"tracked"} | {f"f9/{t}" for t in OF_A_FACE}
    humans.topics.close_face_topics()
    assert humans.names == {"tracked"}
    humans.show(face(9))
    humans.topics.close()
    assert humans.names == set()


def test_the_list_says_who_is_seen_also_when_nobody_is(humans: Humans) -> None:
    humans.node.heard.add("/humans/faces/tracked")
    humans.show(face(3), face(4))
    humans.show(face(3, FaceState.LOST), face(4))
    humans.show()
    sent = humans.node.sent("/humans/faces/tracked")
    assert [m.ids for m in sent] == [["f3", "f4"], ["f4"], []]
    assert all(m.header is humans.header for m in sent)


def test_crops_are_cut_for_listeners_only(humans: Humans, monkeypatch: pytest.MonkeyPatch) -> None:
    cuts: list[str] = []

    def watched(name: str) -> Callable[..., np.ndarray]:
        original = getattr(rep155_publishers.rep155, name)

        def cut(image: np.ndarray, seen: Face) -> np.ndarray:
            cuts.append(name)
            return original(image, seen)

        return cut

    for name in ("cropped", "aligned"):
        monkeypatch.setattr(rep155_publishers.rep155, name, watched(name))
    humans.show(face(3))
    assert cuts == []
    humans.node.heard.add("/humans/faces/f3/cropped")
    humans.show(face(3))
    assert cuts == ["cropped"]
    (picture,) = humans.node.sent("/humans/faces/f3/cropped")
    assert picture.shape == (128, 128, 3)


def test_regions_and_landmarks_are_sent(humans: Humans) -> None:
    humans.node.heard |= {"/humans/faces/f3/roi", "/humans/faces/f3/landmarks"}
    humans.show(face(3))
    assert len(humans.node.sent("/humans/faces/f3/roi")) == 1
    assert len(humans.node.sent("/humans/faces/f3/landmarks")[0].landmarks) == 70


def test_topics_and_frames_have_the_same_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    for prefix in ("", "front_"):
        humans = Humans(monkeypatch, prefix)
        humans.show(face(3))
        (name,) = {n.split("/")[0] for n in humans.names} - {"tracked"}
        assert humans.settings.frame_name("face", 3) == f"face_{name}"
        assert humans.settings.frame_name("gaze", 3) == f"gaze_{name}"


def test_without_hri_msgs_it_is_refused_in_words_and_the_rest_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(publishers, "import_hri_msgs", lambda: None)
    node = FakeNode()
    every = Publishers(node, rep155=True)  # type: ignore[arg-type]
    (error,) = node.errors
    assert "hri_msgs is not installed" in error
    assert "apt install" in error
    node.heard.add("~/boxes")
    every.publish(answer(face(1)))
    every.close_face_topics()
    assert len(node.sent("~/boxes")) == 1


def test_with_hri_msgs_the_topics_are_part_of_the_nodes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishers, "import_hri_msgs", lambda: hri_double)
    node = FakeNode()
    every = Publishers(node, rep155=True)  # type: ignore[arg-type]
    every.publish(answer(face(3), settings=Settings(rep155=True)))
    assert "/humans/faces/f3/roi" in node.topics
    every.close_face_topics()
    assert "/humans/faces/f3/roi" not in node.topics
    every.close()
    assert node.topics == {}
