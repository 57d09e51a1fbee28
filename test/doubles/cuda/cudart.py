# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
import os

if os.environ.get("ATPN_DOUBLE_CUDA", "new") != "old":
    raise ImportError("No module named 'cuda.cudart'")

from cuda_double import *  # noqa: F403
