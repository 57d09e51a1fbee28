# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Random facial expressions and gaze directions, and eyelids that follow the gaze."""

from __future__ import annotations

import numpy as np

from atpn_ros.types import Floats

Weights = dict[str, float]


def sample_expression(rng: np.random.Generator) -> Weights:
    """Weights (0..1) by ARKit name: mouth and brows, lids, and a slight asymmetry."""
    kinds = ("rest", "smile", "laugh", "speech", "wide", "sad", "angry", "surprise", "odd")
    kind = str(rng.choice(kinds, p=(0.2, 0.14, 0.08, 0.22, 0.08, 0.07, 0.07, 0.06, 0.08)))
    w: Weights = {}
    both = _both
    u = rng.uniform
    if kind in ("smile", "laugh"):
        s = u(0.25, 1.0)
        both(rng, w, "mouthSmile", s)
        both(rng, w, "cheekSquint", s * u(0.2, 0.8))
        both(rng, w, "eyeSquint", s * u(0, 0.6))
        both(rng, w, "mouthDimple", u(0, 0.3))
        if kind == "laugh":
            w["jawOpen"] = u(0.1, 0.5)
            both(rng, w, "mouthUpperUp", u(0.1, 0.5))
            both(rng, w, "mouthLowerDown", u(0.1, 0.5))
    elif kind == "speech":
        _speech(rng, w)
    elif kind == "wide":
        w["jawOpen"] = u(0.4, 1.0)
        both(rng, w, "mouthStretch", u(0, 0.5))
        both(rng, w, "browOuterUp", u(0, 0.6))
    elif kind == "sad":
        both(rng, w, "mouthFrown", u(0.2, 0.9))
        both(rng, w, "browInnerUp", u(0.2, 0.9))
        w["mouthShrugLower"] = u(0, 0.5)
    elif kind == "angry":
        both(rng, w, "browDown", u(0.3, 1.0))
        both(rng, w, "eyeSquint", u(0.1, 0.6))
        both(rng, w, "noseSneer", u(0, 0.6))
        both(rng, w, "mouthPress", u(0, 0.6))
    elif kind == "surprise":
        both(rng, w, "browInnerUp", u(0.4, 1.0))
        both(rng, w, "browOuterUp", u(0.4, 1.0))
        both(rng, w, "eyeWide", u(0.3, 1.0))
        w["jawOpen"] = u(0.1, 0.6)
    elif kind == "odd":
        for name in rng.choice(_SINGLES, 3, replace=False):
            w[str(name)] = u(0.1, 0.6)
        for name in rng.choice(_PAIRS, 2, replace=False):
            w[f"{name}_{rng.choice(('L', 'R'))}"] = u(0.1, 0.7)
    _lids(rng, w)
    for name in rng.choice(_PAIRS, 2, replace=False):
        both(rng, w, str(name), abs(rng.normal(0, 0.12)))
    return {name: float(np.clip(v, 0, 1)) for name, v in w.items()}


_PAIRS = ("browDown", "browInnerUp", "browOuterUp", "cheekPuff", "cheekRaiser", "mouthDimple",
          "mouthPress", "mouthStretch", "mouthUpperUp", "mouthLowerDown", "noseSneer")  # fmt: skip
_SINGLES = ("jawLeft", "jawRight", "jawForward", "mouthLeft", "mouthRight", "mouthPucker",
            "mouthFunnel", "mouthRollLower", "mouthRollUpper", "mouthShrugUpper")  # fmt: skip


def _both(rng: np.random.Generator, w: Weights, name: str, value: float) -> None:
    """Both sides, unequal by a few per cent."""
    for side in ("L", "R"):
        key = f"{name}_{side}"
        w[key] = w.get(key, 0.0) + value * float(rng.uniform(0.85, 1.15))


def _speech(rng: np.random.Generator, w: Weights) -> None:
    u = rng.uniform
    sound = int(rng.integers(5))
    w["jawOpen"] = u(0.03, 0.35)
    if sound == 0:  # o, u
        w["mouthFunnel"], w["mouthPucker"] = u(0.2, 0.8), u(0, 0.6)
    elif sound == 1:  # e, i
        _both(rng, w, "mouthStretch", u(0.1, 0.6))
        _both(rng, w, "mouthUpperUp", u(0, 0.4))
    elif sound == 2:  # m, b, p
        w["jawOpen"] = u(0, 0.08)
        w["mouthRollLower"], w["mouthRollUpper"] = u(0, 0.5), u(0, 0.5)
    elif sound == 3:  # f, v
        w["mouthRollLower"] = u(0.2, 0.7)
        _both(rng, w, "mouthUpperUp", u(0.1, 0.4))
    else:  # a
        w["jawOpen"] = u(0.15, 0.5)
        _both(rng, w, "mouthLowerDown", u(0.1, 0.5))


def _lids(rng: np.random.Generator, w: Weights) -> None:
    r = rng.random()
    if r < 0.08:
        _both(rng, w, "eyeBlink", 1.0)
    elif r < 0.2:
        _both(rng, w, "eyeBlink", float(rng.uniform(0.2, 0.9)))
    elif r < 0.22:
        w[f"eyeBlink_{rng.choice(('L', 'R'))}"] = float(rng.uniform(0.7, 1.0))
    elif r < 0.3:
        _both(rng, w, "eyeWide", float(rng.uniform(0.2, 0.8)))


def add_lid_motion(w: Weights, gaze: Floats) -> Weights:
    """The same weights with lids that follow (2, 3) gaze directions, right eye first."""
    out = dict(w)
    for side, g in zip(("R", "L"), gaze, strict=True):
        yaw, pitch = np.arctan2(g[1], g[0]), np.arcsin(np.clip(g[2], -1, 1))
        inward = yaw if side == "R" else -yaw
        shut = 1.0 - out.get(f"eyeBlink_{side}", 0.0)
        full = np.radians(28)
        out[f"eyeLookIn_{side}"] = float(np.clip(inward / full, 0, 1))
        out[f"eyeLookOut_{side}"] = float(np.clip(-inward / full, 0, 1))
        out[f"eyeLookUp_{side}"] = float(np.clip(pitch / full, 0, 1)) * shut
        out[f"eyeLookDown_{side}"] = float(np.clip(-pitch / full, 0, 1)) * shut
    return out


EYE_GAP = 0.0627
"""Metres between the eyes of an adult."""


def sample_gaze(rng: np.random.Generator, to_camera: Floats, eye_gap: float = EYE_GAP) -> Floats:
    """(2, 3) gaze directions in the head frame, right eye first; they meet at a target.

    Args:
        rng: The scene's numbers.
        to_camera: (3,) unit direction from the face to the camera, head frame.
        eye_gap: Metres between the eyes.
    """
    low, high = np.radians((-32.0, -26.0)), np.radians((32.0, 17.0))  # yaw, pitch
    camera = np.array([np.arctan2(to_camera[1], to_camera[0]), np.arcsin(to_camera[2])])
    r = rng.random()
    if r < 0.3 and (camera > low).all() and (camera < high).all():
        aim = camera + rng.normal(0, np.radians(2), 2)
    elif r < 0.6:
        aim = rng.normal(0, np.radians((12, 8)))
    else:
        aim = rng.uniform(low, high)
    aim = np.clip(aim, low, high)
    ahead = np.array(
        [np.cos(aim[1]) * np.cos(aim[0]), np.cos(aim[1]) * np.sin(aim[0]), np.sin(aim[1])]
    )
    target = ahead * float(np.exp(rng.uniform(np.log(0.35), np.log(6.0))))
    out = target - np.array([[0.0, -eye_gap / 2, 0.0], [0.0, eye_gap / 2, 0.0]])
    return np.asarray(out / np.linalg.norm(out, axis=1, keepdims=True))
