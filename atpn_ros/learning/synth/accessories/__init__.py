# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Meshes of hair, clothes, glasses, hats, masks, hands and objects, fitted to one head."""
