"""Sources are read through `load`, as a user reads them; what is wrong with one ends as one InputError."""

import hashlib
import os
import pickle
import shutil
import socket
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from dissect.errors import InputError
from dissect.images.arrays import ImageSet, load
from dissect.images.sources import Cifar10, Digits, ImageFolder, TinyImageNet, hold_out

WNIDS = {
    "n003": "zebra, Equus",
    "n001": "cat, house cat",
    "n002": "dog",
}  # wnids.txt is not sorted: neither is the real one


def noise(path: Path, seed: int, *, size: tuple[int, int] = (16, 16)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path, "JPEG")


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A folder in Tiny ImageNet's layout: 3 classes, 4 training and 2 validation images each, 16x16."""
    root = tmp_path / "tiny-imagenet-200"
    for k, wnid in enumerate(WNIDS):
        for i in range(4):
            noise(root / f"train/{wnid}/images/{wnid}_{i}.JPEG", seed=10 * k + i)
        (root / f"train/{wnid}/{wnid}_boxes.txt").write_text("not an image\n")
    lines = []
    for i in range(6):
        noise(root / f"val/images/val_{i}.JPEG", seed=100 + i)
        lines.append(f"val_{i}.JPEG\t{list(WNIDS)[i % 3]}\t0\t0\t9\t9\n")
    (root / "val/val_annotations.txt").write_text("".join(lines))
    (root / "wnids.txt").write_text("\n".join(WNIDS))
    (root / "words.txt").write_text("".join(f"{wnid}\t{words}\n" for wnid, words in WNIDS.items()))
    return root


def zipped(folder: Path, to: Path) -> Path:
    with zipfile.ZipFile(to, "w") as file:
        for path in sorted(folder.rglob("*")):
            file.write(path, path.relative_to(folder.parent))
    return to


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., ImageSet]:
    def read(source: Any, **settings: Any) -> ImageSet:
        defaults: dict[str, Any] = {"image_size": 16, "classes": None, "train_per_class": None, "val_per_class": None}
        defaults |= {"judge": "validation", "tuning": 0.25, "corrupt": "error", "cache": tmp_path / "cache"}
        return load(source, **defaults | settings)

    return read


@pytest.fixture
def refuse(read: Callable[..., ImageSet], tmp_path: Path) -> Callable[..., str]:
    """Reads a source that must be refused; gives the message, after looking that nothing is left half-written."""

    def refuse(source: Any, **settings: Any) -> str:
        with pytest.raises(InputError) as caught:
            read(source, **settings)
        left = [p.name for p in (tmp_path / "cache").rglob("*") if not p.is_dir() and p.name != ".lock"]
        assert left == []
        return str(caught.value)

    return refuse


def pixels(paths: list[Path]) -> set[bytes]:
    return {np.asarray(Image.open(path).convert("RGB")).tobytes() for path in paths}


# ------------------------------------------------------------------------------------------------ Tiny ImageNet


def test_tiny_imagenet_is_read_as_its_files_and_annotations_say(tiny: Path, read: Callable[..., ImageSet]) -> None:
    images = read(TinyImageNet(str(tiny)))
    assert images.classes == ("cat", "dog", "zebra")  # sorted by WordNet id
    assert images.train_images.shape == (12, 16, 16, 3)
    for label, wnid in enumerate(sorted(WNIDS)):
        train = images.train_images[images.train_labels == label]
        assert {x.tobytes() for x in train} == pixels(list((tiny / f"train/{wnid}/images").iterdir()))
        numbers = [i for i in range(6) if list(WNIDS)[i % 3] == wnid]
        val = images.val_images[images.val_labels == label]
        assert {x.tobytes() for x in val} == pixels([tiny / f"val/images/val_{i}.JPEG" for i in numbers])


def test_the_zip_the_folder_its_parent_and_a_copy_are_the_same_images(
    tiny: Path, tmp_path: Path, read: Callable[..., ImageSet]
) -> None:
    roots = [tiny, tiny.parent, zipped(tiny, tmp_path / "a.zip"), shutil.copytree(tiny, tmp_path / "copy/elsewhere")]
    sets = [read(TinyImageNet(str(root))) for root in roots]
    assert len({images.digest for images in sets}) == 1
    for images in sets[1:]:
        np.testing.assert_array_equal(images.train_images, sets[0].train_images)
        np.testing.assert_array_equal(images.val_labels, sets[0].val_labels)


def test_without_root_the_zip_is_downloaded_once_and_verified(
    tiny: Path, tmp_path: Path, read: Callable[..., ImageSet]
) -> None:
    path = zipped(tiny, tmp_path / "served.zip")
    md5 = hashlib.md5(path.read_bytes()).hexdigest()
    first = read(TinyImageNet(url=path.as_uri(), md5=md5))
    path.unlink()
    (tmp_path / "cache/downloads/tiny-imagenet-200.zip").unlink()  # decoded, so no longer needed
    assert read(TinyImageNet(url=path.as_uri(), md5=md5)).digest == first.digest


def test_a_download_with_another_checksum_is_refused(tiny: Path, tmp_path: Path, refuse: Callable[..., str]) -> None:
    path = zipped(tiny, tmp_path / "served.zip")
    assert "md5" in refuse(TinyImageNet(url=path.as_uri(), md5="0" * 32))


def test_no_network_says_how_to_go_on(refuse: Callable[..., str]) -> None:
    with socket.socket() as closed:  # bound, not listening: connections are refused
        closed.bind(("127.0.0.1", 0))
        message = refuse(TinyImageNet(url=f"http://127.0.0.1:{closed.getsockname()[1]}/tiny-imagenet-200.zip"))
    assert "cannot be downloaded" in message
    assert "data.root=" in message


def test_a_root_that_does_not_exist_is_named(tmp_path: Path, refuse: Callable[..., str]) -> None:
    for source in (TinyImageNet, ImageFolder, Cifar10):
        assert f"{tmp_path / 'nowhere'}: does not exist" in refuse(source(str(tmp_path / "nowhere")))


@pytest.mark.parametrize("missing", ["wnids.txt", "words.txt", "train", "val/images", "val/val_annotations.txt"])
def test_a_folder_that_is_not_tiny_imagenet_says_what_is_missing(
    tiny: Path, missing: str, refuse: Callable[..., str]
) -> None:
    (tiny / missing).rename(tiny.parent / "moved")
    assert f"is not Tiny ImageNet: {missing} missing" in refuse(TinyImageNet(str(tiny)))


def test_an_empty_class_folder_is_named(tiny: Path, refuse: Callable[..., str]) -> None:
    shutil.rmtree(tiny / "train/n002/images")
    (tiny / "train/n002/images").mkdir()
    assert f"{tiny}/train/n002/images: holds no images" in refuse(TinyImageNet(str(tiny)))


def test_an_annotation_of_an_unknown_class_or_image_is_named_with_its_line(
    tiny: Path, refuse: Callable[..., str]
) -> None:
    annotations = tiny / "val/val_annotations.txt"
    text = annotations.read_text()
    annotations.write_text(text + "val_0.JPEG\tn999\t0\t0\t9\t9\n")
    assert "line 7 names the class 'n999'" in refuse(TinyImageNet(str(tiny)))
    annotations.write_text(text + "../../secret.JPEG\tn001\t0\t0\t9\t9\n")
    assert "line 7 names the image '../../secret.JPEG'" in refuse(TinyImageNet(str(tiny)))


def test_a_truncated_zip_is_refused(tiny: Path, tmp_path: Path, refuse: Callable[..., str]) -> None:
    path = zipped(tiny, tmp_path / "a.zip")
    path.write_bytes(path.read_bytes()[:-1000])
    assert f"{path}: is not a whole zip file" in refuse(TinyImageNet(str(path)))


@pytest.mark.parametrize("name", ["../x.JPEG", "/etc/x", "tiny-imagenet-200/../../x", "..\\x", "C:\\x"])
def test_a_zip_whose_entries_climb_out_is_refused(
    tiny: Path, tmp_path: Path, name: str, refuse: Callable[..., str]
) -> None:
    path = zipped(tiny, tmp_path / "a.zip")
    with zipfile.ZipFile(path, "a") as file:
        file.writestr(name, "x")
    assert repr(name) in refuse(TinyImageNet(str(path)))


def test_a_zip_of_something_else_is_refused(tmp_path: Path, refuse: Callable[..., str]) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        file.writestr("notes.txt", "x")
    assert "holds no wnids.txt" in refuse(TinyImageNet(str(tmp_path / "a.zip")))


def test_a_damaged_image_inside_a_zip_is_named(tiny: Path, tmp_path: Path, refuse: Callable[..., str]) -> None:
    damaged = "train/n002/images/n002_1.JPEG"
    (tiny / damaged).write_bytes((tiny / damaged).read_bytes()[:-50])
    path = zipped(tiny, tmp_path / "a.zip")
    assert f"{path}/tiny-imagenet-200/{damaged}: is corrupt" in refuse(TinyImageNet(str(path)))


def test_a_picture_changed_in_place_is_noticed_when_the_images_are_verified(
    tiny: Path, tmp_path: Path, read: Callable[..., ImageSet], capsys: pytest.CaptureFixture[str]
) -> None:
    before = read(TinyImageNet(str(tiny)))
    path = tiny / "train/n002/images/n002_1.JPEG"
    path.touch()
    assert read(TinyImageNet(str(tiny)), verify=True).digest == before.digest  # the bytes decide
    assert "were changed" in capsys.readouterr().err
    noise(path, seed=1234)
    after = read(TinyImageNet(str(tiny)), verify=True)
    assert after.digest != before.digest
    assert pixels([path]) <= {x.tobytes() for x in after.train_images}
    assert read(TinyImageNet(str(tiny))).digest == after.digest
    capsys.readouterr()
    read(TinyImageNet(str(tiny)), verify=True)
    assert "changed" not in capsys.readouterr().err
    assert [one.name[0] for one in (tmp_path / "cache").iterdir() if one.is_dir()] == ["t"]  # and nothing is left over


@pytest.mark.parametrize("place", ["folder", "copy", "zip"])
def test_a_subset_is_drawn_by_the_names_hash_wherever_the_files_lie(
    tiny: Path, tmp_path: Path, place: str, read: Callable[..., ImageSet]
) -> None:
    root = {"folder": tiny, "copy": tmp_path / "copy", "zip": tmp_path / "a.zip"}[place]
    if place == "copy":
        shutil.copytree(tiny, root)
    if place == "zip":
        zipped(tiny, root)
    images = read(TinyImageNet(str(root)), train_per_class=2, val_per_class=1)
    for label, wnid in enumerate(sorted(WNIDS)):
        names = [f"train/{wnid}/images/{wnid}_{i}.JPEG" for i in range(4)]
        drawn = sorted(names, key=lambda name: hashlib.blake2b(name.encode()).hexdigest())[:2]
        found = images.train_images[images.train_labels == label]
        assert {x.tobytes() for x in found} == pixels([tiny / name for name in drawn])


def test_what_lies_beside_the_pictures_of_tiny_imagenet_is_told(tiny: Path, read: Callable[..., ImageSet]) -> None:
    (tiny / "train/n002/images/notes.txt").write_text("no picture")
    os.mkfifo(tiny / "train/n002/images/pipe.JPEG")
    os.mkfifo(tiny / "val/images/pipe.JPEG")
    assert read(TinyImageNet(str(tiny))).left_out == {"dog": {".txt": 1, "named pipe": 1}}


def test_a_kept_download_that_is_not_what_was_fetched_is_refused(
    tiny: Path, tmp_path: Path, read: Callable[..., ImageSet]
) -> None:
    path = zipped(tiny, tmp_path / "served.zip")
    kept = tmp_path / "cache/downloads/tiny-imagenet-200.zip"
    kept.parent.mkdir(parents=True)
    shutil.copy(path, kept)
    with pytest.raises(InputError, match=rf"{kept}: has md5 .*, not 0{{32}}; delete it, and it is fetched again"):
        read(TinyImageNet(url=path.as_uri(), md5="0" * 32))


# ------------------------------------------------------------------------------------------------ image folders


@pytest.fixture
def animals(tmp_path: Path) -> Path:
    """root/<class>/*: 10 cats and 5 dogs, 16x16."""
    for name, count, seed in (("cat", 10, 0), ("dog", 5, 50)):
        for i in range(count):
            noise(tmp_path / f"animals/{name}/{i}.jpg", seed + i)
    return tmp_path / "animals"


def test_a_part_of_each_class_is_held_out_and_is_never_trained_on(animals: Path, read: Callable[..., ImageSet]) -> None:
    images = read(ImageFolder(str(animals), val_fraction=0.2))
    assert np.bincount(images.train_labels).tolist() == [8, 4]  # a fifth of 10 and of 5
    assert np.bincount(images.val_labels).tolist() == [2, 1]
    train, val = ({x.tobytes() for x in part} for part in (images.train_images, images.val_images))
    assert not train & val
    assert train | val == pixels(list(animals.rglob("*.jpg")))


def test_train_and_val_folders_are_taken_as_they_are(animals: Path, read: Callable[..., ImageSet]) -> None:
    shutil.copytree(animals, animals.parent / "split/train")
    for name in ("cat", "dog"):
        noise(animals.parent / f"split/val/{name}/0.jpg", 99)
    images = read(ImageFolder(str(animals.parent / "split")))
    assert images.classes == ("cat", "dog")
    assert np.bincount(images.train_labels).tolist() == [10, 5]
    assert np.bincount(images.val_labels).tolist() == [1, 1]


def test_an_added_file_is_seen(animals: Path, read: Callable[..., ImageSet]) -> None:
    before = read(ImageFolder(str(animals)))
    noise(animals / "dog/new.jpg", 77)
    after = read(ImageFolder(str(animals)))
    assert len(after.train_images) + len(after.val_images) == 16
    assert after.digest != before.digest


def test_unusable_image_folders_are_refused(animals: Path, tmp_path: Path, refuse: Callable[..., str]) -> None:
    assert "data.root is null" in refuse(ImageFolder(None))
    assert "data.source.val_fraction is 1.5" in refuse(ImageFolder(str(animals), val_fraction=1.5))
    assert "is not a folder" in refuse(ImageFolder(str(animals / "cat/0.jpg")))
    assert "cannot be split" in refuse(ImageFolder(str(animals), val_fraction=0.05))
    (animals / "emu").mkdir()
    assert f"{animals}/emu: holds no images" in refuse(ImageFolder(str(animals)))
    (tmp_path / "empty").mkdir()
    assert "holds no class folders" in refuse(ImageFolder(str(tmp_path / "empty")))


def test_a_class_in_only_one_of_train_and_val_is_named(animals: Path, refuse: Callable[..., str]) -> None:
    root = animals.parent / "split"
    shutil.copytree(animals, root / "train")
    shutil.copytree(animals / "cat", root / "val/cat")
    assert "class 'dog' is in only one of train and val" in refuse(ImageFolder(str(root)))


def test_holding_out_depends_on_the_names_alone() -> None:
    names = [f"{i}.jpg" for i in range(100)]
    kept, held = hold_out(names, 0.25)
    assert len(held) == 25
    assert sorted(kept + held) == sorted(names)
    assert set(hold_out(names[::-1], 0.25)[1]) == set(held)
    assert held != names[75:]  # a folder's last names may all be of one kind


# ------------------------------------------------------------------------------------------------ digits and CIFAR


def test_digits_are_all_there_split_1000_to_797(read: Callable[..., ImageSet]) -> None:
    images = read(Digits(), image_size=8)
    assert len(images.train_images) == 1000
    assert len(images.val_images) == 797
    digits = load_digits()
    expected = sorted((x.tobytes(), k) for x, k in zip(np.rint(digits.images * 255 / 16), digits.target, strict=True))
    found = np.concatenate([images.train_images, images.val_images])
    assert (found == found[..., :1]).all()  # grey
    labels = np.concatenate([images.train_labels, images.val_labels])
    assert sorted((x.astype(float).tobytes(), k) for x, k in zip(found[..., 0], labels, strict=True)) == expected


def test_a_subset_of_the_digits_is_drawn_by_hash_and_not_from_the_first_writers(read: Callable[..., ImageSet]) -> None:
    digits = load_digits()
    images = read(Digits(), image_size=8, train_per_class=20)
    known = {np.rint(x * 255 / 16).astype(np.uint8).tobytes(): i for i, x in enumerate(digits.images)}
    for label in range(10):
        found = images.train_images[images.train_labels == label][..., 0]
        numbers = {known[np.ascontiguousarray(x).tobytes()] for x in found}
        whole = read(Digits(), image_size=8)
        train = {
            known[np.ascontiguousarray(x[..., 0]).tobytes()] for x in whole.train_images[whole.train_labels == label]
        }
        assert numbers == set(sorted(train, key=lambda i: hashlib.blake2b(str(i).encode()).hexdigest())[:20])
        assert max(numbers) > 900  # of 1,797: a part of every writer's, where the first twenty end at some 250


def cifar(root: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[np.ndarray, np.ndarray]:
    """Files in CIFAR-10's format, 20 images in the first training batch; gives those as (20, 32, 32, 3), and labels."""
    from torchvision import datasets

    folder = root / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    generator = np.random.default_rng(0)
    data = {name: generator.integers(0, 256, (20, 3072), dtype=np.uint8) for name in ("data_batch_1", "test_batch")}
    labels = np.arange(20) % 10
    listed = {}
    for name in data:
        (folder / name).write_bytes(pickle.dumps({"data": data[name], "labels": labels.tolist()}))
        listed[name] = [name, hashlib.md5((folder / name).read_bytes()).hexdigest()]
    (folder / "batches.meta").write_bytes(pickle.dumps({"label_names": list("abcdefghij")}))
    meta = hashlib.md5((folder / "batches.meta").read_bytes()).hexdigest()
    monkeypatch.setattr(datasets.CIFAR10, "train_list", [listed["data_batch_1"]])
    monkeypatch.setattr(datasets.CIFAR10, "test_list", [listed["test_batch"]])
    monkeypatch.setattr(datasets.CIFAR10, "meta", {**datasets.CIFAR10.meta, "md5": meta})
    return data["data_batch_1"].reshape(20, 3, 32, 32).transpose(0, 2, 3, 1), labels


def test_cifar_keeps_its_pixels_and_labels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: Callable[..., ImageSet]
) -> None:
    expected, labels = cifar(tmp_path / "cifar", monkeypatch)
    images = read(Cifar10(str(tmp_path / "cifar")), image_size=32)
    assert images.classes == tuple("abcdefghij")
    assert len(images.val_images) == 20
    found = {(x.tobytes(), int(k)) for x, k in zip(images.train_images, images.train_labels, strict=True)}
    assert found == {(x.tobytes(), int(k)) for x, k in zip(expected, labels, strict=True)}


def test_a_subset_of_cifar_is_drawn_by_hash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: Callable[..., ImageSet]
) -> None:
    pixels, labels = cifar(tmp_path / "cifar", monkeypatch)
    images = read(Cifar10(str(tmp_path / "cifar")), image_size=32, train_per_class=1)
    for label in range(10):
        names = [f"train/{i}" for i in np.flatnonzero(labels == label)]
        drawn = min(names, key=lambda name: hashlib.blake2b(name.encode()).hexdigest())
        np.testing.assert_array_equal(images.train_images[images.train_labels == label][0], pixels[int(drawn[6:])])


def test_cifar_without_network_says_how_to_go_on(monkeypatch: pytest.MonkeyPatch, refuse: Callable[..., str]) -> None:
    from torchvision import datasets

    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setattr(datasets.CIFAR10, "url", f"http://127.0.0.1:{closed.getsockname()[1]}/cifar.tar.gz")
        assert "cannot be downloaded" in refuse(Cifar10(), image_size=32)
