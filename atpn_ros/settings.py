# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Defines every setting: its name, default, range and description.

The names are those of the ROS parameters, of ``config/atpn.yaml`` and of the launch arguments.
:mod:`atpn_ros.node.parameters` declares them as ROS parameters, :mod:`atpn_ros.setting_values`
checks values.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from atpn_ros.camera import CALIBRATIONS
from atpn_ros.conversions.rep155 import face_id
from atpn_ros.engines import BACKENDS, PRECISIONS
from atpn_ros.images.raw import MAX_PIXELS
from atpn_ros.pipeline.estimator import EstimatorSettings
from atpn_ros.pipeline.looking import LookingSettings
from atpn_ros.pipeline.one_euro import OneEuroSettings
from atpn_ros.pipeline.pipeline import PipelineSettings
from atpn_ros.pipeline.tracker import MOST_FACES, TrackerSettings
from atpn_ros.types import AtpnError

SHIPPED_MODEL = Path(__file__).parent / "weights" / "atpn.onnx"
RESEARCH_MODEL = Path(__file__).parent / "weights" / "atpn_research.onnx"
ASMNET_MODEL = Path(__file__).parent / "weights" / "asmnet.onnx"

Value = bool | int | float | str


class SettingsError(AtpnError):
    """A setting is unknown, of the wrong type, out of range or not changeable now."""


@dataclass(frozen=True, slots=True)
class Constraint:
    """Allowed values of a setting.

    Attributes:
        description: One line for people; the ROS parameter's description.
        minimum: Smallest value of a number.
        maximum: Greatest value of a number.
        step: A whole number is the minimum plus a multiple of this.
        choices: All values that a string may have; empty means any.
        reconfigurable: Whether it may change while the node runs.
    """

    description: str
    minimum: float = 0.0
    maximum: float = 0.0
    step: int = 1
    choices: tuple[str, ...] = ()
    reconfigurable: bool = True


def _setting(default: Value, description: str, **rule: Any) -> Any:
    return field(default=default, metadata={"constraint": Constraint(description, **rule)})


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of the node. Times are in seconds and lengths in pixels, unless noted."""

    image_transport: str = _setting(
        "raw", "raw: sensor_msgs/Image on image; compressed: CompressedImage on image/compressed",
        choices=("raw", "compressed"), reconfigurable=False,
    )  # fmt: skip
    lazy: bool = _setting(False, "receive and process images only while an output has subscribers")
    calibration: str = _setting(
        "auto", "matrices of camera_info that apply: raw: K and D; rectified: P and R; "
        "auto: rectified if the topic's name contains rect",
        choices=CALIBRATIONS, reconfigurable=False,
    )  # fmt: skip
    max_pixels: int = _setting(
        MAX_PIXELS,
        "larger images are refused before they are decoded",
        minimum=1,
        maximum=2**31 - 1,
    )
    rotate: int = _setting(
        0,
        "degrees clockwise by which the camera's images are turned before use, so that people are "
        "upright; results refer to the camera's own image and frame: 0, 90, 180 or 270",
        minimum=0,
        maximum=270,
        step=90,
    )
    model: str = _setting(
        "",
        "empty: the shipped weights, for any use; research, asmnet: the two for research only; "
        "else a path",
        reconfigurable=False,
    )
    backend: str = _setting(
        "auto",
        "first backend to try (auto: the fastest)",
        choices=BACKENDS,
        reconfigurable=False,
    )
    strict_backend: bool = _setting(
        False, "use the named backend only: no fallback to a slower one", reconfigurable=False
    )
    precision: str = _setting(
        "auto",
        "precision of TensorRT engines; auto: fp16 where it is fast",
        choices=PRECISIONS,
        reconfigurable=False,
    )
    threads: int = _setting(
        1,
        "threads of the network on a CPU; 0: ONNX Runtime's default",
        minimum=0,
        maximum=64,
        reconfigurable=False,
    )
    detector_model: str = _setting(
        "",
        "atpn or empty: the shipped network; "
        "yunet: the file that 'atpn fetch yunet' downloads; else the path of a YuNet .onnx file",
        reconfigurable=False,
    )
    smallest_face: float = _setting(
        20.0, "side of the smallest face that detector_model atpn searches for, pixels; half of it "
        "takes four times as long", minimum=5.0, maximum=1e4, reconfigurable=False,
    )  # fmt: skip
    detect_interval: float = _setting(
        1.0, "interval of the detector while faces are tracked, s", minimum=0.0, maximum=60.0
    )
    search_interval: float = _setting(
        0.2, "interval of the detector while no face is tracked, s", minimum=0.0, maximum=60.0
    )
    max_faces: int = _setting(8, "maximum number of tracked faces", minimum=1, maximum=MOST_FACES)
    start_presence: float = _setting(
        0.7, "presence that a new face needs", minimum=0.0, maximum=1.0
    )
    keep_presence: float = _setting(
        0.5, "presence below which a tracked face is lost", minimum=0.0, maximum=1.0
    )
    memory: float = _setting(
        0.7, "a lost face that is found nearby within this time keeps its id, s",
        minimum=0.0, maximum=10.0,
    )  # fmt: skip
    absence: float = _setting(
        4.0,
        "a lost face that is found again at its place, where no other person is possible, keeps "
        "its id for this long, s",
        minimum=0.0, maximum=60.0,
    )  # fmt: skip
    recheck: float = _setting(
        2.0,
        "a face not confirmed by the detector for this time is verified on a shifted, larger crop; "
        "0: never, s",
        minimum=0.0, maximum=60.0,
    )  # fmt: skip
    min_face: float = _setting(
        8.0, "tracks of faces smaller than this are dropped, pixels", minimum=8.0, maximum=1e4
    )
    smoothing: bool = _setting(True, "One Euro filter of landmarks and rotation")
    smoothing_min_cutoff: float = _setting(
        1.5, "Hz; lower is smoother at rest", minimum=0.01, maximum=100.0
    )
    smoothing_beta: float = _setting(
        6.0, "Hz per face size (or radian) per second; higher lags less in motion",
        minimum=0.0, maximum=1000.0,
    )  # fmt: skip
    head_scale: float = _setting(
        1.0,
        "size of the heads over the mean adult's; scales all distances",
        minimum=0.3,
        maximum=2.0,
    )
    looking_target: str = _setting(
        "", "TF frame that people may look at, e.g. the robot's eyes; empty: the camera"
    )
    looking_angle: float = _setting(
        10.0,
        "angle to the target, degrees, up to which an exactly known gaze looks at it; an uncertain "
        "gaze has a wider limit",
        minimum=0.0, maximum=90.0,
    )  # fmt: skip
    looking_delay: float = _setting(
        0.2, "how long a gaze must be on the target, or off it, before looking changes, s",
        minimum=0.0, maximum=10.0,
    )  # fmt: skip
    publish_tf: bool = _setting(True, "publish face_<id> and gaze_<id> on /tf")
    tf_prefix: str = _setting("", "prefix of face_<id> and gaze_<id>; one per camera")
    rep155: bool = _setting(
        False,
        "publish REP-155 topics under /humans/faces (needs hri_msgs), with its ids and frame names",
        reconfigurable=False,
    )
    autostart: bool = _setting(
        True,
        "configure and activate at start; false: wait for a lifecycle manager",
        reconfigurable=False,
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
        """Path of the network's .onnx file."""
        named = {"": SHIPPED_MODEL, "research": RESEARCH_MODEL, "asmnet": ASMNET_MODEL}
        return named.get(self.model) or Path(self.model).expanduser()

    def pipeline_settings(self) -> PipelineSettings:
        """The settings of the pipeline, in its units."""
        return PipelineSettings(
            tracker=TrackerSettings(
                max_faces=self.max_faces,
                start_presence=self.start_presence,
                keep_presence=self.keep_presence,
                memory_ns=round(self.memory * 1e9),
                absence_ns=round(self.absence * 1e9),
                min_side=self.min_face,
                recheck_ns=round(self.recheck * 1e9),
            ),
            estimator=EstimatorSettings(
                smoothing=OneEuroSettings(self.smoothing_min_cutoff, self.smoothing_beta)
                if self.smoothing
                else None,
                head_scale=self.head_scale,
                looking=LookingSettings(
                    math.radians(self.looking_angle), round(self.looking_delay * 1e9)
                ),
            ),
            detect_interval_ns=round(self.detect_interval * 1e9),
            search_interval_ns=round(self.search_interval * 1e9),
            rotate=self.rotate,
        )


CONSTRAINTS: dict[str, Constraint] = {f.name: f.metadata["constraint"] for f in fields(Settings)}
"""The constraint of each setting, in order of declaration."""
