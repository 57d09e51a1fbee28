# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Stores all prepared assets in one file of a few megabytes, for transfer to another machine.

Offsets of the head's shapes are rounded to multiples of 4 micrometres, and textures are WebP. The
file holds data derived from the assets: the same restrictions on redistribution apply.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from atpn_ros.files import atomic_replace
from atpn_ros.learning.data.asset_error import AssetError
from atpn_ros.learning.data.checks import DataError
from atpn_ros.learning.data.encoded_images import decode_images, encode_images
from atpn_ros.learning.synth.assets import hair, skins
from atpn_ros.learning.synth.assets.head_model import Anchors, HeadModel
from atpn_ros.learning.synth.assets.library import Assets
from atpn_ros.learning.synth.assets.panoramas import Panorama
from atpn_ros.types import Floats, Image

_STEP = 4e-6
"""Offsets are stored in multiples of this, metres."""
_HEAD = ("neutral", "corner", "uv", "triangles", "parts", "masks")
_SKINS = ("base", "identity")
_PANORAMA = ("small", "sun", "sun_colour")
_STYLE = ("vertices", "triangles", "uv", "follow", "weight")


def save(path: Path, assets: Assets, quality: int = 85) -> None:
    """Write assets atomically.

    Args:
        path: To write.
        assets: As :func:`atpn_ros.learning.synth.assets.library.load` returns them.
        quality: Of the textures, 1..100.

    Raises:
        AssetError: A shape of the head has offsets that do not fit into 16 bits.
    """
    head, made = assets.head, assets.skins
    out: dict[str, Any] = {
        "shapes": _rounded(head.identity), "expressions": _rounded(head.expression),
        "names": np.array(head.names), "skin_names": np.array(made.names), "prt": assets.prt,
        "coarse": assets.coarse, "style_names": np.array([s.name for s in assets.styles]),
        "face_coverage": np.array([s.face_coverage for s in assets.styles]),
        "has_texture": np.array([s.texture is not None for s in assets.styles], bool),
    }  # fmt: skip
    out |= {f"head_{name}": getattr(head, name) for name in _HEAD}
    out |= {f"skin_{name}": getattr(made, name) for name in _SKINS}
    for name, anchors in (("points", head.points), ("strips", head.strips),
                          ("brows", made.brows), ("mirrored", assets.mirrored_brows)):  # fmt: skip
        out[f"{name}_vertex"], out[f"{name}_weight"] = anchors.vertex, anchors.weight
    for name in _PANORAMA:
        out[f"panorama_{name}"] = np.stack([getattr(p, name) for p in assets.panoramas])
    for i, style in enumerate(assets.styles):
        out |= {f"style{i}_{name}": getattr(style, name) for name in _STYLE}
    textures = [s.texture for s in assets.styles if s.texture is not None]
    pictures = {
        "details": list(made.detail),
        "irises": list(assets.irises),
        "views": [p.picture for p in assets.panoramas],
        "hair": [np.ascontiguousarray(t[..., :3]) for t in textures],
        "hair_opacity": [np.ascontiguousarray(t[..., 3]) for t in textures],
    }
    for name, images in pictures.items():
        out[name], out[f"{name}_lengths"] = encode_images(images, quality)
    with atomic_replace(path) as part:
        np.savez_compressed(part, **out)


def load(path: Path) -> Assets:
    """The assets of :func:`save`.

    Raises:
        AssetError: The file is missing or damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            v = {k: stored[k] for k in stored.files}
        return _assets(v)
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile, DataError) as error:
        raise AssetError(f"{path}: not a file of packed assets: {error}") from error


def _assets(v: dict[str, Any]) -> Assets:
    head = HeadModel(
        **{name: v[f"head_{name}"] for name in _HEAD},
        identity=v["shapes"] * np.float32(_STEP), expression=v["expressions"] * np.float32(_STEP),
        names=tuple(str(n) for n in v["names"]),
        points=_anchors(v, "points"), strips=_anchors(v, "strips"),
    )  # fmt: skip
    made = skins.Skins(
        _pictures(v, "details"), v["skin_base"], _anchors(v, "brows"), v["skin_identity"],
        tuple(str(n) for n in v["skin_names"]),
    )  # fmt: skip
    views = decode_images(v["views"], v["views_lengths"])
    panoramas = tuple(
        Panorama(v["panorama_small"][i], view, v["panorama_sun"][i], v["panorama_sun_colour"][i])
        for i, view in enumerate(views)
    )
    colours = decode_images(v["hair"], v["hair_lengths"])
    opacities = decode_images(v["hair_opacity"], v["hair_opacity_lengths"], grey=True)
    textures = iter([np.dstack(both) for both in zip(colours, opacities, strict=True)])
    styles = tuple(
        hair.Style(
            str(name), *(v[f"style{i}_{part}"] for part in _STYLE),
            next(textures) if v["has_texture"][i] else None, float(v["face_coverage"][i]),
        )
        for i, name in enumerate(v["style_names"])
    )  # fmt: skip
    return Assets(
        head, v["prt"], made, _anchors(v, "mirrored"), _pictures(v, "irises"), panoramas, styles,
        v["coarse"],
    )  # fmt: skip


def _anchors(v: dict[str, Any], name: str) -> Anchors:
    return Anchors(v[f"{name}_vertex"], v[f"{name}_weight"])


def _pictures(v: dict[str, Any], name: str) -> Image:
    return np.stack(decode_images(v[name], v[f"{name}_lengths"]))


def _rounded(offsets: Floats) -> Any:
    steps = np.round(offsets / _STEP)
    if len(steps) and float(np.abs(steps).max()) > np.iinfo(np.int16).max:
        raise AssetError("the head's shapes have offsets above 13 cm: they cannot be packed")
    return steps.astype(np.int16)
