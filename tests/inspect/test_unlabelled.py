"""The challenge's file, and the test images that it is about."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dissect.errors import InputError
from dissect.images.sources import Digits, ImageFolder, TinyImageNet
from dissect.images.trees import Folder
from dissect.inspect.unlabelled import class_ids, lines, names_of_tests, opened, read_images

WNIDS = ["n01443537", "n01629819", "n01641577"]


def test_the_file_has_a_line_an_image_in_the_order_given():
    probabilities = np.array([[0.1, 0.9], [0.8, 0.2], [0.5, 0.5]])
    assert lines(["a.JPEG", "b.JPEG", "c.JPEG"], probabilities, ["n0", "n1"]) == "a.JPEG n1\nb.JPEG n0\nc.JPEG n0\n"


@pytest.mark.parametrize("place", ["folder", "parent", "zip", "downloaded zip"])
def test_test_images_are_found_in_numeric_order_wherever_the_data_lie(place: str, root: Path, tmp_path: Path):
    found, cache = root, tmp_path / "cache"
    if "zip" in place:
        found = Path(shutil.make_archive(str(tmp_path / "data"), "zip", root.parent, root.name))
    if place == "downloaded zip":
        (cache / "downloads").mkdir(parents=True)
        found.rename(cache / "downloads" / "tiny-imagenet-200.zip")
    named = {"parent": str(root.parent), "downloaded zip": None}.get(place, str(found))
    with opened(TinyImageNet(named), cache) as tree:
        folder, names = names_of_tests(tree)
        assert (folder, names) == ("test/images", [f"test_{number}.JPEG" for number in range(12)])
        assert class_ids(tree, ["goldfish", "salamander"]) == WNIDS[:2]
        images = read_images(tree, folder, names, 20)
    for name, image in zip(names, images, strict=True):
        assert (image == np.asarray(Image.open(root / "test" / "images" / name))).all()


def test_images_of_your_own_lie_in_a_folder_test(tmp_path: Path):
    (tmp_path / "test").mkdir()
    for name in ("10.png", "9.png", "11"):  # by content, whatever the name
        Image.new("RGB", (30, 20)).save(tmp_path / "test" / name, "PNG")
    (tmp_path / "test" / "notes.txt").write_text("no picture")
    with opened(ImageFolder(str(tmp_path)), tmp_path) as tree:
        assert names_of_tests(tree) == ("test", ["9.png", "10.png", "11"])
        assert class_ids(tree, ["cat", "dog"]) == ["cat", "dog"]
        assert read_images(tree, "test", ["9.png"], 16).shape == (1, 16, 16, 3)


def test_data_without_test_images_are_refused(tmp_path: Path):
    with opened(ImageFolder(str(tmp_path)), tmp_path) as tree, pytest.raises(InputError, match="has no test images"):
        names_of_tests(tree)
    with pytest.raises(InputError, match="data=digits has no files"), opened(Digits(), tmp_path):
        pass


def test_a_test_image_that_is_none_is_named(tmp_path: Path):
    (tmp_path / "test").mkdir()
    (tmp_path / "test" / "0.png").write_text("no image")
    with pytest.raises(InputError, match=r"test/0\.png: is corrupt or no image"):
        read_images(Folder(tmp_path), "test", ["0.png"], 16)
