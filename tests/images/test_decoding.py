"""Decoding: plain JPEGs come out as PIL's pixels, and the word on what is damaged is PIL's."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from dissect.errors import InputError
from dissect.images.arrays import load
from dissect.images.decoding import _plain_headers, _plain_jpeg, _sums
from dissect.images.sources import ImageFolder

SETTINGS: dict[str, Any] = {"image_size": 64, "classes": None, "train_per_class": None, "val_per_class": None}
SETTINGS |= {"judge": "validation", "tuning": 0.2, "corrupt": "error"}


def encoded(mode: str = "RGB", side: int = 64, kind: str = "JPEG", **options: Any) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(buffer, kind, **options)
    return buffer.getvalue()


def pil(data: bytes) -> np.ndarray:
    return np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB"))


PLAIN = {
    "4:4:4": encoded(subsampling=0),
    "4:2:2": encoded(subsampling=1),
    "4:2:0": encoded(subsampling=2),
    "coarse": encoded(quality=5),
    "not YCbCr": encoded(keep_rgb=True),
    "grey": encoded("L"),
    "with restarts": encoded(restart_marker_rows=1),
}
LEFT_TO_PIL = {
    "to be turned": encoded(exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"),
    "progressive": encoded(progressive=True),
    "CMYK": encoded("CMYK"),
    "PNG": encoded(kind="PNG"),
    "another size": encoded(side=65),
    "no end": encoded()[:-2],
    "cut": encoded()[:1000],
    "cut, with an end": encoded()[:300] + b"\xff\xd9",
    "bytes after it": encoded() + b"\0",
    "empty": b"",
}


@pytest.mark.parametrize("data", PLAIN.values(), ids=PLAIN)
def test_a_plain_jpeg_has_the_pixels_that_pil_gives_it(data: bytes) -> None:
    pixels = np.empty((64, 64, 3), np.uint8)
    assert _plain_jpeg(data, _plain_headers(64), pixels)
    np.testing.assert_array_equal(pixels, pil(data))


@pytest.mark.parametrize("data", LEFT_TO_PIL.values(), ids=LEFT_TO_PIL)
def test_all_else_is_left_to_pil(data: bytes) -> None:
    assert not _plain_jpeg(data, _plain_headers(64), np.empty((64, 64, 3), np.uint8))


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """root/<part>/<class>/<kind>.jpg, of every kind that can be decoded."""
    kinds = {
        **PLAIN,
        **{kind: LEFT_TO_PIL[kind] for kind in ("to be turned", "progressive", "CMYK", "PNG", "bytes after it")},
    }
    for part in ("train", "val"):
        for number, data in enumerate(kinds.values()):
            path = tmp_path / f"images/{part}/only/{number:02}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    return tmp_path / "images"


def test_all_kinds_come_out_as_pil_decodes_them_and_one_left_out_moves_none(root: Path, tmp_path: Path) -> None:
    (root / "train/only/00b.jpg").write_bytes(LEFT_TO_PIL["cut, with an end"])
    images = load(ImageFolder(str(root)), **SETTINGS | {"corrupt": "skip"}, cache=tmp_path / "cache")
    expected = {pil(path.read_bytes()).tobytes() for path in (root / "val/only").glob("*.jpg")}
    assert {image.tobytes() for image in images.train_images} == expected
    assert len(images.train_images) == len(images.val_images) == 12


def test_a_damaged_image_is_refused_by_name(root: Path, tmp_path: Path) -> None:
    (root / "train/only/99.jpg").write_bytes(LEFT_TO_PIL["no end"])
    with pytest.raises(InputError, match=r"train/only/99\.jpg: is corrupt"):
        load(ImageFolder(str(root)), **SETTINGS, cache=tmp_path / "cache")


@pytest.mark.parametrize("images", [0, 1, 9])
def test_sums_are_exact(images: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (images, 24, 24, 3), dtype=np.uint8)
    pixels[:1] = 255  # the largest sums there are
    wide = pixels.astype(np.int64)
    np.testing.assert_array_equal(_sums(pixels), np.stack([wide.sum((1, 2)), (wide**2).sum((1, 2))], axis=1))
