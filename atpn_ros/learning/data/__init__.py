# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Labelled faces: readers of data sets, renders and backgrounds, augmentation and batches."""
