# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Face perception from camera images, for ROS 2: landmarks, head pose, gaze and tracked boxes.

The pipeline runs without ROS::

    from atpn_ros import Frame, open_pipeline

    with open_pipeline() as pipeline:
        result = pipeline.process(Frame(image, stamp_ns=0))
"""

from __future__ import annotations

from pkgutil import extend_path
from typing import TYPE_CHECKING, Any

# The generated messages (``atpn_ros.msg``) are installed beside the installed modules. A source
# checkout that comes first on ``sys.path`` still finds them there.
__path__ = extend_path(__path__, __name__)
__version__ = "0.1.0"
__all__ = ["FacePipeline", "Frame", "__version__", "open_pipeline"]

if TYPE_CHECKING:
    from pathlib import Path

    from atpn_ros.pipeline.pipeline import FacePipeline as FacePipeline
    from atpn_ros.runtime import LoadedPipeline
    from atpn_ros.types import Frame as Frame


def open_pipeline(params_file: Path | None = None, **settings: Any) -> LoadedPipeline:
    """Load the network, the engine and the detector; returns a pipeline that is ready to process.

    Close the pipeline, or use it in a ``with`` block, to free the engine. All calls must come from
    the thread that opened it.

    Args:
        params_file: A ROS parameter file such as ``config/atpn.yaml``; default: no file.
        settings: Values of :class:`atpn_ros.settings.Settings` by name; they override the file.

    Raises:
        AtpnError: A setting is not valid, or the network, engine or detector cannot be loaded.

    Example:
        >>> import numpy as np
        >>> from atpn_ros import Frame, open_pipeline
        >>> image = np.zeros((480, 640, 3), np.uint8)  # BGR; here a black image without a face
        >>> with open_pipeline(max_faces=2, backend="onnx-cpu") as pipeline:
        ...     result = pipeline.process(Frame(image, stamp_ns=0))
        >>> result.faces
        ()
    """
    from atpn_ros.engines import LoadControl
    from atpn_ros.runtime import load_pipeline
    from atpn_ros.setting_values import update_settings
    from atpn_ros.settings_file import load_settings

    return load_pipeline(update_settings(load_settings(params_file), settings), LoadControl())


def __getattr__(name: str) -> Any:
    # Imported on first use, so that ``import atpn_ros`` loads neither OpenCV nor ONNX Runtime.
    if name == "FacePipeline":
        from atpn_ros.pipeline.pipeline import FacePipeline

        return FacePipeline
    if name == "Frame":
        from atpn_ros.types import Frame

        return Frame
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
