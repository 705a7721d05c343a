"""Where images come from: each source names its classes and its images, and reads one image's bytes.

Hydra builds a source from `data.source`. Nothing on disk is touched before `fingerprint` or `opened` is called,
so that bad input ends as an InputError and not inside Hydra's own exception.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from typing import Any, ClassVar

from dissect.errors import InputError
from dissect.files import unwritable
from dissect.images.contents import Contents, Source, hold_out, shuffled
from dissect.images.downloads import download, refuse_fetching
from dissect.images.image_folder import ImageFolder
from dissect.images.pictures import IMAGES, pictures
from dissect.images.stamps import stamps
from dissect.images.trees import Folder, Tree, Zip, existing, read_text

__all__ = [
    "IMAGES", "Cifar10", "Cifar100", "Contents", "Digits", "ImageFolder", "Source", "TinyImageNet", "hold_out",
    "shuffled",
]  # fmt: skip


class Digits:
    """The 1,797 handwritten digits shipped with scikit-learn: 8x8, grey 0 to 16; 1,000 to train, 797 to validate."""

    name = "digits"

    def fingerprint(self) -> list[Any]:
        return ["scikit-learn"]

    @contextmanager
    def opened(self, cache: Path) -> Iterator[Contents]:
        from sklearn.datasets import load_digits

        digits = load_digits()
        pixels = (digits.images * (255 / 16)).round().astype("uint8")
        by_class = [[str(i) for i in (digits.target == k).nonzero()[0]] for k in range(10)]
        parts = [hold_out(names, 797 / 1797) for names in by_class]  # rounding gives 797 in all
        yield Contents(
            where="scikit-learn's digits",
            classes=tuple(str(k) for k in range(10)),
            train=[train for train, _ in parts],
            val=[val for _, val in parts],
            read=lambda name: pixels[int(name)].tobytes(),
            raw=("L", (8, 8)),
        )


class TinyImageNet:
    """Tiny ImageNet (Stanford CS231n): 200 classes, 500 training and 50 validation images each, 64x64.

    `root` is the official zip, which is read in place, its unpacked folder or that folder's parent; without it
    the zip is downloaded into the cache. Labels follow the sorted WordNet ids.
    """

    name = "tiny_imagenet"
    folder = "tiny-imagenet-200"
    mend = "download it by hand and name the zip: data.root=PATH/tiny-imagenet-200.zip"

    def __init__(
        self,
        root: str | None = None,
        *,
        url: str = "http://cs231n.stanford.edu/tiny-imagenet-200.zip",  # 248,100,043 bytes
        md5: str = "90528d7ca1a48142e341f4ef8d21d0de",  # as Avalanche and other loaders check it
    ):
        self.root = None if root is None else Path(root).expanduser().resolve()
        self.url = url
        self.md5 = md5

    def fingerprint(self) -> list[Any]:
        if self.root is None:
            return [self.md5]  # the zip itself may be deleted once it is decoded
        if existing(self.root).is_file():
            return [str(self.root), self.root.stat().st_size, self.root.stat().st_mtime_ns]
        root = self._unpacked()
        marks = [root / "wnids.txt", root / "words.txt", root / "val/val_annotations.txt", root / "val/images"]
        return stamps(root, [*marks, root / "train", *(root / "train").glob("*"), *(root / "train").glob("*/images")])

    @property
    def late(self) -> bool:
        """Whether pictures that are changed in place are noticed once a sweep: 110,000 files take a third of a second.

        The images are a published set's, which nobody edits by habit.
        """
        return self.root is not None and self.root.is_dir()

    def _unpacked(self) -> Path:
        assert self.root is not None
        return self.root / self.folder if (self.root / self.folder).is_dir() else self.root

    @contextmanager
    def opened(self, cache: Path) -> Iterator[Contents]:
        path = cache / "downloads" / f"{self.folder}.zip" if self.root is None else self._unpacked()
        if self.root is None:
            download(self.url, path, md5=self.md5, mend=self.mend)
        is_zip = path.is_file()
        with closing(Zip(path, landmark="wnids.txt")) if is_zip else nullcontext(Folder(path)) as tree:
            yield _tiny_imagenet(tree)


def _tiny_imagenet(tree: Tree) -> Contents:
    """The official layout: train/<wnid>/images/*.JPEG, val/images/*.JPEG with val/val_annotations.txt."""
    there = {"wnids.txt", "words.txt"} & set(tree.files(""))
    there |= {"train"} & set(tree.folders("")) | {f"val/{name}" for name in tree.folders("val") + tree.files("val")}
    missing = sorted({"wnids.txt", "words.txt", "train", "val/images", "val/val_annotations.txt"} - there)
    if missing:
        raise InputError(
            f"{tree.where}: is not Tiny ImageNet: {', '.join(missing)} missing; data.root is the official zip, "
            "the folder tiny-imagenet-200 unpacked from it, or that folder's parent"
        )
    wnids = sorted(read_text(tree, "wnids.txt").split())
    words = dict(line.split("\t", 1) for line in read_text(tree, "words.txt").splitlines() if "\t" in line)
    images = set(tree.files("val/images"))
    val: dict[str, list[str]] = {wnid: [] for wnid in wnids}
    for number, line in enumerate(read_text(tree, "val/val_annotations.txt").splitlines(), 1):
        if not line.strip():
            continue
        image, wnid = [*line.split("\t"), ""][:2]
        here = f"{tree.where}/val/val_annotations.txt: line {number} names the"
        if wnid not in val:
            raise InputError(f"{here} class {wnid!r}, which is not in wnids.txt; restore the official file")
        if image not in images:
            raise InputError(f"{here} image {image!r}, which is not in val/images; restore the official files")
        val[wnid].append(f"val/images/{image}")
    train, left_out = [], {}
    classes = tuple(words.get(wnid, wnid).split(",")[0] for wnid in wnids)  # the first of its synonyms
    for wnid, name in zip(wnids, classes, strict=True):
        names, others = pictures(tree, f"train/{wnid}/images")
        if not names:
            raise InputError(f"{tree.where}/train/{wnid}/images: holds no images; restore the official files")
        train.append(names)
        if others:
            left_out[name] = dict(others)
    for wnid, names in val.items():
        if not names:
            raise InputError(f"{tree.where}/val/val_annotations.txt: no image of class {wnid!r}; restore the file")
    return Contents(
        where=tree.where,
        classes=classes,
        train=train,
        val=[sorted(names) for names in val.values()],
        read=tree.read,
        left_out=left_out,
        look=tree.look if isinstance(tree, Folder) else None,
        looked=tree.looked if isinstance(tree, Folder) else None,
    )


class Cifar10:
    """CIFAR-10 through torchvision: 50,000 training and 10,000 validation images, 32x32; downloaded where absent."""

    name = "cifar10"
    dataset: ClassVar[str] = "CIFAR10"

    def __init__(self, root: str | None = None):
        self.root = None if root is None else Path(root).expanduser().resolve()

    def fingerprint(self) -> list[Any]:
        if self.root is not None:
            existing(self.root)
        return [self.dataset]  # torchvision verifies the content, so its place does not matter

    @contextmanager
    def opened(self, cache: Path) -> Iterator[Contents]:
        import numpy as np

        train, val = self._parts(self.root or cache / "downloads")
        pixels = {"train": train.data, "val": val.data}  # each uint8 (N, 32, 32, 3)
        names: dict[str, list[list[str]]] = {}
        for part, data in (("train", train), ("val", val)):
            labels = np.asarray(data.targets)
            names[part] = [[f"{part}/{i}" for i in (labels == k).nonzero()[0]] for k in range(len(train.classes))]

        def read(name: str) -> bytes:
            part, number = name.split("/")
            return bytes(pixels[part][int(number)].tobytes())

        yield Contents(self.name, tuple(train.classes), names["train"], names["val"], read, raw=("RGB", (32, 32)))

    def _parts(self, root: Path) -> tuple[Any, Any]:
        from torchvision import datasets

        dataset = getattr(datasets, self.dataset)
        try:
            return dataset(root, train=True), dataset(root, train=False)
        except RuntimeError:  # torchvision's word for: not there, or not whole
            pass
        mend = "download it by hand and name the folder that holds it: data.root=FOLDER"
        refuse_fetching(dataset.url, mend)
        try:
            root.mkdir(parents=True, exist_ok=True)
            return dataset(root, train=True, download=True), dataset(root, train=False)
        except Exception as problem:
            if isinstance(problem, OSError) and problem.errno is not None:
                raise unwritable(root, problem) from problem
            raise InputError(f"{dataset.url}: cannot be downloaded ({problem}); {mend}") from problem


class Cifar100(Cifar10):
    """CIFAR-100: the same sizes in 100 classes."""

    name = "cifar100"
    dataset: ClassVar[str] = "CIFAR100"
