# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Sequences, pictures without a face, and what people wear."""

import json

import numpy as np
import pytest

moderncontext = pytest.importorskip("moderngl", reason="extra `synth` is not installed")
context = pytest.importorskip("atpn_ros.learning.synth.opengl.context")
if not context.is_available():
    pytest.skip("no OpenGL through EGL here", allow_module_level=True)

from atpn_ros.cli import synth as command
from atpn_ros.learning.data.presence import PRESENT_OVERLAP
from atpn_ros.learning.synth.accessories import factory
from atpn_ros.learning.synth.accessories.body_builder import build_body
from atpn_ros.learning.synth.assets import builtin
from atpn_ros.learning.synth.assets.tones import Palette
from atpn_ros.learning.synth.output import recording
from atpn_ros.learning.synth.render import stream
from atpn_ros.learning.synth.render.sequences import SequenceRenderer
from atpn_ros.learning.synth.sampling import accessories, people
from atpn_ros.learning.synth.sampling.face_scenes import SamplePlan
from atpn_ros.learning.synth.sampling.motion import SequencePlan


@pytest.fixture(scope="module")
def world():
    return builtin.load()


@pytest.fixture(scope="module")
def stage(world):
    return SequenceRenderer(world, 3, SequencePlan(seconds=4.0, fps=5.0, size=(160, 120), people=3))


def test_people_enter_cross_and_leave(stage):
    scenes = [stage.scene(i)[0] for i in range(len(stage))]
    side = {i: [p.position[0] for s in scenes for p in s.people if p.id == i] for i in (0, 1)}
    assert side[0][0] < side[0][-1], "the first walks to the right"
    assert side[1][0] > side[1][-1], "the second to the left"
    frames = [stage.frame(i) for i in range(0, len(stage), 2)]
    seen = [{f.id for f in frame.faces} for frame in frames]
    assert any(len(s) >= 2 for s in seen)
    assert len({frozenset(s) for s in seen}) > 1, "somebody comes or goes"
    for frame in frames:
        ids = [f.id for f in frame.faces]
        assert len(ids) == len(set(ids))
        for face in frame.faces:
            flat = face.points @ frame.camera.T
            np.testing.assert_allclose(flat[:, :2] / flat[:, 2:], face.landmarks, atol=0.01)


def test_a_nearer_person_hides_a_farther_one(stage):
    hidden = 0
    for i in range(len(stage)):
        frame = stage.frame(i)
        if len(frame.faces) < 2:
            continue
        near, far = sorted(frame.faces, key=lambda f: f.sellion[2])[:2]
        x0, y0, x1, y1 = near.box.xyxy
        inside = (far.landmarks > (x0, y0)).all(axis=1) & (far.landmarks < (x1, y1)).all(axis=1)
        if inside.sum() > 60:
            hidden += 1
            assert far.visible[inside].mean() < 0.35
    assert hidden, "the sequence has a crossing"


def test_a_frame_can_be_drawn_alone(world, stage):
    again = SequenceRenderer(world, 3, stage.plan)
    np.testing.assert_array_equal(again.frame(7).image, stage.frame(7).image)
    assert again.frame(7).stamp_ns == 1_400_000_000


@pytest.mark.parametrize("kind", ["frames", "video", "bag"])
def test_recordings(tmp_path, world, kind):
    if kind == "bag":
        pytest.importorskip("rosbags", reason="extra `synth` is not installed")
    small = SequenceRenderer(world, 1, SequencePlan(seconds=0.6, fps=5.0, size=(96, 64), people=2))
    assert recording.write(small, tmp_path / "a", kind) == 3
    lines = [json.loads(x) for x in (tmp_path / "a" / "truth.jsonl").read_text().splitlines()]
    assert [x["index"] for x in lines] == [0, 1, 2]
    if kind == "frames":
        assert len(list((tmp_path / "a" / "images").glob("*.png"))) == 3
    elif kind == "video":
        assert (tmp_path / "a" / "video.mp4").stat().st_size > 500
    else:
        _check_bag(tmp_path / "a" / "bag", lines)


def _check_bag(path, lines):
    from rosbags.highlevel import AnyReader
    from rosbags.typesys import Stores, get_typestore

    with AnyReader([path], default_typestore=get_typestore(Stores.ROS2_HUMBLE)) as reader:
        stamps = []
        for connection, stamp, raw in reader.messages():
            message = reader.deserialize(raw, connection.msgtype)
            if connection.topic == recording.TOPIC:
                stamps.append(stamp)
                assert message.format == "jpeg"
                header = message.header.stamp
                assert header.sec * 1_000_000_000 + header.nanosec == stamp
            else:
                camera = np.array(lines[len(stamps)]["camera"]).ravel()
                np.testing.assert_allclose(message.k, camera, atol=1e-5)
    assert stamps == [x["stamp_ns"] for x in lines]


def test_the_command_writes_sequences(tmp_path):
    arguments = ["--sequence", "0.4", "--fps", "5", "--frame", "96x64", "--people", "1"]
    for name in ("a", "b"):
        assert command.main(["--out", str(tmp_path / name), *arguments]) == 0
    for path in (tmp_path / "a").rglob("*.*"):
        other = tmp_path / "b" / path.relative_to(tmp_path / "a")
        assert path.read_bytes() == other.read_bytes()


@pytest.mark.parametrize("bad", ["64", "axb", "8x8"])
def test_bad_frame_sizes(tmp_path, capsys, bad):
    arguments = ["--out", str(tmp_path), "--sequence", "1", "--frame", bad]
    assert command.main(arguments) == 1
    assert "--frame" in capsys.readouterr().err


def test_not_faces_say_so(world):
    studio = stream.SampleRenderer(world, 8, SamplePlan(size=48, not_faces=1.0))
    samples = [studio.sample(i) for i in range(24)]
    empty = [s for s in samples if s.face is None]
    assert empty
    assert all(s.overlap == 0 and not s.presence for s in empty)
    off = [s for s in samples if s.face is not None]
    assert off
    assert sum(s.presence for s in off) <= len(off) // 3
    for s in off:
        if s.presence:
            assert s.overlap > PRESENT_OVERLAP
    studio = stream.SampleRenderer(world, 8, SamplePlan(size=48))
    assert all(studio.sample(i).presence for i in range(8))


def test_overlap():
    from atpn_ros.crop import CROP_MARGIN
    from atpn_ros.types import Box

    side = 100
    whole = Box(49.5, 49.5, side / CROP_MARGIN, 40)
    assert stream.crop_overlap(whole, side) == pytest.approx(1.0)
    assert stream.crop_overlap(Box(49.5, 49.5, side / 2 / CROP_MARGIN, 10), side) == pytest.approx(
        0.25
    )
    assert stream.crop_overlap(Box(500, 500, 50, 50), side) == 0.0


@pytest.mark.parametrize("kind", ["glasses", "mask", "cap", "hand", "occluder", "shoulders", "fur"])
def test_things_fit_the_head(world, kind):
    rng = np.random.default_rng(2)
    facing = np.array([[0.0, 1, 0], [0, 0, -1], [-1, 0, 0]])
    someone = people.sample_person(
        world, Palette(world.skins.base), rng, facing, np.array([0, 0, 1.0]), 0.0
    )
    made = build_body(world, someone)
    wish = {
        "glasses": lambda: accessories._glasses(rng), "mask": lambda: accessories._mask(rng),
        "cap": lambda: accessories._cap(rng),
        "hand": lambda: accessories._hand(rng, (0.5, 0.4, 0.3)),
        "occluder": lambda: accessories._occluder(rng),
        "shoulders": lambda: accessories._clothes(rng, np.zeros(3)),
        "fur": lambda: accessories.Accessory("fur", (0.1, 0.1, 0.1), (0.0, 0.01, 1.0, 3.0)),
    }[kind]()  # fmt: skip
    for piece in factory.make(world, made, (wish,)):
        assert np.isfinite(piece.vertices).all()
        assert piece.triangles.max() < len(piece.vertices)
        assert np.abs(piece.vertices[:, :2]).max() < 0.6
        assert len(piece.normals) == len(piece.uv) == len(piece.vertices)
    if kind == "mask":
        cloth = factory.make(world, made, (wish,))[0].vertices
        lips = made.points[[79, 85]]
        for p in lips:
            near = np.linalg.norm(cloth[:, 1:] - p[1:], axis=1) < 0.012
            assert cloth[near, 0].max() > p[0], "the cloth is before the lips"


def test_a_hand_hides_what_it_covers(world):
    from dataclasses import replace

    from atpn_ros.learning.synth.render.renderer import Renderer
    from atpn_ros.learning.synth.scene import labels
    from atpn_ros.learning.synth.scene.description import (
        Accessory,
        Backdrop,
        Light,
        Scene,
        SceneCamera,
    )

    rng = np.random.default_rng(1)
    facing = np.array([[0.0, 1, 0], [0, 0, -1], [-1, 0, 0]])
    bare = people.sample_person(
        world, Palette(world.skins.base), rng, facing, np.array([0, 0, 0.7]), 0.0
    )
    bare = replace(bare, accessories=())
    board = Accessory("occluder", (0.5, 0.5, 0.5), (0.0, -0.075, 0.02, 0.0, 0.1, 0.05, 0.0))
    camera = SceneCamera(160, 160, 500.0, 500.0, 79.5, 60.0)
    renderer = Renderer(world)
    seen = []
    for someone in (bare, replace(bare, accessories=(board,))):
        scene = Scene(camera, (someone,), Light(0, np.eye(3), (1, 1, 1)), Backdrop("plain", 0))
        made = build_body(world, someone)
        picture = renderer.draw(scene, [made], np.zeros((8, 8, 3), np.uint8))
        seen.append(labels.label(made, someone, camera, picture.depth, picture.scale).visible)
    assert seen[0][76:88].all()
    assert not seen[1][76:88].any()
    assert seen[1][51:54].all()
