# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The inferred range of pixel values: as another thread reads it, and how often it is logged."""

from __future__ import annotations

import array
from typing import Any

import numpy as np
import pytest

from atpn_ros.images.raw import PixelDepth


def test_another_thread_reads_the_note_of_a_whole_image() -> None:
    """The diagnostics read the note while the worker decodes the next image."""
    seen = []

    class Watched(np.ndarray):
        def __getitem__(self, key: Any) -> Any:
            seen.append((depth.note, depth.may_be_depth))
            return super().__getitem__(key)

    depth = PixelDepth()
    pixels = np.full((30, 30), 900, np.uint16)
    depth.to_8_bits("16UC1", pixels)
    before = (depth.note, depth.may_be_depth)
    depth.to_8_bits("16UC1", pixels.view(Watched))
    assert seen
    assert set(seen) == {before}
    assert before == ("16UC1 with values below 1024: taken as brightness", True)


def test_the_range_is_logged_when_it_changes_and_not_with_every_image(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("rclpy", reason="needs ROS 2: make venv, or source a workspace")
    from sensor_msgs.msg import Image

    from node_here import World

    world = World().start()
    try:
        warned: list[str] = []
        monkeypatch.setattr(world.node, "warn", lambda text, kind: warned.append(text))

        def send(value: int) -> None:
            pixels = np.full((48, 64), value, np.uint16)
            image = Image(header=world.now(), height=48, width=64, encoding="mono16", step=128)
            image.data = array.array("B", pixels.tobytes())
            world.send(image, lambda: world.stats.processed)

        for value in (900, 900, 3000, 3000, 900):
            send(value)
        logged = [
            "mono16 with values below 1024: taken as 10 bits",
            "mono16 with values below 4096: taken as 12 bits",
        ]
        assert [text for text in warned if "mono16" in text] == logged
        world.node.trigger_deactivate()
        world.node.trigger_activate()
        world.robot.wait_for_node()
        send(3000)  # another camera may be connected now
        assert [text for text in warned if "mono16" in text] == [*logged, logged[1]]
    finally:
        world.close()
