# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Export of networks to ONNX, quantization, and the cost of a model."""
