# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The engine cache on the real file system, with real processes."""

from __future__ import annotations

import os
import random
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

import atpn_ros
from atpn_ros.engines import LoadCancelled, LoadControl
from atpn_ros.engines.cache import EngineCache
from atpn_ros.engines.secure_files import CacheError
from atpn_ros.files import cache_folder
from cache_worker import key, plan

WORKER = Path(__file__).with_name("cache_worker.py")
SAME_PACKAGE = os.environ | {"PYTHONPATH": str(Path(atpn_ros.__file__).parents[1])}
root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")


@pytest.fixture
def cache(tmp_path):
    return EngineCache(tmp_path / "atpn_ros" / "engines")


def must_not_build():
    raise AssertionError("there is no need to build")


def stored(cache, number=0):
    cache.get_or_build(key(number), lambda: plan(number))
    digest = key(number).digest
    return cache.folder / f"{digest}.engine", cache.folder / f"{digest}.json"


def test_what_was_built_is_taken_the_next_time(cache):
    first = cache.get_or_build(key(1), lambda: plan(1))
    assert first.fresh
    assert "built in" in first.origin
    again = cache.get_or_build(key(1), must_not_build)
    assert (again.plan, again.fresh, again.origin) == (plan(1), False, "from the cache")


def test_it_is_private(cache):
    stored(cache)
    assert stat.S_IMODE(cache.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(cache.folder.parent.stat().st_mode) == 0o700
    assert {stat.S_IMODE(p.stat().st_mode) for p in cache.folder.iterdir()} == {0o600}


def test_a_folder_that_others_may_read_is_closed(cache):
    cache.folder.mkdir(parents=True, mode=0o755)
    stored(cache)
    assert stat.S_IMODE(cache.folder.stat().st_mode) == 0o700


def test_an_outer_folder_of_a_lax_umask_is_tightened(cache):
    cache.folder.parent.mkdir()
    cache.folder.parent.chmod(0o775)
    assert "built in" in cache.get_or_build(key(0), lambda: plan(0)).origin
    assert stat.S_IMODE(cache.folder.parent.stat().st_mode) == 0o755


@pytest.mark.parametrize(
    "change",
    [
        {"model_sha256": "f" * 64},
        {"tensorrt": "10.3.1"},
        {"gpu": "Other"},
        {"compute": "9.0"},
        {"precision": "fp32"},
        {"max_batch": 5},
        {"options": (("workspace_mib", "1"),)},
    ],
)
def test_everything_that_matters_is_in_the_key(cache, change):
    stored(cache)
    other = cache.get_or_build(replace(key(0), **change), lambda: b"other")
    assert other.fresh


def test_xdg(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder("engines") == tmp_path / "atpn_ros" / "engines"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")  # to be ignored, says the standard
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert cache_folder("engines") == tmp_path / "home" / ".cache" / "atpn_ros" / "engines"


def spoil_engine(engine, manifest):
    data = bytearray(engine.read_bytes())
    data[len(data) // 2] ^= 1
    engine.write_bytes(data)


def spoil_manifest(engine, manifest):
    data = bytearray(manifest.read_bytes())
    at = data.index(b'"max_batch"') + 13
    data[at] ^= 1  # a digit into another
    manifest.write_bytes(data)


SPOILT = {
    "a flipped byte in the engine": (spoil_engine, "engine has a wrong SHA-256"),
    "a flipped byte in the manifest": (spoil_manifest, "manifest belongs to another engine"),
    "a truncated engine": (lambda e, m: os.truncate(e, 1000), "has 1000 bytes"),
    "a longer engine": (lambda e, m: os.truncate(e, 10**6), "has 1000000 bytes"),
    "an empty engine": (lambda e, m: os.truncate(e, 0), "has 0 bytes"),
    "a truncated manifest": (lambda e, m: os.truncate(m, 30), "manifest cannot be read"),
    "a manifest of nothing": (lambda e, m: m.write_text("[]"), "manifest cannot be read"),
    "an engine others may write": (lambda e, m: e.chmod(0o602), "writable by others"),
    "a manifest others may write": (lambda e, m: m.chmod(0o620), "writable by others"),
    "a hard link": (lambda e, m: os.link(e, e.parent / "x"), "is a link"),
    "a symbolic link": (
        lambda e, m: (e.rename(e.parent / "x"), e.symlink_to(e.parent / "x")),
        "is a link",
    ),
    "a manifest that is a link": (
        lambda e, m: (m.rename(m.parent / "x"), m.symlink_to(m.parent / "x")),
        "is a link",
    ),
    "a fifo": (lambda e, m: (e.unlink(), os.mkfifo(e)), "not a regular file"),
    "the engine of another key": (
        lambda e, m: (
            shutil.copy(stored(EngineCache(e.parent), 1)[0], e),
            shutil.copy(m.parent / f"{key(1).digest}.json", m),
        ),
        "belongs to another engine",
    ),
}


@pytest.mark.parametrize(("spoil", "why"), SPOILT.values(), ids=SPOILT)
def test_what_is_not_as_it_was_is_refused_and_built_again(cache, spoil, why):
    engine, manifest = stored(cache)
    spoil(engine, manifest)
    told = []
    again = cache.get_or_build(key(0), lambda: plan(0), LoadControl(told.append))
    assert again.fresh
    assert why in told[0]
    assert told[0].endswith("building again")
    assert cache.get_or_build(key(0), must_not_build).plan == plan(0)
    assert engine.is_file()
    assert not engine.is_symlink()


def test_a_changed_manifest_never_gives_another_engine(cache):
    _, manifest = stored(cache)
    good = manifest.read_bytes()
    for at in range(0, len(good), 7):
        manifest.write_bytes(good[:at] + bytes([good[at] ^ 4]) + good[at + 1 :])
        taken = cache.get_or_build(key(0), lambda: plan(0))
        assert taken.plan == plan(0)
        # White space and the date of the build may change.
        assert taken.fresh or good[at : at + 1].isspace() or at > good.index(b'"built"')
        manifest.write_bytes(good)


@root_only
def test_what_another_user_owns_is_refused(cache):
    engine, _ = stored(cache)
    os.chown(engine, 12345, -1)
    assert cache.get_or_build(key(0), lambda: plan(0)).fresh
    os.chown(cache.folder, 12345, -1)
    taken = cache.get_or_build(key(0), lambda: plan(0))
    assert "belongs to another user" in taken.origin
    with pytest.raises(CacheError, match="another user"):
        cache.entries()


@pytest.mark.parametrize("place", ["folder", "parent"])
def test_a_folder_that_must_not_be_used_is_not(cache, place, tmp_path):
    stored(cache)
    folder = cache.folder if place == "folder" else cache.folder.parent
    folder.chmod(0o777)
    told = []
    taken = cache.get_or_build(key(0), lambda: b"fresh", LoadControl(told.append))
    assert taken.plan == b"fresh"
    assert "writable by others" in taken.origin
    assert "not used" in told[0]
    folder.chmod(0o700)
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    assert "is a link" in cache.get_or_build(key(0), lambda: b"fresh").origin
    with pytest.raises(CacheError, match="is a link"):
        cache.clean()


def test_a_file_in_the_folder_s_place(cache):
    cache.folder.parent.mkdir(parents=True, mode=0o700)
    cache.folder.write_text("")
    assert "is not a folder" in cache.get_or_build(key(0), lambda: b"fresh").origin


def test_a_home_that_cannot_be_written(monkeypatch):
    """Not even by root: /proc takes no folders."""
    cache = EngineCache(Path("/proc/atpn_ros/engines"))
    told = []
    taken = cache.get_or_build(key(0), lambda: b"fresh", LoadControl(told.append))
    assert (taken.plan, taken.fresh) == (b"fresh", True)
    assert "no cache" in taken.origin
    assert "/proc/atpn_ros/engines" in told[0]


def test_a_disk_that_is_full(cache):
    """A limit on the size of files is the nearest to a full disk that needs no rights."""
    stored(cache, 1)
    program = (
        "import resource, signal, sys; sys.path.insert(0, sys.argv[1]);"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000));"
        "from cache_worker import *;"
        "taken = EngineCache(Path(sys.argv[2])).get_or_build(key(0), lambda: plan(0));"
        "assert taken.plan == plan(0) and 'not cached: File too large' in taken.origin"
    )
    subprocess.run(
        [sys.executable, "-c", program, str(WORKER.parent), str(cache.folder)],
        check=True,
        env=SAME_PACKAGE,
    )
    names = {p.name for p in cache.folder.iterdir()}
    assert not [n for n in names if n.endswith(".tmp") or key(0).digest in n]
    assert cache.get_or_build(key(1), must_not_build).plan == plan(1)


def test_an_error_of_the_builder_is_passed_on_and_nothing_stays(cache):
    for error in (ValueError("its own"), OSError("its own"), CacheError("its own")):

        def build(error=error):
            raise error

        with pytest.raises(type(error), match="its own"):
            cache.get_or_build(key(0), build)
        assert {p.name for p in cache.folder.iterdir()} == {".lock"}


def start(folder, mode, log):
    return subprocess.Popen(
        [sys.executable, str(WORKER), str(folder), mode, str(log)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=SAME_PACKAGE,
    )


def test_ten_processes_that_start_together_build_once(cache, tmp_path):
    log = tmp_path / "log"
    workers = [start(cache.folder, "once", log) for _ in range(10)]
    for worker in workers:
        assert worker.stdout.readline() == b"ready\n"
    for worker in workers:
        worker.stdin.close()
    assert [worker.wait(20) for worker in workers] == [0] * 10
    assert log.read_text() == "0\n"
    for worker in workers:
        worker.stdout.close()


def test_killed_at_any_moment_it_leaves_a_usable_cache(cache, tmp_path):
    chance = random.Random(7)
    for _ in range(15):
        worker = start(cache.folder, "forever", tmp_path / "log")
        assert worker.stdout.readline() == b"ready\n"
        time.sleep(chance.random() * 0.03)
        worker.send_signal(signal.SIGKILL)
        worker.communicate()
        for number in range(5):
            told = []
            assert cache.get_or_build(
                key(number), lambda n=number: plan(n), LoadControl(told.append)
            ).plan == plan(number)
            assert told == [], "half an engine is a miss, not a refusal"
    assert not list(cache.folder.glob("*.tmp"))


def test_who_waits_for_another_build_says_so_and_can_be_stopped(cache, tmp_path):
    began, done, told, stop = threading.Event(), threading.Event(), [], threading.Event()

    def slow():
        began.set()
        done.wait(10)
        return plan(0)

    builder = threading.Thread(target=lambda: cache.get_or_build(key(0), slow))
    builder.start()
    began.wait(5)
    threading.Timer(0.3, stop.set).start()
    before = time.monotonic()
    with pytest.raises(LoadCancelled):
        cache.get_or_build(key(0), must_not_build, LoadControl(told.append, stop))
    assert time.monotonic() - before < 1
    assert told == ["waiting for another process that is building an engine"]
    done.set()
    builder.join()
    assert cache.get_or_build(key(0), must_not_build).plan == plan(0)


def test_list_and_clean(cache):
    assert cache.entries() == []
    assert cache.clean() == 0
    assert not cache.folder.exists(), "looking makes nothing"
    engine, _ = stored(cache, 0)
    stored(cache, 1)
    engine.write_bytes(b"broken")
    entries = {e.digest: e for e in cache.entries()}
    assert entries[key(1).digest].problem == ""
    assert entries[key(1).digest].key["gpu"] == "Double GPU"
    assert "bytes" in entries[key(0).digest].problem
    assert cache.clean() == 2
    assert cache.entries() == []
    cache.remove(key(3))
