# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The textures, vertex buffers and shader programs that the renderer keeps in graphics memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import moderngl
import numpy as np

from atpn_ros.learning.synth.assets.decimation import thinned
from atpn_ros.learning.synth.assets.head_model import Part
from atpn_ros.learning.synth.assets.library import Assets
from atpn_ros.learning.synth.assets.mesh import Ints, grid
from atpn_ros.learning.synth.assets.noise import noise_texture
from atpn_ros.learning.synth.opengl import context, shaders
from atpn_ros.learning.synth.scene.body import AccessoryMesh, Body
from atpn_ros.types import Floats

SHADOW_SIDE = 192
"""Side in pixels of the lamp's shadow map."""

INNER_PARTS = (Part.SOCKET, Part.MOUTH, Part.GUMS, Part.TEETH, Part.LASHES)
"""Parts of the head other than its skin."""


class GpuResources:
    """Graphics memory of one renderer: programs, textures, meshes of the head, render targets.

    Args:
        assets: The assets to upload.
        threads: Threads for Mesa's software driver.
        decimation: Factor on the cells of :func:`decimation.thinned`; 0 uploads the full mesh.
    """

    def __init__(self, assets: Assets, threads: int, decimation: float) -> None:
        self.assets = assets
        self.ctx = context.create_context(threads)
        self._targets: dict[tuple[int, int], tuple[Any, Any]] = {}
        self._hair_textures: dict[int, Any] = {}
        self._compile_programs()
        self._upload_textures()
        self._upload_head(decimation)

    def release(self) -> None:
        """Release the OpenGL context and everything in it."""
        self.ctx.release()

    def _compile_programs(self) -> None:
        make = self.ctx.program
        self.skin = make(shaders.SKIN_VERTEX, shaders.SKIN_FRAGMENT)
        self.plain = make(shaders.PIECE_VERTEX, shaders.PIECE_FRAGMENT)
        self.eye = make(shaders.EYE_VERTEX, shaders.EYE_FRAGMENT)
        self.dark = make(shaders.SHADOW_VERTEX, shaders.SHADOW_FRAGMENT)
        self.back = make(shaders.BACK_VERTEX, shaders.BACK_FRAGMENT)

    def _upload_textures(self) -> None:
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
        self.shadow = self.ctx.depth_texture((SHADOW_SIDE, SHADOW_SIDE))
        self.shadow.compare_func = ""
        self.shadow.repeat_x = self.shadow.repeat_y = False
        self.shadow_target = self.ctx.framebuffer(depth_attachment=self.shadow)
        corners = np.array([[-1, -1], [1, -1], [-1, 1], [1, 1]], np.float32)
        quad = self.ctx.buffer(corners.tobytes())
        self.quad = self.ctx.vertex_array(self.back, [(quad, "2f", "in_pos")])

    def _upload_head(self, decimation: float) -> None:
        head = self.assets.head
        skin = thinned(head, Part.SKIN, decimation)
        coarse = thinned(head, Part.SKIN, 2.5 * decimation)
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
        for part in INNER_PARTS:
            lashes = part == Part.LASHES
            faces = thinned(head, part, 0.0 if lashes else 1.5 * decimation).astype(np.int32)
            if len(faces):
                self.inner[part] = self.ctx.vertex_array(
                    self.plain,
                    [(self.moving, "3f 3f", "in_pos", "in_normal"), (uv, "2f", "in_uv")],
                    self.ctx.buffer(faces.tobytes()), skip_errors=True)  # fmt: skip
        ball, mesh = _eyeball_mesh()
        self.ball = self.ctx.vertex_array(
            self.eye, [(self.ctx.buffer(ball.tobytes()), "3f", "in_pos")],
            self.ctx.buffer(mesh.tobytes()))  # fmt: skip

    def target(self, size: tuple[int, int]) -> tuple[Any, Any]:
        """The framebuffer of a (width, height) and its depth texture."""
        if size not in self._targets:
            colour = self.ctx.texture(size, 4)
            depth = self.ctx.depth_texture(size)
            self._targets[size] = (self.ctx.framebuffer(colour, depth), depth)
        return self._targets[size]

    def upload(self, body: Body) -> None:
        """Send the vertices and normals of a person's head."""
        corner = self.assets.head.corner
        both = np.concatenate([body.vertices, body.normals], axis=1)
        self.moving.write(np.ascontiguousarray(both[corner], np.float32))

    @contextmanager
    def accessory(self, mesh: AccessoryMesh, program: moderngl.Program) -> Iterator[Any]:
        """Upload an accessory for a program; yields its vertex array and releases it afterwards."""
        data = np.concatenate([mesh.vertices, mesh.normals, mesh.uv], axis=1)
        buffer = self.ctx.buffer(np.ascontiguousarray(data, np.float32).tobytes())
        index = self.ctx.buffer(np.ascontiguousarray(mesh.triangles, np.int32).tobytes())
        layout = [(buffer, "3f 3f 2f", "in_pos", "in_normal", "in_uv")]
        if program is self.dark:
            layout = [(buffer, "3f 20x", "in_pos")]
        vertices = self.ctx.vertex_array(program, layout, index, skip_errors=True)
        try:
            yield vertices
        finally:
            # A vertex array does not release its buffers.
            for part in (vertices, buffer, index):
                part.release()

    def bind_hair_texture(self, number: int) -> None:
        """Bind a hair style's texture to unit 5; negative numbers bind nothing."""
        if number < 0:
            return
        if number not in self._hair_textures:
            image = self.assets.styles[number].texture
            if image is None:
                return
            texture = self.ctx.texture(image.shape[1::-1], 4, np.ascontiguousarray(image).tobytes())
            texture.build_mipmaps()
            texture.filter = (moderngl.LINEAR_MIPMAP_LINEAR, moderngl.LINEAR)
            self._hair_textures[number] = texture
        self._hair_textures[number].use(5)


def _eyeball_mesh(rows: int = 14, columns: int = 28) -> tuple[Floats, Ints]:
    """The front of a unit sphere around the x axis, finer near the pole."""
    polar = np.linspace(0.0, np.radians(105), rows)[:, None]
    turn = np.arange(columns) / columns * 2 * np.pi
    sphere = np.stack([np.broadcast_to(np.cos(polar), (rows, columns)),
                       np.sin(polar) * np.cos(turn), np.sin(polar) * np.sin(turn)],
                      axis=-1)  # fmt: skip
    return sphere.reshape(-1, 3).astype(np.float32), grid(rows, columns, closed=True)
