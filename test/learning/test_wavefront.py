# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Wavefront files: faces by group, and one line for what cannot be read."""

from pathlib import Path

import numpy as np
import pytest

from atpn_ros.learning.data.asset_error import AssetError
from atpn_ros.learning.synth.assets.wavefront import read_mesh


def test_faces_keep_their_group_and_corners(tmp_path: Path) -> None:
    path = tmp_path / "m.obj"
    path.write_text("# made up\nv 0 0 0\nv 1 0 0\nv 0 1 0\nvt 0.5 1\nf 1/1 2/1 3/1/7\n\n"
                    "g lid\nusemtl skin\nf 3/1 2/1 1/1\n")  # fmt: skip
    mesh = read_mesh(path)
    assert np.array_equal(mesh.vertices[1], [1, 0, 0])
    assert np.array_equal(mesh.coordinates, [[0.5, 1.0]])
    assert mesh.faces == {"": [[(0, 0), (1, 0), (2, 0)]], "lid": [[(2, 0), (1, 0), (0, 0)]]}


@pytest.mark.parametrize("text", ["v 0 0 x\n", "v 0 0\nv 0 0 0\n", "vt 0\n", "f 1 2 3\n", "g\n"])
def test_a_damaged_file_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "m.obj").write_text(text)
    with pytest.raises(AssetError, match=r"m\.obj: not a mesh that can be read"):
        read_mesh(tmp_path / "m.obj")
