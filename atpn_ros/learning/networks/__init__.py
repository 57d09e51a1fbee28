# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Network architectures: ATPN, ASMNet and MobileNetV2."""
