"""Predictions for test images without labels, in the form in which Tiny ImageNet's challenge takes them.

`test_0.JPEG n01443537`, one line an image, in numeric order; the id is the class's WordNet id where there are any.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from dissect.errors import InputError
from dissect.images.pictures import any_image, pictures
from dissect.images.trees import Folder, Tree, Zip, existing, progress, read_text

FOLDERS = ("test/images", "test")  # Tiny ImageNet's, and a plain one for one's own images


@contextmanager
def opened(source: Any, cache: Path) -> Iterator[Tree]:
    """The tree of files that a source reads its images from.

    Raises:
        InputError: for a source that has none.
    """
    if not hasattr(source, "root"):
        raise InputError(f"test: data={source.name} has no files, so it has no test images either")
    path = source.root
    if path is None:
        path = cache / "downloads" / f"{source.folder}.zip" if hasattr(source, "folder") else cache / "downloads"
    inner = existing(path) / getattr(source, "folder", ".")
    path = inner if inner.is_dir() else path
    with closing(Zip(path, landmark="wnids.txt")) if path.is_file() else nullcontext(Folder(path)) as tree:
        yield tree


def names_of_tests(tree: Tree) -> tuple[str, list[str]]:
    """The folder of the test images, and their names in numeric order: test_2 before test_10.

    Raises:
        InputError: where there are none.
    """
    for folder in FOLDERS:
        names = [path.removeprefix(f"{folder}/") for path in pictures(tree, folder, below=False)[0]]
        if names:
            return folder, sorted(names, key=_numeric)
    raise InputError(f"{tree.where}: has no test images; they lie in {' or '.join(FOLDERS)} below data.root")


def _numeric(name: str) -> tuple[Any, ...]:
    """Text and numbers by turns, so that names are compared number by number."""
    return tuple(int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name))


def read_images(tree: Tree, folder: str, names: Sequence[str], image_size: int) -> np.ndarray:
    """The images, (N, S, S, 3) uint8, prepared as the data are.

    Raises:
        InputError: for one that cannot be decoded: leaving it out would leave a line out.
    """
    images = np.empty((len(names), image_size, image_size, 3), np.uint8)
    with progress(f"decoding {len(names):,} images of {tree.where}/{folder}", len(names)) as advance:
        for place, name in enumerate(names):
            try:
                images[place] = any_image(tree.read(f"{folder}/{name}"), None, image_size)
            except Exception as problem:  # PIL and zipfile raise a dozen kinds for damaged files
                where = f"{tree.where}/{folder}/{name}"
                raise InputError(f"{where}: is corrupt or no image ({problem}); restore the file") from problem
            advance(1)
    return images


def class_ids(tree: Tree, classes: Sequence[str]) -> list[str]:
    """What the classes are called in the challenge's file: the WordNet ids where there are any, else their names."""
    if "wnids.txt" not in tree.files(""):
        return list(classes)
    return sorted(read_text(tree, "wnids.txt").split())[: len(classes)]


def lines(names: Sequence[str], probabilities: np.ndarray, ids: Sequence[str]) -> str:
    """The file: `name id`, a line an image, in the order given.

    Args:
        probabilities: (N, classes); ids: (classes,).
    """
    return "".join(f"{name} {ids[label]}\n" for name, label in zip(names, probabilities.argmax(1), strict=True))
