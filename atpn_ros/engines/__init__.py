# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What runs the network: the :class:`Engine` protocol, its rungs, and the ladder between them."""

from atpn_ros.engines.base import BackendError, Engine, ModelError, NetworkOutput
from atpn_ros.engines.select import BACKENDS, load_engine

__all__ = ["BACKENDS", "BackendError", "Engine", "ModelError", "NetworkOutput", "load_engine"]
