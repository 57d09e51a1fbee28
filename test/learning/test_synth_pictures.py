# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Pictures: that they are drawn where the labels say, and always the same."""

import json
from dataclasses import replace

import numpy as np
import pytest

moderncontext = pytest.importorskip("moderngl", reason="extra `synth` is not installed")
context = pytest.importorskip("atpn_ros.learning.synth.opengl.context")
if not context.is_available():
    pytest.skip("no OpenGL through EGL here", allow_module_level=True)

from atpn_ros import geometry
from atpn_ros.cli import synth as command
from atpn_ros.learning.data import shards as sample_shards
from atpn_ros.learning.synth.accessories.body_builder import build_body
from atpn_ros.learning.synth.assets import builtin
from atpn_ros.learning.synth.output import shards
from atpn_ros.learning.synth.render import effects, stream
from atpn_ros.learning.synth.render.renderer import Renderer
from atpn_ros.learning.synth.sampling.face_scenes import SamplePlan
from atpn_ros.learning.synth.scene import labels
from atpn_ros.learning.synth.scene.description import (
    Backdrop,
    Effects,
    Eyes,
    Light,
    Person,
    Scene,
    SceneCamera,
    Skin,
)

SKIN = Skin(0, False, (0.6, 0.45, 0.35), 0, 0.0, 0.3, 1.0, 0.0, 0.0, 0.3, (0.05, 0.04, 0.03), 0.0,
            0.0, 0.1)  # fmt: skip


@pytest.fixture(scope="module")
def world():
    return builtin.load()


@pytest.fixture(scope="module")
def studio(world):
    return stream.SampleRenderer(world, 5, SamplePlan(size=96))


def scene_of(world, rotation, camera, gaze=((1.0, 0.0, 0.0), (1.0, 0.0, 0.0))):
    someone = Person(
        0, np.zeros(len(world.head.identity)), world.head.coefficients(), rotation,
        np.array([0.0, 0.0, 0.6]), SKIN, Eyes(0, (0.1, 0.1, 0.1), 0.9, np.array(gaze)), (), 0,
    )  # fmt: skip
    light = Light(0, np.eye(3), (0.8, 0.8, 0.8))
    return Scene(camera, (someone,), light, Backdrop("plain", 0))


def drawn(world, scene, supersample=1.0):
    renderer = Renderer(world, supersample)
    made = [build_body(world, p) for p in scene.people]
    picture = renderer.draw(scene, made, np.full((8, 8, 3), 255, np.uint8))
    face = labels.label(made[0], scene.people[0], scene.camera, picture.depth, picture.scale)
    renderer.close()
    return picture, face


def test_the_pupils_are_drawn_where_they_are_labelled(world):
    camera = SceneCamera(400, 300, 1400.0, 1400.0, 210.0, 140.0)
    picture, face = drawn(world, scene_of(world, geometry.FACING, camera))
    grey = picture.image.astype(float).mean(axis=-1)
    for x, y in face.landmarks[96:98]:
        # The iris is nearly black here: the darkest spot's middle is the pupil.
        x0, y0 = round(x) - 20, round(y) - 20
        dark = grey[y0 : y0 + 41, x0 : x0 + 41] < 60
        rows, columns = np.nonzero(dark)
        assert abs(columns.mean() + x0 - x) < 1.0
        assert abs(rows.mean() + y0 - y) < 1.5  # a lid may cut it


def test_depth_agrees_with_the_points(world):
    camera = SceneCamera(300, 300, 900.0, 900.0, 149.5, 149.5)
    picture, face = drawn(world, scene_of(world, geometry.FACING, camera))
    for i in (51, 52, 53, 54, 57, 79, 85):
        x, y = np.round(face.landmarks[i]).astype(int)
        assert picture.depth[y, x] == pytest.approx(face.points[i, 2], abs=0.004)


def test_the_far_eye_is_hidden_in_profile_and_all_is_seen_from_ahead(world):
    camera = SceneCamera(300, 300, 900.0, 900.0, 149.5, 149.5)
    _, ahead = drawn(world, scene_of(world, geometry.FACING, camera))
    assert ahead.visible[33:].all()
    profile = geometry.head_rotation(0.0, 0.0, np.radians(85))
    _, turned = drawn(world, scene_of(world, profile, camera))
    assert not turned.visible[[68, 72, 97]].any(), "the left eye is behind the nose"
    assert turned.visible[[60, 67, 54]].all()


def test_points_outside_the_picture_are_not_visible(world):
    camera = SceneCamera(150, 300, 900.0, 900.0, 149.5, 149.5)
    _, face = drawn(world, scene_of(world, geometry.FACING, camera))
    outside = face.landmarks[:, 0] > 149.5
    assert outside.any()
    assert not face.visible[outside].any()


def test_supersampling_moves_nothing(world):
    camera = SceneCamera(200, 200, 700.0, 700.0, 99.5, 99.5)
    scene = scene_of(world, geometry.FACING, camera)
    one = effects.apply(drawn(world, scene, 1.0)[0].image, (200, 200), Effects())
    two = effects.apply(drawn(world, scene, 2.0)[0].image, (200, 200), Effects())
    a, b = (x.astype(float).mean(axis=-1) for x in (one, two))
    a, b = a - a.mean(), b - b.mean()
    here = (a * b).sum()
    for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        assert (np.roll(a, (dy, dx), (0, 1)) * b).sum() < here


def test_a_sample_depends_on_its_number_alone(studio):
    first = studio.sample(11)
    studio.sample(4)
    again = studio.sample(11)
    np.testing.assert_array_equal(first.image, again.image)
    np.testing.assert_array_equal(first.face.landmarks, again.face.landmarks)


def test_processes_give_the_same_stream():
    one = list(stream.faces(None, 2, SamplePlan(size=64), count=4))
    two = list(stream.faces(None, 2, SamplePlan(size=64), count=4, processes=2))
    for a, b in zip(one, two, strict=True):
        assert a.index == b.index
        np.testing.assert_array_equal(a.image, b.image)


@pytest.mark.parametrize("extra", [[], ["--shards", "3"]])
def test_the_command_writes_the_same_bytes_twice(tmp_path, extra):
    for name in ("a", "b"):
        arguments = ["--count", "5", "--seed", "1", "--size", "96", "--gallery", *extra]
        assert command.main(["--out", str(tmp_path / name), *arguments]) == 0
    names = sorted(
        p.relative_to(tmp_path / "a") for p in (tmp_path / "a").rglob("*") if p.is_file()
    )
    assert any(n.name == "gallery.png" for n in names)
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name
    sample_shards.verify(tmp_path / "a")


def test_shards_read_back(tmp_path, studio):
    samples = [studio.sample(i) for i in range(4)]
    shards.write(samples, tmp_path, 3)
    back = list(sample_shards.read(tmp_path))
    assert [record["index"] for _, record in back] == [0, 1, 2, 3]
    for (image, record), sample in zip(back, samples, strict=True):
        np.testing.assert_array_equal(image, sample.image)
        points = np.array(record["face"]["points98"]) @ np.array(record["camera"]).T
        flat = points[:, :2] / points[:, 2:]
        np.testing.assert_allclose(flat, record["face"]["landmarks98"], atol=0.01)
    json.dumps([record for _, record in back])
    data = bytearray((tmp_path / "shard-00000.tar").read_bytes())
    data[600] ^= 1
    (tmp_path / "shard-00000.tar").write_bytes(bytes(data))
    with pytest.raises(sample_shards.ShardError, match=r"shard-00000\.tar"):
        list(sample_shards.read(tmp_path))


def test_effects_do_not_move_the_picture():
    dot = np.zeros((81, 81, 3), np.uint8)
    dot[38:43, 38:43] = 255
    for case in (
        Effects(defocus=2.0), Effects(motion=(6.0, 3.0)), Effects(shrink=3.0),
        Effects(jpeg=40), Effects(vignette=0.3),
    ):  # fmt: skip
        out = effects.apply(dot, (81, 81), case).astype(float).mean(axis=-1)
        out[out < 6] = 0
        rows, columns = np.mgrid[0:81, 0:81]
        assert (out * rows).sum() / out.sum() == pytest.approx(40, abs=0.35)
        assert (out * columns).sum() / out.sum() == pytest.approx(40, abs=0.35)


def test_a_lamp_casts_a_shadow(world):
    from atpn_ros.learning.synth.scene.description import Lamp

    camera = SceneCamera(200, 200, 600.0, 600.0, 99.5, 99.5)
    scene = scene_of(world, geometry.FACING, camera)
    side = np.array([1.0, -0.3, -0.4])
    lit = replace(
        scene, light=replace(scene.light, lamp=Lamp(side / np.linalg.norm(side), (1, 1, 1)))
    )
    picture, face = drawn(world, lit)
    grey = picture.image.astype(float).mean(axis=-1)
    near, far = (np.round((face.landmarks[a] + face.landmarks[b]) / 2).astype(int)
                 for a, b in ((82, 28), (76, 4)))  # fmt: skip
    assert grey[near[1], near[0]] > grey[far[1], far[0]] + 25


def test_graphics_memory_of_a_picture_is_released(studio, monkeypatch):
    """Accessories and hair of each picture once stayed in memory: half a megabyte of each."""
    made = []
    gpu = studio.renderer.gpu

    class Recorder:
        def __getattr__(self, name):
            return getattr(real, name)

        def __enter__(self):
            return real.__enter__()

        def __exit__(self, *args):
            return real.__exit__(*args)

        def buffer(self, *args, **kwargs):
            made.append(real.buffer(*args, **kwargs))
            return made[-1]

    real = gpu.ctx
    monkeypatch.setattr(gpu, "ctx", Recorder())
    for i in range(20):
        studio.sample(i)
    assert len(made) > 10, "accessories were drawn"
    assert all(type(buffer.mglo).__name__ == "InvalidObject" for buffer in made)
