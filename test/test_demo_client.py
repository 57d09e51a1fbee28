# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The script ``demo_client`` without a node: frame rates below 1 Hz and sources without frames."""

import importlib.util
import json
import sys
from importlib.machinery import SourceFileLoader
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2: make venv, or source a workspace")

from atpn_ros import resources
from atpn_ros.types import AtpnError


class Client:
    """Takes frames; no node answers."""

    ready = True

    def __init__(self):
        self.results, self.received, self.sent = {}, [], 0

    def send(self, picture):
        self.sent += 1
        return self.sent

    def destroy_node(self):
        pass


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Sends frames at a rate; returns the exit code."""
    path = str(resources.script_path("demo_client"))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    loader = SourceFileLoader("demo_client", path)
    client = importlib.util.module_from_spec(importlib.util.spec_from_loader("demo_client", loader))
    loader.exec_module(client)
    monkeypatch.setattr(client, "DemoClient", Client)
    monkeypatch.setattr(client, "write_bag", lambda *words: None)
    ros = SimpleNamespace(init=lambda: 0, spin_once=lambda *_, **__: 0, try_shutdown=lambda: 0)
    monkeypatch.setattr(client, "rclpy", ros)
    monkeypatch.setattr(sys, "argv", ["demo_client", str(tmp_path), "1", "1", "clip.avi"])

    def start(rate, count):
        frames = [np.zeros((48, 64, 3), np.uint8)] * count
        scene = SimpleNamespace(rate=rate, frames=lambda: iter(frames))
        monkeypatch.setattr(client, "open_scene", lambda *words: scene)
        return client.main()

    return start


def test_a_clip_of_a_frame_every_few_seconds_is_sent(run, tmp_path, capsys):
    assert run(0.3, 1) == 1  # no result
    assert "frame    1  no result yet" in capsys.readouterr().out
    (line,) = (tmp_path / "frames.jsonl").read_text().splitlines()
    assert json.loads(line)["received_ns"] is None


def test_a_source_without_frames_is_an_error(run):
    with pytest.raises(AtpnError, match=r"clip\.avi: contains no frames"):
        run(25.0, 0)
