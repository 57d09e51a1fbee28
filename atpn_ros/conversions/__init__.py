# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Conversions between the package's types and ROS messages, without importing ROS."""
