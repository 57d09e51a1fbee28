# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Tells once after each activation that images are lost in transport, with the remedy."""

from __future__ import annotations

from rclpy.utilities import get_rmw_implementation_identifier

from atpn_ros.node.health import NodeStatus, loss_advice
from atpn_ros.resources import ResourceNotFoundError, share_path


class LossReport:
    """Remembers whether the loss of images was reported since :meth:`begin`."""

    def __init__(self) -> None:
        self._is_reported = False

    def begin(self) -> None:
        """Report again, after an activation."""
        self._is_reported = False

    def text(self, status: NodeStatus) -> str:
        """What to log, once; empty if no image is lost or this was reported.

        Args:
            status: Of the last period.
        """
        if self._is_reported:
            return ""
        fast_dds = "fastrtps" in get_rmw_implementation_identifier()
        advice = loss_advice(status, _dds_profile(), fast_dds)
        self._is_reported = bool(advice)
        return advice


def _dds_profile() -> str:
    """Path of the installed Fast DDS profile."""
    try:
        return str(share_path("config/fastdds_shm.xml"))
    except ResourceNotFoundError:
        return "config/fastdds_shm.xml"
