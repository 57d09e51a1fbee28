# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The learning side: networks, data, training, evaluation, export. Only here is PyTorch used."""
