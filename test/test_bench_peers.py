# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Comparison with other landmark trackers in processes of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("skimage", reason="the portrait comes with scikit-image")

from atpn_ros.bench import peers
from atpn_ros.bench.frames import frames
from atpn_ros.bench.json_subprocess import JsonSubprocess, SubprocessFailed
from atpn_ros.bench.landmark_models import UnusableModel, their_crops
from atpn_ros.bench.memory import memory_of
from atpn_ros.bench.peer_environment import PeerUnavailable, mediapipe_python
from atpn_ros.bench.runner import Block
from atpn_ros.bench.timing import quartiles
from atpn_ros.cli import bench, main
from atpn_ros.settings import SHIPPED_MODEL


def lines(code):
    return JsonSubprocess("it", [sys.executable, "-c", code], {})


def test_a_process_answers_and_ends():
    code = "print('{}', flush=True)\nwhile True: print(input(), flush=True)"
    with lines(code) as process:
        assert process.greeting == {}
        assert process.request(a=2) == {"a": 2}
        assert memory_of(process.pid).resident > 0


def test_a_process_that_dies_says_why():
    with pytest.raises(SubprocessFailed, match=r"it: ended with code 1: .*no luck"):
        lines("raise SystemExit('no luck')")
    with (
        lines("print('{}', flush=True); input(); raise SystemExit(3)") as process,
        pytest.raises(SubprocessFailed, match="it: ended with code 3: no output"),
    ):
        process.request(a=1)
    with pytest.raises(SubprocessFailed, match="No such file"):
        JsonSubprocess("it", ["/no/such/python"], {})


class FakeCandidate:
    """Takes a fixed time a frame; who slows down does so for both."""

    def __init__(self, python, kind, frames, faces, core, *more):
        if kind == "broken":
            raise SubprocessFailed("broken: ended with code 1: it is")
        self.name = kind
        self._ms, self._faces = {"ours": 3.0, "mediapipe": 2.0}[kind], faces
        self.asked = []

    def block(self, start, count):
        slow = 1 + start // count
        self.asked.append(start)
        times = [self._ms * slow] * count
        return Block(times, times, [self._faces] * count)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


def test_candidates_are_compared_pair_by_pair(monkeypatch):
    monkeypatch.setattr(peers, "Candidate", FakeCandidate)
    ours, theirs = (peers.CandidateSpec(Path(), kind, 2) for kind in ("ours", "mediapipe"))
    row = peers.compare(
        "which?", ours, theirs, lambda n: Path(), peers.ComparisonSettings(None, 5, 4)
    )
    assert (row.first, row.second, row.faces, row.held) == ("ours", "mediapipe", (2, 2), (2, 2))
    assert row.cpu_ratio == row.wall_ratio == quartiles([1.5] * 5)
    assert row.cpu_ms == (9.0, 6.0), "the middle of five blocks, each slower"
    broken = peers.CandidateSpec(Path(), "broken", 2)
    row = peers.compare("which?", ours, broken, lambda n: Path(), peers.ComparisonSettings(None))
    assert (row.error, row.cpu_ratio) == ("broken: ended with code 1: it is", None)


@pytest.fixture
def double(tmp_path):
    """A Python that has a MediaPipe: one that holds as many faces as it is asked for."""
    package = tmp_path / "site" / "mediapipe"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(
        "__version__ = '0.0-double'\n"
        "print('words on standard output that nobody asked for')\n"
        "class FaceMesh:\n"
        "    def __init__(self, static_image_mode, max_num_faces, refine_landmarks):\n"
        "        self.n = max_num_faces\n"
        "    def process(self, rgb):\n"
        "        assert rgb.shape == (480, 640, 3) and rgb.flags.c_contiguous\n"
        "        self.multi_face_landmarks = [0] * self.n\n"
        "        return self\n"
        "class solutions:\n"
        "    class face_mesh:\n"
        "        FaceMesh = FaceMesh\n"
    )
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH={tmp_path}/site exec {sys.executable} "$@"\n')
    python.chmod(0o755)
    return python


def test_peers_end_to_end(monkeypatch, capsys, tmp_path, double):
    """Real processes; MediaPipe by a double, and as a landmark model our own network."""
    out = tmp_path / "peers.json"
    monkeypatch.setattr(bench, "mediapipe_python", lambda base: double)
    everything = peers.whole_frames
    monkeypatch.setattr(peers, "whole_frames", lambda *a: everything(*a)[:1])
    command = f"bench --peers --pairs 2 --faces 1 --seconds 0 --json {out} --peer-layout wflw98"
    assert main([*command.split(), "--peer-model", str(SHIPPED_MODEL)]) == 0
    content = json.loads(out.read_text())["peers"]
    assert [r["error"] for r in content["rows"]] == ["", ""]
    frame, crop = content["rows"]
    assert (frame["held"], frame["second"]) == ([1, 1], "MediaPipe Face Mesh 0.0-double")
    assert frame["cpu_ratio"]["median"] > 1, "the double does nothing, in no time"
    assert crop["held"] == [1, 1]
    assert crop["second"] == "atpn.onnx (wflw98), crop and network"
    words = capsys.readouterr().out
    assert "a tracked frame, 1 face" in words
    assert "not measured" in words, "five faces were not asked for"


def test_a_peer_that_cannot_be_installed_has_a_row_that_says_so(monkeypatch, capsys, tmp_path):
    def refuse(base):
        raise PeerUnavailable("MediaPipe cannot be installed: no network")

    monkeypatch.setattr(bench, "mediapipe_python", refuse)
    monkeypatch.setattr(peers, "Candidate", FakeCandidate)
    out = tmp_path / "peers.json"
    assert main(f"bench peers --pairs 2 --seconds 0 --json {out}".split()) == 1
    refused, growth = json.loads(out.read_text())["peers"]["rows"]
    assert refused["error"] == "MediaPipe cannot be installed: no network"
    assert growth["faces"] == [5, 1]
    assert "MediaPipe Face Mesh: MediaPipe cannot be installed" in capsys.readouterr().out


def test_the_environment_is_made_once_and_a_failure_is_one_line(tmp_path):
    commands, told = [], []

    def run(command, code=0, words=""):
        commands.append(command)
        if "venv" in command:
            Path(command[-1]).mkdir(exist_ok=True)
        return subprocess.CompletedProcess(command, code, "3.11\n", words)

    def fail(command):
        failed = "pip" in command
        return run(command, int(failed), "WARNING: slow\nERROR: No matching distribution\n\nbye\n")

    with pytest.raises(
        PeerUnavailable, match=r"cannot be installed: ERROR: No matching distribution$"
    ):
        mediapipe_python(Path("/usr/bin/python3"), tmp_path, told.append, fail)
    assert told, "what takes its time says so"
    commands.clear()
    found = mediapipe_python(Path("/usr/bin/python3"), tmp_path, told.append, run)
    assert found.parts[-3:] == ("mediapipe-0.10.14-py3.11", "bin", "python")
    assert any("mediapipe==0.10.14" in c for c in commands)
    assert all("==" in word for c in commands if "pip" in c for word in c[c.index(":all:") + 1 :]
               if not word.startswith("-"))  # fmt: skip
    commands.clear()
    assert mediapipe_python(Path("/usr/bin/python3"), tmp_path, told.append, run) == found
    assert len(commands) == 1, "it is asked for its version, and no more"


def test_landmark_models_that_cannot_be_compared_say_why(tmp_path):
    loop = frames(1, 2)
    (tmp_path / "noise.onnx").write_bytes(b"noise")
    with pytest.raises(UnusableModel, match="cannot be loaded"):
        their_crops(loop, 1, tmp_path / "noise.onnx", "wflw98")
    with pytest.raises(
        UnusableModel, match=r"none of its outputs .* holds the 68 points of ibug68"
    ):
        their_crops(loop, 1, SHIPPED_MODEL, "ibug68")
