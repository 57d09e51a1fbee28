# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Generator of synthetic faces: rendered heads with exact labels.

Each folder imports only those before it: ``opengl`` (context, shaders), ``assets`` (head, skins,
hair, panoramas), ``scene`` (descriptions, labels), ``accessories`` (meshes of hair, clothes and
objects), ``sampling`` (random scenes), ``render`` (pictures, samples, sequences), ``output``
(files). Nothing here imports PyTorch.
"""
