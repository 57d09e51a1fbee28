# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Decoding of compressed images: formats, damaged files and limits of size."""

import struct

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atpn_ros.images import compressed
from atpn_ros.images.compressed import open_compressed
from atpn_ros.images.raw import BadImage, PixelDepth
from coloured_images import (
    COLOURS,
    HEIGHT,
    PICTURE,
    WIDE,
    WIDTH,
    at_patches,
    bayer,
    decoded,
    encoded,
    with_alpha,
)

JPEG = encoded(".jpg", PICTURE, cv2.IMWRITE_JPEG_QUALITY, 98)


LARGE = encoded(".jpg", np.random.default_rng(1).integers(0, 256, (240, 320, 3), np.uint8))


PROGRESSIVE = encoded(".jpg", PICTURE, cv2.IMWRITE_JPEG_PROGRESSIVE, 1)


PNG = encoded(".png")


@pytest.mark.parametrize(
    ("data", "tolerance"),
    [
        (JPEG, 12),
        (PROGRESSIVE, 12),
        (PNG, 0),
        (encoded(".png", with_alpha(PICTURE)), 0),
        (encoded(".png", WIDE), 1),
        (PNG + b"more", 0),
        (JPEG + b"more", 12),
    ],
    ids=["jpeg", "progressive", "png", "png-alpha", "png-16", "png-tail", "jpeg-tail"],
)
def test_compressed_colours_come_out(data, tolerance):
    picture = decoded(data)
    assert picture.shape == PICTURE.shape
    assert picture.dtype == np.uint8
    assert np.abs(at_patches(picture) - COLOURS.astype(int)).max() <= tolerance


@pytest.mark.parametrize("extension", [".png", ".jpg"])
def test_compressed_grey_has_three_channels(extension):
    picture = decoded(encoded(extension, np.full((16, 8), 90, np.uint8)))
    assert picture.shape == (16, 8, 3)
    assert (picture == 90).all()


def segment(kind, body):
    return b"\xff" + bytes([kind]) + struct.pack(">H", len(body) + 2) + body


def test_orientation_tags_are_ignored_because_camera_info_knows_the_stored_pixels():
    tag = struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0)
    exif = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 1) + tag + bytes(4)
    turned = JPEG[:2] + segment(0xE1, exif) + JPEG[2:]
    np.testing.assert_array_equal(decoded(turned), decoded(JPEG))


def test_a_truncated_jpeg_is_noticed_behind_its_thumbnail():
    with_thumbnail = JPEG[:2] + segment(0xE1, b"Exif\0\0" + JPEG) + JPEG[2:]
    assert decoded(with_thumbnail).shape == PICTURE.shape
    with pytest.raises(BadImage, match="truncated"):
        decoded(with_thumbnail[: -len(JPEG) // 8])


def test_a_jpeg_may_lack_its_end_mark_like_those_of_some_usb_cameras():
    whole = decoded(JPEG)
    np.testing.assert_array_equal(decoded(JPEG[:-2]), whole)
    np.testing.assert_array_equal(decoded(JPEG[:-2] + bytes(512)), whole)


@pytest.mark.parametrize("pattern", ["rggb", "bggr", "gbrg", "grbg"])
@pytest.mark.parametrize("kind", ["png; bits 8", "png; bits 16", "jpeg"])
def test_a_grey_file_of_a_bayer_image_has_its_colours(pattern, kind):
    """As compressed_image_transport sends the images of a Bayer camera."""
    mosaic, encoding = bayer(pattern), f"bayer_{pattern}8"
    if kind.endswith("16"):
        mosaic, encoding = mosaic.astype(np.uint16) * 256, f"bayer_{pattern}16"
    if kind == "jpeg":
        file = encoded(".jpg", mosaic, cv2.IMWRITE_JPEG_QUALITY, 100)
    else:
        file = encoded(".png", mosaic)
    picture = decoded(file, format_field=f"{encoding}; {kind[:4].rstrip(';')} compressed ")
    assert np.abs(at_patches(picture) - COLOURS.astype(int)).max() <= (4 if kind == "jpeg" else 0)


def test_a_format_that_does_not_fit_the_file_is_ignored():
    grey = encoded(".png", np.full((16, 8), 90, np.uint8))
    assert (decoded(grey, format_field="bayer_xyzw8; png compressed") == 90).all()
    np.testing.assert_array_equal(
        decoded(PNG, format_field="bayer_rggb8; png compressed"), decoded(PNG)
    )


@pytest.mark.parametrize("data", [JPEG, PROGRESSIVE], ids=["jpeg", "progressive"])
@pytest.mark.parametrize("reduction", [2, 4, 8])
def test_a_jpeg_is_reduced_by_the_mean_of_its_pixels(data, reduction):
    image = open_compressed(data)
    assert image.shape == PICTURE.shape
    reduced = image.decoded(reduction)
    size = (WIDTH // reduction, HEIGHT // reduction)
    mean = cv2.resize(decoded(data), size, interpolation=cv2.INTER_AREA)
    assert reduced.shape == mean.shape
    assert np.abs(reduced.astype(int) - mean).mean() < 6
    assert image.decoded(reduction) is reduced  # decoded once
    np.testing.assert_array_equal(image.decoded(), decoded(data))


def test_a_jpeg_is_not_decoded_before_it_is_known_at_which_scale(monkeypatch):
    monkeypatch.setattr(compressed.cv2, "imdecode", lambda *_: pytest.fail("decoded"))
    assert open_compressed(JPEG).shape == PICTURE.shape


def test_a_jpeg_that_cannot_be_decoded_is_refused_when_it_is_decoded():
    at = JPEG.index(b"\xff\xc0") + 4
    image = open_compressed(JPEG[:at] + b"\x0c" + JPEG[at + 1 :])  # 12 bits per value
    for reduction in (1, 2):
        with pytest.raises(BadImage, match="corrupt"):
            image.decoded(reduction)


def test_a_jpeg_is_not_taken_as_10_bits_because_the_image_before_was():
    depth = PixelDepth()
    open_compressed(encoded(".png", WIDE >> 6), depth=depth)
    assert depth.note
    open_compressed(JPEG, depth=depth)
    assert not depth.note


def png_claiming(width, height):
    return PNG[:16] + struct.pack(">II", width, height) + PNG[24:]


def jpeg_claiming(width, height):
    at = JPEG.index(b"\xff\xc0")
    return JPEG[: at + 5] + struct.pack(">HH", height, width) + JPEG[at + 9 :]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"\xff", "unknown_format"),
        (b"RIFF....WEBP", "unknown_format"),
        (b"GIF89a" + bytes(100), "unknown_format"),
        (PICTURE.tobytes(), "unknown_format"),
        (JPEG[:2], "corrupt"),
        (JPEG[:20], "corrupt"),
        (JPEG[: len(JPEG) // 2], "truncated"),
        (PROGRESSIVE[:-2], "truncated"),
        (LARGE[: len(LARGE) * 19 // 20], "truncated"),
        (b"\xff\xd8\xff\xd9", "corrupt"),
        (b"\xff\xd8" + b"\xff" * 100, "corrupt"),
        (b"\xff\xd8\xff\xe0\x00\x00" + bytes(20), "corrupt"),
        (PNG[:8], "corrupt"),
        (PNG[:30], "corrupt"),
        (PNG[: len(PNG) // 2], "truncated"),
        (PNG[:8] + b"\0\0\0\rXHDR" + PNG[16:], "corrupt"),
        (PNG[:33] + b"\0\0\0\0IEND\xaeB`\x82", "corrupt"),
        (png_claiming(0, 5), "empty"),
        (png_claiming(60000, 60000), "too_large"),
        (png_claiming(2**32 - 1, 2**32 - 1), "too_large"),
        (jpeg_claiming(65535, 65535), "too_large"),
        (jpeg_claiming(0, 5), "empty"),
    ],
)
def test_bad_files_are_refused_with_their_reason(data, reason):
    with pytest.raises(BadImage, match=f"^{reason}: ."):
        decoded(data)


@pytest.mark.parametrize(
    "data", [png_claiming(60000, 60000), jpeg_claiming(60000, 60000)], ids=["png", "jpeg"]
)
def test_a_bomb_never_reaches_the_decoder(data, monkeypatch):
    monkeypatch.setattr(compressed.cv2, "imdecode", lambda *_: pytest.fail("decoded"))
    with pytest.raises(BadImage, match="too_large: 60000x60000"):
        decoded(data)


def test_the_limit_of_compressed_pixels_is_the_callers():
    assert decoded(PNG, max_pixels=WIDTH * HEIGHT).shape == PICTURE.shape
    with pytest.raises(BadImage, match="too_large"):
        decoded(PNG, max_pixels=WIDTH * HEIGHT - 1)


def check_compressed(data):
    try:
        picture = decoded(data, max_pixels=10**6)
    except BadImage:
        return
    assert picture.ndim == 3
    assert picture.shape[2] == 3
    assert picture.dtype == np.uint8
    assert 0 < picture.shape[0] * picture.shape[1] <= 10**6


starts = st.sampled_from([b"", b"\xff\xd8", JPEG[:160], JPEG[:-40], PNG[:8], PNG[:33], PNG[:60]])


@given(start=starts, rest=st.binary(max_size=300))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_a_picture_or_bad_image(start, rest):
    check_compressed(start + rest)


@given(
    data=st.sampled_from([JPEG, PROGRESSIVE, PNG]),
    changes=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=12),
    keep=st.floats(0, 1) | st.just(1.0),
)
@settings(max_examples=400, deadline=None)
def test_mutated_and_truncated_files_are_a_picture_or_bad_image(data, changes, keep):
    mutated = bytearray(data)
    for place, value in changes:
        mutated[round(place * (len(mutated) - 1))] = value
    check_compressed(bytes(mutated[: round(keep * len(mutated))]))
