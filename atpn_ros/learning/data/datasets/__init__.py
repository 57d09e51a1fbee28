# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The field's public data sets in their published layouts, read lazily and checked.

Every reader is a function ``folder, split -> list[Record]``; pictures stay on disk until they are
needed, but for those of ``labelled``, which are few. None of the sets is part of this package, and
most allow research only.
"""

from atpn_ros.learning.data.datasets.aflw import read_300w_lp, read_aflw2000
from atpn_ros.learning.data.datasets.biwi import read_biwi
from atpn_ros.learning.data.datasets.ibug import read_300vw, read_300w
from atpn_ros.learning.data.datasets.labelled import Labelled, read_labelled
from atpn_ros.learning.data.datasets.record import DataError, Record
from atpn_ros.learning.data.datasets.wflw import read_wflw
from atpn_ros.learning.data.datasets.wider import read_wider

__all__ = [
    "DataError",
    "Labelled",
    "Record",
    "read_300vw",
    "read_300w",
    "read_300w_lp",
    "read_aflw2000",
    "read_biwi",
    "read_labelled",
    "read_wflw",
    "read_wider",
]
