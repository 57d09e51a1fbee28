# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Decoding of raw images: encodings, padding, byte order and bad fields."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atpn_ros.images.raw import ENCODINGS, BadImage, decode_raw
from coloured_images import COLOURS, HEIGHT, PICTURE, WIDE, WIDTH, at_patches, bayer, with_alpha

GREY = np.array([[0, 1, 127], [128, 254, 255]], np.uint8)


def yuv():
    """BT.601 in video range, chroma at every second column."""
    b, g, r = (PICTURE[..., i].astype(float) for i in range(3))
    y = 16 + 0.257 * r + 0.504 * g + 0.098 * b
    u = 128 - 0.148 * r - 0.291 * g + 0.439 * b
    v = 128 + 0.439 * r - 0.368 * g - 0.071 * b
    return y.round().astype(np.uint8), *(c[:, ::2].round().astype(np.uint8) for c in (u, v))


def packed(order):
    y, u, v = yuv()
    parts = {"y": y[:, ::2], "u": u, "v": v, "Y": y[:, 1::2]}
    return np.stack([parts[p] for p in order], axis=2).reshape(HEIGHT, -1)


def planar(first, second):
    y, u, v = yuv()
    chroma = {"u": u[::2], "v": v[::2]}
    rest = np.stack([chroma[first], chroma[second]], axis=2).reshape(HEIGHT // 2, -1)
    return np.concatenate([y, rest])


RGB = PICTURE[..., ::-1]


BYTES = {
    "bgr8": PICTURE,
    "8UC3": PICTURE,
    "rgb8": RGB,
    "bgra8": with_alpha(PICTURE),
    "8UC4": with_alpha(PICTURE),
    "rgba8": with_alpha(RGB),
    "bgr16": WIDE,
    "16UC3": WIDE,
    "rgb16": WIDE[..., ::-1],
    "yuv422": packed("uyvY"),
    "uyvy": packed("uyvY"),
    "yuv422_yuy2": packed("yuYv"),
    "yuyv": packed("yuYv"),
    "nv12": planar("u", "v"),
    "nv21": planar("v", "u"),
    **{f"bayer_{p}8": bayer(p) for p in ("rggb", "bggr", "gbrg", "grbg")},
    **{
        f"bayer_{p}16": bayer(p).astype(np.uint16) * 256 + 99
        for p in ("rggb", "bggr", "gbrg", "grbg")
    },
}


GREYS = {"mono8", "8UC1", "mono16", "16UC1", "32FC1"}


def decode(encoding, pixels, big=False, pad=0, cut=0, width=None, height=None):
    pixels = np.ascontiguousarray(pixels)
    if pixels.dtype.itemsize > 1:
        pixels = pixels.astype(pixels.dtype.newbyteorder(">" if big else "<"))
    rows = pixels.view(np.uint8).reshape(len(pixels), -1)
    padded = np.pad(rows, ((0, 0), (0, pad)), constant_values=0xAB)
    data = padded.tobytes()
    return decode_raw(
        width or WIDTH, height or HEIGHT, encoding, big, padded.shape[1], data[: len(data) - cut]
    )


def test_every_encoding_is_tested_here():
    assert set(BYTES) | GREYS == set(ENCODINGS)


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("encoding", sorted(BYTES))
def test_known_colours_come_out(encoding, big):
    tolerance = 4 if "yuv" in encoding or "yv" in encoding or encoding.startswith("nv") else 0
    picture = decode(encoding, BYTES[encoding], big)
    assert picture.shape == (HEIGHT, WIDTH, 3)
    assert picture.dtype == np.uint8
    assert np.abs(at_patches(picture) - COLOURS.astype(int)).max() <= tolerance


@pytest.mark.parametrize("encoding", sorted(BYTES))
def test_row_padding_is_skipped_and_may_be_missing_in_the_last_row(encoding):
    plain = decode(encoding, BYTES[encoding])
    np.testing.assert_array_equal(decode(encoding, BYTES[encoding], pad=6), plain)
    np.testing.assert_array_equal(decode(encoding, BYTES[encoding], pad=6, cut=6), plain)
    np.testing.assert_array_equal(decode(encoding, BYTES[encoding], pad=5, cut=3), plain)
    with pytest.raises(BadImage, match="short_data"):
        decode(encoding, BYTES[encoding], pad=6, cut=7)


@pytest.mark.parametrize("encoding", ["mono8", "8UC1"])
def test_grey_is_the_same_in_three_channels(encoding):
    picture = decode(encoding, GREY, width=3, height=2)
    np.testing.assert_array_equal(picture, GREY[..., None].repeat(3, axis=2))


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("encoding", ["mono16", "16UC1"])
def test_grey16_is_scaled_by_its_full_range(encoding, big):
    pixels = np.array([[0, 255, 256], [0x7FFF, 0x8000, 0xFFFF]], np.uint16)
    picture = decode(encoding, pixels, big, width=3, height=2)
    assert picture[..., 0].tolist() == [[0, 0, 1], [127, 128, 255]]
    assert (picture == picture[..., :1]).all()


@pytest.mark.parametrize("big", [False, True])
def test_float_grey_is_0_to_1_and_nan_is_black(big):
    pixels = np.array([[0.0, 0.5, 1.0, np.nan], [-3.0, 7.0, np.inf, -np.inf]], np.float32)
    picture = decode("32FC1", pixels, big, width=4, height=2)
    assert picture[..., 0].tolist() == [[0, 127, 255, 0], [0, 255, 255, 0]]


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, lambda d: np.frombuffer(d, "u1")])
def test_every_kind_of_buffer_is_taken(kind):
    data = kind(PICTURE.tobytes())
    np.testing.assert_array_equal(
        decode_raw(WIDTH, HEIGHT, "bgr8", False, WIDTH * 3, data), PICTURE
    )


def test_bytes_beyond_the_last_row_are_ignored():
    data = PICTURE.tobytes() + b"more"
    np.testing.assert_array_equal(
        decode_raw(WIDTH, HEIGHT, "bgr8", False, WIDTH * 3, data), PICTURE
    )


@pytest.mark.parametrize(
    ("width", "height", "encoding", "step", "size", "reason"),
    [
        (4, 2, "bgr8", 12, 0, "short_data"),
        (4, 2, "bgr8", 12, 23, "short_data"),
        (4, 2, "bgr8", 11, 24, "short_step"),
        (4, 2, "bgr8", 0, 24, "short_step"),
        (4, 2, "bgr8", -12, 24, "short_step"),
        (4, 2, "mono16", 7, 24, "short_step"),
        (4, 2, "bgr8", 2**32 - 1, 24, "short_data"),
        (0, 2, "bgr8", 12, 24, "empty"),
        (4, 0, "bgr8", 12, 24, "empty"),
        (-4, 2, "bgr8", 12, 24, "empty"),
        (65535, 65535, "bgr8", 3 * 65535, 24, "too_large"),
        (2**32 - 1, 2**32 - 1, "mono8", 2**32 - 1, 24, "too_large"),
        (4, 2, "", 12, 24, "unknown_encoding"),
        (4, 2, "BGR8", 12, 24, "unknown_encoding"),
        (4, 2, "bgr8; jpeg compressed bgr8", 12, 24, "unknown_encoding"),
        (4, 2, "jpeg", 12, 24, "unknown_encoding"),
        (3, 2, "nv12", 12, 24, "odd_size"),
        (4, 3, "nv21", 12, 24, "odd_size"),
        (3, 2, "yuv422", 12, 24, "odd_size"),
        (3, 2, "yuv422_yuy2", 12, 24, "odd_size"),
    ],
)
def test_bad_fields_are_refused_with_their_reason(width, height, encoding, step, size, reason):
    with pytest.raises(BadImage, match=f"^{reason}: .") as caught:
        decode_raw(width, height, encoding, False, step, bytes(size))
    assert caught.value.reason == reason


def test_an_endless_encoding_does_not_fill_the_log():
    with pytest.raises(BadImage) as caught:
        decode_raw(4, 2, "x" * 10**6, False, 12, bytes(24))
    assert len(str(caught.value)) < 200


def test_the_limit_of_pixels_is_the_callers():
    assert decode_raw(4, 2, "mono8", False, 4, bytes(8), max_pixels=8).shape == (2, 4, 3)
    with pytest.raises(BadImage, match="too_large"):
        decode_raw(4, 2, "mono8", False, 4, bytes(8), max_pixels=7)


sizes = st.integers(-2, 20) | st.sampled_from([65535, 2**31 - 1, 2**32 - 1])


@given(
    width=sizes,
    height=sizes,
    encoding=st.sampled_from(ENCODINGS) | st.text(max_size=12),
    big=st.booleans(),
    step=st.integers(-1, 200) | st.sampled_from([2**31 - 1, 2**32 - 1]),
    data=st.binary(max_size=4000),
)
@settings(max_examples=600, deadline=None)
def test_any_fields_are_a_picture_or_bad_image(width, height, encoding, big, step, data):
    try:
        picture = decode_raw(width, height, encoding, big, step, data)
    except BadImage:
        return
    assert picture.shape == (height, width, 3)
    assert picture.dtype == np.uint8


@given(
    width=st.integers(1, 9),
    height=st.integers(1, 9),
    encoding=st.sampled_from(ENCODINGS),
    big=st.booleans(),
    pad=st.integers(0, 5),
    fill=st.randoms(use_true_random=False),
)
@settings(max_examples=300, deadline=None)
def test_enough_bytes_of_any_small_size_are_a_picture(width, height, encoding, big, pad, fill):
    step = width * 8 + pad
    data = fill.randbytes(step * height * 2)
    reason = None
    try:
        picture = decode_raw(width, height, encoding, big, step, data)
    except BadImage as error:
        reason = error.reason
    if reason is None:
        assert picture.shape == (height, width, 3)
        again = decode_raw(width, height, encoding, big, step, data)
        np.testing.assert_array_equal(picture, again)
    else:
        assert reason in ("odd_size", "not_convertible")
