# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What ``foxglove_msgs.msg`` has of image annotations, after its definitions of 2025."""

from doubles.message_double import Sequence, Time, message

Point2 = message("Point2", x=float, y=float)
Color = message("Color", r=float, g=float, b=float, a=float)
CircleAnnotation = message(
    "CircleAnnotation",
    timestamp=Time,
    position=Point2,
    diameter=float,
    thickness=float,
    fill_color=Color,
    outline_color=Color,
)
PointsAnnotation = message(
    "PointsAnnotation",
    timestamp=Time,
    type=int,
    points=Sequence(Point2),
    outline_color=Color,
    outline_colors=Sequence(Color),
    fill_color=Color,
    thickness=float,
)
PointsAnnotation.LINE_STRIP = 3
TextAnnotation = message(
    "TextAnnotation",
    timestamp=Time,
    position=Point2,
    text=str,
    font_size=float,
    text_color=Color,
    background_color=Color,
)
ImageAnnotations = message(
    "ImageAnnotations",
    timestamp=Time,
    circles=Sequence(CircleAnnotation),
    points=Sequence(PointsAnnotation),
    texts=Sequence(TextAnnotation),
)
