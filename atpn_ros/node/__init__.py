# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The ROS 2 lifecycle node ``face_node``: the only folder that imports rclpy."""
