# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Writes docs/range.md from the measured range of the face detectors."""

from __future__ import annotations

from collections.abc import Sequence

from atpn_ros.learning.detector import tone_recall
from atpn_ros.learning.detector.detection_range import (
    DISTANCES,
    FACE_HEIGHT,
    SIZES,
    VIEWS,
    CameraView,
    Found,
    cameras,
)
from atpn_ros.learning.detector.tone_recall import GROUPS, VIEW, ToneRecall

ENOUGH = 0.9
"""Share of faces that must be tracked at a distance for the summary to include it."""

_HEAD = """\
<!-- SPDX-FileCopyrightText: 2026 The atpn_ros authors -->
<!-- SPDX-License-Identifier: Apache-2.0 -->

# Detection range in metres

This page is the output of one command:

```
{command}
```

{people} portraits of held-out people, frontal to three-quarter, were cut out along their outline
and pasted into {views} held-out pictures without a face, in the size in which a camera shows them.
From the chin to the hair a face is {height:.3f} m high, like the mean head that the node
assumes, and distances are along the optical axis. Then blur, noise and compression are added.
For each camera and distance there are {pictures} pictures with up to six people, the same for all
detectors.

* **Detected**: the intersection over union of the detector's box and the face's is at least 0.4.
  **Tracked**: the pipeline tracks the face, which also requires the face network's presence. This
  is what the node publishes.
* These are upper bounds. Pasted people are not occluded, are sharp and approximately face the
  camera, and the package's own detector is trained on pictures composed in a similar way. In real
  rooms, with motion and in low light, the range is shorter: the
  [card](../atpn_ros/weights/detector.md) has recall by size on labelled photographs. False
  detections are not counted here.
* Boxes of the portraits come from the package's own face network. About one portrait in ten, for
  which its results from several crops disagree, is left out.
* Faces of more than about 140 pixels are enlarged portraits. Wide lenses distort people far from
  the axis, which is not computed here.

| detector | weights |
|---|---|
"""

_SUMMARY = """
## Range

The greatest distance in metres up to which at least {enough:.0f} % of the faces are tracked.
"{most:g}+": at every measured distance; "-": not even at {least:g} m.
"""

_TONES = """
## By skin tone

Faces tracked, in %, with the interval of 95 %: {width}x{height} pixels, {degrees:.0f} degrees of
view, at {metres} m together. The tone is the individual typology angle of the cheeks in the
portrait, which depends on its lighting too: light above 41 degrees, dark below 10.
"""

_DETAILS = """
## All figures

Faces tracked, in %, with the interval of 95 % (Wilson), and faces detected where this differs.
"""


def page(
    results: Sequence[Found],
    tones: Sequence[ToneRecall],
    weights: dict[str, str],
    command: str,
    people: int,
    views: int,
    pictures: int,
) -> str:
    """The whole page.

    Args:
        results: Of all detectors, cameras and distances.
        tones: Of all detectors and groups of skin tones.
        weights: What each detector's weights are, by its name.
        command: The command that prints the page.
        people: Number of portraits.
        views: Number of backgrounds.
        pictures: Pictures for each camera and distance.
    """
    parts = [
        _HEAD.format(
            command=command, people=people, views=views, height=FACE_HEIGHT, pictures=pictures
        ),
        *(f"| {name} | {what} |\n" for name, what in weights.items()),
        _SUMMARY.format(enough=100 * ENOUGH, most=DISTANCES[-1], least=DISTANCES[0]),
        _summary(results, list(weights)),
        _TONES.format(
            width=VIEW.size[0],
            height=VIEW.size[1],
            degrees=VIEW.degrees,
            metres=", ".join(f"{m:g}" for m in tone_recall.DISTANCES),
        ),
        _tones(tones, list(weights)),
        _DETAILS,
    ]
    for degrees in VIEWS:
        parts += [f"\n### {degrees:.0f} degrees\n\n", _details(results, list(weights), degrees)]
    return "".join(parts)


def _summary(results: Sequence[Found], detectors: Sequence[str]) -> str:
    rows = [["picture", "angle of view", *detectors]]
    for size in SIZES:
        for degrees in VIEWS:
            view = CameraView(degrees, size)
            ranges = [reach([r for r in results if (r.detector, r.view) == (name, view)])
                      for name in detectors]  # fmt: skip
            rows.append([f"{size[0]}x{size[1]}", f"{degrees:.0f}", *ranges])
    return "\n" + _table(rows)


def _tones(tones: Sequence[ToneRecall], detectors: Sequence[str]) -> str:
    rows = [["tone", "portraits", *detectors]]
    for group in GROUPS:
        of_group = {t.detector: t for t in tones if t.group == group}
        people = max((t.people for t in of_group.values()), default=0)
        rows.append([group, str(people), *(_cell(of_group.get(name)) for name in detectors)])
    return "\n" + _table(rows)


def reach(results: Sequence[Found]) -> str:
    """The greatest distance up to which enough faces are tracked at every distance, as text."""
    far = None
    for result in sorted(results, key=lambda r: r.metres):
        if not result.held.value >= ENOUGH:
            return "-" if far is None else f"{far:g}"
        far = result.metres
    return "-" if far is None else f"{far:g}+"


def _details(results: Sequence[Found], detectors: Sequence[str], degrees: float) -> str:
    rows = [["picture", "detector", *(f"{m:g} m" for m in DISTANCES)]]
    for view in cameras():
        if view.degrees != degrees:
            continue
        size = f"{view.size[0]}x{view.size[1]}"
        heights = [f"{view.face_height(m):.0f} px" for m in DISTANCES]
        rows.append([size, "*height of a face*", *heights])
        for name in detectors:
            by_metres = {r.metres: r for r in results if (r.detector, r.view) == (name, view)}
            rows.append(["", name, *(_cell(by_metres.get(m)) for m in DISTANCES)])
    return _table(rows)


def _cell(result: Found | ToneRecall | None) -> str:
    if result is None or not result.held.number:
        return "-"
    held, low, high = (_percent(v) for v in (result.held.value, result.held.low, result.held.high))
    found = _percent(result.found.value)
    return f"{held} ({low}-{high})" + (f", detected {found}" if found != held else "")


def _percent(value: float) -> str:
    return f"{100 * value:.0f}"


def _table(rows: Sequence[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([lines[0], f"|{'---|' * len(rows[0])}", *lines[1:]]) + "\n"
