# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""``atpn fetch yunet`` from a local server with interrupted, wrong and refused downloads."""

from __future__ import annotations

import fcntl
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx", reason="a small YuNet is made with it")

from atpn_ros.cli import main
from atpn_ros.detectors import DetectorError, load_detector
from atpn_ros.detectors import yunet as yunet_module
from atpn_ros.replay.results import ReplayJob, replay_if_needed
from atpn_ros.settings import Settings
from test_detectors import yunet


class Server(ThreadingHTTPServer):
    """Serves one file. Attributes change how; ``ranges`` holds the Range of each request."""

    def __init__(self, content: bytes) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.content = content
        self.ranges: list[str | None] = []
        self.ends_after: int | None = None  # bytes of an answer after which the connection ends
        self.supports_ranges = True
        self.status = 200

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/zoo/yunet.onnx"


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        server, asked = self.server, self.headers["Range"]
        server.ranges.append(asked)
        if server.status != 200:
            self.send_error(server.status)
            return
        start = 0
        if asked and server.supports_ranges:
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            if start >= len(server.content):
                self.send_error(416)
                return
        body = server.content[start:]
        self.send_response(206 if start else 200)
        if start:
            whole = len(server.content)
            self.send_header("Content-Range", f"bytes {start}-{whole - 1}/{whole}")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: server.ends_after])

    def log_message(self, *words: object) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Has a small YuNet that sees one face; it counts as the published one."""
    face = (8, 0, 1, 0.9, 0.5, 0.25, np.log(2), np.log(3))
    content = yunet(tmp_path / "made.onnx", [face]).read_bytes()
    server = Server(content)
    published = replace(
        yunet_module.PUBLISHED,
        url=server.url,
        size=len(content),
        sha256=sha256(content).hexdigest(),
    )
    monkeypatch.setattr(yunet_module, "PUBLISHED", published)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "*")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "atpn_ros" / "detectors" / "face_detection_yunet_2023mar.onnx"


def part_of(model: Path) -> Path:
    return model.with_name(f"{model.name}.part")


def fetch(*words: object) -> int:
    return main(["fetch", "yunet", *map(str, words)])


def error_line(capsys: pytest.CaptureFixture[str]) -> str:
    """The one line on standard error."""
    (line,) = capsys.readouterr().err.splitlines()
    return line


def test_the_error_of_the_missing_detector_names_the_command_and_the_download_is_loaded(
    server: Server, model: Path, tmp_path: Path
) -> None:
    with pytest.raises(DetectorError, match=r"no .*yunet.*\.onnx: run 'atpn fetch yunet' once"):
        load_detector("yunet")
    job = ReplayJob(tmp_path, tmp_path / "out", Settings(detector_model="yunet"))
    assert "run 'atpn fetch yunet' once" in str(replay_if_needed(job, overwrite=False).error)
    assert fetch() == 0
    assert model.read_bytes() == server.content
    assert list(model.parent.iterdir()) == [model]
    (found,) = load_detector("yunet").detect(np.zeros((64, 64, 3), np.uint8))
    assert found.score == pytest.approx(0.9)
    model.write_bytes(server.content[:-1])
    with pytest.raises(DetectorError, match="damaged: run 'atpn fetch yunet' again"):
        load_detector("yunet")


def test_an_existing_file_is_not_downloaded_again_unless_it_is_damaged(
    server: Server, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fetch() == fetch() == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first == f"{model}: verified; detector_model: yunet"
    assert second == f"{model}: already there; detector_model: yunet"
    assert server.ranges == [None]
    model.write_bytes(b"half")
    assert fetch() == 0
    assert model.read_bytes() == server.content
    assert server.ranges == [None, None]


def test_an_interrupted_download_is_resumed(
    server: Server, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.ends_after = 100
    whole = len(server.content)
    for n in (1, 2):
        assert fetch() == 1
        line = error_line(capsys)
        assert f"after {100 * n} of {whole} bytes; the same command continues from there" in line
        assert part_of(model).read_bytes() == server.content[: 100 * n]
        assert not model.exists()
    server.ends_after = None
    assert fetch() == 0
    assert server.ranges == [None, "bytes=100-", "bytes=200-"]
    assert model.read_bytes() == server.content
    assert not part_of(model).exists()


@pytest.mark.parametrize("old", [b"of another file", b"x" * 10**6])
def test_a_part_of_another_file_is_discarded(server: Server, model: Path, old: bytes) -> None:
    model.parent.mkdir(parents=True)
    part_of(model).write_bytes(old)
    assert fetch() == 0
    assert model.read_bytes() == server.content
    assert server.ranges[-1] is None


def test_a_server_without_ranges_sends_the_whole_file(server: Server, model: Path) -> None:
    model.parent.mkdir(parents=True)
    part_of(model).write_bytes(server.content[:50])
    server.supports_ranges = False
    assert fetch() == 0
    assert server.ranges == ["bytes=50-"]
    assert model.read_bytes() == server.content


def test_a_part_longer_than_the_servers_file_is_downloaded_again(
    server: Server, model: Path
) -> None:
    """The server's file is shorter than expected: 416, and then a digest that is wrong."""
    model.parent.mkdir(parents=True)
    part_of(model).write_bytes(server.content[:-1])
    server.content = server.content[:-10]
    assert fetch() == 1
    assert len(server.ranges) == 2
    assert server.ranges[-1] is None


def test_another_file_is_refused_by_its_digest_and_not_kept(
    server: Server, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    digest = yunet_module.PUBLISHED.sha256
    server.content = server.content[:-1] + b"!"
    assert fetch() == 1
    line = error_line(capsys)
    assert line.startswith(f"atpn fetch: {server.url}: is not face_detection_yunet_2023mar.onnx:")
    assert line.endswith(f"its SHA-256 is {sha256(server.content).hexdigest()}, not {digest}")
    assert not model.exists()
    assert part_of(model).read_bytes() == b""
    server.content += b"and more"
    assert fetch() == 1
    assert "sends more than the expected" in error_line(capsys)
    assert part_of(model).read_bytes() == b""


def test_a_copy_or_a_mirror_is_accepted(
    server: Server, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fetch("--from", tmp_path / "gone.onnx") == 1
    assert error_line(capsys) == f"atpn fetch: {tmp_path / 'gone.onnx'}: No such file or directory"
    (tmp_path / "other.onnx").write_bytes(b"other")
    assert fetch("--from", tmp_path / "other.onnx") == 1
    assert "other.onnx: is not face_detection_yunet_2023mar.onnx" in error_line(capsys)
    assert fetch("--from", "ftp://127.0.0.1/yunet.onnx") == 1
    assert "neither a file nor an http or https address" in error_line(capsys)
    assert not model.exists()
    assert fetch("--from", tmp_path / "made.onnx") == 0
    assert model.read_bytes() == server.content
    assert server.ranges == []
    model.unlink()
    assert fetch("--from", server.url + "?mirror") == 0
    assert len(server.ranges) == 1


def test_the_status_of_a_refusing_server_is_reported(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    server.status = 404
    assert fetch() == 1
    assert error_line(capsys) == f"atpn fetch: {server.url}: the server answers 404 Not Found"


def no_name(*words: object, **options: object) -> None:
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


def test_without_a_network_there_is_one_line(
    server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    hint = "; without a network: atpn fetch yunet --from FILE_OR_URL"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))  # nobody listens there
        host = f"127.0.0.1:{free.getsockname()[1]}"
        assert fetch("--from", f"http://{host}/yunet.onnx") == 1
        line = error_line(capsys)
    assert line == f"atpn fetch: {host} cannot be reached: Connection refused{hint}"
    monkeypatch.setattr(socket, "getaddrinfo", no_name)
    assert fetch("--from", "https://zoo.example/yunet.onnx") == 1
    line = error_line(capsys)
    assert line == f"atpn fetch: zoo.example cannot be reached: Name or service not known{hint}"


def test_two_downloads_do_not_write_into_each_other(
    server: Server, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model.parent.mkdir(parents=True)
    with part_of(model).open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        assert fetch() == 1
        assert error_line(capsys).endswith(".part: another process is downloading it")
    assert fetch() == 0


def test_a_cache_that_cannot_be_written_is_named(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "cache").write_text("a file in the way")
    assert fetch() == 1
    assert error_line(capsys).endswith("cache/atpn_ros/detectors: Not a directory")
