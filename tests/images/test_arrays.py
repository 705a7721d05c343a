"""What `load` makes of a source: pixels, subsets, splits, moments, and a cache that is whole or absent."""

import hashlib
import io
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dissect.errors import InputError
from dissect.images.arrays import ImageSet, let_go, load
from dissect.images.sources import Digits, ImageFolder, TinyImageNet

SETTINGS: dict[str, Any] = {"image_size": 16, "classes": None, "train_per_class": None, "val_per_class": None}
SETTINGS |= {"judge": "validation", "tuning": 0.2, "corrupt": "error"}


def jpeg(image: Image.Image, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", **options)
    return buffer.getvalue()


def noise(seed: int, size: tuple[int, int] = (16, 16)) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    return Image.fromarray(pixels)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """root/train and root/val: classes a, b and c with 10, 10 and 5 training and 2 validation images each."""
    seed = 0
    for name, count in (("a", 10), ("b", 10), ("c", 5)):
        for part, images in (("train", count), ("val", 2)):
            folder = tmp_path / f"images/{part}/{name}"
            folder.mkdir(parents=True)
            for i in range(images):
                (folder / f"{i:02}.jpg").write_bytes(jpeg(noise(seed := seed + 1)))
    return tmp_path / "images"


@pytest.fixture
def read(root: Path, tmp_path: Path) -> Callable[..., ImageSet]:
    def read(source: Any = None, **settings: Any) -> ImageSet:
        return load(source or ImageFolder(str(root)), **{**SETTINGS, "cache": tmp_path / "cache", **settings})

    return read


def left(cache: Path) -> list[str]:
    return sorted(path.name for path in cache.iterdir() if path.name != ".lock") if cache.exists() else []


def add(root: Path, data: bytes, name: str = "train/a/99.jpg") -> Path:
    (root / name).write_bytes(data)
    return root / name


# ------------------------------------------------------------------------------------------------ pixels


@pytest.mark.parametrize("mode", ["L", "CMYK", "P", "LA", "RGBA", "1", "I;16"])
def test_images_of_any_mode_become_rgb(mode: str, tmp_path: Path) -> None:
    grey = np.random.default_rng(0).integers(0, 2, (16, 16), dtype=np.uint8) * 255  # black and white survive any mode
    image = Image.fromarray(grey.astype(np.uint16) * 257) if mode == "I;16" else Image.fromarray(grey).convert(mode)
    for i in range(2):
        path = tmp_path / f"images/only/{i}.{'tif' if mode == 'CMYK' else 'png'}"
        path.parent.mkdir(parents=True, exist_ok=True)
        image.save(path)
    images = load(ImageFolder(str(tmp_path / "images"), val_fraction=0.5), **SETTINGS, cache=tmp_path / "cache")
    np.testing.assert_array_equal(images.train_images[0], np.repeat(grey[..., None], 3, axis=2))


def test_a_larger_image_is_resized_short_side_first_and_cut_to_its_centre(tmp_path: Path) -> None:
    wide = noise(3, (96, 32))
    for i in range(2):
        path = tmp_path / f"images/only/{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        wide.save(path)
    images = load(ImageFolder(str(tmp_path / "images"), val_fraction=0.5), **SETTINGS, cache=tmp_path / "cache")
    expected = wide.resize((48, 16), Image.Resampling.BILINEAR).crop((16, 0, 32, 16))
    assert abs(images.train_images[0].astype(int) - np.asarray(expected)).max() <= 1


def test_resizing_is_antialiased(tmp_path: Path) -> None:
    checks = (np.indices((64, 64)).sum(0) % 2 * 255).astype(np.uint8)  # picking single pixels would give black or white
    for i in range(2):
        path = tmp_path / f"images/only/{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(checks).save(path)
    images = load(ImageFolder(str(tmp_path / "images"), val_fraction=0.5), **SETTINGS, cache=tmp_path / "cache")
    assert abs(images.train_images[0].astype(int) - 127).max() <= 4


def test_mean_and_deviation_are_those_of_the_training_pixels(read: Callable[..., ImageSet]) -> None:
    for judge in ("validation", "tuning"):
        images = read(judge=judge)
        scaled = images.train_images.astype(np.float64) / 255
        np.testing.assert_allclose(images.mean, scaled.mean((0, 1, 2)), rtol=1e-6)
        np.testing.assert_allclose(images.std, scaled.std((0, 1, 2)), rtol=1e-6)
        assert images.mean.dtype == images.std.dtype == np.float32


def test_arrays_go_to_torch_without_a_copy_or_a_warning(read: Callable[..., ImageSet]) -> None:
    import torch

    images = read()
    assert torch.from_numpy(images.train_images).data_ptr() == images.train_images.ctypes.data
    assert images.train_images.dtype == np.uint8
    assert images.train_labels.dtype == images.val_labels.dtype == np.int64


# ------------------------------------------------------------------------------------------------ subsets and splits


def hash_order(names: list[str]) -> list[str]:
    return sorted(names, key=lambda name: hashlib.blake2b(name.encode()).hexdigest())


def test_a_subset_is_the_first_classes_and_the_first_images_in_hash_order(
    root: Path, read: Callable[..., ImageSet]
) -> None:
    images = read(classes=2, train_per_class=3, val_per_class=1)
    assert images.classes == ("a", "b")
    assert np.bincount(images.train_labels).tolist() == [3, 3]
    assert np.bincount(images.val_labels).tolist() == [1, 1]
    for label, name in enumerate("ab"):
        names = hash_order([f"train/{name}/{i:02}.jpg" for i in range(10)])[:3]
        assert sorted(names) != [f"train/{name}/{i:02}.jpg" for i in range(3)]
        expected = {np.asarray(Image.open(root / name)).tobytes() for name in names}
        assert {x.tobytes() for x in images.train_images[images.train_labels == label]} == expected


@pytest.mark.parametrize(("tuning", "held"), [(0.2, [2, 2, 1]), (0.4, [4, 4, 2]), (0.5, [5, 5, 2])])
def test_a_tuning_split_is_a_part_of_every_class_and_never_of_the_validation_images(
    tuning: float, held: list[int], read: Callable[..., ImageSet]
) -> None:
    whole, split = read(), read(judge="tuning", tuning=tuning)
    assert np.bincount(split.val_labels).tolist() == held
    assert np.bincount(split.train_labels).tolist() == [n - h for n, h in zip([10, 10, 5], held, strict=True)]
    train, tuned, all_train, val = (
        {x.tobytes() for x in part}
        for part in (split.train_images, split.val_images, whole.train_images, whole.val_images)
    )
    assert train | tuned == all_train
    assert not train & tuned
    assert not (train | tuned) & val
    assert np.shares_memory(split.train_images, split.train_images.base)  # a slice of the mapped file


def test_a_tuning_split_that_leaves_a_class_empty_is_refused(read: Callable[..., ImageSet]) -> None:
    with pytest.raises(InputError, match=r"data.tuning is 0.08, which splits the 5 .* of class 'c' into 5 and 0"):
        read(judge="tuning", tuning=0.08)


# ------------------------------------------------------------------------------------------------ digest


def test_the_digest_says_what_the_images_are(root: Path, tmp_path: Path, read: Callable[..., ImageSet]) -> None:
    digest = read().digest
    assert read(cache=tmp_path / "other").digest == digest
    assert load(Digits(), **SETTINGS, cache=tmp_path / "cache").digest != digest
    tuned = read(judge="tuning").digest
    others = [read(judge="tuning", tuning=0.4), read(image_size=8), read(classes=2), read(train_per_class=4)]
    assert len({digest, tuned, *(images.digest for images in others)}) == 6
    # Pixels of one validation image change: another set, but the same for a run that never sees it.
    add(root, jpeg(noise(1234)), "val/a/00.jpg")
    os.utime(root / "val/a", (1, 1))
    assert read().digest != digest
    assert read(judge="tuning").digest == tuned


def test_swapped_labels_give_another_digest(root: Path, read: Callable[..., ImageSet]) -> None:
    before = read().digest
    for part in ("train", "val"):
        (root / part / "a").rename(root / part / "swap")
        (root / part / "b").rename(root / part / "a")
        (root / part / "swap").rename(root / part / "b")
    assert read().digest != before


# ------------------------------------------------------------------------------------------------ corrupt files

GOOD = jpeg(noise(7))
DAMAGED = {
    "half": GOOD[: len(GOOD) // 2],
    "one byte short": GOOD[:-1],
    "no end-of-image marker": GOOD[:-2],
    "progressive, cut": jpeg(noise(7), progressive=True)[:-20],
    "empty": b"",
    "text": b"this is no image\n" * 20,
    "PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 16 16\n",
}


@pytest.mark.parametrize("data", DAMAGED.values(), ids=DAMAGED)
def test_a_corrupt_image_is_refused_by_name_and_leaves_nothing(
    data: bytes, root: Path, tmp_path: Path, read: Callable[..., ImageSet]
) -> None:
    path = add(root, data)
    with pytest.raises(InputError, match=r"is corrupt or cannot be read .*data\.corrupt=skip") as caught:
        read()
    assert str(caught.value).startswith(f"{path}: ")
    assert left(tmp_path / "cache") == []


def test_bytes_after_the_end_of_a_jpeg_do_no_harm(root: Path, read: Callable[..., ImageSet]) -> None:
    add(root, GOOD + b"left by a camera" * 50)
    images = read()
    expected = np.asarray(Image.open(io.BytesIO(GOOD)))
    assert any((x == expected).all() for x in images.train_images)


def test_corrupt_images_are_skipped_on_request_and_named_each_time(
    root: Path, read: Callable[..., ImageSet], capsys: pytest.CaptureFixture[str]
) -> None:
    whole = read()
    path = add(root, DAMAGED["half"])
    for _ in ("decoded", "from the cache"):
        capsys.readouterr()
        images = read(corrupt="skip")
        assert np.bincount(images.train_labels).tolist() == [10, 10, 5]
        assert {x.tobytes() for x in images.train_images} == {x.tobytes() for x in whole.train_images}
        np.testing.assert_allclose(images.mean, whole.mean)
        assert sum(kinds["corrupt"] for kinds in images.left_out.values()) == 1
        assert f"warning: 1 left out that cannot be decoded: {path}" in capsys.readouterr().err
    with pytest.raises(InputError, match=str(path)):
        read()  # a cache made with skip does not let a strict run pass


def test_a_class_with_nothing_but_corrupt_images_is_refused(root: Path, read: Callable[..., ImageSet]) -> None:
    for path in (root / "train/c").iterdir():
        path.write_bytes(b"")
    with pytest.raises(InputError, match="every train image of class 'c' is corrupt"):
        read(corrupt="skip")


# ------------------------------------------------------------------------------------------------ settings


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"classes": 4}, r"data.classes is 4, but .*images has 3"),
        ({"train_per_class": 6}, r"data.train_per_class is 6, but .* has 5 train images of class 'c'"),
        ({"val_per_class": 3}, r"data.val_per_class is 3, but .* has 2 val images of class 'a'"),
        ({"classes": 0}, "data.classes is 0"),
        ({"train_per_class": -1}, "data.train_per_class is -1"),
        ({"val_per_class": 1.5}, "data.val_per_class is 1.5"),
        ({"image_size": 7}, "data.image_size is 7; it is a whole number, 8 or more"),
        ({"image_size": "64"}, "data.image_size is '64'"),
        ({"judge": "test"}, "data.judge is 'test'"),
        ({"corrupt": "ignore"}, "data.corrupt is 'ignore'"),
        ({"tuning": 0.0}, "data.tuning is 0.0"),
        ({"tuning": 1.0}, "data.tuning is 1.0"),
    ],
)
def test_a_setting_that_cannot_be_met_is_quoted(
    settings: dict[str, Any], message: str, tmp_path: Path, read: Callable[..., ImageSet]
) -> None:
    with pytest.raises(InputError, match=message):
        read(**settings)
    assert left(tmp_path / "cache") == []


# ------------------------------------------------------------------------------------------------ the cache


def test_the_cache_is_used_again_and_named_for_people(
    root: Path, tmp_path: Path, read: Callable[..., ImageSet]
) -> None:
    first = read(classes=2)
    (folder,) = left(tmp_path / "cache")
    assert folder.startswith("image_folder-images-2classes-alleach-16px-")
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "cache" / folder).iterdir()}
    assert read(classes=2).digest == first.digest
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "cache" / folder).iterdir()} == times


def test_a_damaged_cache_says_which_folder_to_delete(tmp_path: Path, read: Callable[..., ImageSet]) -> None:
    read()
    (folder,) = left(tmp_path / "cache")
    images = tmp_path / "cache" / folder / "train_images.npy"
    images.write_bytes(images.read_bytes()[:-100])
    with pytest.raises(InputError, match=f"{folder}: is damaged .* delete it"):
        read()


def test_an_unwritable_cache_is_named(tmp_path: Path, read: Callable[..., ImageSet]) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(InputError, match=f"{tmp_path / 'file'}.* cannot be written"):
        read(cache=tmp_path / "file/cache")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 128 KiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if not sys.platform.startswith("linux"):
        pytest.skip("tmpfs is Linux's")
    mount = ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting is not permitted here")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_is_said_as_such_and_leaves_nothing(
    small_disk: Path, read: Callable[..., ImageSet], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match=r"GiB free; lower it, take fewer images"):  # what is known before
        read(image_size=64, cache=small_disk)
    free = shutil.disk_usage(small_disk)._replace(free=2**40)  # and what comes meanwhile
    monkeypatch.setattr("dissect.images.decoding.shutil.disk_usage", lambda place: free)
    for size in (64, 128):  # full while the images are written
        with pytest.raises(InputError, match="the disk is full"):
            read(image_size=size, cache=small_disk)
        assert left(small_disk) == []
    read(image_size=8, cache=small_disk)


CHILD = """
import sys, time
from dissect.images import trees
from dissect.images.arrays import load
from dissect.images.sources import ImageFolder
if sys.argv[3:]:
    trees.Folder.read = lambda *_: time.sleep(60)
images = load(ImageFolder(sys.argv[1]), image_size=16, classes=None, train_per_class=None, val_per_class=None,
              judge="validation", tuning=0.1, corrupt="error", cache=sys.argv[2])
heavy = [name for name in ("torch", "torchvision", "sklearn", "rich") if name in sys.modules]
print(images.digest, heavy)
"""


def child(*arguments: str | Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-W", "error", "-c", CHILD, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_two_processes_starting_at_once_decode_once(root: Path, tmp_path: Path) -> None:
    answers = [process.communicate() for process in [child(root, tmp_path / "cache") for _ in range(2)]]
    assert len({out for out, _ in answers}) == 1
    assert answers[0][0].strip()
    assert sum("decoding" in err for _, err in answers) == 1
    assert len(left(tmp_path / "cache")) == 1


def test_a_killed_process_holds_nobody_up(root: Path, tmp_path: Path, read: Callable[..., ImageSet]) -> None:
    process = child(root, tmp_path / "cache", "slow")  # so that it is killed in the midst of decoding
    deadline = time.monotonic() + 20
    while not left(tmp_path / "cache") and time.monotonic() < deadline:
        time.sleep(0.02)
    process.kill()
    process.communicate()
    assert [name[0] for name in left(tmp_path / "cache")] == ["."]  # unfinished, and told apart by its name
    assert len(read().train_images) == 25
    assert [name[0] for name in left(tmp_path / "cache")] == ["i"]


def test_loading_from_the_cache_imports_neither_torch_nor_scikit_learn(root: Path, tmp_path: Path) -> None:
    first, second = (child(root, tmp_path / "cache").communicate() for _ in range(2))
    assert first[0].split()[0] == second[0].split()[0]
    assert second[0].split(maxsplit=1)[1].strip() == "[]"


# ------------------------------------------------------------------------------------------------ real images


@pytest.mark.tiny_imagenet
@pytest.mark.skipif("TINY_IMAGENET" not in os.environ, reason="TINY_IMAGENET names no folder")
def test_real_images_are_decoded_as_pil_decodes_them(tmp_path: Path) -> None:
    root = Path(os.environ["TINY_IMAGENET"])
    settings = {**SETTINGS, "image_size": 64, "classes": 3}
    images = load(TinyImageNet(str(root)), **settings, cache=tmp_path / "cache")
    assert images.classes == ("goldfish", "European fire salamander", "bullfrog")
    assert images.train_images.shape == (1500, 64, 64, 3)
    assert np.bincount(images.val_labels).tolist() == [50, 50, 50]
    for label, wnid in enumerate(["n01443537", "n01629819", "n01641577"]):
        paths = (root / f"train/{wnid}/images").iterdir()
        expected = {np.asarray(Image.open(path).convert("RGB")).tobytes() for path in paths}
        assert {x.tobytes() for x in images.train_images[images.train_labels == label]} == expected


def test_mapped_images_are_read_again_after_their_pages_were_let_go(tmp_path: Path):
    np.save(tmp_path / "images.npy", np.arange(3 * 2**20, dtype=np.uint8).reshape(-1, 4, 4, 3))
    mapped = np.load(tmp_path / "images.npy", mmap_mode="c")

    def resident() -> int:  # kilobytes of files in this process's memory
        return int(next(s for s in Path("/proc/self/status").read_text().splitlines() if "RssFile" in s).split()[1])

    total = int(mapped.sum())
    before = resident()
    let_go(mapped[10:])
    assert before - resident() > 2000
    assert int(mapped.sum()) == total
    let_go(np.zeros(3))
