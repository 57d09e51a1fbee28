# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Builds the meshes of one person, head with accessories, from a scene description."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from atpn_ros.geometry import about_y, about_z
from atpn_ros.learning.synth.accessories import factory
from atpn_ros.learning.synth.assets.head_model import Anchors
from atpn_ros.learning.synth.assets.library import Assets
from atpn_ros.learning.synth.scene.body import IRIS_PLANE, Body
from atpn_ros.learning.synth.scene.description import Person
from atpn_ros.types import Floats


def build_body(assets: Assets, person: Person) -> Body:
    """Compute a person's geometry."""
    head = assets.head
    vertices = _necked(head.vertices(person.identity, person.expression), head.neutral)
    points = head.points.at(vertices).astype(np.float64)
    points[33:51] = _brows(assets, person).at(vertices)
    centres, radii = vertices[-4:-2].astype(np.float64), vertices[-2:, 0].astype(np.float64)
    turns = np.stack([_eye_turn(g) for g in person.eyes.gaze])
    for i in range(2):
        points[96 + i] = centres[i] + turns[i][:, 0] * radii[i] * IRIS_PLANE
    mouth = float(np.linalg.norm(points[90] - points[94]))
    body = Body(
        vertices, head.normals(vertices), points, head.strips.at(vertices), centres, radii, turns,
        points[51].copy(), mouth, (),
    )  # fmt: skip
    dressed = replace(body, accessories=factory.make(assets, body, person.accessories))
    return dressed if person.size == 1.0 else _sized(dressed, person.size)


def _sized(body: Body, size: float) -> Body:
    """The same person, ``size`` times as large."""
    return replace(
        body, vertices=body.vertices * np.float32(size), points=body.points * size,
        strips=body.strips * size, eye_centres=body.eye_centres * size,
        eye_radii=body.eye_radii * size, sellion=body.sellion * size,
        mouth_open=body.mouth_open * size,
        accessories=tuple(
            replace(mesh, vertices=mesh.vertices * np.float32(size)) for mesh in body.accessories
        ),
    )  # fmt: skip


_NECK_X, _NECK_TOP, _NECK_RADIUS = -0.092, -0.125, 0.059


def _necked(vertices: Floats, neutral: Floats) -> Floats:
    """The same head with its shoulders drawn in to a neck, which clothes can hold."""
    low = np.flatnonzero(neutral[:-4, 2] < _NECK_TOP)
    share = np.clip((_NECK_TOP - neutral[low, 2]) / 0.03, 0, 1)
    off = vertices[low, :2] - (_NECK_X, 0.0)
    radius = np.linalg.norm(off, axis=1)
    wanted = np.minimum(radius, _NECK_RADIUS)
    scale = 1 + share * (wanted / np.maximum(radius, 1e-6) - 1)
    vertices[low, :2] = (off * scale[:, None] + (_NECK_X, 0.0)).astype(np.float32)
    return vertices


def _brows(assets: Assets, person: Person) -> Anchors:
    """Anchors of points 33..50 on the skin that the person wears."""
    brows = assets.skins.brows
    layer = person.skin.layer
    if not person.skin.mirrored:
        return Anchors(brows.vertex[layer], brows.weight[layer])
    return Anchors(assets.mirrored_brows.vertex[layer], assets.mirrored_brows.weight[layer])


def _eye_turn(gaze: Floats) -> Floats:
    """(3, 3) whose x axis is the gaze, with z as far up as it can be."""
    yaw = np.arctan2(gaze[1], gaze[0])
    pitch = -np.arcsin(np.clip(gaze[2] / np.linalg.norm(gaze), -1, 1))
    return about_z(float(yaw)) @ about_y(float(pitch))
