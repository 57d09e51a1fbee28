# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Meshes worn or held by a person: hair, clothes, glasses, hats, hands."""
