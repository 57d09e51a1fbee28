# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The range of 16-bit and float images that do not fill it, and depth images."""

import numpy as np
import pytest

from atpn_ros.images.raw import PixelDepth, decode_raw
from coloured_images import decoded, encoded


def depths(encoding, pictures):
    """The 8-bit images that one camera's pictures become, and its last note."""
    depth = PixelDepth()
    out = []
    for pixels in pictures:
        height, width = pixels.shape[:2]
        out.append(
            decode_raw(
                width, height, encoding, False, pixels.strides[0], pixels.tobytes(), depth=depth
            )
        )
    return out, depth


RAMP = np.linspace(0, 1, 60 * 80).reshape(60, 80)


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("encoding", ["mono16", "bayer_rggb16", "bgr16"])
def test_sensors_of_fewer_than_16_bits_are_as_bright_as_those_of_16(encoding, bits):
    pixels = (RAMP * (2**bits - 1)).astype(np.uint16)
    if encoding == "bgr16":
        pixels = pixels[..., None].repeat(3, axis=2)
    ((picture,), depth) = depths(encoding, [np.ascontiguousarray(pixels)])
    assert picture.max() >= 250
    np.testing.assert_allclose(picture[30, 20:60, 1], RAMP[30, 20:60] * 255, atol=3)
    said = "" if bits == 16 else f"{encoding} with values below {2**bits}: taken as {bits} bits"
    assert (depth.note, depth.may_be_depth) == (said, False)


def test_the_depth_is_held_when_the_light_goes_and_grows_with_brighter_images():
    ramp = RAMP.astype(np.float64)
    bright, dark, brighter = ((ramp * top).astype(np.uint16) for top in (1023, 100, 4095))
    (first, second, third), depth = depths("mono16", [bright, dark, brighter])
    assert (first.max(), second.max(), third.max()) == (255, 25, 255)
    assert depth.note == "mono16 with values below 4096: taken as 12 bits"
    (_, still), _ = depths("mono16", [brighter, bright])
    assert still.max() == 63


@pytest.mark.parametrize("top", [255.0, 4095.0, 65535.0])
def test_floats_beyond_0_to_1_are_scaled_and_said_to_be_so(top):
    ((picture,), depth) = depths("32FC1", [(RAMP * top).astype(np.float32)])
    assert picture.max() >= 254
    assert depth.note.startswith("32FC1 with values below ")
    assert depth.may_be_depth
    ((_,), depth) = depths("32FC1", [RAMP.astype(np.float32)])
    assert (depth.note, depth.may_be_depth) == ("", False)


def test_distances_are_named_with_what_is_seen():
    metres = np.where(RAMP < 0.1, np.nan, 0.5 + 4 * RAMP).astype(np.float32)
    _, depth = depths("32FC1", [metres])
    assert (depth.note, depth.may_be_depth) == (
        "32FC1 with values below 256: taken as brightness",
        True,
    )
    _, depth = depths("16UC1", [np.nan_to_num(metres * 1000).astype(np.uint16)])
    assert depth.note == "16UC1 with values below 16384: taken as brightness"
    assert depth.may_be_depth


def test_a_png_of_10_bits_is_as_bright_as_one_of_16():
    depth = PixelDepth()
    picture = decoded(encoded(".png", (RAMP * 1023).astype(np.uint16)), depth=depth)
    assert (picture.max(), picture.dtype, picture.shape[2]) == (255, np.uint8, 3)
    assert depth.note == "16-bit PNG with values below 1024: taken as 10 bits"
