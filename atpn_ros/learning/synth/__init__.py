# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A face generator with exact truth: rendered heads, and what is known of them.

The way through: ``assets`` (files -> a head, skins, eyes, hair, light) -> ``sampling`` (a seed -> a
``Scene``) -> ``renderer`` (a scene -> linear picture and depth) -> ``labels`` (a scene -> points,
pose, gaze, boxes) -> ``camera_effects`` (a lens and a sensor) -> ``stream`` / ``archive`` /
``sequences``. Nothing here imports torch.
"""
