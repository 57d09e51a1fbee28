# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Writers for rendered samples and sequences: tar shards, recordings, contact sheets, figures."""
