# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Conversions between the core's types and ROS message fields, without importing ROS."""
