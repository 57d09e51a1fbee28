# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Evaluation of landmark models and detectors: predictions, metrics, tables and plots.

Every model gets the crops of the node, and node models run in the node's engine, so the results are
those of the node.
"""
