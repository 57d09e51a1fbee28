# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Faces from camera images, for ROS 2: landmarks, head pose, gaze and boxes, tracked."""

from pkgutil import extend_path

# The generated messages (``atpn_ros.msg``) are installed beside the installed modules. A source
# checkout that comes first on ``sys.path`` still finds them there.
__path__ = extend_path(__path__, __name__)
__version__ = "0.1.0"
