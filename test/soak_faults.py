# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The faults that the soak injects: bad images, stamps that jump, changed settings, transitions."""

from __future__ import annotations

import array

import numpy as np
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import SetParameters

from atpn_ros.node import ros_messages
from ros_world import SECOND, Robot, header

RATE = 30.0
"""Images per second of a soak that names no rate."""

ODDS = {
    "short": 0.01, "encoding": 0.01, "empty": 0.01, "back": 0.003, "ahead": 0.003, "again": 0.01,
    "resize": 0.003, "setting": 0.005, "info": 0.005, "cycle": 0.001, "pause": 0.001,
}  # fmt: skip
"""Share of the frames that have each kind of fault."""


def fault(rng: np.random.Generator, sent: int) -> str:
    """Which fault this frame has: each kind once at the start, after that mostly none."""
    round_, step = divmod(sent, round(RATE) // 3)
    if step == 0 and 1 <= round_ <= len(ODDS):
        return list(ODDS)[round_ - 1]
    pick = rng.random()
    for kind, odd in ODDS.items():
        if pick < odd:
            return kind
        pick -= odd
    return ""


def inject(kind: str, robot: Robot, message: object, other_size: np.ndarray, stamp: int) -> int:
    """Spoil a message or the world around it; returns the stamp to go on from."""
    match kind:
        case "short":
            message.data = message.data[: len(message.data) // 2]
        case "encoding":
            message.encoding = "soup8"
        case "empty":
            message.data, message.width, message.height = array.array("B"), 0, 0
        case "back":
            stamp -= 5 * SECOND
            message.header = header(stamp)
        case "ahead":
            stamp += 60 * SECOND
            message.header = header(stamp)
        case "again":
            message.header = header(stamp - SECOND // round(RATE))
        case "resize":
            robot.camera.publish(ros_messages.image_message(other_size, header(stamp)))
        case "pause":
            robot.spin(3.5)
        case "setting":
            number = ParameterValue(
                type=ParameterType.PARAMETER_INTEGER, integer_value=1 + stamp % 5
            )
            parameter = Parameter(name="max_faces", value=number)
            robot.call(
                SetParameters, "set_parameters", SetParameters.Request(parameters=[parameter])
            )
        case "cycle":
            for number in (
                Transition.TRANSITION_DEACTIVATE, Transition.TRANSITION_CLEANUP,
                Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE,
            ):  # fmt: skip
                request = ChangeState.Request(transition=Transition(id=number))
                assert robot.call(ChangeState, "change_state", request).success
        case "info":
            k = [0.0] * 9 if stamp % 2 else [300.0, 0.0, 159.5, 0.0, 300.0, 119.5, 0.0, 0.0, 1.0]
            robot.calibrate(k=k)
    return stamp
