# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Opens ONNX Runtime sessions on the CPU with one thread, for detectors and measurements."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from atpn_ros.detectors.base import DetectorError


def cpu_session(model: Path) -> Any:
    """An ONNX Runtime session of a model on the CPU, with one thread and no warnings.

    Args:
        model: The ``.onnx`` file.

    Raises:
        Exception: Whatever ONNX Runtime raises for a file that it cannot load.
    """
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Memory patterns are planned for one shape, and the second run of each shape takes up to 30 MB
    # more for them; inputs are of several sizes.
    options.enable_mem_pattern = False
    return ort.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])


def open_session(model: Path, outputs: set[str], kind: str) -> Any:
    """An inference session of a model on the CPU.

    Args:
        model: The ``.onnx`` file.
        outputs: Names that the model's outputs must include.
        kind: What such a model is called, for messages.

    Raises:
        DetectorError: ONNX Runtime is missing, or the file is no such model.
    """
    try:
        session = cpu_session(model)
    except ImportError as error:
        raise DetectorError(f"{kind} needs ONNX Runtime: pip install onnxruntime") from error
    except Exception as error:
        raise DetectorError(
            f"{model}: cannot be loaded: {' '.join(str(error).split())[:300]}"
        ) from error
    have = {o.name for o in session.get_outputs()}
    if not have.issuperset(outputs):
        raise DetectorError(f"{model}: not a {kind}: has outputs {sorted(have)}")
    return session
