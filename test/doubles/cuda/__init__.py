# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A double of cuda-python; ``ATPN_DOUBLE_CUDA`` is ``old`` (before 12.6.1) or ``new`` (from 13)."""
