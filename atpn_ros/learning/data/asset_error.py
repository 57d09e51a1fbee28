# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The exception for asset files that are missing or invalid."""

from __future__ import annotations

from atpn_ros.types import AtpnError


class AssetError(AtpnError):
    """An asset file is missing or does not have the expected content."""
