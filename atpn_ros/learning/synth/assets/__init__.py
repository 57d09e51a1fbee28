# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Head models, skins, hair and panoramas, read from asset folders or built procedurally."""
