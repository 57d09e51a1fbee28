# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A double of TensorRT's Python API that computes with ONNX Runtime and enforces the rules.

``ATPN_DOUBLE_TENSORRT`` is the flavour: 8.5, 8.6, 10 or 11. Names and signatures are those of the
public bindings (see docs/engines.md). What the engines do not call is left out.
"""

from __future__ import annotations

from tensorrt import definitions
from tensorrt.building import (
    Builder,
    HostMemory,
    IBuilderConfig,
    INetworkDefinition,
    IOptimizationProfile,
    ITensor,
    OnnxParser,
)
from tensorrt.definitions import (
    FLAVOUR,
    MAJOR,
    BuilderFlag,
    DataType,
    ILogger,
    LayerInformationFormat,
    Logger,
    MemoryPoolType,
    NetworkDefinitionCreationFlag,
    PreviewFeature,
    ProfilingVerbosity,
    TensorIOMode,
    __version__,
    float16,
    float32,
    uint8,
)
from tensorrt.running import ICudaEngine, IExecutionContext, Runtime

__all__ = [
    "FLAVOUR",
    "Builder",
    "BuilderFlag",
    "DataType",
    "HostMemory",
    "IBuilderConfig",
    "ICudaEngine",
    "IExecutionContext",
    "ILogger",
    "INetworkDefinition",
    "IOptimizationProfile",
    "ITensor",
    "LayerInformationFormat",
    "Logger",
    "MemoryPoolType",
    "NetworkDefinitionCreationFlag",
    "OnnxParser",
    "PreviewFeature",
    "ProfilingVerbosity",
    "Runtime",
    "TensorIOMode",
    "__version__",
    "float16",
    "float32",
    "uint8",
]

if MAJOR >= 10:
    IProgressMonitor = definitions.IProgressMonitor
