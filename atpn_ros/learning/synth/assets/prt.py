# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Precomputed radiance transfer (PRT): the self-shadowing of the head, per vertex and harmonic.

Depth is rendered from many directions; a vertex behind that depth is in shadow from there. Under
any panorama, shadows of brow, nose and chin then cost nine products per vertex.
"""

from __future__ import annotations

import numpy as np

from atpn_ros.learning.synth.assets.head_model import HeadModel, Part
from atpn_ros.learning.synth.assets.panoramas import harmonics
from atpn_ros.learning.synth.opengl import context, shaders
from atpn_ros.types import Floats

_DIRECTIONS, _SIDE = 160, 256
_CENTRE, _RADIUS = np.array([-0.06, 0.0, -0.03]), 0.2
_BIAS = 0.004


def bake(head: HeadModel) -> Floats:
    """(V, 9) float32: radiance transfer divided by the factors of the cosine lobe.

    Where nothing shadows a vertex this equals the harmonics of its normal.
    """
    normals = head.normals(head.neutral)
    skin = head.corner[head.triangles[head.parts == Part.SKIN]].astype(np.int32)
    total = np.zeros((len(head.neutral), 9))
    with context.create_context() as ctx:
        program = ctx.program(shaders.SHADOW_VERTEX, shaders.SHADOW_FRAGMENT)
        vertices = ctx.buffer(np.ascontiguousarray(head.neutral, np.float32).tobytes())
        faces = ctx.buffer(skin.tobytes())
        vao = ctx.vertex_array(program, [(vertices, "3f", "in_pos")], faces)
        depth = ctx.depth_texture((_SIDE, _SIDE))
        target = ctx.framebuffer(depth_attachment=depth)
        for direction in _sphere(_DIRECTIONS):
            lens = light_matrix(direction)
            target.use()
            target.clear(depth=1.0)
            ctx.enable(ctx.DEPTH_TEST)
            context.set_uniforms(program, light_matrix=lens.T.astype(np.float32).tobytes())
            vao.render()
            map_ = np.frombuffer(depth.read(), np.float32).reshape(_SIDE, _SIDE)
            at = head.neutral @ lens[:3, :3].T + lens[:3, 3]
            ij = np.clip(((at[:, :2] * 0.5 + 0.5) * _SIDE).astype(int), 0, _SIDE - 1)
            free = at[:, 2] * 0.5 + 0.5 <= map_[ij[:, 1], ij[:, 0]] + _BIAS / (2 * _RADIUS)
            cosine = np.clip(normals @ direction, 0, None) * free
            total += cosine[:, None] * harmonics(direction)
    total *= 4 * np.pi / _DIRECTIONS / np.pi
    bands = np.array([1.0] + [2 / 3] * 3 + [1 / 4] * 5)
    return np.asarray(total / bands, np.float32)


def light_matrix(direction: Floats, centre: Floats = _CENTRE, radius: float = _RADIUS) -> Floats:
    """(4, 4) head frame to clip space of parallel light that comes from a direction."""
    z = -direction / np.linalg.norm(direction)
    x = np.cross((0.0, 0.0, 1.0) if abs(z[2]) < 0.9 else (0.0, 1.0, 0.0), z)
    x /= np.linalg.norm(x)
    out = np.eye(4)
    out[:3, :3] = np.stack([x, np.cross(z, x), z]) / radius
    out[:3, 3] = -out[:3, :3] @ centre
    return out


def _sphere(count: int) -> Floats:
    """(N, 3) directions spread evenly (Fibonacci)."""
    i = np.arange(count) + 0.5
    z, turn = 1 - 2 * i / count, np.pi * (1 + np.sqrt(5)) * i
    r = np.sqrt(1 - z * z)
    return np.stack([r * np.cos(turn), r * np.sin(turn), z], axis=1)
