# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Bad assets stop with one clear line that names the file."""

import json

import cv2
import numpy as np
import pytest

pytest.importorskip("moderngl", reason="extra `synth` is not installed")

from atpn_ros.cli import synth as command
from atpn_ros.learning.data import london
from atpn_ros.learning.data.head_point_model import AssetError
from atpn_ros.learning.synth.assets import hair, ict_head, library, panoramas


def test_no_folder(tmp_path):
    with pytest.raises(AssetError, match="no such folder"):
        library.load(tmp_path / "nowhere")


@pytest.mark.parametrize("missing", ["eyes", "hdri"])
def test_missing_pictures(tmp_path, missing):
    eyes = tmp_path / "hair_cc0" / "eyes" / "materials"
    eyes.mkdir(parents=True)
    if missing != "eyes":
        cv2.imwrite(str(eyes / "blue_eye.png"), np.zeros((64, 64, 3), np.uint8))
    with pytest.raises(
        AssetError, match="no eye textures" if missing == "eyes" else "no panoramas"
    ):
        library.load(tmp_path)


def test_unreadable_texture(tmp_path):
    (tmp_path / "blue_eye.png").write_bytes(b"not a picture")
    with pytest.raises(AssetError, match=r"blue_eye\.png"):
        library.load_irises(tmp_path)
    (tmp_path / "a.hdr").write_bytes(b"nor this")
    with pytest.raises(AssetError, match=r"a\.hdr"):
        panoramas.load_panoramas(tmp_path)


def test_missing_head(tmp_path):
    with pytest.raises(AssetError, match=r"ict\.npz"):
        ict_head.load(tmp_path)


def test_wrong_vertex_count(tmp_path):
    few = np.zeros((10, 3), np.float32)
    none = np.zeros((4, 3), int)
    np.savez(tmp_path / "ict.npz", v=few, vt=few[:, :2], f=none, ft=none, ids=few[None],
             ex=few[None], en=np.array(["jawOpen"]))  # fmt: skip
    (tmp_path / "vertex_indices.json").write_text(json.dumps({"idx_to_landmark_verts": [0] * 68}))
    with pytest.raises(AssetError, match="expected 26719 vertices") as caught:
        ict_head.load(tmp_path)
    assert "\n" not in str(caught.value)


def test_truncated_head(tmp_path):
    np.savez(tmp_path / "ict.npz", v=np.zeros((10, 3)))
    with pytest.raises(AssetError, match="packed form"):
        ict_head.load(tmp_path)
    data = (tmp_path / "ict.npz").read_bytes()
    (tmp_path / "ict.npz").write_bytes(data[: len(data) // 2])
    with pytest.raises(AssetError, match=r"ict\.npz"):
        ict_head.load(tmp_path)


def test_portraits(tmp_path):
    with pytest.raises(AssetError, match="no portraits"):
        london.load(tmp_path)
    cv2.imwrite(str(tmp_path / "a.jpg"), np.zeros((8, 8, 3), np.uint8))
    with pytest.raises(AssetError, match=r"a\.tem"):
        london.load(tmp_path)
    (tmp_path / "a.tem").write_text("189\n1 2\n")
    with pytest.raises(AssetError, match="expected 189 points"):
        london.load(tmp_path)


def test_hair(tmp_path):
    with pytest.raises(AssetError, match=r"eyelashes01\.obj"):
        hair.load(tmp_path, None)


def test_the_command_says_it_in_one_line(tmp_path, capsys):
    arguments = ["--assets", str(tmp_path / "nowhere"), "--out", str(tmp_path / "out")]
    assert command.main(arguments) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "nowhere" in said


@pytest.mark.parametrize("bad", [["--count", "0"], ["--size", "3"], ["--not-faces", "2"]])
def test_bad_numbers(tmp_path, capsys, bad):
    assert command.main(["--out", str(tmp_path), *bad]) == 1
    assert bad[0] in capsys.readouterr().err


def _wavefront(path, vertices, faces=True):
    lines = [f"v {x} {y} {z}" for x, y, z in vertices]
    lines += ["vt 0 0", "vt 1 0", "vt 1 1", "vt 0 1"]
    if faces:
        lines.append("f 1/1/1 2/2/2 3/3/3 4/4/4")
    path.write_text("# a comment\n" + "\n".join(lines) + "\n")


def test_a_checkout_is_read_like_the_packed_form(tmp_path):
    from atpn_ros.learning.synth.assets import ict_checkout

    folder = tmp_path / "FaceXModel"
    folder.mkdir()
    square = np.array([[0.0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]])
    _wavefront(folder / "generic_neutral_mesh.obj", square)
    _wavefront(folder / "identity000.obj", square + np.array([0, 0, 1]), faces=False)
    _wavefront(folder / "jawOpen.obj", square - (0, 2, 0), faces=False)
    assert ict_checkout.find(tmp_path) == folder
    raw = ict_checkout.read(folder)
    assert raw["f"].tolist() == [[0, 1, 2], [0, 2, 3]]
    np.testing.assert_allclose(raw["ids"][0], [[0, 0, 1]] * 4)
    np.testing.assert_allclose(raw["ex"][0], [[0, -2, 0]] * 4)
    assert raw["en"].tolist() == ["jawOpen"]
    _wavefront(folder / "identity000.obj", square[:3], faces=False)
    with pytest.raises(AssetError, match=r"identity000\.obj: 3 vertices"):
        ict_checkout.read(folder)
    (folder / "vertex_indices.json").write_text(json.dumps({"idx_to_landmark_verts": [0] * 68}))
    _wavefront(folder / "identity000.obj", square, faces=False)
    with pytest.raises(AssetError, match="expected 26719 vertices"):
        ict_head.load(tmp_path)
