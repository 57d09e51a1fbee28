# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Inference engines: the :class:`Engine` protocol, its backends and the fallback between them."""

from atpn_ros.engines.base import (
    BackendError,
    Engine,
    LoadCancelled,
    LoadControl,
    ModelError,
    NetworkOutput,
)
from atpn_ros.engines.fallback import FallbackEngine
from atpn_ros.engines.select import BACKENDS, FALLBACK_CHAIN, load_engine
from atpn_ros.engines.tensorrt_build import PRECISIONS

__all__ = [
    "BACKENDS",
    "FALLBACK_CHAIN",
    "PRECISIONS",
    "BackendError",
    "Engine",
    "FallbackEngine",
    "LoadCancelled",
    "LoadControl",
    "ModelError",
    "NetworkOutput",
    "load_engine",
]
