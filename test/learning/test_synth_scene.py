# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The truth that scenes carry: points, pose, gaze. Draws nothing."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("moderngl", reason="extra `synth` is not installed")

from atpn_ros import geometry, landmark_layouts
from atpn_ros.learning.synth.accessories.body_builder import build_body
from atpn_ros.learning.synth.assets import builtin, tones
from atpn_ros.learning.synth.assets.library import assemble
from atpn_ros.learning.synth.assets.tones import Palette
from atpn_ros.learning.synth.sampling import expressions
from atpn_ros.learning.synth.sampling.face_scenes import SamplePlan, face_scene
from atpn_ros.learning.synth.scene import labels
from atpn_ros.learning.synth.scene.description import Eyes, Person, SceneCamera, Skin

SKIN = Skin(
    0, False, (0.5, 0.4, 0.3), 0, 0.0, 0.5, 1.0, 0.0, 0.0, 0.3, (0.1, 0.1, 0.1), 0.3, 0.0, 0.1
)
CAMERA = SceneCamera(640, 480, 700.0, 690.0, 310.0, 250.0)
AHEAD = np.array([[1.0, 0.0, 0.0]] * 2)


@pytest.fixture(scope="module")
def world():
    """Assets made by code, without the light that graphics would bake."""
    head = builtin.make_head()
    flat = np.ones((len(head.neutral), 9), np.float32)
    return assemble(head, flat, builtin._skins(head), builtin._irises(), builtin._panoramas())


def person(world, rotation=geometry.FACING, position=(0.02, -0.01, 0.8), gaze=AHEAD, **shapes):
    return Person(
        7, np.zeros(len(world.head.identity)), world.head.coefficients(**shapes),
        np.asarray(rotation), np.asarray(position, float), SKIN, Eyes(0, (1, 1, 1), 0.3, gaze),
        (), 2,
    )  # fmt: skip


def truth(world, someone, camera=CAMERA):
    return labels.label(build_body(world, someone), someone, camera)


def test_stored_points_project_onto_stored_pixels(world):
    palette = Palette(world.skins.base)
    for seed in range(20):
        scene, made = face_scene(world, palette, np.random.default_rng(seed), SamplePlan())
        face = labels.label(made, scene.people[0], scene.camera)
        flat = face.points @ scene.camera.matrix.T
        np.testing.assert_allclose(flat[:, :2] / flat[:, 2:], face.landmarks, atol=0.01)
        gap = np.linalg.norm(face.points[51] - face.sellion)
        assert gap < 1e-6, "point 51 is the sellion, the head frame's origin"


@pytest.mark.parametrize("axis", [geometry.about_x, geometry.about_y, geometry.about_z])
@pytest.mark.parametrize("angle", [0.3, -0.7])
def test_rotating_the_head_changes_the_stored_rotation_by_as_much(world, axis, angle):
    before = truth(world, person(world))
    after = truth(world, person(world, geometry.FACING @ axis(angle)))
    assert geometry.angle_between(before.rotation, after.rotation) == pytest.approx(abs(angle))
    # The points turn with it: the rigid ones fit that rotation.
    rigid = [*range(51, 55), 60, 64, 68, 72, 76, 82]
    a, b = (f.points[rigid] - f.sellion for f in (before, after))
    u, _, vt = np.linalg.svd(a.T @ b)
    found = geometry.nearest_rotation((u @ vt).T)
    np.testing.assert_allclose(found, after.rotation @ before.rotation.T, atol=1e-6)


@pytest.mark.parametrize(
    ("pose", "moved", "towards"),
    [
        ((0.0, 0.0, 0.5), 54, (1, 0)),  # yaw > 0: the nose to the image's right
        ((0.0, 0.4, 0.0), 54, (0, 1)),  # pitch > 0: the nose goes down
        ((0.4, 0.0, 0.0), 16, (1, 0)),  # roll > 0: scalp to the image's left, chin to its right
    ],
)  # fmt: skip
def test_signs_of_pose(world, pose, moved, towards):
    still = truth(world, person(world)).landmarks
    turned = truth(world, person(world, geometry.head_rotation(*pose))).landmarks
    step = (turned[moved] - turned[51]) - (still[moved] - still[51])
    assert step @ np.array(towards) > 5
    face = truth(world, person(world, geometry.head_rotation(*pose)))
    assert geometry.roll_pitch_yaw(face.rotation) == pytest.approx(pose)


def test_signs_of_gaze(world):
    ahead = truth(world, person(world))
    np.testing.assert_allclose(ahead.gaze, [[0, 0, -1]] * 2, atol=1e-9)  # into the camera
    left = np.array([[np.cos(0.4), np.sin(0.4), 0.0]] * 2)  # to the person's left
    face = truth(world, person(world, gaze=left))
    np.testing.assert_allclose(face.gaze, [[np.sin(0.4), 0, -np.cos(0.4)]] * 2, atol=1e-9)
    assert (face.landmarks[96:, 0] > ahead.landmarks[96:, 0] + 1).all()
    up = np.array([[np.cos(0.3), 0.0, np.sin(0.3)]] * 2)
    face = truth(world, person(world, gaze=up))
    assert (face.gaze[:, 1] < 0).all(), "up is -y in the camera"
    assert (face.landmarks[96:, 1] < ahead.landmarks[96:, 1] - 1).all()


def test_pupils_lie_on_the_gaze(world):
    gaze = np.array([[np.cos(0.2), np.sin(0.2), 0.1], [0.9, 0.1, -0.2]])
    gaze /= np.linalg.norm(gaze, axis=1, keepdims=True)
    face = truth(world, person(world, geometry.head_rotation(0.1, 0.2, -0.3), gaze=gaze))
    ray = face.points[96:98] - face.eye_centres
    ray /= np.linalg.norm(ray, axis=1, keepdims=True)
    np.testing.assert_allclose(ray, face.gaze, atol=1e-6)


def test_right_is_right(world):
    face = truth(world, person(world))
    assert face.landmarks[96, 0] < face.landmarks[97, 0], "the right eye is on the image's left"
    for i, j in enumerate(landmark_layouts.MIRROR98):
        x, y = face.landmarks[i] - face.landmarks[51], face.landmarks[j] - face.landmarks[51]
        # Perspective: the face stands off the middle of the picture.
        assert abs(x[0] + y[0]) < 5, (i, j)
        assert abs(x[1] - y[1]) < 5, (i, j)


def test_contour_is_the_visible_outline(world):
    for yaw in (0.6, -0.6, 1.1):
        face = truth(world, person(world, geometry.head_rotation(0.0, 0.0, yaw)))
        far = slice(23, 31) if yaw > 0 else slice(2, 10)
        made = build_body(world, person(world))
        skin = made.vertices[np.unique(world.head.corner[world.head.triangles])]
        cam = (skin - made.sellion) @ face.rotation.T + face.sellion
        flat = CAMERA.project(cam)
        # No skin of the face reaches further out at a far contour point's height.
        for p in face.landmarks[far]:
            cheek = (skin[:, 1] * np.sign(yaw) > 0.035) & (skin[:, 0] > -0.06)
            level = (np.abs(flat[:, 1] - p[1]) < 2.5) & cheek
            beyond = (flat[level, 0] - p[0]).max() if yaw > 0 else (p[0] - flat[level, 0]).max()
            assert beyond < 3.5


def test_contour_is_evenly_spaced(world):
    for yaw in (0.0, 0.5, -1.2):
        face = truth(world, person(world, geometry.head_rotation(0.0, 0.1, yaw)))
        for half in (face.landmarks[:17], face.landmarks[16:33]):
            steps = np.linalg.norm(np.diff(half, axis=0), axis=1)
            assert steps.max() < 1.6 * max(steps.min(), 0.35)


def test_crop_rotation_is_what_the_crop_shows(world):
    off = person(world, geometry.FACING, (0.5, 0.2, 0.9))
    face = truth(world, off)
    _, pitch, yaw = geometry.roll_pitch_yaw(face.crop_rotation)
    # A head parallel to the camera's axis that stands on the right shows its right cheek.
    assert yaw > 0.3
    assert pitch > 0.0
    straight = geometry.rotation_to_ray(face.points.mean(axis=0)) @ geometry.FACING
    face = truth(world, replace(off, rotation=straight))
    assert geometry.angle_between(face.crop_rotation, geometry.FACING) < 0.05


def test_shut_eyes_are_labelled_shut(world):
    shut = truth(world, person(world, eyeBlink_L=1.0, eyeBlink_R=1.0))
    assert (shut.eyes_open < truth(world, person(world)).eyes_open * 0.6).all()


def test_lids_follow_the_gaze():
    down = expressions.add_lid_motion({}, np.array([[0.9, 0.0, -0.43]] * 2))
    assert down["eyeLookDown_L"] > 0.5
    assert down["eyeLookUp_L"] == 0
    left = expressions.add_lid_motion({}, np.array([[0.9, 0.43, 0.0]] * 2))
    assert left["eyeLookOut_L"] > 0.5
    assert left["eyeLookIn_R"] > 0.5


def test_tones_come_evenly():
    rng = np.random.default_rng(0)
    dark, bright = np.array([0.09, 0.05, 0.035]), np.array([0.72, 0.55, 0.47])
    t = np.linspace(0, 1, 40)[:, None]
    palette = Palette(np.exp(np.log(dark) * (1 - t) + np.log(bright) * t))
    bins = [palette.sample(rng, 40)[0] for _ in range(1200)]
    counts = np.bincount(bins, minlength=6)
    assert counts.min() > 140
    assert counts.max() < 270


def test_tone_bins_are_those_of_the_colour():
    rng = np.random.default_rng(0)
    palette = Palette(builtin._skins(builtin.make_head()).base)
    for _ in range(50):
        tone, _, colour = palette.sample(rng, 6)
        assert tone == tones.tone_bin(tones.ita(colour))
