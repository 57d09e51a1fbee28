# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Speed benchmarks of the network, the pipeline and the node, and comparison with MediaPipe."""
