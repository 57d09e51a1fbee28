# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Per-frame processing: detection, tracking, and the estimation of pose and gaze."""
