# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What ``hri_msgs.msg`` 2.0 has of faces, and the landmark codes that its definition names."""

from doubles.message_double import Header, Sequence, message

IdsList = message("IdsList", header=Header, ids=Sequence(str))
NormalizedRegionOfInterest2D = message(
    "NormalizedRegionOfInterest2D",
    header=Header,
    xmin=float,
    ymin=float,
    xmax=float,
    ymax=float,
    c=float,
)
NormalizedPointOfInterest2D = message("NormalizedPointOfInterest2D", x=float, y=float, c=float)
FacialLandmarks = message(
    "FacialLandmarks",
    header=Header,
    landmarks=Sequence(NormalizedPointOfInterest2D, 70),
    height=int,
    width=int,
)

CODES = {
    "RIGHT_EAR": 0,
    "MENTON": 8,
    "LEFT_EAR": 16,
    "RIGHT_EYEBROW_OUTSIDE": 17,
    "RIGHT_EYEBROW_INSIDE": 21,
    "LEFT_EYEBROW_INSIDE": 22,
    "LEFT_EYEBROW_OUTSIDE": 26,
    "SELLION": 27,
    "NOSE": 30,
    "NOSTRIL_1": 31,
    "NOSTRIL_5": 35,
    "RIGHT_EYE_OUTSIDE": 36,
    "RIGHT_EYE_TOP_1": 37,
    "RIGHT_EYE_TOP_2": 38,
    "RIGHT_EYE_INSIDE": 39,
    "RIGHT_EYE_BOTTOM_2": 40,
    "RIGHT_EYE_BOTTOM_1": 41,
    "LEFT_EYE_INSIDE": 42,
    "LEFT_EYE_TOP_2": 43,
    "LEFT_EYE_TOP_1": 44,
    "LEFT_EYE_OUTSIDE": 45,
    "LEFT_EYE_BOTTOM_1": 46,
    "LEFT_EYE_BOTTOM_2": 47,
    "MOUTH_OUTER_RIGHT": 48,
    "MOUTH_OUTER_TOP_3": 51,
    "MOUTH_OUTER_LEFT": 54,
    "MOUTH_OUTER_BOTTOM_3": 57,
    "MOUTH_INNER_RIGHT": 60,
    "MOUTH_INNER_TOP_2": 62,
    "MOUTH_INNER_LEFT": 64,
    "MOUTH_INNER_BOTTOM_2": 66,
    "RIGHT_PUPIL": 68,
    "LEFT_PUPIL": 69,
}
"""As ``FacialLandmarks.msg`` numbers them; right and left are the person's."""
