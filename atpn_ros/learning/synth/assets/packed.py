# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Stores all prepared assets in one file of a few megabytes, for transfer to another machine.

The head is stored as in :mod:`atpn_ros.learning.synth.assets.stored_head`, and textures are WebP.
The file holds data derived from the assets: the same restrictions on redistribution apply.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from atpn_ros.files import atomic_replace
from atpn_ros.learning.data.asset_error import AssetError
from atpn_ros.learning.data.checks import DataError, stored_arrays
from atpn_ros.learning.data.encoded_images import decode_images, encode_images
from atpn_ros.learning.synth.assets import hair, skins
from atpn_ros.learning.synth.assets.library import Assets
from atpn_ros.learning.synth.assets.panoramas import Panorama
from atpn_ros.learning.synth.assets.stored_head import (
    anchor_arrays,
    anchors_from,
    head_arrays,
    head_from,
)
from atpn_ros.types import Image

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
    made = assets.skins
    out: dict[str, Any] = {
        "skin_names": np.array(made.names), "prt": assets.prt,
        "coarse": assets.coarse, "style_names": np.array([s.name for s in assets.styles]),
        "face_coverage": np.array([s.face_coverage for s in assets.styles]),
        "has_texture": np.array([s.texture is not None for s in assets.styles], bool),
    }  # fmt: skip
    out |= head_arrays(assets.head)
    out |= {f"skin_{name}": getattr(made, name) for name in _SKINS}
    out |= anchor_arrays("brows", made.brows)
    out |= anchor_arrays("mirrored", assets.mirrored_brows)
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
        return _assets(stored_arrays(path))
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile, DataError) as error:
        raise AssetError(f"{path}: not a file of packed assets: {error}") from error


def _assets(v: dict[str, Any]) -> Assets:
    made = skins.Skins(
        _pictures(v, "details"), v["skin_base"], anchors_from(v, "brows"), v["skin_identity"],
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
        head_from(v), v["prt"], made, anchors_from(v, "mirrored"), _pictures(v, "irises"),
        panoramas, styles, v["coarse"],
    )  # fmt: skip


def _pictures(v: dict[str, Any], name: str) -> Image:
    return np.stack(decode_images(v[name], v[f"{name}_lengths"]))
