# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A morphable head of all ages: its file, and the assets of people who have it.

``atpn export-anny`` writes the file. All ages have the size of the ICT head in it, so that
expressions, hair and what people wear fit them all; their true sizes are in ``AgedShapes.sizes``.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from atpn_ros.files import atomic_replace
from atpn_ros.learning.data.asset_error import AssetError
from atpn_ros.learning.data.checks import stored_arrays
from atpn_ros.learning.synth.assets import decimation, hair, skins
from atpn_ros.learning.synth.assets.head_model import HeadModel, Part
from atpn_ros.learning.synth.assets.library import AgedShapes, Assets
from atpn_ros.learning.synth.assets.stored_head import head_arrays, head_from
from atpn_ros.types import Floats


@dataclass(frozen=True, slots=True)
class AgedHead:
    """A head of all ages.

    Attributes:
        head: Mesh, shapes and points. Its neutral is the mean adult, its texture coordinates and
            regions are those of the ICT head.
        shapes: What the head's identity shapes are.
        fitted: (F, 3) the first F vertices of the ICT head, fitted onto the neutral: hair and brows
            of that head are carried over by them.
        prt: (V, 9) as :attr:`atpn_ros.learning.synth.assets.library.Assets.prt`.
    """

    head: HeadModel
    shapes: AgedShapes
    fitted: Floats
    prt: Floats


def save(path: Path, aged: AgedHead) -> None:
    """Write a head atomically.

    Raises:
        AssetError: A shape has offsets that do not fit into 16 bits.
    """
    out = head_arrays(aged.head) | {
        "shape_names": np.array(aged.shapes.names), "sizes": aged.shapes.sizes,
        "fitted": aged.fitted, "prt": aged.prt.astype(np.float16),
    }  # fmt: skip
    with atomic_replace(path) as part:
        np.savez_compressed(part, **out)


def load(path: Path) -> AgedHead:
    """The head of :func:`save`.

    Raises:
        AssetError: The file is missing or damaged.
    """
    try:
        v = stored_arrays(path)
        shapes = AgedShapes(tuple(str(n) for n in v["shape_names"]), v["sizes"])
        return AgedHead(head_from(v), shapes, v["fitted"], v["prt"].astype(np.float32))
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise AssetError(f"{path}: not a head of atpn export-anny: {error}") from error


def with_aged_head(assets: Assets, aged: AgedHead) -> Assets:
    """The same skins, hair, irises and panoramas on a head of all ages.

    Args:
        assets: Of the ICT head.
        aged: The other head.

    Raises:
        AssetError: The other head was fitted to another mesh than that of the assets.
    """
    skin = assets.head.corner[assets.head.triangles[assets.head.parts == Part.SKIN]]
    if len(aged.fitted) != int(skin.max()) + 1:
        raise AssetError(
            f"the head of all ages was made for a skin of {len(aged.fitted)} vertices, "
            f"the assets' head has {int(skin.max()) + 1}"
        )
    head = aged.head
    made = assets.skins
    carried = skins.Skins(
        made.detail, made.base, skins.brows_on(head, assets.head, made.brows),
        np.zeros((len(made.base), 0)), made.names,
    )  # fmt: skip
    ict = assets.head.neutral
    fitted = ict.copy()
    fitted[: len(aged.fitted)] = aged.fitted
    styles = tuple(hair.refitted(style, style.on(fitted, ict), head) for style in assets.styles)
    return replace(
        assets, head=head, prt=aged.prt, skins=carried, styles=styles, ages=aged.shapes,
        mirrored_brows=skins.mirrored_brows(head, carried.brows),
        coarse=head.corner[decimation.thinned(head, Part.SKIN, 0.8)],
    )  # fmt: skip
