# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Bag in, bag out, without ROS: the live node's answers for every image of a recording.

Needs ``rosbags``; nothing but its command imports it.
"""
