# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Studies: series of short training runs, evaluated in the same way and compared in a table."""
