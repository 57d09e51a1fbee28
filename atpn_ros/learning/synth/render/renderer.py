# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A scene -> a picture and its depth, with OpenGL. One renderer per process.

Pixel centres are at integers: pixel (0, 0) of the picture is where the camera's projection gives
(0, 0), whatever the supersampling.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import moderngl
import numpy as np

from atpn_ros.learning.synth.assets import panoramas
from atpn_ros.learning.synth.assets.decimation import thinned
from atpn_ros.learning.synth.assets.head_model import Ints, Part
from atpn_ros.learning.synth.assets.library import Assets
from atpn_ros.learning.synth.assets.mesh import grid
from atpn_ros.learning.synth.assets.noise import noise_texture
from atpn_ros.learning.synth.assets.prt import light_matrix
from atpn_ros.learning.synth.opengl import context, shaders
from atpn_ros.learning.synth.scene.body import IRIS_PLANE, AccessoryMesh, Body
from atpn_ros.learning.synth.scene.description import Person, Scene, SceneCamera
from atpn_ros.types import Floats, Image

NEAR, FAR = 0.05, 40.0
_SHADOW_SIDE = 192
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
    """Draws scenes made of some assets.

    Args:
        assets: What scenes refer to.
        supersample: Drawn pixels per pixel, along each axis.
        threads: For Mesa's processor driver.
        thin: How coarse the mesh may be (:mod:`thin`); 0 draws all of it.
    """

    def __init__(
        self, assets: Assets, supersample: float = 1.25, threads: int = 1, thin: float = 1.0
    ) -> None:
        self.assets, self.supersample, self.thin = assets, supersample, thin
        self.ctx = context.create_context(threads)
        self._targets: dict[tuple[int, int], tuple[Any, Any]] = {}
        self._textures: dict[int, Any] = {}
        self._programs()
        self._pictures()
        self._head()

    def close(self) -> None:
        """Give the graphics memory back."""
        self.ctx.release()

    def draw(self, scene: Scene, bodies: list[Body], backdrop: Image) -> Picture:
        """Draw a scene.

        Args:
            scene: What to draw.
            bodies: The prepared geometry of its people, in their order.
            backdrop: (h, w, 3) uint8 RGB behind everything, stretched over the picture.
        """
        camera = scene.camera
        size = (round(camera.width * self.supersample), round(camera.height * self.supersample))
        target, depth = self._target(size)
        lens = projection_matrix(camera).T.astype(np.float32).tobytes()
        setups = [self._setup(scene, p, b, lens) for p, b in zip(scene.people, bodies, strict=True)]
        target.use()
        self.ctx.viewport = (0, 0, *size)
        target.clear(0.0, 0.0, 0.0, 1.0, depth=1.0)
        self._draw_backdrop(backdrop)
        self.ctx.enable(moderngl.DEPTH_TEST)
        far_first = np.argsort([-float(p.position[2]) for p in scene.people])
        for i in far_first:
            person, body = scene.people[i], bodies[i]
            self._upload(body)
            if scene.light.lamp is not None:
                self._draw_shadow(body, setups[i])
                target.use()
                self.ctx.viewport = (0, 0, *size)
            self._draw_person(person, body, setups[i])
        image = np.frombuffer(target.read(components=3, alignment=1), np.uint8)
        z = np.frombuffer(depth.read(alignment=1), np.float32).reshape(size[::-1])
        metres = 2 * NEAR * FAR / (FAR + NEAR - (2 * z - 1) * (FAR - NEAR))
        return Picture(image.reshape(size[1], size[0], 3), metres, size[0] / camera.width)

    def _programs(self) -> None:
        make = self.ctx.program
        self.skin = make(shaders.SKIN_VERTEX, shaders.SKIN_FRAGMENT)
        self.plain = make(shaders.PIECE_VERTEX, shaders.PIECE_FRAGMENT)
        self.eye = make(shaders.EYE_VERTEX, shaders.EYE_FRAGMENT)
        self.dark = make(shaders.SHADOW_VERTEX, shaders.SHADOW_FRAGMENT)
        self.back = make(shaders.BACK_VERTEX, shaders.BACK_FRAGMENT)

    def _pictures(self) -> None:
        details = self.assets.skins.detail
        n, side = len(details), details.shape[1]
        self.details = self.ctx.texture_array((side, side, n), 3, np.ascontiguousarray(details))
        self.details.build_mipmaps()
        self.details.filter = (moderngl.LINEAR_MIPMAP_NEAREST, moderngl.LINEAR)
        self.details.repeat_x = self.details.repeat_y = False
        irises = self.assets.irises
        shape = (irises.shape[2], irises.shape[1], len(irises))
        self.irises = self.ctx.texture_array(shape, 3, np.ascontiguousarray(irises))
        self.irises.build_mipmaps()
        self.irises.filter = (moderngl.LINEAR_MIPMAP_LINEAR, moderngl.LINEAR)
        noise = noise_texture()
        self.noise = self.ctx.texture(noise.shape[1::-1], 4, noise.tobytes())
        self.noise.build_mipmaps()
        self.noise.filter = (moderngl.LINEAR_MIPMAP_NEAREST, moderngl.LINEAR)
        self.shadow = self.ctx.depth_texture((_SHADOW_SIDE, _SHADOW_SIDE))
        self.shadow.compare_func = ""
        self.shadow.repeat_x = self.shadow.repeat_y = False
        self.shadow_target = self.ctx.framebuffer(depth_attachment=self.shadow)
        corners = np.array([[-1, -1], [1, -1], [-1, 1], [1, 1]], np.float32)
        quad = self.ctx.buffer(corners.tobytes())
        self.quad = self.ctx.vertex_array(self.back, [(quad, "2f", "in_pos")])

    def _head(self) -> None:
        head = self.assets.head
        skin = thinned(head, Part.SKIN, self.thin)
        coarse = thinned(head, Part.SKIN, 2.5 * self.thin)
        self.skin_corners = int(head.triangles[head.parts == Part.SKIN].max()) + 1
        corner = head.corner[: self.skin_corners]
        neutral = head.normals(head.neutral)
        fixed = np.concatenate(
            [head.uv[: self.skin_corners], head.masks[corner], self.assets.prt[corner],
             neutral[corner]], axis=1).astype(np.float32)  # fmt: skip
        self.moving = self.ctx.buffer(reserve=len(head.corner) * 24)
        still = self.ctx.buffer(np.ascontiguousarray(fixed).tobytes())
        index = self.ctx.buffer(skin.astype(np.int32).tobytes())
        self.skin_vao = self.ctx.vertex_array(
            self.skin,
            [(self.moving, "3f 3f", "in_pos", "in_normal"),
             (still, "2f 4f 4f 4f 1f 3f", "in_uv", "in_mask", "in_prt0", "in_prt1", "in_prt2",
              "in_normal0")], index, skip_errors=True)  # fmt: skip
        self.skin_dark = self.ctx.vertex_array(
            self.dark,
            [(self.moving, "3f 12x", "in_pos")],
            self.ctx.buffer(coarse.astype(np.int32).tobytes()),
        )
        uv = self.ctx.buffer(np.ascontiguousarray(head.uv, np.float32).tobytes())
        self.inner = {}
        for part in _INNER_COLOURS:
            lashes = part == Part.LASHES
            faces = thinned(head, part, 0.0 if lashes else 1.5 * self.thin).astype(np.int32)
            if len(faces):
                self.inner[part] = self.ctx.vertex_array(
                    self.plain,
                    [(self.moving, "3f 3f", "in_pos", "in_normal"), (uv, "2f", "in_uv")],
                    self.ctx.buffer(faces.tobytes()), skip_errors=True)  # fmt: skip
        ball, mesh = _ball()
        self.ball = self.ctx.vertex_array(
            self.eye, [(self.ctx.buffer(ball.tobytes()), "3f", "in_pos")],
            self.ctx.buffer(mesh.tobytes()))  # fmt: skip

    def _target(self, size: tuple[int, int]) -> tuple[Any, Any]:
        if size not in self._targets:
            colour = self.ctx.texture(size, 4)
            depth = self.ctx.depth_texture(size)
            self._targets[size] = (self.ctx.framebuffer(colour, depth), depth)
        return self._targets[size]

    def _setup(self, scene: Scene, person: Person, body: Body, lens: bytes) -> dict[str, Any]:
        """The uniforms that all of a person's programs share."""
        r, lamp = person.rotation, scene.light.lamp
        panorama = self.assets.panoramas[scene.light.panorama]
        coefficients = panoramas.irradiance(panoramas.radiance(panorama, scene.light.rotation @ r))
        out: dict[str, Any] = {
            "turn": np.ascontiguousarray(r.T, np.float32).tobytes(),
            "origin": tuple(body.sellion),
            "position": tuple(person.position),
            "projection": lens,
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

    def _upload(self, body: Body) -> None:
        corner = self.assets.head.corner
        both = np.concatenate([body.vertices, body.normals], axis=1)
        self.moving.write(np.ascontiguousarray(both[corner], np.float32))

    def _draw_backdrop(self, backdrop: Image) -> None:
        self.ctx.disable(moderngl.DEPTH_TEST)
        size = backdrop.shape[1::-1]
        texture = self.ctx.texture(size, 3, np.ascontiguousarray(backdrop).tobytes(), alignment=1)
        texture.use(0)
        context.set_uniforms(self.back, picture=0)
        self.quad.render(moderngl.TRIANGLE_STRIP)
        texture.release()

    def _draw_shadow(self, body: Body, setup: dict[str, Any]) -> None:
        self.shadow_target.use()
        self.shadow_target.clear(depth=1.0)
        self.ctx.viewport = (0, 0, _SHADOW_SIDE, _SHADOW_SIDE)
        context.set_uniforms(self.dark, light_matrix=setup["light_matrix"])
        self.skin_dark.render()
        for piece in body.accessories:
            if piece.alpha > 0.9:
                self._piece_vao(piece, self.dark).render()

    def _draw_person(self, person: Person, body: Body, setup: dict[str, Any]) -> None:
        self.shadow.use(1)
        self.noise.use(2)
        self.details.use(3)
        self.irises.use(4)
        self._draw_skin(person, setup)
        self._draw_inner(body, setup)
        self._draw_eyes(person, body, setup)
        self._draw_lashes(person.skin.lashes)
        self._draw_pieces(body, setup, person.skin.seed)

    def _draw_skin(self, person: Person, setup: dict[str, Any]) -> None:
        skin = person.skin
        context.set_uniforms(
            self.skin, shadow=1, noise=2, details=3, layer=float(skin.layer),
            other=float(skin.other), mix_other=skin.mix, mirrored=float(skin.mirrored),
            base=skin.base, contrast=skin.contrast, gloss=skin.gloss, stubble=skin.stubble,
            buzz=skin.buzz, hairline=skin.hairline, hair_colour=skin.hair_colour,
            makeup=skin.makeup, seed=skin.seed,
            **setup,
        )  # fmt: skip
        self.skin_vao.render()

    def _draw_inner(self, body: Body, setup: dict[str, Any]) -> None:
        lips = float(body.points[[90, 94], 0].mean())
        context.set_uniforms(
            self.plain, shadow=1, noise=2, picture=5, textured=0.0, cut=0.0, alpha=1.0, pattern=0,
            seed=0.0, deep=(lips - 0.038, 0.036, 0.0), **setup,
        )  # fmt: skip
        for part, vao in self.inner.items():
            if part in (Part.MOUTH, Part.GUMS, Part.TEETH) and body.mouth_open < 0.0015:
                continue
            inside = part in (Part.MOUTH, Part.GUMS, Part.TEETH)
            gloss = 0.6 if inside else 0.0
            context.set_uniforms(
                self.plain, base=_INNER_COLOURS[part], depth_shade=float(inside), gloss=gloss
            )
            if part == Part.LASHES:
                continue
            vao.render()

    def _draw_lashes(self, strength: float) -> None:
        """Thin hairs at the lids' rims, over everything else of the face."""
        vao = self.inner.get(Part.LASHES)
        if vao is None:
            return
        context.set_uniforms(
            self.plain,
            base=_INNER_COLOURS[Part.LASHES],
            alpha=strength,
            pattern=4,
            gloss=0.0,
            textured=0.0,
            cut=0.0,
            depth_shade=0.0,
        )
        self.ctx.enable(moderngl.BLEND)
        self._depth_writes(False)
        vao.render()
        self._depth_writes(True)
        self.ctx.disable(moderngl.BLEND)

    def _draw_eyes(self, person: Person, body: Body, setup: dict[str, Any]) -> None:
        eyes = person.eyes
        context.set_uniforms(
            self.eye, shadow=1, irises=4, iris=float(eyes.iris), tint=eyes.tint,
            pupil=eyes.pupil, iris_size=(_IRIS_RADIUS, IRIS_PLANE), **setup,
        )  # fmt: skip
        for i, (low, high) in enumerate(((66, 62), (74, 70))):
            context.set_uniforms(
                self.eye, centre=tuple(body.eye_centres[i]), radius=float(body.eye_radii[i]),
                eye_turn=body.eye_turns[i].T.astype(np.float32).tobytes(),
                lid_low=float(body.points[low, 2]), lid_high=float(body.points[high, 2]),
            )  # fmt: skip
            self.ball.render()

    def _draw_pieces(self, body: Body, setup: dict[str, Any], seed: float) -> None:
        if not body.accessories:
            return
        context.set_uniforms(
            self.plain,
            shadow=1,
            noise=2,
            picture=5,
            depth_shade=0.0,
            deep=(0.0, 1.0, 0.0),
            seed=seed,
            **setup,
        )
        vaos = [self._piece_vao(p, self.plain) for p in body.accessories]
        for soft in (False, True):
            for piece, vao in zip(body.accessories, vaos, strict=True):
                fringed = piece.texture >= 0
                if soft and not fringed and piece.alpha > 0.99:
                    continue
                if not soft and piece.alpha < 0.99:
                    continue
                self._texture(piece.texture)
                context.set_uniforms(
                    self.plain, base=piece.colour, alpha=piece.alpha, gloss=piece.gloss,
                    pattern=piece.pattern, textured=float(piece.texture >= 0),
                    cut=_cut(piece, soft),
                )  # fmt: skip
                if soft:
                    self.ctx.enable(moderngl.BLEND)
                    self._depth_writes(False)
                vao.render()
                if soft:
                    self._depth_writes(True)
                    self.ctx.disable(moderngl.BLEND)
        for vao in vaos:
            vao.release()

    def _depth_writes(self, on: bool) -> None:
        self.ctx.fbo.depth_mask = on

    def _piece_vao(self, piece: AccessoryMesh, program: moderngl.Program) -> Any:
        data = np.concatenate([piece.vertices, piece.normals, piece.uv], axis=1)
        buffer = self.ctx.buffer(np.ascontiguousarray(data, np.float32).tobytes())
        index = self.ctx.buffer(np.ascontiguousarray(piece.triangles, np.int32).tobytes())
        if program is self.dark:
            return self.ctx.vertex_array(program, [(buffer, "3f 20x", "in_pos")], index)
        layout = [(buffer, "3f 3f 2f", "in_pos", "in_normal", "in_uv")]
        return self.ctx.vertex_array(program, layout, index, skip_errors=True)

    def _texture(self, number: int) -> None:
        if number < 0:
            return
        if number not in self._textures:
            image = self.assets.styles[number].texture
            if image is None:
                return
            texture = self.ctx.texture(image.shape[1::-1], 4, np.ascontiguousarray(image).tobytes())
            texture.build_mipmaps()
            texture.filter = (moderngl.LINEAR_MIPMAP_LINEAR, moderngl.LINEAR)
            self._textures[number] = texture
        self._textures[number].use(5)


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


def _cut(piece: AccessoryMesh, soft: bool) -> float:
    """Below which opacity nothing is drawn; less than 0: above which."""
    if piece.texture >= 0:
        return -0.6 if soft else 0.6
    return 0.4 if piece.pattern == 3 else 0.0


def _ball(rows: int = 14, columns: int = 28) -> tuple[Floats, Ints]:
    """The front of a unit sphere around the x axis, finer near the pole."""
    polar = np.linspace(0.0, np.radians(105), rows)[:, None]
    turn = np.arange(columns) / columns * 2 * np.pi
    sphere = np.stack([np.broadcast_to(np.cos(polar), (rows, columns)),
                       np.sin(polar) * np.cos(turn), np.sin(polar) * np.sin(turn)],
                      axis=-1)  # fmt: skip
    return sphere.reshape(-1, 3).astype(np.float32), grid(rows, columns, closed=True)
