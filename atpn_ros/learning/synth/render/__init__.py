# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""OpenGL rendering of scenes, labelled samples and sequences, and image effects."""
