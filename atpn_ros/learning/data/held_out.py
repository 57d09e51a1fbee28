# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Defines which people, panoramas and photographs without a face are held out from training.

Every training and every evaluation of this package uses these rules, so that no person in the
training data of one network is in the test set of another.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

POINTING_PEOPLE = (10, 11)
"""Numbers of the held-out people of Pointing'04."""
_CANADA_LAST, _CONGRESS_FROM = 6, 800


def skin_is_held_out(index: int) -> bool:
    """Whether a person of the London set, or that person's skin texture, is held out.

    Args:
        index: Place among all people, sorted by name.

    >>> [i for i in range(20) if skin_is_held_out(i)]
    [3, 11, 19]
    """
    return index % 8 == 3


def panorama_is_held_out(index: int) -> bool:
    """Whether a panorama is held out, by its place among all, sorted by name.

    >>> [i for i in range(20) if panorama_is_held_out(i)]
    [2, 8, 14]
    """
    return index % 6 == 2


def background_is_held_out(index: int) -> bool:
    """Whether a photograph without a face is held out, by its place among all, sorted by name.

    >>> [i for i in range(30) if background_is_held_out(i)]
    [0, 10, 20]
    """
    return index % 10 == 0


def held_out_photographs(folder: Path, names: Sequence[str]) -> set[str]:
    """Those of a folder's photographs, by name without suffix, whose people are held out.

    Of London every 8th person, of Canada the last 6, of portraits named by a number those from 0800
    on; of other folders none. The people of London are counted in ``faces_london`` beside the
    folder, if it is there: another folder may lack some of them.
    """
    if folder.name.startswith("faces_london"):
        portraits = [path.stem for path in (folder.parent / "faces_london").glob("*.jpg")]
        people = held_out_londoners(portraits or names)
        return {name for name in names if _person(name) in people}
    if folder.name == "faces_canada":
        return set(sorted(set(names))[-_CANADA_LAST:])
    return {name for name in names if name.isdecimal() and int(name) >= _CONGRESS_FROM}


def held_out_londoners(names: Iterable[str]) -> set[str]:
    """The held-out people of the London set, by number.

    Args:
        names: Of a photograph of every person, such as ``001_03``.
    """
    people = sorted({_person(name) for name in names})
    return {person for i, person in enumerate(people) if skin_is_held_out(i)}


def _person(name: str) -> str:
    return name.split("_")[0]
