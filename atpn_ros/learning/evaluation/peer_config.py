# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What must be known of a peer's ONNX file to run it: a YAML file says it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from atpn_ros.learning.data.datasets.record import DataError
from atpn_ros.learning.evaluation.crops import CropPlan
from atpn_ros.learning.evaluation.points import IBUG68, NAMED, Layout

UNITS = ("crop", "pixels", "centred")
"""What landmarks are given in: 0..1 over the crop, its pixels, or -1..1."""

_FIELDS = {
    "input": {"name", "size", "layout", "type", "channels", "mean", "scale"},
    "crop": {"margin", "shift", "upright"},
    "output": {"name", "unit", "points", "count", "dimensions", "ibug68"},
}


@dataclass(frozen=True, slots=True)
class Description:
    """How a model is fed and read.

    Attributes:
        size: Side of its input in pixels.
        points: The layout of its landmarks.
        crop: Which crop it wants.
        input: The input's name; empty for the only one.
        planar: Whether channels come first.
        floating: Whether it takes float32 rather than bytes.
        rgb: Whether red comes first.
        mean: Per channel, subtracted.
        scale: Per channel, divided by after that.
        output: The name of the landmarks; empty for the only output.
        unit: One of :data:`UNITS`.
        dimensions: Numbers per point; x and y come first.
    """

    size: int
    points: Layout
    crop: CropPlan
    input: str = ""
    planar: bool = True
    floating: bool = True
    rgb: bool = True
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    scale: tuple[float, ...] = (255.0, 255.0, 255.0)
    output: str = ""
    unit: str = "crop"
    dimensions: int = 2


def load_description(path: Path, layout: str | None = None) -> Description:
    """Read a description.

    Args:
        path: The YAML file.
        layout: A named layout that takes the place of the file's.

    Raises:
        DataError: It cannot be read, or a field is unknown, missing or wrong; names the field.
    """
    import yaml

    try:
        values = yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise DataError(f"{path}: {' '.join(str(error).split())}") from error
    if not isinstance(values, dict):
        raise DataError(f"{path}: expected the parts {', '.join(_FIELDS)}")
    for part, content in values.items():
        if part not in _FIELDS:
            raise DataError(f"{path}: {part}: unknown, expected {', '.join(_FIELDS)}")
        if not isinstance(content, dict):
            raise DataError(f"{path}: {part}: expected fields")
        for name in content:
            if name not in _FIELDS[part]:
                raise DataError(
                    f"{path}: {part}.{name}: unknown, expected {', '.join(sorted(_FIELDS[part]))}"
                )
    try:
        return _description(values, layout)
    except (KeyError, TypeError, ValueError) as error:
        text = f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)
        raise DataError(f"{path}: {text}") from error


def _description(values: Mapping[str, Any], layout: str | None) -> Description:
    source, crop, target = (values.get(part, {}) for part in ("input", "crop", "output"))
    if "size" not in source:
        raise KeyError("input.size")
    return Description(
        size=int(_number(source["size"], "input.size", low=8)),
        points=_layout(target, layout),
        crop=CropPlan(
            margin=_number(crop.get("margin", CropPlan().margin), "crop.margin", low=0.1),
            shift=_pair(crop.get("shift", (0.0, 0.0)), "crop.shift"),
            upright=bool(crop.get("upright", True)),
        ),
        input=str(source.get("name", "")),
        planar=_one_of(source.get("layout", "NCHW"), ("NHWC", "NCHW"), "input.layout") == 1,
        floating=_one_of(source.get("type", "float32"), ("uint8", "float32"), "input.type") == 1,
        rgb=_one_of(source.get("channels", "RGB"), ("BGR", "RGB"), "input.channels") == 1,
        mean=_three(source.get("mean", 0.0), "input.mean"),
        scale=_three(source.get("scale", 255.0), "input.scale"),
        output=str(target.get("name", "")),
        unit=UNITS[_one_of(target.get("unit", "crop"), UNITS, "output.unit")],
        dimensions=int(_number(target.get("dimensions", 2), "output.dimensions", low=2)),
    )


def _layout(target: Mapping[str, Any], named: str | None) -> Layout:
    if named is not None or "ibug68" not in target:
        name = named or target.get("points")
        if name is None:
            raise KeyError("output.points")
        if name not in NAMED:
            raise ValueError(
                f"output.points: no layout {name!r}; expected {', '.join(NAMED)}, or output.count "
                "and output.ibug68"
            )
        return NAMED[name]
    if "count" not in target:
        raise KeyError("output.count")
    count = int(_number(target["count"], "output.count", low=68))
    index = target["ibug68"]
    if (
        not isinstance(index, list)
        or len(index) != IBUG68.count
        or not all(isinstance(i, int) and 0 <= i < count for i in index)
    ):
        raise ValueError(f"output.ibug68: expected 68 indices below {count}")
    return Layout(str(target.get("points", f"own{count}")), count, tuple(index))


def _number(value: object, field: str, low: float = -math.inf) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= low:
        wish = "a number" if low == -math.inf else f"a number, at least {low:g}"
        raise ValueError(f"{field}: expected {wish}, is {value!r}")
    return float(value)


def _one_of(value: object, choices: tuple[str, ...], field: str) -> int:
    if value not in choices:
        raise ValueError(f"{field}: expected one of {', '.join(choices)}, is {value!r}")
    return choices.index(str(value))


def _pair(value: object, field: str) -> tuple[float, float]:
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise ValueError(f"{field}: expected two numbers, is {value!r}")
    return _number(value[0], field), _number(value[1], field)


def _three(value: object, field: str) -> tuple[float, ...]:
    values = value if isinstance(value, list) else [value] * 3
    if len(values) != 3:
        raise ValueError(f"{field}: expected a number or three, is {value!r}")
    return tuple(_number(v, field) for v in values)
