# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Returns a model as an ONNX file; a checkpoint is exported to a temporary ONNX file."""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from atpn_ros.engines.base import one_line
from atpn_ros.learning.data.checks import DataError


@contextmanager
def onnx_file(model: Path) -> Iterator[Path]:
    """The model's ONNX file; a checkpoint (.pt) is exported to a temporary one first.

    Raises:
        DataError: The checkpoint cannot be read, or PyTorch is not installed.
    """
    if model.suffix != ".pt":
        yield model
        return
    if importlib.util.find_spec("torch") is None:
        raise DataError(f"{model}: a checkpoint needs PyTorch: pip install 'atpn_ros[learning]'")
    from atpn_ros.learning.export.onnx_export import export
    from atpn_ros.learning.training.train import load_average

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{model.stem}.onnx"
        try:
            export(load_average(model), path)
        except DataError as error:  # PyTorch's messages have many lines
            raise DataError(one_line(error)) from error
        yield path
