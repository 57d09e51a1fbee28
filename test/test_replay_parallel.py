# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Many bags in parallel, interruptions, and tasks on a local Ray cluster."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("rosbags", reason="pip install rosbags")
pytest.importorskip("skimage", reason="the portrait comes with scikit-image")

import atpn_ros
from atpn_ros.cli import main
from bag_world import record, show


@pytest.fixture(scope="module")
def bags(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bags")
    good = [record(folder / name, show) for name in ("a", "b")]
    bad = folder / "bad.mcap"
    bad.write_bytes((good[0] / "a.mcap").read_bytes()[:1000])
    return [good[0], bad, good[1]]


def replay(*words):
    return main(["replay", *map(str, words)])


def test_a_bad_bag_among_good_ones_is_named_and_the_others_are_done(tmp_path, bags, capsys):
    out = tmp_path / "out"
    assert replay(*bags, out, "--jobs", 2, "--json", tmp_path / "all.json") == 1
    said = capsys.readouterr()
    assert said.err.strip().splitlines() == [
        f"atpn replay: {bags[1]}: cannot be read: the file was cut off: it has no end"
        " (try: mcap recover)"
    ]
    assert sorted(p.name for p in out.iterdir()) == ["a", "b"]
    every = {Path(s["source"]).name: s for s in json.loads((tmp_path / "all.json").read_text())}
    assert [every[n]["images"] for n in ("a", "b")] == [4, 4]
    assert "cut off" in every["bad.mcap"]["error"]

    assert replay(bags[0], bags[2], out) == 0  # goes on: both are there
    assert capsys.readouterr().out.count("already done") == 2


def test_strict_does_not_begin_what_comes_after_a_bad_bag(tmp_path, bags):
    assert replay(*bags, tmp_path / "out", "--jobs", 1, "--strict") == 1
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["a"]


def test_two_bags_of_one_name_are_refused(tmp_path, bags, capsys):
    assert replay(bags[0], bags[0], tmp_path / "out") == 1
    assert "several bags would be written as a" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("jobs", "number", "exit_code"),
    [(1, signal.SIGTERM, 143), (2, signal.SIGTERM, 143), (2, signal.SIGINT, 130)],
)
def test_an_interrupted_run_leaves_nothing_under_its_final_name(tmp_path, jobs, number, exit_code):
    sources = [record(tmp_path / f"in{n}", lambda r: show(r, 200)) for n in range(jobs)]
    out = tmp_path / "out"
    code = "import sys; from atpn_ros.cli import main; sys.exit(main(sys.argv[1:]))"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "replay", *map(str, sources), str(out), "--jobs", str(jobs)],
        env=os.environ | {"PYTHONPATH": str(Path(atpn_ros.__file__).parents[1])},
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    place = out if jobs > 1 else tmp_path
    end = time.monotonic() + 20
    while not (place.is_dir() and len(list(place.glob(".*part-*/*/*.mcap"))) == jobs):
        assert time.monotonic() < end
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(number)
    assert process.wait(20) == exit_code
    assert "Traceback" not in process.stderr.read()
    assert not out.exists() or not list(out.iterdir())
    assert not list(tmp_path.glob(".*"))


def test_a_process_that_dies_takes_only_its_own_bag(tmp_path, bags, monkeypatch):
    from atpn_ros.replay import parallel

    jobs_seen = []
    monkeypatch.setattr(parallel, "_run_in_process", _die_at_bad)
    from atpn_ros.replay.bag_replay import ReplayJob

    jobs = [ReplayJob(b, tmp_path / b.name) for b in bags]
    for outcome in parallel.replay_all(
        jobs, 2, False, lambda *_: None, parallel.InterruptGuard(lambda _: KeyboardInterrupt())
    ):
        jobs_seen.append((outcome.job.source.name, outcome.error))
    assert sorted(jobs_seen) == [
        ("a", ""), ("b", ""), ("bad.mcap", f"{bags[1]}: its process died of SIGKILL"),
    ]  # fmt: skip


def _die_at_bad(job, overwrite, pipe):
    from atpn_ros.replay.results import ReplayOutcome

    if "bad" in job.source.name:
        os.kill(os.getpid(), signal.SIGKILL)
    pipe.send((1, 2))
    pipe.send(ReplayOutcome(job, {}))


@pytest.fixture
def ray(monkeypatch):
    """Ray; its worker processes import this source tree, and it writes nothing outside of /tmp."""
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    ray = pytest.importorskip("ray", reason="needs Ray: pip install ray")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    tree, tests = str(Path(atpn_ros.__file__).parents[1]), str(Path(__file__).parent)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((tree, tests)))
    yield ray
    ray.shutdown()


def test_bags_become_tasks_on_a_ray_cluster(tmp_path, bags, ray, monkeypatch, capsys):
    from atpn_ros.replay import parallel

    monkeypatch.setattr(parallel, "replay_if_needed", _record_process)
    assert replay(*bags[:2], tmp_path / "out", "--ray", "local") == 1
    assert not ray.is_initialized()
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["a", "a.pid"]
    said = capsys.readouterr()
    assert f"{bags[1]}: its task failed: " in said.err
    assert "node died" in said.err
    assert "4 images, 4 with faces" in said.out
    assert int((tmp_path / "out" / "a.pid").read_text()) != os.getpid()


def _record_process(job, overwrite):
    """Runs in Ray's process: replays the bag, or fails for the bad one as a dying machine would."""
    from atpn_ros.replay.results import replay_if_needed

    assert job.source.is_absolute()
    if "bad" in job.source.name:
        raise RuntimeError("node died")
    outcome = replay_if_needed(job, overwrite)
    job.target.with_name(f"{job.target.name}.pid").write_text(str(os.getpid()))
    return outcome


def test_a_ray_cluster_that_cannot_be_reached_is_reported(tmp_path, bags, ray, capsys):
    assert replay(*bags, tmp_path / "out", "--ray", "no:address:at:all") == 1
    assert "atpn replay: --ray no:address:at:all: " in capsys.readouterr().err


def test_without_ray_one_line_says_what_is_missing(tmp_path, bags, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "ray", None)
    assert replay(*bags, tmp_path / "out", "--ray", "auto") == 1
    assert capsys.readouterr().err == "atpn replay: --ray needs Ray: pip install ray\n"
