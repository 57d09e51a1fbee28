# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Atomic replacement of files and folders, and the digest."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from atpn_ros import files
from atpn_ros.files import OverwritesInput, atomic_replace, check_inputs_kept, sha256


def test_a_file_is_replaced_in_one_step(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with atomic_replace(path) as part:
        part.write_text("new")
        assert (part.name, path.read_text()) == ("a.txt", "old")
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_is_replaced_with_what_is_in_it(tmp_path):
    path = tmp_path / "bag"
    path.mkdir()
    (path / "old").touch()
    with atomic_replace(path) as part:
        part.mkdir()
        (part / "new").touch()
    assert list(tmp_path.rglob("*")) == [path, path / "new"]


def write_half(path):
    with atomic_replace(path) as part:
        part.write_text("half")
        raise OSError("disk full")


def test_an_error_leaves_what_was_there(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(OSError, match="disk full"):
        write_half(path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_digest_is_sha_256(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    assert sha256(path).startswith("ba7816bf8f01cfea414140de5dae2223")


def test_the_folder_of_a_killed_process_is_removed_and_that_of_a_running_one_is_not(tmp_path):
    with atomic_replace(tmp_path / "live.txt") as live:
        old = time.time() - 60
        abandoned = tmp_path / ".a.txt.atpn-part-12345678"
        abandoned.mkdir()
        (abandoned / "a.txt").write_text("half")
        for folder in (abandoned, live.parent):
            os.utime(folder, (old, old))
        with atomic_replace(tmp_path / "b.txt") as part:
            part.write_text("b")
        assert not abandoned.exists()
        live.write_text("a")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["b.txt", "live.txt"]


def test_many_outputs_are_compared_with_many_inputs_once(monkeypatch):
    """The paths are not compared pair by pair: a folder may have ten thousand pictures."""
    calls = []
    resolve = os.path.realpath

    def realpath(path, **options):
        calls.append(path)
        return resolve(path, **options)

    monkeypatch.setattr(files.os.path, "realpath", realpath)
    pictures = [Path(f"in/{n}.jpg") for n in range(100)]
    check_inputs_kept([Path(f"out/{n}.jpg") for n in range(100)], pictures)
    assert len(calls) == 200
    with pytest.raises(OverwritesInput, match=r"in/7\.jpg: is an input"):
        check_inputs_kept([Path("out/../in/7.jpg")], pictures)
