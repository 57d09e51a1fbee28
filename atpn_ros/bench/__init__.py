# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How fast it is: network, pipeline, node, memory, and beside others on the same frames."""
