# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Networks, data, training, evaluation and export. The only folder that imports PyTorch."""
