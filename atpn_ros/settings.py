# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Every setting, once: its name, default, range and meaning.

The names are those of the ROS parameters, of ``config/atpn.yaml`` and of the launch arguments. The
dataclass itself needs no ROS; :func:`declare` is the border.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atpn_ros.engines import BACKENDS, PRECISIONS
from atpn_ros.images import MAX_PIXELS
from atpn_ros.measure import MeasureSettings
from atpn_ros.pipeline import PipelineSettings
from atpn_ros.rep155 import face_id
from atpn_ros.smoothing import OneEuroSettings
from atpn_ros.tracker import TrackerSettings
from atpn_ros.types import AtpnError

if TYPE_CHECKING:
    from rcl_interfaces.msg import ParameterDescriptor
    from rclpy.node import Node

SHIPPED_MODEL = Path(__file__).parent / "models" / "atpn.onnx"
RESEARCH_MODEL = Path(__file__).parent / "models" / "atpn_research.onnx"

Value = bool | int | float | str


class BadSetting(AtpnError):
    """A setting of the wrong type, out of its range, or not changeable now; says why."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What may stand in one setting.

    Attributes:
        text: For people.
        low: Smallest value of a number.
        high: Greatest value of a number.
        choices: All values that a text may have; empty means any.
        live: Whether it may change while the node runs.
    """

    text: str
    low: float = 0.0
    high: float = 0.0
    choices: tuple[str, ...] = ()
    live: bool = True


def _setting(default: Value, text: str, **rule: Any) -> Any:
    return field(default=default, metadata={"rule": Rule(text, **rule)})


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of the node. Seconds and pixels where a name does not say otherwise."""

    image_transport: str = _setting(
        "raw", "raw: sensor_msgs/Image on image; compressed: CompressedImage on image/compressed",
        choices=("raw", "compressed"), live=False,
    )  # fmt: skip
    max_pixels: int = _setting(
        MAX_PIXELS, "larger images are refused before they are decoded", low=1, high=2**31 - 1
    )
    model: str = _setting(
        "",
        "empty: the shipped weights, for any use; research: those for research only; else a path",
        live=False,
    )
    backend: str = _setting(
        "auto", "rung of the engine ladder to start at", choices=BACKENDS, live=False
    )
    strict_backend: bool = _setting(
        False, "refuse to start rather than take a lower rung", live=False
    )
    precision: str = _setting(
        "auto", "of TensorRT's engines; auto: fp16 where it is fast", choices=PRECISIONS, live=False
    )
    threads: int = _setting(
        1, "threads of the network on a CPU; 0: as ONNX Runtime likes", low=0, high=64, live=False
    )
    detector_model: str = _setting(
        "",
        "atpn: the shipped network; haar or empty: the embedded cascade; "
        "else the path of YuNet's .onnx file",
        live=False,
    )
    smallest_face: float = _setting(
        20.0, "side of the smallest face that detector_model atpn looks for, pixels; half of it "
        "costs four times the time", low=5.0, high=1e4, live=False,
    )  # fmt: skip
    detect_interval: float = _setting(
        1.0, "how often to look for further faces while some are held, s", low=0.0, high=60.0
    )
    search_interval: float = _setting(
        0.2, "how often to look for faces while none is held, s", low=0.0, high=60.0
    )
    max_faces: int = _setting(4, "most faces held at once", low=1, high=16)
    start_presence: float = _setting(0.7, "presence that a new face needs", low=0.0, high=1.0)
    keep_presence: float = _setting(
        0.5, "presence below which a held face is lost", low=0.0, high=1.0
    )
    memory: float = _setting(
        0.7, "a face found again within this time where it was lost keeps its id, s",
        low=0.0, high=10.0,
    )  # fmt: skip
    recheck: float = _setting(
        2.0, "a face unconfirmed for so long gets a second look, moved and larger; 0: never, s",
        low=0.0, high=60.0,
    )  # fmt: skip
    min_face: float = _setting(
        8.0, "faces smaller than this are let go, pixels", low=8.0, high=1e4
    )
    smoothing: bool = _setting(True, "One Euro filter of landmarks and rotation")
    smoothing_min_cutoff: float = _setting(
        1.5, "Hz; lower is smoother at rest", low=0.01, high=100.0
    )
    smoothing_beta: float = _setting(
        6.0, "Hz per face size (or radian) per second; higher lags less in motion",
        low=0.0, high=1000.0,
    )  # fmt: skip
    head_scale: float = _setting(
        1.0, "size of the heads over the mean adult's; scales all distances", low=0.3, high=2.0
    )
    publish_tf: bool = _setting(True, "send face_<id> and gaze_<id> on /tf")
    tf_prefix: str = _setting("", "goes before face_<id> and gaze_<id>; one per camera")
    rep155: bool = _setting(
        False,
        "REP-155: faces under /humans/faces too (needs hri_msgs), ids and frames with its names",
        live=False,
    )
    autostart: bool = _setting(
        True, "configure and activate at start; false: wait for a lifecycle manager", live=False
    )

    def frame_name(self, kind: str, number: int) -> str:
        """The TF frame of a face: ``kind`` is face or gaze.

        >>> Settings(tf_prefix="left_").frame_name("face", 7)
        'left_face_7'
        >>> Settings(tf_prefix="left_", rep155=True).frame_name("gaze", 7)
        'gaze_left_f7'
        """
        if self.rep155:
            return f"{kind}_{face_id(number, self.tf_prefix)}"
        return f"{self.tf_prefix}{kind}_{number}"

    def model_path(self) -> Path:
        """The network's file."""
        named = {"": SHIPPED_MODEL, "research": RESEARCH_MODEL}
        return named.get(self.model) or Path(self.model).expanduser()

    def pipeline(self) -> PipelineSettings:
        """The part that the pipeline needs."""
        return PipelineSettings(
            tracker=TrackerSettings(
                max_faces=self.max_faces,
                start_presence=self.start_presence,
                keep_presence=self.keep_presence,
                memory_ns=round(self.memory * 1e9),
                min_side=self.min_face,
                recheck_ns=round(self.recheck * 1e9),
            ),
            measure=MeasureSettings(
                smoothing=OneEuroSettings(self.smoothing_min_cutoff, self.smoothing_beta)
                if self.smoothing
                else None,
                head_scale=self.head_scale,
            ),
            detect_interval_ns=round(self.detect_interval * 1e9),
            search_interval_ns=round(self.search_interval * 1e9),
        )


RULES: dict[str, Rule] = {f.name: f.metadata["rule"] for f in fields(Settings)}
"""The rule of each setting, in order."""


def change(settings: Settings, values: Mapping[str, Value], running: bool = False) -> Settings:
    """Settings with some values replaced.

    Args:
        settings: The present ones, which also fix each value's type.
        values: Names and new values.
        running: Whether only live settings may change.

    Raises:
        BadSetting: Unknown name, wrong type, out of range, or not live while running.

    >>> change(Settings(), {"max_faces": 2}).max_faces
    2
    """
    checked: dict[str, Value] = {}
    for name, value in values.items():
        if name not in RULES:
            raise BadSetting(f"{name}: no such setting")
        rule, old = RULES[name], getattr(settings, name)
        if type(value) is int and type(old) is float:
            value = float(value)
        if type(value) is not type(old):
            raise BadSetting(f"{name}: {value!r} is not of type {type(old).__name__}")
        if running and not rule.live and value != old:
            raise BadSetting(f"{name}: can only be set before the node is configured")
        if rule.choices and value not in rule.choices:
            raise BadSetting(f"{name}: {value!r} is none of {', '.join(rule.choices)}")
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if number and not rule.low <= value <= rule.high:  # type: ignore[operator]
            raise BadSetting(f"{name}: {value} is not in {rule.low:g} .. {rule.high:g}")
        checked[name] = value
    return replace(settings, **checked)  # type: ignore[arg-type]


def parse(name: str, text: str) -> Value:
    """A setting's value from a word of a command line.

    Raises:
        BadSetting: Unknown name, or not a value of its type.

    >>> parse("smoothing", "false"), parse("memory", "2")
    (False, 2.0)
    """
    if name not in RULES:
        raise BadSetting(f"{name}: no such setting")
    kind = type(getattr(Settings(), name))
    if kind is bool:
        if text.lower() not in ("true", "false"):
            raise BadSetting(f"{name}: {text!r} is neither true nor false")
        return text.lower() == "true"
    try:
        value: Value = kind(text)
    except ValueError as error:
        raise BadSetting(f"{name}: {text!r} is not of type {kind.__name__}") from error
    return value


def declare(node: Node) -> Settings:
    """Declare every setting as a parameter of a node and read what was given.

    Raises:
        BadSetting: A given value breaks its rule.
    """
    from rclpy.exceptions import ParameterException

    given: dict[str, Value] = {}
    for name, rule in RULES.items():
        default = getattr(Settings(), name)
        try:
            given[name] = node.declare_parameter(name, default, _descriptor(name, rule)).value
        except ParameterException as error:  # ROS checks type and range first
            raise BadSetting(str(error)) from error
    return change(Settings(), given)


def _descriptor(name: str, rule: Rule) -> ParameterDescriptor:
    from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor

    text = rule.text + (f" ({' | '.join(rule.choices)})" if rule.choices else "")
    # Not "read_only": ROS would refuse without our reason, and a cleaned-up node may be changed.
    descriptor = ParameterDescriptor(name=name, description=text)
    default = getattr(Settings(), name)
    if type(default) is float:
        descriptor.floating_point_range = [
            FloatingPointRange(from_value=float(rule.low), to_value=float(rule.high))
        ]
    elif type(default) is int:
        descriptor.integer_range = [IntegerRange(from_value=int(rule.low), to_value=int(rule.high))]
    return descriptor
