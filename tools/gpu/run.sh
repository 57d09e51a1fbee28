#!/usr/bin/env bash
# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
#
# Runs the training in this bundle: bash run.sh [MINUTES] [OPTION ...]. Results are written to $OUT,
# by default the folder out beside this script. Whatever happens, it ends after MINUTES (8).
set -o pipefail
here=$(cd "$(dirname "$0")" && pwd)
minutes=${1:-8}
shift
export OUT=${OUT:-$here/out} PYTHONUNBUFFERED=1
mkdir -p "$OUT"
# Files are written atomically: what a killed training leaves can be used.
seconds=$("${PYTHON:-python3}" -c "import sys; print(int(float(sys.argv[1]) * 60))" "$minutes") || exit 2
timeout --kill-after=5 "$seconds" \
  "${PYTHON:-python3}" "$here/train_in_time.py" train --minutes "$minutes" --out "$OUT" "$@" 2>&1 |
  tee "$OUT/bundle.log"
