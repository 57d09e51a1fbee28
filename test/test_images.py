# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Any bytes become a picture of known colours, or BadImage with its reason; nothing else."""

import struct

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atpn_ros import images
from atpn_ros.images import ENCODINGS, BadImage, PixelDepth, decode_compressed, decode_raw

PATCH = 8
COLOURS = np.array(
    [(0, 0, 255), (0, 255, 0), (255, 0, 0), (255, 255, 255), (0, 0, 0), (130, 60, 200)], np.uint8
)
"""BGR: red, green, blue, white, black, and one with three different channels."""
PICTURE = COLOURS.repeat(PATCH, axis=0)[None].repeat(2 * PATCH, axis=0)
HEIGHT, WIDTH = PICTURE.shape[:2]
GREY = np.array([[0, 1, 127], [128, 254, 255]], np.uint8)


def at_patches(picture):
    """The colours in the middle of the patches, where no neighbour is mixed in."""
    return picture[PATCH, PATCH // 2 :: PATCH].astype(int)


def bayer(pattern):
    """The definition of the name: its letters are the first 2x2 pixels, row by row."""
    out = np.empty((HEIGHT, WIDTH), np.uint8)
    for place, letter in enumerate(pattern):
        row, column = divmod(place, 2)
        out[row::2, column::2] = PICTURE[row::2, column::2, "bgr".index(letter)]
    return out


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


def with_alpha(picture):
    return np.concatenate([picture, np.full((HEIGHT, WIDTH, 1), 77, np.uint8)], axis=2)


RGB = PICTURE[..., ::-1]
WIDE = PICTURE.astype(np.uint16) * 256 + 99  # the low byte must not matter

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


def encoded(extension, picture=PICTURE, *flags):
    ok, data = cv2.imencode(extension, picture, list(flags))
    assert ok
    return data.tobytes()


JPEG = encoded(".jpg", PICTURE, cv2.IMWRITE_JPEG_QUALITY, 98)
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
    picture = decode_compressed(data)
    assert picture.shape == PICTURE.shape
    assert picture.dtype == np.uint8
    assert np.abs(at_patches(picture) - COLOURS.astype(int)).max() <= tolerance


@pytest.mark.parametrize("extension", [".png", ".jpg"])
def test_compressed_grey_has_three_channels(extension):
    picture = decode_compressed(encoded(extension, np.full((16, 8), 90, np.uint8)))
    assert picture.shape == (16, 8, 3)
    assert (picture == 90).all()


def segment(kind, body):
    return b"\xff" + bytes([kind]) + struct.pack(">H", len(body) + 2) + body


def test_orientation_tags_are_ignored_because_camera_info_knows_the_stored_pixels():
    tag = struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0)
    exif = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 1) + tag + bytes(4)
    turned = JPEG[:2] + segment(0xE1, exif) + JPEG[2:]
    np.testing.assert_array_equal(decode_compressed(turned), decode_compressed(JPEG))


def test_a_truncated_jpeg_is_noticed_behind_its_thumbnail():
    with_thumbnail = JPEG[:2] + segment(0xE1, b"Exif\0\0" + JPEG) + JPEG[2:]
    assert decode_compressed(with_thumbnail).shape == PICTURE.shape
    with pytest.raises(BadImage, match="truncated"):
        decode_compressed(with_thumbnail[:-2])


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
        (JPEG[:-2], "truncated"),
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
        decode_compressed(data)


@pytest.mark.parametrize(
    "data", [png_claiming(60000, 60000), jpeg_claiming(60000, 60000)], ids=["png", "jpeg"]
)
def test_a_bomb_never_reaches_the_decoder(data, monkeypatch):
    monkeypatch.setattr(images.cv2, "imdecode", lambda *_: pytest.fail("decoded"))
    with pytest.raises(BadImage, match="too_large: 60000x60000"):
        decode_compressed(data)


def test_the_limit_of_compressed_pixels_is_the_callers():
    assert decode_compressed(PNG, max_pixels=WIDTH * HEIGHT).shape == PICTURE.shape
    with pytest.raises(BadImage, match="too_large"):
        decode_compressed(PNG, max_pixels=WIDTH * HEIGHT - 1)


def check_compressed(data):
    try:
        picture = decode_compressed(data, max_pixels=10**6)
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
    picture = decode_compressed(encoded(".png", (RAMP * 1023).astype(np.uint16)), depth=depth)
    assert (picture.max(), picture.dtype, picture.shape[2]) == (255, np.uint8, 3)
    assert depth.note == "16-bit PNG with values below 1024: taken as 10 bits"
