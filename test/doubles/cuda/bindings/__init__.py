# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The new layout."""

import os

if os.environ.get("ATPN_DOUBLE_CUDA", "new") != "new":
    raise ImportError("No module named 'cuda.bindings'")
