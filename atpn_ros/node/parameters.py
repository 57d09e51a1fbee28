# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Declares every field of ``Settings`` as a ROS parameter with its range; names unknown ones."""

from __future__ import annotations

from collections.abc import Sequence

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.exceptions import ParameterException
from rclpy.node import Node
from rclpy.parameter import Parameter

from atpn_ros.setting_values import unknown_name, update_settings
from atpn_ros.settings import CONSTRAINTS, Constraint, Settings, SettingsError, Value


def declare_parameters(node: Node) -> Settings:
    """Declare every setting as a parameter of a node and read the given values.

    Raises:
        SettingsError: A given value is not allowed.
    """
    given: dict[str, Value] = {}
    for name, rule in CONSTRAINTS.items():
        default = getattr(Settings(), name)
        try:
            given[name] = node.declare_parameter(name, default, _descriptor(name, rule)).value
        except ParameterException as error:  # raised by ROS for a wrong type or range
            raise SettingsError(str(error)) from error
    return update_settings(Settings(), given)


def unknown_parameter(node: Node, parameters: Sequence[Parameter]) -> str:
    """What is wrong with the first of some parameters that a node does not have; empty if none."""
    for parameter in parameters:
        if not node.has_parameter(parameter.name):
            return str(unknown_name(parameter.name, CONSTRAINTS, "setting"))
    return ""


def _descriptor(name: str, rule: Constraint) -> ParameterDescriptor:
    text = rule.description + (f" ({' | '.join(rule.choices)})" if rule.choices else "")
    # Not "read_only": ROS would reject without a reason, and an unconfigured node may be changed.
    descriptor = ParameterDescriptor(name=name, description=text)
    default = getattr(Settings(), name)
    if type(default) is float:
        descriptor.floating_point_range = [
            FloatingPointRange(from_value=float(rule.minimum), to_value=float(rule.maximum))
        ]
    elif type(default) is int:
        descriptor.integer_range = [
            IntegerRange(from_value=int(rule.minimum), to_value=int(rule.maximum), step=rule.step)
        ]
    return descriptor
