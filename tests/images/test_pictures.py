"""What a picture's bytes become: upright, on the ground, in every format that is read; the oracle is PIL's own word."""

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from dissect.images.decoding import _plain_headers, _plain_jpeg, any_image
from dissect.images.pictures import FORMATS, GROUND

SIDE = 32


def upright() -> Image.Image:
    """Red above, blue below, with a green corner: no two of its eight turns are alike."""
    picture = Image.new("RGB", (SIDE, SIDE), (20, 20, 200))
    picture.paste((220, 30, 30), (0, 0, SIDE, SIDE // 2))
    picture.paste((30, 220, 30), (0, 0, SIDE // 4, SIDE // 4))
    return picture


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def turned(orientation: int) -> bytes:
    tags = Image.Exif()
    tags[ExifTags.Base.Orientation] = orientation
    return tags.tobytes()


def as_decoded(data: bytes, size: int = SIDE) -> np.ndarray:
    """Through the fast path where it takes the file, as decoding goes."""
    pixels = np.empty((size, size, 3), np.uint8)
    return pixels if _plain_jpeg(data, _plain_headers(size), pixels) else any_image(data, None, size)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_that_its_camera_stored_turned_is_upright(kind: str, orientation: int) -> None:
    as_pil = Image.Transpose(  # what a camera held so stores: the inverse of the turn that makes it upright
        {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}.get(orientation, 0)
    )
    stored = upright() if orientation == 1 else upright().transpose(as_pil)
    data = encoded(stored, kind, exif=turned(orientation), quality=95)
    oracle = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB"))
    np.testing.assert_array_equal(as_decoded(data), oracle)
    assert np.abs(oracle.astype(int) - np.asarray(upright())).mean() < 6  # and the oracle is upright


def test_orientation_is_found_in_xmp_too() -> None:
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="3"/></x:xmpmeta>'
    data = encoded(upright().transpose(Image.Transpose.ROTATE_180), "JPEG", xmp=xmp, quality=95)
    assert np.abs(as_decoded(data).astype(int) - np.asarray(upright())).mean() < 6


@pytest.mark.parametrize("tags", [b"Exif\0\0", b"Exif\0\0MM\0*\xff\xff\xff\xff", b"Exif\0\0nonsense", turned(77)])
@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_a_picture_with_damaged_tags_is_taken_as_it_is_stored(tags: bytes) -> None:
    data = encoded(upright(), "JPEG", exif=tags)
    np.testing.assert_array_equal(as_decoded(data), np.asarray(Image.open(io.BytesIO(data)).convert("RGB")))


# ------------------------------------------------------------------------------------------------ transparency


def blended(colours: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """The arithmetic by hand: a share alpha of the colour, the rest of the ground."""
    share = alpha[..., None] / 255
    return colours * share + np.array(GROUND) * (1 - share)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_colours_hidden_under_alpha_do_not_show(kind: str) -> None:
    found = []
    for hidden in ((0, 0, 0), (255, 255, 255), (255, 0, 255)):
        pixels = np.zeros((SIDE, SIDE, 4), np.uint8)
        pixels[..., :3] = hidden
        pixels[8:24, 8:24] = (10, 200, 30, 255)
        exact = {"lossless": True, "exact": True} if kind == "WEBP" else {}
        found.append(any_image(encoded(Image.fromarray(pixels), kind, **exact), None, SIDE))
        assert found[-1][0, 0].tolist() == list(GROUND)
        assert found[-1][16, 16].tolist() == [10, 200, 30]
    assert all((one == found[0]).all() for one in found)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_what_is_partly_transparent_is_blended_with_the_ground(mode: str) -> None:
    generator = np.random.default_rng(0)
    grey = generator.integers(0, 256, (SIDE, SIDE), dtype=np.uint8)
    alpha = generator.integers(0, 256, (SIDE, SIDE), dtype=np.uint8)
    image = Image.fromarray(grey).convert({"RGBA": "RGB", "LA": "L", "PA": "P"}[mode])
    image.putalpha(Image.fromarray(alpha))
    data = encoded(image, "TIFF" if mode == "PA" else "PNG")
    assert Image.open(io.BytesIO(data)).mode == mode
    expected = blended(np.repeat(grey[..., None], 3, -1).astype(float), alpha.astype(float))
    assert np.abs(any_image(data, None, SIDE) - expected).max() <= 1


def test_transparent_pictures_are_blended_before_they_are_resized() -> None:
    pixels = np.zeros((2 * SIDE, 2 * SIDE, 4), np.uint8)  # black, hidden, beside green: no black may seep in
    pixels[:, 1::2] = (0, 255, 0, 255)
    found = any_image(encoded(Image.fromarray(pixels), "PNG"), None, SIDE)
    assert (found[..., 1] >= 254).all()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(depth: int, colour: int, row: bytes, width: int, *more: bytes) -> bytes:
    """A PNG of 8 equal rows, written by hand: PIL writes no two-bit, no 16-bit colour, no tRNS of its own choice."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, 8, depth, colour, 0, 0, 0))
    return b"".join([b"\x89PNG\r\n\x1a\n", head, *more, chunk(b"IDAT", zlib.compress((b"\0" + row) * 8)),
                     chunk(b"IEND", b"")])  # fmt: skip


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        # eight pixels a row of which the first alone is transparent; then what the others show
        pytest.param(png(1, 0, b"\x80", 8, chunk(b"tRNS", b"\0\1")), [0, 0, 0], id="1 bit"),
        pytest.param(png(2, 0, b"\x6a\xaa", 8, chunk(b"tRNS", b"\0\1")), [170, 170, 170], id="2 bits"),
        pytest.param(png(4, 0, b"\x5a" + b"\xaa" * 3, 8, chunk(b"tRNS", b"\0\5")), [170, 170, 170], id="4 bits"),
        pytest.param(png(8, 0, b"\x05" + b"\x63" * 7, 8, chunk(b"tRNS", b"\0\5")), [99, 99, 99], id="8 bits"),
        pytest.param(
            png(16, 0, b"\x01\xf4" + b"\x63\x07" * 7, 8, chunk(b"tRNS", b"\x01\xf4")), [99, 99, 99], id="16 bits"
        ),
        pytest.param(
            png(8, 2, b"\1\2\3" + b"\7\x08\x09" * 7, 8, chunk(b"tRNS", b"\0\1\0\2\0\3")), [7, 8, 9], id="RGB"
        ),
        pytest.param(
            png(16, 2, b"\1\0\2\0\3\0" + b"\7\0\x08\0\x09\0" * 7, 8, chunk(b"tRNS", b"\1\0\2\0\3\0")),
            [7, 8, 9], id="RGB, 16 bits",
        ),
        pytest.param(
            png(8, 3, b"\0" + b"\1" * 7, 8, chunk(b"PLTE", b"\xff\0\xff\7\x08\x09"), chunk(b"tRNS", b"\0")),
            [7, 8, 9], id="palette",
        ),
        pytest.param(png(16, 4, b"\0\0\0\0" + b"\x63\0\xff\xff" * 7, 8), [99, 99, 99], id="grey and alpha, 16 bits"),
        pytest.param(
            png(16, 6, b"\xff\0\0\0\xff\0\0\0" + b"\7\0\x08\0\x09\0\xff\xff" * 7, 8), [7, 8, 9], id="RGBA, 16 bits"
        ),
    ],
)  # fmt: skip
def test_one_transparent_colour_shows_the_ground(data: bytes, expected: list[int]) -> None:
    found = any_image(data, None, 8)
    assert found[:, 0].tolist() == [list(GROUND)] * 8
    assert found[:, 1:].tolist() == [[expected] * 7] * 8


def test_half_transparent_colours_of_a_palette_are_blended() -> None:
    data = png(8, 3, b"\0" * 8, 8, chunk(b"PLTE", b"\0\0\0"), chunk(b"tRNS", b"\x80"))
    assert np.abs(any_image(data, None, 8).astype(int) - 127).max() <= 1


# ------------------------------------------------------------------------------------------------ formats


@pytest.mark.parametrize("kind", sorted({*FORMATS} - {"PSD"}))  # which PIL does not write
def test_every_format_is_read_by_its_content(kind: str) -> None:
    data = encoded(upright(), kind, **({"sizes": [(SIDE, SIDE)]} if kind == "ICO" else {}))
    oracle = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    np.testing.assert_array_equal(any_image(data, None, SIDE), oracle)
    assert np.abs(oracle.astype(int) - np.asarray(upright())).mean() < 8


GREYS = np.array([[0, 255, 256, 32768, 65535]], np.uint16).repeat(5, 0)


def tiff(bits: int, photometric: int, data: bytes) -> bytes:
    """A TIFF of 5x5 grey pixels, written by hand: PIL writes none of 12 bits, and none whose zero is white."""
    entries = {256: 5, 257: 5, 258: bits, 259: 1, 262: photometric, 273: 200, 277: 1, 278: 5, 279: len(data)}
    listed = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries.items())
    head = b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + listed + bytes(4)
    return head.ljust(200, b"\0") + data


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(encoded(Image.fromarray(GREYS), "PNG"), [0, 0, 1, 128, 255], id="PNG"),
        pytest.param(encoded(Image.fromarray(GREYS), "TIFF"), [0, 0, 1, 128, 255], id="TIFF"),
        pytest.param(b"P5 5 5 65535\n" + GREYS.astype(">u2").tobytes(), [0, 0, 1, 128, 255], id="PGM"),
        pytest.param(b"P2 5 5 65535\n" + b" 0 255 256 32768 65535" * 5, [0, 0, 1, 128, 255], id="PGM in letters"),
        pytest.param(b"P5 5 5 4095\n" + (GREYS // 16).astype(">u2").tobytes(), [0, 0, 1, 128, 255], id="PGM, 12 bits"),
        pytest.param(tiff(16, 0, GREYS.tobytes()), [255, 255, 254, 127, 0], id="TIFF, zero is white"),
        pytest.param(tiff(12, 1, b"\x80\x08\x00\xff\xf0\x10\x80\x00" * 5), [128, 128, 255, 1, 128], id="TIFF, 12 bits"),
    ],
)
def test_grey_of_more_than_8_bits_is_brought_to_8(data: bytes, expected: list[int]) -> None:
    assert any_image(data, None, 5)[0].tolist() == [[grey] * 3 for grey in expected]


@pytest.mark.parametrize("image", [np.full((8, 8), 4, np.int32), np.full((8, 8), 0.5, np.float32)])
def test_pixels_of_which_nobody_knows_what_is_white_are_refused_as_what_they_are(image: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"32-bit numbers|floating-point"):
        any_image(encoded(Image.fromarray(image), "TIFF"), None, 8)


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF"])
def test_the_first_of_moving_pictures_is_taken(kind: str) -> None:
    others = [Image.new("RGB", (SIDE, SIDE), "black")]
    data = encoded(
        upright(), kind, save_all=True, append_images=others, **({"lossless": True} if kind == "WEBP" else {})
    )
    assert np.abs(any_image(data, None, SIDE).astype(int) - np.asarray(upright())).max() <= 1


def test_no_format_is_read_that_may_run_a_program() -> None:
    for data in (encoded(upright(), "EPS"), b"\xd7\xcd\xc6\x9a" + b"\0" * 100, b"\x89HDF\r\n\x1a\n" + b"\0" * 100):
        with pytest.raises(UnidentifiedImageError):
            any_image(data, None, SIDE)
