# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Training of the ATPN network: loop, losses, validation, checkpoints and run files."""
