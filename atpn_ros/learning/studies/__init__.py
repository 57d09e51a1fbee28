# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Studies: several short runs under one plan, measured alike and told in one table."""
