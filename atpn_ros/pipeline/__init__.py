# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Per-frame processing: image in, faces out. No ROS and no PyTorch."""
