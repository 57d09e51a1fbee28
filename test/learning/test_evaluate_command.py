# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""``atpn evaluate`` on small made-up sets, peers by description, and what it says of bad data."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from atpn_ros import geometry, landmark_layouts
from atpn_ros.cli import main
from atpn_ros.learning.config import ConfigError
from atpn_ros.learning.data import shards as sample_shards
from atpn_ros.learning.data.backgrounds import square_views
from atpn_ros.learning.data.checks import DataError
from atpn_ros.learning.data.datasets import read_photographs
from atpn_ros.learning.data.renders import load_renders
from atpn_ros.learning.evaluation.models import PeerModel
from atpn_ros.learning.evaluation.peer_config import load_peer_config
from atpn_ros.learning.evaluation.sequences import evaluate_sequence
from atpn_ros.learning.synth.output import shards
from atpn_ros.pipeline.head_model import MEAN_HEAD
from atpn_ros.settings import SHIPPED_MODEL
from atpn_ros.types import Box, Frame

POINTS = (MEAN_HEAD[:, 1:] * (1, -1)) * 600 + (100, 90)


def a_set(folder: Path, **changes: object) -> Path:
    """Twelve faces to adapt on and three to measure."""
    (folder / "images").mkdir(parents=True)
    rows = []
    for i in range(15):
        cv2.imwrite(str(folder / "images" / f"{i}.png"), np.full((200, 200, 3), 90, np.uint8))
        points = landmark_layouts.to_ibug68(POINTS) + np.array([i % 5, -i % 3])
        rows.append({
            "file": f"{i}.png", "subset": "ab"[i % 2], "split": "train" if i < 12 else "val",
            "landmarks68": points.tolist(), "face_box_xywh_score": [55, 50, 90, 110, 0.9],
        })  # fmt: skip
    rows[-1] |= changes
    (folder / "labels.json").write_text(json.dumps(rows))
    return folder


SHAPE = (landmark_layouts.to_ibug68(POINTS) / 200).astype(np.float32)


def peer(path: Path, batch: int | str = "n") -> Path:
    """A model that sees the first pixel's first channel and moves a fixed face by it."""
    shape = helper.make_tensor_value_info
    image = shape("picture", TensorProto.FLOAT, [batch, 3, 16, 16])
    points = shape("points", TensorProto.FLOAT, [batch, 136])
    nodes = [
        helper.make_node("Slice", ["picture", "starts", "ends"], ["pixel"]),
        helper.make_node("Flatten", ["pixel"], ["flat"]),
        helper.make_node("Add", ["flat", "shape"], ["points"]),
    ]
    constants = [
        helper.make_tensor("starts", TensorProto.INT64, [4], [0, 0, 0, 0]),
        helper.make_tensor("ends", TensorProto.INT64, [4], [10**6, 1, 1, 1]),
        helper.make_tensor("shape", TensorProto.FLOAT, [1, 136], SHAPE.ravel()),
    ]
    graph = helper.make_graph(nodes, "peer", [image], [points], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, path)
    return path


DESCRIPTION = """
input: {size: 16, layout: NCHW, channels: RGB, mean: 0, scale: 255}
crop: {margin: 1.6}
output: {name: points, points: ibug68, unit: crop}
"""


def described(folder: Path, text: str = DESCRIPTION) -> Path:
    path = folder / "peer.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("batch", ["n", 1])
def test_a_peer_is_fed_and_read_as_described(tmp_path: Path, batch: int | str) -> None:
    crops = np.zeros((3, 16, 16, 3), np.uint8)
    crops[:, 0, 0] = (10, 20, 102)  # blue, green, red
    subject = PeerModel(peer(tmp_path / "a.onnx", batch), load_peer_config(described(tmp_path)))
    assert subject.run(crops).landmarks.shape == (3, 68, 2)
    assert np.allclose(subject.run(crops).landmarks, 0.4 + SHAPE, atol=1e-6)
    blue = DESCRIPTION.replace("RGB", "BGR").replace("mean: 0, scale: 255", "mean: 8, scale: 1")
    text = blue.replace("unit: crop", "unit: centred")
    subject = PeerModel(subject.path, load_peer_config(described(tmp_path, text)))
    assert np.allclose(subject.run(crops).landmarks, (10 - 8 + SHAPE + 1) / 2)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("size: 16", "sise: 16", "input: sise: no such field (did you mean size?)"),
        ("size: 16, ", "", "input: missing 1 required positional argument: 'size'"),
        ("crop:", "corp:", "corp: no such field (did you mean crop?)"),
        ("ibug68", "mine", "output: points: must be one of wflw98, ibug68, hri70, is 'mine'"),
        ("points: ibug68, ", "", "output: points: must be one of wflw98, ibug68, hri70, is ''"),
        ("margin: 1.6", "margin: wide", "crop: margin: must be float, is 'wide'"),
        ("RGB", "RBG", "input: channels: must be one of RGB, BGR"),
        ("points: ibug68", "count: 70, ibug68: [1, 2]", "output: ibug68: must be 68 indices"),
        ("{", "{{", "peer.yaml"),
    ],
)
def test_a_wrong_description_is_named_by_file_and_field(
    tmp_path: Path, old: str, new: str, words: str
) -> None:
    with pytest.raises(ConfigError, match=r"peer\.yaml") as caught:
        load_peer_config(described(tmp_path, DESCRIPTION.replace(old, new)))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_command_measures_a_peer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib")
    model = peer(tmp_path / "peer.onnx")
    done = main([
        "evaluate", str(model), "--describe", str(described(tmp_path)), "--faces",
        str(a_set(tmp_path / "set")), "--adapt-on", "train", "--boxes", "truth", "detector",
        "tracked", "--json", str(tmp_path / "out" / "a.json"), "--plots", str(tmp_path / "plots"),
    ])  # fmt: skip
    assert done == 0
    assert "photographs, truth, adapted: NME %" in capsys.readouterr().out
    (one,) = json.loads((tmp_path / "out" / "a.json").read_text())["models"]
    figures = one["photographs"]["boxes"]["detector"]["landmarks"]
    assert set(figures) == {"raw", "adapted"}
    assert figures["raw"]["fr10"]["value"] == 100
    assert set(figures["raw"]["subsets"]) == {"a", "b"}
    assert len(figures["raw"]["errors"]) == 3
    assert (tmp_path / "plots" / "photographs_cumulative.png").stat().st_size > 5000


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"file": "no.png"}, "no.png: file: images/no.png is missing"),
        ({"landmarks68": [[1, 2]] * 67}, "14.png: landmarks68: has shape (67, 2)"),
        ({"landmarks68": [[float("nan"), 2]] * 68}, "14.png: landmarks68: holds a number that is"),
        ({"face_box_xywh_score": [1, "x", 2, 3]}, "14.png: face_box_xywh_score: not numbers"),
    ],
)
def test_bad_photographs_are_named_by_file_and_field(
    tmp_path: Path, changes: dict[str, object], words: str
) -> None:
    folder = a_set(tmp_path / "set", **changes)
    with pytest.raises(DataError, match=r"labels\.json") as caught:
        read_photographs(folder, "val")
    assert words in str(caught.value)
    with pytest.raises(DataError, match="no face of 'test'"):
        read_photographs(folder, "test")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nothing.onnx"], "no data"),
        (["nothing.onnx", "--faces", "set"], "nothing.onnx: no such file"),
        (["bad.onnx", "--faces", "set"], "bad.onnx: not a model that can be loaded"),
        (["bad.pt", "--faces", "set"], "bad.pt: corrupt checkpoint"),
        (["bad.onnx", "--faces", "nowhere"], "labels.json"),
        (["bad.onnx", "--faces", "set", "--adapt-on", "val"], "another split"),
        (["peer.onnx", "--faces", "set"], "peer.onnx: expected one uint8 input"),
        (["bad.onnx", "--renders", "set"], "SHA256SUMS"),
        (["bad.onnx", "--faces", "set", "--layout", "ibug68"], "--layout needs --describe"),
        (["bad.onnx", "--faces", "set", "--face-sizes", "20"], "--face-sizes needs --renders"),
        (["bad.onnx", "--renders", "set", "--face-sizes", "0"], "must be above 0"),
    ],
)
def test_what_is_wrong_is_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    a_set(tmp_path / "set")
    peer(tmp_path / "peer.onnx")
    for name in ("bad.onnx", "bad.pt"):
        (tmp_path / name).write_bytes(b"nonsense")
    assert main(["evaluate", *arguments]) == 1
    message = capsys.readouterr().err
    assert words in message
    assert message.count("\n") == 1


def a_face(
    turn: float = 0.0, shift: tuple[float, float] = (0, 0), age: float | None = None
) -> SimpleNamespace:
    points = POINTS + shift
    return SimpleNamespace(
        id=3, landmarks=points, points=np.c_[points / 1000, np.ones(98)], visible=np.ones(98),
        rotation=np.eye(3)[:, [0, 1, 2]], crop_rotation=np.array([[0, 1, 0], [0, 0, -1],
        [-1.0 + turn, 0, 0]]), sellion=np.zeros(3), gaze=np.array([[0, 0, -1.0], [0, 0, -1.0]]),
        eye_centres=np.zeros((2, 3)), eyes_open=np.array([0.3, 0.01]), box=Box.around(points),
        tone=4, layer=0, age=age,
    )  # fmt: skip


def test_renders_are_read_without_backs_of_heads_and_strays(tmp_path: Path) -> None:
    picture = np.full((200, 200, 3), 90, np.uint8)
    shown = [a_face(), a_face(turn=1.5), a_face(shift=(150, 0)), None]
    shards.write(
        [
            SimpleNamespace(index=i, image=picture, camera=np.eye(3), face=f, presence=0, overlap=0)
            for i, f in enumerate(shown)
        ],
        tmp_path,
    )
    face, empty = load_renders(tmp_path)
    assert not empty.presence
    assert (face.tone, face.eyes_open, face.visible) == (4, (True, False), 1.0)
    assert np.allclose(face.points, POINTS, atol=1e-4)
    # From the picture's camera by way of the head into the crop's camera.
    assert np.allclose(face.gaze, [geometry.FACING @ (0, 0, -1.0)] * 2)
    damaged = next(tmp_path.glob("*.tar"))
    damaged.write_bytes(damaged.read_bytes()[:-5000])
    with pytest.raises(sample_shards.ShardError, match="not what SHA256SUMS says"):
        load_renders(tmp_path)


def test_renders_are_evaluated_with_smaller_faces_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (200, 200, 3)).astype(np.uint8)
    sample = SimpleNamespace(index=0, image=picture, camera=np.eye(3), presence=1, overlap=1)
    shards.write([SimpleNamespace(**vars(sample), face=a_face())], tmp_path / "renders")
    pytest.importorskip("matplotlib")
    plots, file = tmp_path / "plots", tmp_path / "a.json"
    command = ["evaluate", str(SHIPPED_MODEL), "--boxes", "truth", "--renders",
               str(tmp_path / "renders"), "--face-sizes", "12", "500",
               "--plots", str(plots), "--json", str(file)]  # fmt: skip
    assert main(command) == 0
    lines = capsys.readouterr().out.splitlines()
    errors = [line.split()[-2] for line in lines if "truth: rotation deg, turned 0-60" in line]
    whole, small, as_it_is = errors
    assert whole == as_it_is != small
    assert any(line.startswith("renders, 12 px, truth") for line in lines)
    assert list(json.loads(file.read_text())["models"][0]["smaller"]) == ["12.0", "500.0"]
    assert (plots / "renders_size.png").stat().st_size > 5000


@pytest.mark.parametrize(("age", "group"), [(None, None), (0.05, "infant"), (1.0, "elder")])
def test_ages_of_renders_are_read(tmp_path: Path, age: float | None, group: str | None) -> None:
    picture = np.full((200, 200, 3), 90, np.uint8)
    sample = SimpleNamespace(index=0, image=picture, camera=np.eye(3), presence=1, overlap=1)
    shards.write([SimpleNamespace(**vars(sample), face=a_face(age=age))], tmp_path)
    assert [f.age_group for f in load_renders(tmp_path)] == [group]


def test_an_age_beyond_the_scale_is_refused(tmp_path: Path) -> None:
    picture = np.full((200, 200, 3), 90, np.uint8)
    sample = SimpleNamespace(index=7, image=picture, camera=np.eye(3), presence=1, overlap=1)
    shards.write([SimpleNamespace(**vars(sample), face=a_face(age=34))], tmp_path)
    with pytest.raises(DataError, match=r"sample 7: age: must be between 0 and 1, is 34"):
        load_renders(tmp_path)


def test_views_are_square_pieces_and_the_same_every_time() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (80, 160, 3), np.uint8)
    found = square_views([picture], 5)
    assert len({v.tobytes() for v in found}) == 5
    assert all(v.shape[0] == v.shape[1] and 10 <= v.shape[0] <= 40 for v in found)
    assert all(np.array_equal(a, b) for a, b in zip(found, square_views([picture], 5), strict=True))


class Blind:
    """A detector that finds nothing."""

    name = "blind"

    def detect(self, image: np.ndarray) -> list:
        return []

    def latency_ns(self, height: int, width: int) -> int:
        return 0


def a_sequence(folder: Path, **changes: object) -> Path:
    (folder / "images").mkdir(parents=True)
    record = {
        "index": 0, "stamp_ns": 0, "size": [200, 200], "camera": np.eye(3).tolist(),
        "faces": [shards.face_record(a_face()) | changes],
    }  # fmt: skip
    with (folder / "truth.jsonl").open("wb") as lines:
        for i in range(4):
            lines.write(shards.to_json_line(record | {"index": i, "stamp_ns": i * 40_000_000}))
            frame = Frame(np.full((200, 200, 3), 90, np.uint8), 0)
            cv2.imwrite(str(folder / "images" / f"{i:06d}.png"), frame.image)
    return folder


def test_a_sequence_is_gone_through_by_the_nodes_own_pipeline(tmp_path: Path) -> None:
    from atpn_ros.engines import load_engine

    engine = load_engine(SHIPPED_MODEL, "onnx-cpu")
    figures = evaluate_sequence(a_sequence(tmp_path / "a"), engine, Blind())
    assert (figures.identity.frames, figures.identity.people) == (4, 1)
    assert (figures.identity.recall, figures.identity.mostly_lost) == (0, 1)
    assert figures.nme is None
    for changes, words in (
        ({"landmarks98": [[1, 2]]}, "truth.jsonl: line 1.*landmarks98"),
        ({"box_xyxy": None}, "truth.jsonl: line 1"),
    ):
        folder = a_sequence(tmp_path / words[-4:], **changes)
        with pytest.raises(DataError, match=words):
            evaluate_sequence(folder, engine, Blind())
    (tmp_path / "a" / "images" / "000002.png").unlink()
    with pytest.raises(DataError, match=r"000002\.png: missing"):
        evaluate_sequence(tmp_path / "a", engine, Blind())
