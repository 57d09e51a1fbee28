# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0


def get_cuda_native_handle(obj):
    return obj.handle
