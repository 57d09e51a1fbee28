# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Readers of public face data sets in their published file layouts, by name.

None of the data sets is part of this package, and most allow research only. Pictures stay on disk
until they are needed, except those of ``photographs``, which are few.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from atpn_ros.learning.data.checks import DataError
from atpn_ros.learning.data.datasets.aflw import read_300w_lp, read_aflw2000
from atpn_ros.learning.data.datasets.biwi import read_biwi
from atpn_ros.learning.data.datasets.camera_gaze import read_lens
from atpn_ros.learning.data.datasets.ibug import read_300vw, read_300w
from atpn_ros.learning.data.datasets.photographs import read_photographs
from atpn_ros.learning.data.datasets.wflw import read_wflw
from atpn_ros.learning.data.datasets.wider import read_wider
from atpn_ros.learning.data.labelled_face import LabelledFace
from atpn_ros.learning.data.renders import load_renders

Reader = Callable[[Path, str, bool], list[LabelledFace]]
"""Reads a split of a folder; the flag says whether the published number of faces is required."""


@dataclass(frozen=True, slots=True)
class DataSet:
    """A kind of data set.

    Attributes:
        title: Its published name.
        read: Its reader.
        test: The split that is evaluated unless another one is named.
        train: The split for training; None for a set that is for evaluation only.
        boxes_only: Whether it has boxes alone, on which detectors are evaluated.
        published_angles: Whether angles are evaluated in the order that such sets publish.
    """

    title: str
    read: Reader
    test: str
    train: str | None
    boxes_only: bool = False
    published_angles: bool = False


DATA_SETS: Mapping[str, DataSet] = {
    "photographs": DataSet(
        "photographs", lambda folder, split, _: read_photographs(folder, split), "val", "train"
    ),
    "renders": DataSet("renders", lambda folder, _, __: load_renders(folder), "", ""),
    "wflw": DataSet("WFLW", read_wflw, "test", "train"),
    "300w": DataSet("300-W", read_300w, "full", "train"),
    "300vw": DataSet("300-VW", read_300vw, "test", "train"),
    "300w_lp": DataSet(
        "300W-LP",
        lambda folder, _, complete: read_300w_lp(folder, complete),
        "",
        "",
        published_angles=True,
    ),
    "aflw2000": DataSet(
        "AFLW2000-3D",
        lambda folder, _, complete: read_aflw2000(folder, complete),
        "",
        None,
        published_angles=True,
    ),
    "biwi": DataSet(
        "BIWI",
        lambda folder, _, complete: read_biwi(folder, complete),
        "",
        "",
        published_angles=True,
    ),
    "lens": DataSet(
        "people who look into the lens",
        lambda folder, split, _: read_lens(folder, split),
        "test",
        "train",
    ),
    "wider": DataSet("WIDER FACE", read_wider, "val", "train", boxes_only=True),
}
"""By the name that ``KIND:FOLDER`` begins with."""


def data_set_of(source: str) -> tuple[str, Path]:
    """The kind and the folder of ``KIND:FOLDER``.

    Raises:
        DataError: There is no such kind, or no folder is named.

    >>> data_set_of("wflw:data/WFLW")
    ('wflw', PosixPath('data/WFLW'))
    """
    kind, _, folder = source.partition(":")
    if kind not in DATA_SETS or not folder:
        raise DataError(f"{source}: expected KIND:FOLDER, KIND one of {', '.join(DATA_SETS)}")
    return kind, Path(folder)


def read_faces(
    kind: str, folder: Path, split: str | None = None, complete: bool = True
) -> list[LabelledFace]:
    """Read the faces of a data set.

    Args:
        kind: A name of :data:`DATA_SETS`.
        folder: As published.
        split: Which part; None for the one that is evaluated.
        complete: Whether the number of faces must be the published one.

    Raises:
        DataError: The folder is not as published; the message names the file and what it lacks.
    """
    known = DATA_SETS[kind]
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder")
    return known.read(folder, known.test if split is None else split, complete)


__all__ = [
    "DATA_SETS",
    "DataError",
    "DataSet",
    "data_set_of",
    "read_300vw",
    "read_300w",
    "read_300w_lp",
    "read_aflw2000",
    "read_biwi",
    "read_faces",
    "read_photographs",
    "read_wflw",
    "read_wider",
]
