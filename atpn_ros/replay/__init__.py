# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Replays bags through the pipeline and writes the node's outputs to new bags, without ROS.

Needs ``rosbags``; only the command ``atpn replay`` imports this package.
"""
