# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How good a model is, ours or a peer's: faces in, predictions, figures, tables and plots.

Everything goes through the crop and the engine of the node, so the figures are those of the node.
"""
