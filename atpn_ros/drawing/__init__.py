# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Drawing faces into pictures and clips, and printing them as JSON lines."""
