# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Loads all assets of scenes (head, skins, irises, hair, panoramas) and caches prepared ones.

Expected below the folder: ``ict_facekit`` (the packed head), ``faces_london`` (portraits with
templates), ``hdri`` (panoramas), ``hair_cc0`` (hair, irises). Fitting 82 portraits takes minutes,
so the result is cached, under a key made of the source files' sizes and the preparing code. The
cache holds data derived from the assets: the same restrictions on redistribution apply.
"""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from atpn_ros.files import atomic_replace, cache_folder
from atpn_ros.learning.data import london
from atpn_ros.learning.data.asset_error import AssetError
from atpn_ros.learning.data.held_out import panorama_is_held_out, skin_is_held_out
from atpn_ros.learning.synth.assets import (
    decimation,
    fitting,
    hair,
    ict_head,
    ict_points,
    prt,
    skins,
)
from atpn_ros.learning.synth.assets.head_model import Anchors, HeadModel, Ints, Part
from atpn_ros.learning.synth.assets.panoramas import Panorama, load_panoramas
from atpn_ros.types import Floats, Image


@dataclass(frozen=True, slots=True)
class AgedShapes:
    """What the identity shapes of a head of all ages are.

    Attributes:
        names: Of the shapes: ``origin-gender-age`` such as ``asian-female-child``, whose weights
            sum to one; ``gender-age-muscle-weight`` for other builds; and changes of a feature,
            which end in ``+`` or ``-``.
        sizes: Size of a person over the head's at a weight of one; 0 where the size stays.
    """

    names: tuple[str, ...]
    sizes: Floats


@dataclass(frozen=True, slots=True)
class Assets:
    """All assets that scenes refer to.

    Attributes:
        head: The morphable head.
        prt: (V, 9) how much of each harmonic of light reaches a vertex of the neutral head.
        skins: Skins on that head.
        mirrored_brows: The brows' anchors on mirrored skins.
        irises: (N, S, S, 3) uint8 RGB: eyeballs from ahead, the iris's radius S / 4.8.
        panoramas: Surroundings.
        styles: Hair that is a mesh.
        coarse: (T, 3) vertices of the skin's triangles, thinned: what fur grows on.
        ages: What the head's shapes are if it is of all ages; None for a head of adults.
    """

    head: HeadModel
    prt: Floats
    skins: skins.Skins
    mirrored_brows: Anchors
    irises: Image
    panoramas: tuple[Panorama, ...]
    styles: tuple[hair.Style, ...]
    coarse: Ints
    ages: AgedShapes | None = None


def load(folder: Path, cache: Path | None = None) -> Assets:
    """Read and prepare everything.

    Args:
        folder: Holds the four source folders.
        cache: Where prepared assets are kept; default ``$XDG_CACHE_HOME/atpn_ros/synth``.

    Raises:
        AssetError: A file is missing or invalid; names the file.
    """
    if not folder.is_dir():
        raise AssetError(f"{folder}: no such folder")
    irises = load_irises(folder / "hair_cc0" / "eyes" / "materials")
    surroundings = load_panoramas(folder / "hdri")
    head = ict_head.load(folder / "ict_facekit", cache or cache_folder("synth"))
    styles = hair.load(folder / "hair_cc0", head)
    path = (cache or cache_folder("synth")) / f"skins-{_key(folder)}.npz"
    kept = _read(path)
    if kept is None:
        made = skins.make(head, london.load(folder / "faces_london"))
        kept = (made, prt.bake(head))
        _write(path, *kept)
    return assemble(head, kept[1], kept[0], irises, surroundings, styles)


def assemble(
    head: HeadModel,
    transferred: Floats,
    made: skins.Skins,
    irises: Image,
    panoramas: tuple[Panorama, ...],
    styles: tuple[hair.Style, ...] = (),
) -> Assets:
    """Put prepared parts together."""
    mirrored = skins.mirrored_brows(head, made.brows)
    coarse = head.corner[decimation.thinned(head, Part.SKIN, 0.8)]
    return Assets(head, transferred, made, mirrored, irises, panoramas, styles, coarse)


Share = Literal["all", "train", "test"]
"""Which skins and panoramas: all, those for training, or those for testing."""


def part_of(assets: Assets, share: Share) -> Assets:
    """The skins and panoramas of a share; every eighth skin and sixth panorama is for testing.

    People and lights of one share never appear in the other. Shapes are random,
    and hair and irises are few, so they are common to both.
    """
    if share == "all":
        return assets
    testing = share == "test"
    layers = [i for i in range(len(assets.skins.base)) if skin_is_held_out(i) == testing]
    lights = [i for i in range(len(assets.panoramas)) if panorama_is_held_out(i) == testing]
    if not layers or not lights:
        raise AssetError(f"too few skins or panoramas for a test share: {share} has none")
    made = assets.skins
    chosen = skins.Skins(
        made.detail[layers], made.base[layers], _anchors(made.brows, layers),
        made.identity[layers], tuple(made.names[i] for i in layers),
    )  # fmt: skip
    return replace(
        assets,
        skins=chosen,
        mirrored_brows=_anchors(assets.mirrored_brows, layers),
        panoramas=tuple(assets.panoramas[i] for i in lights),
    )


def _anchors(anchors: Anchors, layers: list[int]) -> Anchors:
    return Anchors(anchors.vertex[layers], anchors.weight[layers])


def load_irises(folder: Path) -> Image:
    """The lower left eyeball of each eye texture, centred on its pupil."""
    files = sorted(folder.glob("*_eye.png"))
    if not files:
        raise AssetError(f"{folder}: no eye textures (*_eye.png)")
    out = []
    for path in files:
        image = cv2.imread(str(path))
        if image is None:
            raise AssetError(f"{path}: not an image that can be read")
        size = image.shape[0]
        # Both eyeballs lie at the same place in all of these textures.
        cx, cy, radius = 0.2935 * size, 0.7023 * size, 0.117 * size
        side = 192
        scale = 2 * radius * 2.4 / side
        warp = np.array([[scale, 0, cx - scale * side / 2], [0, scale, cy - scale * side / 2]])
        small = cv2.warpAffine(
            cv2.GaussianBlur(image, (0, 0), max(scale * 0.5, 0.1)), warp, (side, side),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        )  # fmt: skip
        out.append(small[..., ::-1])
    return np.asarray(np.stack(out), np.uint8)


def _key(folder: Path) -> str:
    digest = hashlib.sha256()
    for module in (skins, fitting, london, ict_points, ict_head, prt):
        digest.update(Path(str(module.__file__)).read_bytes())
    for path in sorted((folder / "ict_facekit").iterdir()) + sorted(
        (folder / "faces_london").iterdir()
    ):
        digest.update(f"{path.name} {path.stat().st_size}".encode())
    return digest.hexdigest()[:16]


def _read(path: Path) -> tuple[skins.Skins, Floats] | None:
    """Kept assets, or None where there are none that can be read."""
    try:
        with np.load(path, allow_pickle=False) as z:
            brows = Anchors(z["brow_vertex"], z["brow_weight"])
            names = tuple(str(n) for n in z["names"])
            return skins.Skins(z["detail"], z["base"], brows, z["identity"], names), z["transfer"]
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile):
        return None


def _write(path: Path, made: skins.Skins, transferred: Floats) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with atomic_replace(path) as part:
        np.savez_compressed(
            part, detail=made.detail, base=made.base, brow_vertex=made.brows.vertex,
            brow_weight=made.brows.weight, identity=made.identity, names=np.array(made.names),
            transfer=transferred,
        )  # fmt: skip
