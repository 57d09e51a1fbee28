# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Decodes the images of camera messages, raw and compressed, to 8-bit BGR."""
