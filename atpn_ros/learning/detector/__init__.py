# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A small face detector of our own: what it learns from, how, and how it compares."""
