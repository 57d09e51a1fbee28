# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Version, enumerations and loggers of the TensorRT double."""

from __future__ import annotations

import enum
import os

import numpy as np
import onnx

FLAVOUR = os.environ.get("ATPN_DOUBLE_TENSORRT", "10")
__version__ = {"8.5": "8.5.3.1", "8.6": "8.6.1", "10": "10.3.0", "11": "11.1.0"}.get(
    FLAVOUR, FLAVOUR
)
MAJOR = int(__version__.split(".")[0])
WEAK = MAJOR < 11
MAGIC = b"plan of the double\n"


def _enum(name, *members):
    return enum.IntEnum(name, {m: i for i, m in enumerate(members)})


DataType = _enum("DataType", "FLOAT", "HALF", "INT8", "INT32", "BOOL", "UINT8", "FP8")
float32, float16, uint8 = DataType.FLOAT, DataType.HALF, DataType.UINT8
TensorIOMode = _enum("TensorIOMode", "NONE", "INPUT", "OUTPUT")
MemoryPoolType = _enum("MemoryPoolType", "WORKSPACE", "DLA_MANAGED_SRAM")
ProfilingVerbosity = _enum("ProfilingVerbosity", "LAYER_NAMES_ONLY", "NONE", "DETAILED")
LayerInformationFormat = _enum("LayerInformationFormat", "ONELINE", "JSON")
BuilderFlag = _enum("BuilderFlag", *(("FP16", "INT8", "TF32") if WEAK else ("TF32",)))
NetworkDefinitionCreationFlag = _enum(
    "NetworkDefinitionCreationFlag",
    *{8: ("EXPLICIT_BATCH",), 10: ("EXPLICIT_BATCH", "STRONGLY_TYPED")}.get(
        MAJOR, ("STRONGLY_TYPED",)
    ),
)
PreviewFeature = _enum(
    "PreviewFeature",
    *{
        "8.5": ("FASTER_DYNAMIC_SHAPES_0805",),
        "8.6": ("FASTER_DYNAMIC_SHAPES_0805", "PROFILE_SHARING_0806"),
        "10": ("PROFILE_SHARING_0806", "ALIASED_PLUGIN_IO_10_03"),
    }.get(FLAVOUR, ("ALIASED_PLUGIN_IO_10_03",)),
)
NUMPY = {DataType.FLOAT: np.float32, DataType.UINT8: np.uint8, DataType.HALF: np.float16}
ONNX = {
    onnx.TensorProto.FLOAT: DataType.FLOAT,
    onnx.TensorProto.UINT8: DataType.UINT8,
    onnx.TensorProto.FLOAT16: DataType.HALF,
    onnx.TensorProto.INT32: DataType.INT32,
}


class ILogger:
    Severity = _enum("Severity", "INTERNAL_ERROR", "ERROR", "WARNING", "INFO", "VERBOSE")
    INTERNAL_ERROR, ERROR, WARNING, INFO, VERBOSE = Severity

    def __init__(self):
        self._made = True

    def log(self, severity, msg):
        raise NotImplementedError


class Logger(ILogger):
    def __init__(self, min_severity=ILogger.WARNING):
        super().__init__()
        self.min_severity = min_severity

    def log(self, severity, msg):
        if severity <= self.min_severity:
            print(f"[TRT] {msg}")


def ready(logger):
    if not getattr(logger, "_made", False):
        raise TypeError("ILogger.__init__ was not called")
    return logger


class IProgressMonitor:
    def __init__(self):
        self._made = True
