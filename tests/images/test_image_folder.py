"""Folders of pictures as people have them: names, layouts, and what is no picture; the oracle is torchvision's walk."""

import os
import shutil
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from torchvision import datasets

from dissect.errors import InputError
from dissect.images.arrays import ImageSet, load
from dissect.images.image_folder import ImageFolder
from dissect.images.task import Images, first_of

Read = Callable[..., ImageSet]


def picture(path: Path, seed: int, kind: str = "PNG") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path, kind)
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """root/cat and root/dog, with five pictures each."""
    for k, name in enumerate(("cat", "dog")):
        for i in range(5):
            picture(tmp_path / f"root/{name}/{i}.png", 10 * k + i)
    return tmp_path / "root"


@pytest.fixture
def read(root: Path, tmp_path: Path) -> Read:
    def read(path: Path = root, **settings: Any) -> ImageSet:
        defaults: dict[str, Any] = {"image_size": 16, "classes": None, "train_per_class": None, "val_per_class": None}
        defaults |= {"judge": "validation", "tuning": 0.2, "corrupt": "error", "cache": tmp_path / "cache"}
        return load(ImageFolder(str(path)), **{**defaults, **settings})

    return read


def pixels(images: ImageSet, label: int | None = None) -> list[bytes]:
    """All pixels, or a class's, whichever part they are in."""
    parts = ((images.train_images, images.train_labels), (images.val_images, images.val_labels))
    return sorted(
        x.tobytes() for part, labels in parts for x, k in zip(part, labels, strict=True) if label in (None, k)
    )


def on_disk(paths: list[Path]) -> list[bytes]:
    found = []
    for path in paths:
        with Image.open(path) as image:
            found.append(np.asarray(image.convert("RGB")).tobytes())
    return sorted(found)


# ------------------------------------------------------------------------------------------------ which files


def test_files_of_any_suffix_and_in_folders_of_a_class_are_read_as_torchvision_walks_them(
    root: Path, read: Read, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, name in enumerate(("a.gif", "b.jfif", "c.JPE", "d", "more/e.png", "more/still/f.PNG", "g.odd.name")):
        picture(root / "cat" / name, 100 + number, "GIF" if name == "a.gif" else "PNG")
    images = read()
    oracle = datasets.ImageFolder(str(root), is_valid_file=lambda _: True)
    assert list(images.classes) == oracle.classes
    for label in (0, 1):
        expected = [Path(path) for path, k in oracle.samples if k == label]
        assert pixels(images, label) == on_disk(expected)
    assert len(pixels(images, 0)) == 12
    assert images.left_out == {}
    assert "left out" not in capsys.readouterr().err


def test_what_is_no_picture_is_left_out_and_told_by_class_and_kind(
    root: Path, read: Read, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("notes.txt", "more/labels.TXT", "P6 players", ".hidden.png", ".DS_Store", "report.pdf"):
        (root / "cat" / name).parent.mkdir(exist_ok=True)
        (root / "cat" / name).write_bytes(b"P6 players in a match\n")
    picture(root / "dog/photo.nef", 3, "TIFF")  # a camera's raw file, whose thumbnail it would be
    expected = {"cat": {".txt": 2, "without suffix": 1, "hidden": 1, ".pdf": 1}, "dog": {".nef": 1}}
    images = read()
    assert images.left_out == expected
    assert len(pixels(images)) == 10
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "left out" in line]
    assert line == (
        "warning: 6 left out, being no pictures that are read, or in no class: cat: 1 .pdf, 2 .txt, 1 hidden, "
        "1 without suffix; dog: 1 .nef"
    )
    assert read().left_out == expected  # from the cache, for result.json
    assert read(classes=1).left_out == {"cat": expected["cat"]}


@pytest.mark.parametrize("parts", [False, True], ids=["classes in the root", "train and val"])
def test_what_lies_beside_the_classes_is_told(root: Path, read: Read, parts: bool) -> None:
    if parts:
        root.rename(root.parent / "train")
        shutil.copytree(root.parent / "train", root / "val")
        (root.parent / "train").rename(root / "train")
        picture(root / "train/stray.png", 1)
        picture(root / "test/cat/0.png", 1)
    assert read().left_out == ({"in no class": {".png": 1, "folder test": 1}} if parts else {})
    picture(root / "stray.jpg", 2)  # noticed though the cache is there
    (root / "README").write_text("of whom these are")
    (root / ".git").mkdir()
    expected = {".jpg": 1, "without suffix": 1} | ({".png": 1, "folder test": 1} if parts else {})
    assert read(classes=1).left_out == {"in no class": expected}
    assert len(pixels(read())) == (20 if parts else 10)


def test_a_suffix_of_any_bytes_can_be_told_and_kept(root: Path, read: Read) -> None:
    (root / "cat" / os.fsdecode(b"x.\xff\n")).write_text("")
    assert read().left_out == {"cat": {".\\xff\\n": 1}}


def test_a_file_that_is_called_a_picture_and_is_none_is_damaged(root: Path, read: Read) -> None:
    (root / "cat/9.jfif").write_text("no picture")
    with pytest.raises(InputError, match=r"cat/9\.jfif: is corrupt or cannot be read .not an image."):
        read()


@pytest.mark.skipif(sys.platform == "win32", reason="has no such files")
def test_pipes_sockets_and_broken_links_are_told_and_never_opened(root: Path, read: Read) -> None:
    os.mkfifo(root / "cat/pipe.png")  # opening it would wait for ever
    (root / "cat/to-pipe.png").symlink_to("pipe.png")
    (root / "cat/nowhere.png").symlink_to("not-there.png")
    (root / "cat/itself.png").symlink_to("itself.png")
    (root / "dog/null.png").symlink_to("/dev/null")
    with socket.socket(socket.AF_UNIX) as listening:
        here = Path.cwd()
        os.chdir(root / "dog")  # a socket's whole name has 108 bytes at most
        try:
            listening.bind("socket.png")
        finally:
            os.chdir(here)
        images = read()
    assert images.left_out == {"cat": {"named pipe": 2, "broken link": 2}, "dog": {"socket": 1, "device": 1}}
    assert len(pixels(images)) == 10


def test_links_in_a_circle_end_and_links_to_folders_are_followed(root: Path, tmp_path: Path, read: Read) -> None:
    extra = picture(tmp_path / "elsewhere/x.png", 77)
    (root / "cat/elsewhere").symlink_to(extra.parent)
    (root / "dog/around").symlink_to(root / "dog")
    (root / "dog/cats").mkdir()
    (root / "dog/cats/up").symlink_to(root / "dog/cats")
    images = read()
    assert len(pixels(images, 0)) == 6
    assert len(pixels(images, 1)) == 5
    assert images.left_out == {"dog": {"link in a circle": 2}}


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="names are UTF-8 there")
def test_names_that_are_not_utf8_are_read_and_shown(root: Path, read: Read, capsys: pytest.CaptureFixture[str]) -> None:
    folder = os.fsdecode(b"ch\xeane")
    shutil.copytree(root / "dog", root / folder)
    picture(root / folder / os.fsdecode(b"caf\xe9.png"), 50)
    picture(root / folder / "line\nbreak.png", 51)
    for _ in ("decoded", "from the cache"):
        images = read()
        assert images.classes == ("cat", "ch\\xeane", "dog")
        assert len(pixels(images, 1)) == 7
    "".join(images.classes).encode()  # can be written
    (root / folder / os.fsdecode(b"bad\xe9\n.png")).write_text("")
    with pytest.raises(InputError, match=r"root/ch\\xeane/bad\\xe9\\n\.png: is corrupt") as caught:
        read()
    str(caught.value).encode()
    read(corrupt="skip")
    assert "bad\\xe9\\n.png" in capsys.readouterr().err


def test_a_long_name_in_any_script_fits_into_the_caches(root: Path, tmp_path: Path, read: Read) -> None:
    for name in ("訓練画像" * 20, "x" * 250, "."):
        path = root if name == "." else root.rename(root.with_name(name))
        assert len(pixels(read(path))) == 10
        root = path
    assert max(len(os.fsencode(path.name)) for path in (tmp_path / "cache").iterdir()) < 150


def test_a_file_too_large_for_a_picture_is_refused_unread(root: Path, read: Read) -> None:
    with open(root / "cat/huge.png", "wb") as file:
        file.truncate(1 << 40)  # takes no room on the disk
    with pytest.raises(InputError, match=r"huge\.png: is corrupt .*its 1,099,511,627,776 bytes are more than"):
        read()


# ------------------------------------------------------------------------------------------------ layouts


def split(root: Path, train: str, val: str | None) -> Path:
    top = root.with_name("split")
    for part in (train, val):
        if part is not None:
            shutil.copytree(root, top / part)
    return top


@pytest.mark.parametrize("train", ["train", "Train", "TRAINING"])
@pytest.mark.parametrize("val", ["val", "Val", "valid", "validation", "VALIDATION"])
def test_the_usual_names_of_the_two_parts_are_taken(train: str, val: str, root: Path, read: Read) -> None:
    top = split(root, train, val)
    shutil.copytree(root, top / "test")  # is left alone
    images = read(top)
    assert images.classes == ("cat", "dog")
    assert np.bincount(images.train_labels).tolist() == np.bincount(images.val_labels).tolist() == [5, 5]


@pytest.mark.parametrize(
    ("train", "val", "said"),
    [
        ("train", None, r"holds train, .* none of validation images beside it; call the folders train and val"),
        ("Training", "test", r"holds Training, .* data\.root=.*split/Training"),
        ("train", "dev", "holds train, with folders in it"),
        ("fit", "val", "holds val, .* none of training images"),
        ("training_set", "test_set", "test_set and training_set hold folders of the same names, cat and so on"),
        ("PetImages", None, r"holds one folder alone, PetImages, .* data\.root=.*split/PetImages"),
    ],
)
def test_other_layouts_are_told_what_to_call_the_folders_and_never_to_remove_one(
    train: str, val: str | None, said: str, root: Path, read: Read
) -> None:
    with pytest.raises(InputError, match=said) as caught:
        read(split(root, train, val))
    message = str(caught.value)
    assert "remove" not in message
    assert "delete" not in message
    assert "\n" not in message


def test_two_folders_that_could_both_judge_are_refused(root: Path, read: Read) -> None:
    top = split(root, "train", "val")
    shutil.copytree(root, top / "validation")
    with pytest.raises(InputError, match="holds both val and validation"):
        read(top)


def test_pictures_of_trains_are_a_class(root: Path, read: Read) -> None:
    for i in range(5):
        picture(root / f"train/{i}.png", 60 + i)
    picture(root / "train/steam/6.png", 66)
    assert read().classes == ("cat", "dog", "train")


def test_an_empty_class_is_told_what_lies_there(root: Path, read: Read) -> None:
    (root / "emu").mkdir()
    (root / "emu/a.svg").write_text("<svg/>")
    with pytest.raises(InputError, match=r"emu: holds no images that are read \(1 \.svg\); put .* or move the folder"):
        read()


# ------------------------------------------------------------------------------------------------ changes in place


def test_a_picture_changed_in_place_is_noticed_even_with_its_size_and_date_kept(root: Path, read: Read) -> None:
    before = read()
    path = root / "dog/3.png"
    status = path.stat()
    data = bytearray(picture(root.with_name("new.png"), 200).read_bytes())
    data += bytes(max(0, status.st_size - len(data)))
    with open(path, "r+b") as file:
        file.write(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    after = read()
    assert after.digest != before.digest
    assert pixels(after) == on_disk(list(root.rglob("*.png")))


def test_a_touch_or_a_new_mode_changes_no_digest(root: Path, read: Read) -> None:
    before = read()
    (root / "dog/3.png").touch()
    assert read().digest == before.digest
    (root / "dog/2.png").chmod(0o600)
    assert read().digest == before.digest


def test_a_change_in_a_folder_inside_a_class_or_behind_a_link_is_noticed(
    root: Path, tmp_path: Path, read: Read
) -> None:
    picture(root / "cat/more/a.png", 30)
    outside = picture(tmp_path / "outside.png", 31)
    (root / "cat/b.png").symlink_to(outside)
    digests = [read().digest]
    picture(root / "cat/more/a.png", 32)
    digests.append(read().digest)
    picture(outside, 33)
    digests.append(read().digest)
    assert len(set(digests)) == 3


def test_draws_are_the_same_wherever_the_folder_lies_and_nested(root: Path, tmp_path: Path, read: Read) -> None:
    copy = shutil.copytree(root, tmp_path / "somewhere/else")
    three = read(train_per_class=3)
    assert read(copy, train_per_class=3).digest == three.digest
    assert {*pixels(read(train_per_class=2))} - {*pixels(three)} == set()


def test_what_is_said_of_a_folder_is_its_name_and_its_first_classes(root: Path, variant: Callable[..., Any]):
    chosen = variant("data=image_folder", f"data.root={root}", "data.image_size=16", "train.batch_size=4")
    facts = Images().data(chosen.config).facts
    assert (facts["folder"], facts["classes"], facts["class names"]) == ("root", 2, "cat, dog")
    assert first_of(["ant", "bee", "cat", "dog", "elk", "fox", "gnu"]) == "ant, bee, cat, dog, elk and 2 more"
    assert {"folder", "class names"}.isdisjoint(Images().data(variant().config).facts)  # digits are known by name
