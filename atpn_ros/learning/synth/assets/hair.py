# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Reader for hair meshes (Wavefront files), fitted onto the morphable head.

The CC0 hair was made for another head, whose eyelashes come with it in the same coordinates
(decimetres; x to the person's left, y up, z forward). The eyelashes of both heads are aligned,
vertices inside the skull are pushed out, and each vertex follows its nearest scalp vertices when
the head's shape changes.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from atpn_ros.learning.data.asset_error import AssetError
from atpn_ros.learning.synth.assets.decimation import thinned
from atpn_ros.learning.synth.assets.head_model import HeadModel, Ints, Part, surface_normals
from atpn_ros.learning.synth.assets.wavefront import read_mesh
from atpn_ros.types import Floats, Image

_SIDE = 512
_SKULL = np.array([-0.085, 0.0, 0.03])
"""The middle of the skull, head frame."""
_AXES = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]) * 0.1
_NEAR = 4


@dataclass(frozen=True, slots=True)
class Style:
    """One hair mesh on the neutral head.

    Attributes:
        name: For messages.
        vertices: (N, 3) head frame.
        triangles: (T, 3).
        uv: (N, 2).
        follow: (N, 4) vertices of the head that each vertex moves with.
        weight: (N, 4) how much with each.
        texture: (S, S, 4) uint8 grey and alpha, row 0 at v = 0; or None.
    """

    name: str
    vertices: Floats
    triangles: Ints
    uv: Floats
    follow: Ints
    weight: Floats
    texture: Image | None
    face_coverage: float
    """Share of its vertices before the eyes and cheeks."""

    def on(self, head: Floats, neutral: Floats) -> Floats:
        """(N, 3) this hair on a head with (V, 3) vertices."""
        moved = (head - neutral)[self.follow]
        return np.asarray(self.vertices + np.einsum("nk,nkd->nd", self.weight, moved))


def load(folder: Path, head: HeadModel) -> tuple[Style, ...]:
    """All hair of a folder, fitted.

    Raises:
        AssetError: Lashes or hair are missing or cannot be read.
    """
    lashes = _obj(folder / "eyelashes" / "eyelashes01" / "eyelashes01.obj")[0]
    files = sorted((folder / "hair").glob("*/*.obj"))
    if not files:
        raise AssetError(f"{folder / 'hair'}: no hair (*/*.obj)")
    own = head.neutral[np.unique(head.corner[head.triangles[head.parts == Part.LASHES]])]
    theirs = lashes @ _AXES
    scale = float(np.ptp(own[:, 1]) / np.ptp(theirs[:, 1]))
    shift = own.mean(axis=0) - theirs.mean(axis=0) * scale
    scalp = _scalp(head)
    return tuple(_style(path, scale, shift, head, scalp) for path in files)


def refitted(style: Style, vertices: Floats, head: HeadModel) -> Style:
    """A style with other (N, 3) vertices, which follow another head."""
    scalp = _scalp(head)
    placed = _outside(vertices, head.neutral[scalp])
    follow, weight = _nearest(placed, head.neutral, scalp)
    return replace(style, vertices=placed.astype(np.float32), follow=follow, weight=weight)


def _scalp(head: HeadModel) -> Ints:
    # A thinned skin is near enough, and many times faster to search.
    skin = np.unique(head.corner[thinned(head, Part.SKIN, 2.0)])
    return np.asarray(skin[head.neutral[skin, 2] > -0.12])


def _style(path: Path, scale: float, shift: Floats, head: HeadModel, scalp: Ints) -> Style:
    vertices, uv, triangles = _obj(path)
    placed = (vertices @ _AXES) * scale + shift
    # Styles were made for bodies of several heights: their tops tell how high they belong.
    top = float(head.neutral[scalp, 2].max()) + _ABOVE.get(path.stem, _ABOVE_SKULL)
    placed[:, 2] += top - float(placed[:, 2].max())
    # This skull is wider and longer than the one the hair was made for: grow it around the ears.
    grown = _SKULL + (placed - _SKULL) * _GROWTH
    high = np.clip((placed[:, 2:] + 0.06) / 0.08, 0, 1)
    placed = placed + (grown - placed) * high
    pushed = _outside(placed, head.neutral[scalp])
    follow, weight = _nearest(pushed, head.neutral, scalp)
    texture = next(iter(sorted(path.parent.glob("*_diffuse.png"))), None)
    picture = None if texture is None else _texture(texture)
    x, y, z = pushed.T
    face_coverage = float(((x > -0.03) & (np.abs(y) < 0.055) & (z < 0.015) & (z > -0.1)).mean())
    return Style(
        path.stem, pushed.astype(np.float32), triangles, uv, follow, weight, picture, face_coverage
    )


_GROWTH = np.array([1.04, 1.07, 1.04])
_ABOVE_SKULL = 0.016
_ABOVE = {"afro01": 0.045}
"""How high (m) a style's top lies over the skull."""
_CLEAR = 0.004
"""Hair stays at least this far (m) from the skin."""


def _outside(points: Floats, skin: Floats) -> Floats:
    """Points pushed out of the skull along rays from its middle, keeping their order."""
    rays = points - _SKULL
    r = np.linalg.norm(rays, axis=1)
    unit = rays / np.maximum(r, 1e-9)[:, None]
    away = skin - _SKULL
    distance = np.linalg.norm(away, axis=1)
    directions = away / distance[:, None]
    cosine = unit @ directions.T
    best = np.argpartition(-cosine, 6, axis=1)[:, :6]
    near = np.take_along_axis(cosine, best, axis=1)
    w = np.exp((near - near.max(axis=1, keepdims=True)) * 800)
    surface = (distance[best] * w).sum(axis=1) / w.sum(axis=1)
    gap = r - surface - _CLEAR
    # Deep inside becomes just outside; far outside stays.
    soft = 0.004
    wanted = np.where(gap > 3 * soft, gap, soft * np.log1p(np.exp(np.minimum(gap / soft, 30))))
    only = np.clip((points[:, 2] + 0.10) / 0.03, 0, 1) * (near.max(axis=1) > 0.97)
    return np.asarray(_SKULL + unit * (r + (wanted - gap) * only)[:, None])


def _nearest(points: Floats, neutral: Floats, scalp: Ints) -> tuple[Ints, Floats]:
    a, b = points.astype(np.float64), neutral[scalp].astype(np.float64)
    d2 = (a * a).sum(axis=1)[:, None] + (b * b).sum(axis=1) - 2 * a @ b.T
    d2 = np.maximum(d2, 0.0)
    best = np.argpartition(d2, _NEAR, axis=1)[:, :_NEAR]
    w = 1.0 / (np.take_along_axis(d2, best, axis=1) + 1e-5)
    return scalp[best], (w / w.sum(axis=1, keepdims=True)).astype(np.float32)


def _texture(path: Path) -> Image:
    image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if image is None or image.ndim != 3:
        raise AssetError(f"{path}: not an image that can be read")
    if image.shape[2] == 3:
        image = np.dstack([image, np.full(image.shape[:2], 255, np.uint8)])
    small = cv2.resize(image, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).astype(np.float64)
    grey, alpha = (small[..., :3] / 255).mean(axis=-1), small[..., 3] / 255
    mean = float((grey * alpha).sum() / max(alpha.sum(), 1e-9))
    grey = np.clip(grey / max(mean, 1e-3) * 0.5, 0, 1)
    out = np.dstack([grey, grey, grey, alpha])
    return np.ascontiguousarray(np.round(out[::-1] * 255).astype(np.uint8))


def _obj(path: Path) -> tuple[Floats, Floats, Ints]:
    """Corners' positions (N, 3), texture coordinates (N, 2) and triangles of a Wavefront file."""
    mesh = read_mesh(path)
    pairs: dict[tuple[int, int], int] = {}
    triangles: list[tuple[int, int, int]] = []
    for corners in itertools.chain.from_iterable(mesh.faces.values()):
        ring = [pairs.setdefault(corner, len(pairs)) for corner in corners]
        triangles += [(ring[0], ring[k], ring[k + 1]) for k in range(1, len(ring) - 1)]
    keys = np.array(list(pairs))
    try:
        return (
            mesh.vertices[keys[:, 0]], mesh.coordinates[keys[:, 1]].astype(np.float32),
            np.asarray(triangles, np.int32),
        )  # fmt: skip
    except IndexError as error:
        raise AssetError(f"{path}: not a mesh that can be read: {error}") from error


def normals(vertices: Floats, triangles: Ints) -> Floats:
    """(N, 3) normals that look away from the skull, smoothed towards a ball's."""
    n = surface_normals(vertices, triangles)
    ball = vertices - _SKULL
    ball = ball / np.maximum(np.linalg.norm(ball, axis=1, keepdims=True), 1e-9)
    n = np.where((n * ball).sum(axis=1, keepdims=True) < 0, -n, n) + 0.8 * ball
    return np.asarray(n / np.maximum(np.linalg.norm(n, axis=1, keepdims=True), 1e-9), np.float32)
