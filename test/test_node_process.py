# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Starting the node from another program: its script, and waiting for its engine."""

import subprocess
import sys
import time

import pytest

from atpn_ros import resources
from atpn_ros.bench import node_process
from atpn_ros.bench.node_process import wait_until
from atpn_ros.resources import ResourceNotFoundError


def test_a_script_that_is_not_installed_is_an_error_with_the_remedy():
    with pytest.raises(
        ResourceNotFoundError, match="no_such_script is not installed: run make venv"
    ):
        resources.script_path("no_such_script")


def test_wait_until_steps_until_the_condition_holds():
    steps = []
    assert wait_until(lambda: len(steps) > 3, 10, lambda: steps.append(1))
    assert len(steps) == 4
    assert not wait_until(lambda: False, 0.01, lambda: None)


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("print('[INFO] [face_node]: model m.onnx on onnx-cpu', flush=True); sleep(60)", ""),
        (
            "print('[INFO] [face_node]: building the engine, 5 s: phase', flush=True); sleep(1);"
            "print('[INFO] [face_node]: model m.onnx on tensorrt', flush=True); sleep(60)",
            "building the engine, 5 s: phase\n",
        ),
        ("raise SystemExit(1)", ""),
    ],
)
def test_it_waits_for_the_engine_and_prints_the_progress_of_its_build(
    tmp_path, capsys, script, words
):
    log = tmp_path / "node.log"
    with log.open("w") as stream:
        node = subprocess.Popen(
            [sys.executable, "-c", f"from time import sleep; {script}"],
            stdout=stream,
            stderr=stream,
        )
        began = time.monotonic()
        node_process.wait_for_engine(node, log)
        assert time.monotonic() - began < 10
        node.kill()
        node.wait()
    assert capsys.readouterr().out == words
