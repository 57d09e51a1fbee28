# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Boxes of rendered faces follow the head's own vertical axis."""

from dataclasses import replace

import numpy as np
import pytest
from drawn_face import drawn

from atpn_ros.learning.data.sprites import frontal_outline
from atpn_ros.learning.detector.render_cutouts import turned_outline


@pytest.mark.parametrize("roll", [0.0, 0.7, -1.5])
def test_a_rolled_frontal_face_has_the_box_that_its_landmarks_alone_give(roll):
    face = drawn(roll, 0.0, 0.0)
    np.testing.assert_allclose(turned_outline(face), frontal_outline(face.landmarks), atol=2.0)


def test_the_forehead_of_a_turned_head_is_above_its_brows():
    face = drawn(0.0, 0.0, 1.3)
    outline = turned_outline(face)
    assert outline[:, 1].min() < face.landmarks[:, 1].min() - 10
    # Turned by 75 degrees the eyes' line is no guide any more; the axis is still vertical.
    assert abs(outline[-18:, 0].mean() - face.landmarks[33:51, 0].mean()) < 3


def test_a_face_without_a_rotation_is_refused():
    with pytest.raises(ValueError, match="no rotation"):
        turned_outline(replace(drawn(), rotation=None))
