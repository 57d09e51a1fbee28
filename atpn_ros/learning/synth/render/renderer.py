# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Renders a scene to a picture and a depth map with OpenGL.

Pixel centres are at integers: pixel (0, 0) of the picture is where the camera's projection gives
(0, 0), whatever the supersampling.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import moderngl
import numpy as np

from atpn_ros.learning.synth.assets import panoramas
from atpn_ros.learning.synth.assets.head_model import Part
from atpn_ros.learning.synth.assets.library import Assets
from atpn_ros.learning.synth.assets.prt import light_matrix
from atpn_ros.learning.synth.opengl import context
from atpn_ros.learning.synth.render.gpu_resources import SHADOW_SIDE, GpuResources
from atpn_ros.learning.synth.scene.body import IRIS_PLANE, AccessoryMesh, Body
from atpn_ros.learning.synth.scene.description import Person, Scene, SceneCamera
from atpn_ros.types import Floats, Image

NEAR, FAR = 0.05, 40.0
_IRIS_RADIUS = 0.44
"""The iris over the eyeball's radius."""

_INNER_COLOURS = {
    Part.SOCKET: (0.36, 0.17, 0.14),
    Part.MOUTH: (0.24, 0.07, 0.06),
    Part.GUMS: (0.42, 0.16, 0.15),
    Part.TEETH: (0.66, 0.62, 0.52),
    Part.LASHES: (0.02, 0.015, 0.012),
}


@dataclass(frozen=True, slots=True)
class Picture:
    """What was drawn: ``image`` (H, W, 3) uint8 RGB, ``depth`` (H, W) float32 metres along z.

    Both have the supersampled size; ``scale`` is how many of their pixels make one of the camera's.
    """

    image: Image
    depth: Floats
    scale: float


class Renderer:
    """Draws scenes with OpenGL.

    Args:
        assets: The assets that scenes refer to.
        supersample: Drawn pixels per pixel, along each axis.
        threads: Threads for Mesa's software driver.
        decimation: How coarse the head mesh may be (:mod:`decimation`); 0 draws the full mesh.

    Raises:
        RenderError: No OpenGL context can be created.
    """

    def __init__(
        self, assets: Assets, supersample: float = 1.25, threads: int = 1, decimation: float = 1.0
    ) -> None:
        self.assets, self.supersample = assets, supersample
        self.gpu = GpuResources(assets, threads, decimation)

    def close(self) -> None:
        """Release the graphics memory."""
        self.gpu.release()

    def draw(self, scene: Scene, bodies: list[Body], backdrop: Image) -> Picture:
        """Draw a scene.

        Args:
            scene: What to draw.
            bodies: The prepared geometry of its people, in their order.
            backdrop: (h, w, 3) uint8 RGB behind everything, stretched over the picture.
        """
        with self.gpu.ctx:  # a process may have renderers of several heads
            return self._draw(scene, bodies, backdrop)

    def _draw(self, scene: Scene, bodies: list[Body], backdrop: Image) -> Picture:
        camera = scene.camera
        size = (round(camera.width * self.supersample), round(camera.height * self.supersample))
        gpu = self.gpu
        target, depth = gpu.target(size)
        projection = projection_matrix(camera).T.astype(np.float32).tobytes()
        setups = [
            self._setup(scene, p, b, projection) for p, b in zip(scene.people, bodies, strict=True)
        ]
        target.use()
        self.gpu.ctx.viewport = (0, 0, *size)
        target.clear(0.0, 0.0, 0.0, 1.0, depth=1.0)
        self._draw_backdrop(backdrop)
        self.gpu.ctx.enable(moderngl.DEPTH_TEST)
        far_first = np.argsort([-float(p.position[2]) for p in scene.people])
        for i in far_first:
            person, body = scene.people[i], bodies[i]
            gpu.upload(body)
            if scene.light.lamp is not None:
                self._draw_shadow(body, setups[i])
                target.use()
                self.gpu.ctx.viewport = (0, 0, *size)
            self._draw_person(person, body, setups[i])
        image = np.frombuffer(target.read(components=3, alignment=1), np.uint8)
        z = np.frombuffer(depth.read(alignment=1), np.float32).reshape(size[::-1])
        metres = 2 * NEAR * FAR / (FAR + NEAR - (2 * z - 1) * (FAR - NEAR))
        return Picture(image.reshape(size[1], size[0], 3), metres, size[0] / camera.width)

    def _setup(self, scene: Scene, person: Person, body: Body, projection: bytes) -> dict[str, Any]:
        """The uniforms that all of a person's programs share."""
        r, lamp = person.rotation, scene.light.lamp
        panorama = self.assets.panoramas[scene.light.panorama]
        coefficients = panoramas.irradiance(panoramas.radiance(panorama, scene.light.rotation @ r))
        out: dict[str, Any] = {
            "turn": np.ascontiguousarray(r.T, np.float32).tobytes(),
            "origin": tuple(body.sellion),
            "position": tuple(person.position),
            "projection": projection,
            "irr": (coefficients * np.asarray(scene.light.strength)).astype(np.float32).tobytes(),
            "eye": tuple(body.sellion - r.T @ person.position),
            "exposure": 1.0,
            "lamp_on": 0.0,
        }
        if lamp is not None:
            towards = r.T @ lamp.direction
            out |= {
                "lamp_on": 1.0,
                "lamp_dir": tuple(towards),
                "lamp_colour": lamp.colour,
                "light_matrix": light_matrix(towards).T.astype(np.float32).tobytes(),
            }
        return out

    def _draw_backdrop(self, backdrop: Image) -> None:
        self.gpu.ctx.disable(moderngl.DEPTH_TEST)
        size = backdrop.shape[1::-1]
        texture = self.gpu.ctx.texture(
            size, 3, np.ascontiguousarray(backdrop).tobytes(), alignment=1
        )
        texture.use(0)
        context.set_uniforms(self.gpu.back, picture=0)
        self.gpu.quad.render(moderngl.TRIANGLE_STRIP)
        texture.release()

    def _draw_shadow(self, body: Body, setup: dict[str, Any]) -> None:
        self.gpu.shadow_target.use()
        self.gpu.shadow_target.clear(depth=1.0)
        self.gpu.ctx.viewport = (0, 0, SHADOW_SIDE, SHADOW_SIDE)
        context.set_uniforms(self.gpu.dark, light_matrix=setup["light_matrix"])
        self.gpu.skin_dark.render()
        for mesh in body.accessories:
            if mesh.alpha > 0.9:
                with self.gpu.accessory(mesh, self.gpu.dark) as vertices:
                    vertices.render()

    def _draw_person(self, person: Person, body: Body, setup: dict[str, Any]) -> None:
        self.gpu.shadow.use(1)
        self.gpu.noise.use(2)
        self.gpu.details.use(3)
        self.gpu.irises.use(4)
        self._draw_skin(person, setup)
        self._draw_inner(body, setup)
        self._draw_eyes(person, body, setup)
        self._draw_lashes(person.skin.lashes)
        self._draw_pieces(body, setup, person.skin.seed)

    def _draw_skin(self, person: Person, setup: dict[str, Any]) -> None:
        skin = person.skin
        context.set_uniforms(
            self.gpu.skin, shadow=1, noise=2, details=3, layer=float(skin.layer),
            other=float(skin.other), mix_other=skin.mix, mirrored=float(skin.mirrored),
            base=skin.base, contrast=skin.contrast, gloss=skin.gloss, stubble=skin.stubble,
            buzz=skin.buzz, hairline=skin.hairline, hair_colour=skin.hair_colour,
            makeup=skin.makeup, seed=skin.seed,
            **setup,
        )  # fmt: skip
        self.gpu.skin_vao.render()

    def _draw_inner(self, body: Body, setup: dict[str, Any]) -> None:
        lips = float(body.points[[90, 94], 0].mean())
        context.set_uniforms(
            self.gpu.plain, shadow=1, noise=2, picture=5, textured=0.0, cut=0.0, alpha=1.0,
            pattern=0, seed=0.0, deep=(lips - 0.038, 0.036, 0.0), **setup,
        )  # fmt: skip
        for part, vao in self.gpu.inner.items():
            shut = self.assets.ages is None and body.mouth_open < 0.0015
            if part in (Part.MOUTH, Part.GUMS, Part.TEETH) and shut:
                continue  # the lips of the other head leave a slit
            inside = part in (Part.MOUTH, Part.GUMS, Part.TEETH)
            gloss = 0.6 if inside else 0.0
            context.set_uniforms(
                self.gpu.plain, base=_INNER_COLOURS[part], depth_shade=float(inside), gloss=gloss
            )
            if part == Part.LASHES:
                continue
            vao.render()

    def _draw_lashes(self, strength: float) -> None:
        """Thin hairs at the lids' rims, over everything else of the face."""
        vao = self.gpu.inner.get(Part.LASHES)
        if vao is None:
            return
        context.set_uniforms(
            self.gpu.plain,
            base=_INNER_COLOURS[Part.LASHES],
            alpha=strength,
            pattern=4,
            gloss=0.0,
            textured=0.0,
            cut=0.0,
            depth_shade=0.0,
        )
        self.gpu.ctx.enable(moderngl.BLEND)
        self._depth_writes(False)
        vao.render()
        self._depth_writes(True)
        self.gpu.ctx.disable(moderngl.BLEND)

    def _draw_eyes(self, person: Person, body: Body, setup: dict[str, Any]) -> None:
        eyes = person.eyes
        context.set_uniforms(
            self.gpu.eye, shadow=1, irises=4, iris=float(eyes.iris), tint=eyes.tint,
            pupil=eyes.pupil, iris_size=(_IRIS_RADIUS, IRIS_PLANE), **setup,
        )  # fmt: skip
        for i, (low, high) in enumerate(((66, 62), (74, 70))):
            context.set_uniforms(
                self.gpu.eye, centre=tuple(body.eye_centres[i]), radius=float(body.eye_radii[i]),
                eye_turn=body.eye_turns[i].T.astype(np.float32).tobytes(),
                lid_low=float(body.points[low, 2]), lid_high=float(body.points[high, 2]),
            )  # fmt: skip
            self.gpu.ball.render()

    def _draw_pieces(self, body: Body, setup: dict[str, Any], seed: float) -> None:
        if not body.accessories:
            return
        context.set_uniforms(
            self.gpu.plain,
            shadow=1,
            noise=2,
            picture=5,
            depth_shade=0.0,
            deep=(0.0, 1.0, 0.0),
            seed=seed,
            **setup,
        )
        with ExitStack() as kept:
            pieces = [
                (mesh, kept.enter_context(self.gpu.accessory(mesh, self.gpu.plain)))
                for mesh in body.accessories
            ]
            self._draw_opaque_then_soft(pieces)

    def _draw_opaque_then_soft(self, pieces: list[tuple[AccessoryMesh, Any]]) -> None:
        """Draw the opaque pieces, then the translucent ones and soft edges, with blending."""
        for soft in (False, True):
            for mesh, vao in pieces:
                fringed = mesh.texture >= 0
                if soft and not fringed and mesh.alpha > 0.99:
                    continue
                if not soft and mesh.alpha < 0.99:
                    continue
                self.gpu.bind_hair_texture(mesh.texture)
                context.set_uniforms(
                    self.gpu.plain, base=mesh.colour, alpha=mesh.alpha, gloss=mesh.gloss,
                    pattern=mesh.pattern, textured=float(mesh.texture >= 0),
                    cut=_cut(mesh, soft),
                )  # fmt: skip
                if soft:
                    self.gpu.ctx.enable(moderngl.BLEND)
                    self._depth_writes(False)
                vao.render()
                if soft:
                    self._depth_writes(True)
                    self.gpu.ctx.disable(moderngl.BLEND)

    def _depth_writes(self, on: bool) -> None:
        self.gpu.ctx.fbo.depth_mask = on


def projection_matrix(camera: SceneCamera) -> Floats:
    """(4, 4) camera frame to clip space, so that row 0 of what is read is the picture's top."""
    w, h = camera.width, camera.height
    depth = (FAR + NEAR) / (FAR - NEAR), -2 * FAR * NEAR / (FAR - NEAR)
    return np.array([
        [2 * camera.fx / w, 0, (2 * camera.cx + 1) / w - 1, 0],
        [0, 2 * camera.fy / h, (2 * camera.cy + 1) / h - 1, 0],
        [0, 0, *depth],
        [0, 0, 1, 0],
    ])  # fmt: skip


def _cut(mesh: AccessoryMesh, soft: bool) -> float:
    """Below which opacity nothing is drawn; less than 0: above which."""
    if mesh.texture >= 0:
        return -0.6 if soft else 0.6
    return 0.4 if mesh.pattern == 3 else 0.0
