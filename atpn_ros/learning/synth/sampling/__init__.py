# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Random sampling of scenes: people, accessories, light, camera, image effects, motion."""
