# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Sheets of pictures in rows."""

import numpy as np

from atpn_ros.drawing.contact_sheet import contact_sheet


def grey(height, width, level):
    return np.full((height, width, 3), level, np.uint8)


def test_pictures_fill_the_rows_in_order():
    sheet = contact_sheet([grey(30, 40, 10 * i) for i in range(1, 6)], 2, (40, 30))
    assert sheet.shape == (90, 80, 3)
    assert sheet[15::30, 20::40, 0].tolist() == [[10, 20], [30, 40], [50, 40]]  # the last is empty


def test_a_picture_of_another_shape_keeps_it():
    (row,) = contact_sheet([grey(120, 40, 200)], 1, (40, 60))[30:31, :, 0]
    assert row.tolist() == [40] * 10 + [200] * 20 + [40] * 10


def test_pictures_beyond_the_rows_are_left_out():
    pictures = [grey(30, 40, 200)] * 13
    assert contact_sheet(pictures, 4, (400, 300), rows=3).shape == (900, 1600, 3)
    assert contact_sheet(pictures[:1], 4, (400, 300), rows=3).shape == (900, 1600, 3)
