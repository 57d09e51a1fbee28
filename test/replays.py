# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A replay of the small portrait's bag."""

import pytest

pytest.importorskip("rosbags", reason="pip install rosbags")
pytest.importorskip("skimage", reason="the portrait comes with scikit-image")

from atpn_ros.cli import main

NODE = "/face_node"


def replay(*words):
    return main(["replay", *map(str, words)])


def nothing_but(folder, *names):
    assert sorted(p.name for p in folder.iterdir()) == sorted(names)
