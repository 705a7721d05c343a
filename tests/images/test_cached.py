"""Every file of the cache, damaged in turn: detected, or proved harmless, and never other numbers."""

import io
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dissect.errors import InputError
from dissect.images.arrays import ImageSet, load
from dissect.images.cached import IMAGES, SMALL
from dissect.images.sources import Digits

SETTINGS: dict[str, Any] = {"image_size": 8, "classes": None, "val_per_class": None, "judge": "validation"}
SETTINGS |= {"tuning": 0.2, "corrupt": "error"}
FILES = [*(f"{name}.npy" for name in (*SMALL, *IMAGES)), "about.json"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache of digits, eight of each class."""
    cache = tmp_path_factory.mktemp("made") / "cache"
    load(Digits(), **SETTINGS, train_per_class=8, cache=cache)
    load(Digits(), **SETTINGS, train_per_class=9, cache=cache)
    return cache


@pytest.fixture
def cache(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made, tmp_path / "cache")


def read(cache: Path, each: int = 8, **settings: Any) -> ImageSet:
    return load(Digits(), **{**SETTINGS, "train_per_class": each, "cache": cache, **settings})


def folder(cache: Path, each: int = 8) -> Path:
    (found,) = cache.glob(f"digits-*-{each}each-*")
    return found


def numbers(images: ImageSet) -> list[bytes]:
    arrays = (images.train_images, images.train_labels, images.val_images, images.val_labels, images.mean, images.std)
    return [*(array.tobytes() for array in arrays), images.digest.encode()]


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def longer(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\0")


def empty(path: Path) -> None:
    path.write_bytes(b"")


def zeroed(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def numbers_zeroed(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[:128] + bytes(len(data) - 128))


def one_byte(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) * 2 // 3] ^= 4
    path.write_bytes(data)


def neighbours(path: Path) -> None:
    shutil.copy(folder(path.parent.parent, 9) / path.name, path)


def missing(path: Path) -> None:
    path.unlink()


def permuted(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[:128] + data[128:][::-1])


def bomb(path: Path) -> None:
    """A header that claims ten thousand billion numbers."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<i8", "fortran_order": False, "shape": (10**13,)})
    data = path.read_bytes()
    path.write_bytes(header.getvalue() + data[len(header.getvalue()) :])


def nested(path: Path) -> None:
    path.write_bytes(b"[" * 20_000)


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize(
    "damage",
    [truncated, longer, empty, zeroed, numbers_zeroed, one_byte, neighbours, missing, permuted, bomb, nested, pipe],
)
@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("dated", ["as it comes", "as before"])
def test_a_damaged_file_is_detected_or_harmless(
    damage: Callable[[Path], None], name: str, dated: str, cache: Path
) -> None:
    whole = numbers(read(cache))
    path = folder(cache) / name
    data, status = path.read_bytes(), path.stat()
    damage(path)
    if dated == "as before" and path.exists():  # as a disk that fails leaves it
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    for verify in (True, False):
        if path.is_file() and path.read_bytes() == data:  # as validation labels are the neighbour's
            assert numbers(read(cache, verify=verify)) == whole
            continue
        if not verify and dated == "as before" and name.removesuffix(".npy") in IMAGES and path.is_file() and (
            path.stat().st_size == status.st_size and path.read_bytes()[:128] == data[:128]
        ):  # fmt: skip
            continue  # what `verify` is for
        with pytest.raises(InputError, match=r"is damaged \(.*\); delete it, and it is made again$") as caught:
            read(cache, verify=verify)
        assert str(folder(cache)) in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("offset", range(0, 640, 64))
def test_any_flipped_pixel_is_found(offset: int, cache: Path) -> None:
    for name in IMAGES:
        path = folder(cache) / f"{name}.npy"
        status = path.stat()
        with open(path, "r+b") as file:
            file.seek(128 + offset)
            value = file.read(1)[0]
            file.seek(128 + offset)
            file.write(bytes([value ^ 1]))
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        with pytest.raises(InputError, match=rf"{name}\.npy: images 0 to 63 are not as they were written"):
            read(cache, verify=True)
        with open(path, "r+b") as file:
            file.seek(128 + offset)
            file.write(bytes([value]))
    read(cache, verify=True)


def test_a_label_beyond_the_classes_is_damage_even_under_a_right_seal(cache: Path) -> None:
    from dissect.images.cached import write_about, write_array

    labels = np.load(folder(cache) / "train_labels.npy")
    labels[3] = 10
    write_array(folder(cache) / "train_labels.npy", labels)
    about = json.loads((folder(cache) / "about.json").read_text())
    write_about(folder(cache), {key: value for key, value in about.items() if key not in ("seal", "files")})
    with pytest.raises(InputError, match=r"is damaged .*labels 0 to 10 of 10 classes"):
        read(cache)


def test_a_folder_under_another_ones_name_is_damage(cache: Path) -> None:
    shutil.rmtree(wanted := folder(cache))
    folder(cache, 9).rename(wanted)
    with pytest.raises(InputError, match=r"is damaged .it is digits-.*-9each-.*, under another name"):
        read(cache)


def test_a_copied_cache_is_looked_through_once_and_then_believed(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in IMAGES:
        os.utime(folder(cache) / f"{name}.npy")
    whole = numbers(read(cache))
    monkeypatch.setattr("dissect.images.cached._verify", lambda *_: pytest.fail("reads all images again"))
    assert numbers(read(cache)) == whole


# ------------------------------------------------------------------------------------------------ what a cache is of


class Own(Digits):
    """A source of the user's own, with an argument."""

    def __init__(self, top: int = 10) -> None:
        self.top = top


class Other(Digits):
    pass


def folders(cache: Path) -> set[str]:
    return {path.name for path in cache.iterdir() if path.is_dir()}


def test_other_arguments_code_or_classes_of_a_source_do_not_get_its_images(tmp_path: Path) -> None:
    sources: list[tuple[Any, str]] = [(Own(), ""), (Own(9), ""), (Own(), "code"), (Other(), ""), (Digits(), "")]
    for number, (source, code) in enumerate(sources, 1):
        for _ in range(2):
            load(source, **SETTINGS, train_per_class=2, cache=tmp_path / "cache", code=code)
            assert len(folders(tmp_path / "cache")) == number
