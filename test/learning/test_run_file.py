# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from render_shards import a_face, a_shard

from atpn_ros import geometry
from atpn_ros.cli import main
from atpn_ros.learning.config import ConfigError
from atpn_ros.learning.data.checks import DataError
from atpn_ros.learning.data.landmark_convention import corrected
from atpn_ros.learning.data.renders import load_renders
from atpn_ros.learning.data.shards import ShardError
from atpn_ros.learning.export.onnx_export import export
from atpn_ros.learning.networks.atpn import Atpn, AtpnSettings
from atpn_ros.learning.networks.from_onnx import load_onnx
from atpn_ros.learning.training.run_file import (
    TrainingData,
    TrainingRun,
    load_training_set,
    load_uncorrected,
    run_training,
)
from atpn_ros.learning.training.stages import load_stages

ROOT = Path(__file__).resolve().parents[2]


def test_a_hidden_eye_is_open_and_not_seen(tmp_path: Path) -> None:
    visible = np.ones(98, int)
    visible[97] = 0
    a_shard(tmp_path, [a_face(eyes_open=[0.3, 0.3], visible98=visible.tolist())])
    (sample,) = load_renders(tmp_path)
    assert sample.eyes_open == (1.0, 1.0)
    assert sample.eyes_seen == (1.0, 0.0)


def test_renders_come_from_shards_in_sub_folders(tmp_path: Path) -> None:
    away = a_face(crop_rotation=(geometry.head_rotation(0, 0, np.pi)).tolist())
    a_shard(tmp_path / "one", [a_face(), None, away])
    sample, empty = load_renders(tmp_path)
    assert not empty.presence
    assert sample.landmarks.shape == (98, 2)
    assert sample.eyes_open == sample.eyes_seen == (1.0, 0.0)
    assert sample.tone == 2
    assert sample.gaze is not None
    assert np.allclose(np.linalg.norm(sample.gaze, axis=1), 1)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"landmarks98": [[1.0, 2.0]] * 97}, r"landmarks98: has shape \(97, 2\)"),
        ({"gaze": [[float("nan")] * 3] * 2}, "gaze: holds a number that is not finite"),
        ({"rotation": None}, "rotation: "),
    ],
)
def test_bad_renders_name_the_file_and_the_field(
    tmp_path: Path, changes: dict[str, object], word: str
) -> None:
    a_shard(tmp_path, [a_face(**changes)])
    with pytest.raises(DataError, match=rf"{tmp_path}: sample 0: {word}"):
        load_renders(tmp_path)


def test_damaged_shards_are_named(tmp_path: Path) -> None:
    with pytest.raises(ShardError, match="SHA256SUMS"):
        load_renders(tmp_path)
    a_shard(tmp_path, [None])
    with pytest.raises(DataError, match="no shard of rendered faces"):
        load_renders(tmp_path)
    a_shard(tmp_path, [a_face()], b"no picture")
    with pytest.raises(ShardError, match=r"shard-00000\.tar: 00000000\.png"):
        load_renders(tmp_path)
    (tmp_path / "shard-00000.tar").write_bytes(b"nonsense" * 200)
    with pytest.raises(ShardError, match=r"shard-00000\.tar: not what SHA256SUMS says"):
        load_renders(tmp_path)


RUNS = [p for p in sorted((ROOT / "config" / "runs").glob("*.yaml")) if p.stem != "detector"]


@pytest.mark.parametrize("path", RUNS, ids=lambda p: p.stem)
def test_the_run_files_that_come_along_can_be_read(path: Path) -> None:
    assert load_stages(path)[0].train.steps > 0


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("train: {stps: 3}", "train: stps: no such field .did you mean steps"),
        ("train: {steps: many}", "train: steps: must be int, is 'many'"),
        ("train: {steps: 3.5}", "train: steps: must be int"),
        ("train: {learning_rate: .nan}", "train: learning_rate: must be finite"),
        ("train: {precision: half}", "train: precision: must be one of float32, bfloat16"),
        ("train: {network: {heatmap: none}}", "train: network: head_inputs uses the heatmap"),
        ("train: 3", "train: must be a mapping of fields"),
        ("trian: {}", "trian: no such field"),
        ("train: {", "run.yaml: "),
        ("data: {backgrounds: hdri}", "needs renders, photographs, sets, lens_faces or cutouts"),
    ],
)
def test_a_typing_mistake_names_the_file_and_the_field(
    tmp_path: Path, text: str, word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "run.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=word):
        load_stages(path)
    assert main(["train", str(path), "--data", str(tmp_path), "--out", str(tmp_path / "out")]) != 0
    said = capsys.readouterr().err.strip()
    assert "run.yaml" in said
    assert "\n" not in said


def test_a_run_is_executed_and_resumed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a_shard(tmp_path / "renders", [a_face(), a_face()])
    path = tmp_path / "run.yaml"
    path.write_text(
        "train: {steps: 2, batch: 2, save_every: 1, network: {width: 4}}\n"
        "data: {renders: renders, validation_renders: renders}\n"
    )
    words = ["train", str(path), "--data", str(tmp_path), "--out", str(tmp_path / "out")]
    assert main([*words, "--workers", "0", "--threads", "1"]) == 0
    assert "min left" in capsys.readouterr().out
    log = (tmp_path / "out" / "log.csv").read_text().splitlines()
    assert len(log) == 3
    assert {"checkpoint.pt", "atpn.onnx"} <= {p.name for p in (tmp_path / "out").iterdir()}
    (tmp_path / "renders" / "shard-00000.tar").unlink()
    assert main([*words, "--workers", "0"]) != 0
    assert "shard-00000.tar" in capsys.readouterr().err


def test_each_stage_begins_with_the_network_of_the_one_before(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a_shard(tmp_path / "renders", [a_face(), a_face()])
    path = tmp_path / "run.yaml"
    stage = (
        "  - name: {}\n    data: {{renders: renders}}\n    train: {{steps: {}, batch: 2, "
        "save_every: 1, warmup: 1, learning_rate: {}, network: {{width: 4}}}}\n"
    )
    path.write_text("stages:\n" + stage.format("one", 2, "0.001") + stage.format("two", 1, "0.0"))
    words = ["train", str(path), "--data", str(tmp_path), "--out", str(tmp_path / "out")]
    assert main([*words, "--workers", "0", "--threads", "1"]) == 0
    settings = AtpnSettings(width=4)
    one, two = (load_onnx(tmp_path / "out" / f"{n}.onnx", settings) for n in ("one", "two"))
    # A learning rate of 0 leaves the weights as they came, beside the normalization's statistics.
    assert torch.allclose(one.pose.weight, two.pose.weight, atol=1e-5)
    last = (tmp_path / "out" / "two.onnx").read_bytes()
    assert (tmp_path / "out" / "atpn.onnx").read_bytes() == last
    # A stage that is complete is not done again, unless it was trained with other settings.
    (tmp_path / "renders" / "shard-00000.tar").unlink()
    assert main([*words, "--workers", "0"]) == 0
    capsys.readouterr()
    path.write_text("stages:\n" + stage.format("one", 3, "0.001") + stage.format("two", 1, "0.0"))
    assert main([*words, "--workers", "0"]) != 0
    assert "belongs to a run with other settings: steps" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("stages: [{name: a, data: {renders: r}}, {name: a, data: {renders: r}}]", "different"),
        ("stages: [{name: a/b, data: {renders: r}}]", "different names without slashes"),
        ("stages: [{data: {renders: r}}]", "name"),
        ("data: {renders: r, correct_renders: true}", "correct_renders needs cutouts"),
        (
            "data: {cutouts: c.npz, correct_renders: true, render_offsets: o.npy}\n"
            "begin_with: a.onnx",
            "exclude each other",
        ),
        ("stages: [{name: a}]", r"stages\[0\]: data: needs renders"),
        ("train: {steps: 3}\nstages: [{name: a, data: {renders: r}}]", "belong into each stage"),
        ("stages: [{name: a, data: {cutouts: c.npz}}]", r"stages\[0\]: begin_with: cutouts needs"),
    ],
)
def test_stages_that_cannot_be_are_named(tmp_path: Path, text: str, word: str) -> None:
    path = tmp_path / "run.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=word):
        load_stages(path)


def test_measured_offsets_move_the_renders_and_can_be_packed_with_them(tmp_path: Path) -> None:
    a_shard(tmp_path / "renders", [a_face()])
    np.save(tmp_path / "offsets.npy", np.full((98, 2), 0.1))
    run = TrainingRun(data=TrainingData(renders="renders", render_offsets="offsets.npy"))
    source, offsets = load_uncorrected(run, tmp_path)
    (before,), (after,) = source.renders, load_training_set(run, tmp_path).renders
    assert offsets is not None
    assert before.rotation is not None
    expected = corrected(before, offsets, before.rotation).landmarks
    assert np.abs(expected - before.landmarks).min() > 0.1
    assert np.allclose(after.landmarks, expected)


@pytest.mark.parametrize(
    ("part", "outputs"),
    [("gaze", ("gaze", "gaze_log_sigma")), ("presence", ("presence",)),
     ("refinement", ("landmarks", "rotation", "gaze"))],
)  # fmt: skip
def test_a_run_of_one_part_from_a_model_changes_nothing_else(
    tmp_path: Path, part: str, outputs: tuple[str, ...]
) -> None:
    a_shard(tmp_path / "renders", [a_face(), a_face()])
    torch.manual_seed(0)
    settings = AtpnSettings(width=4, gaze=True, own_presence=True, refinement="small")
    export(Atpn(settings).eval(), tmp_path / "before.onnx")
    path = tmp_path / "run.yaml"
    path.write_text(
        f"train: {{steps: 3, batch: 4, save_every: 3, warmup: 1, average: 0.5, trains: {part},\n"
        "  empty_share: 0.0,\n"
        "  network: {width: 4, gaze: true, own_presence: true, refinement: small}}\n"
        "data: {renders: renders}\nbegin_with: before.onnx\n"
    )
    after = run_training(
        load_stages(path)[0], tmp_path, tmp_path / "out", workers=0, threads=1
    ).eval()
    before = load_onnx(tmp_path / "before.onnx", settings)
    crops = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (3, 128, 128, 3), np.uint8))
    with torch.inference_mode():
        a, b = before(crops), after(crops)
    for name in a._fields:
        same = torch.allclose(getattr(a, name), getattr(b, name), atol=1e-4)
        assert same == (name not in outputs), name


def test_lens_faces_need_a_model_that_finds_landmarks(tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text("data: {lens_faces: .}\n")
    with pytest.raises(ConfigError, match="begin_with"):
        load_stages(path)
