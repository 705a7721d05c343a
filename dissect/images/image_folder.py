"""Your own images, in a folder per class, whatever the layouts that people have call its two parts."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dissect.errors import InputError
from dissect.images.contents import OUTSIDE, Contents, hold_out
from dissect.images.pictures import kind_of, pictures
from dissect.images.stamps import changed
from dissect.images.trees import Folder, existing, shown

TRAIN = ("train", "training")  # in small letters or capitals
VAL = ("val", "valid", "validation")
CALLED = "call the folders train and val (or valid, validation)"


class ImageFolder:
    """Your own images: root/train/<class>/* and root/val/<class>/*, or root/<class>/* of which a part is held out.

    Folders inside a class's folder belong to it. `val` may be called valid or validation, in any case; a folder `test`
    beside the two is left alone, and said.

    Args:
        val_fraction: the part of each class held out for validation, by a fixed rule, where there is no root/val.
    """

    def __init__(self, root: str | None = None, *, val_fraction: float = 0.2):
        self.root = None if root is None else Path(root).expanduser().resolve()
        self.val_fraction = val_fraction
        self.folder = None if self.root is None else shown(self.root.name)
        self.name = "image_folder" if self.root is None else f"image_folder-{shown(self.root.name)}"

    def fingerprint(self) -> list[Any]:
        if self.root is None:
            raise InputError("data.root is null; data=image_folder needs a folder of images: data.root=FOLDER")
        if not isinstance(self.val_fraction, int | float) or not 0 < self.val_fraction < 1:
            raise InputError(f"data.source.val_fraction is {self.val_fraction!r}; it lies between 0 and 1, as 0.2 does")
        if not existing(self.root).is_dir():
            raise InputError(
                f"{shown(str(self.root))}: is not a folder; data.root is a folder that holds a folder per class"
            )
        parts = _parts(Folder(self.root))
        beside = sorted(_beside(Folder(self.root), "", parts).items()) if parts else None
        return [str(self.root), parts, changed(self.root, inside=parts or [""]), beside, self.val_fraction]

    @contextmanager
    def opened(self, cache: Path) -> Iterator[Contents]:
        assert self.root is not None, "fingerprint comes first"
        tree = Folder(self.root)
        parts = _parts(tree)
        train, left_out = _by_class(tree, parts[0] if parts else "")
        if parts:
            val, more = _by_class(tree, parts[1])
            odd = sorted(set(train) ^ set(val))
            if odd:
                raise InputError(
                    f"{tree.where}: class {shown(odd[0])!r} is in only one of {parts[0]} and {parts[1]}; "
                    "it belongs in both"
                )
            more[OUTSIDE] = more.get(OUTSIDE, Counter()) + _beside(tree, "", parts)
            for name, others in more.items():
                left_out[name] = left_out.get(name, Counter()) + others
        else:
            val = {}
            for name, names in train.items():
                train[name], val[name] = hold_out(names, self.val_fraction)
                if not train[name] or not val[name]:
                    raise InputError(
                        f"{tree.where}/{shown(name)}: its {len(names)} images cannot be split with "
                        f"data.source.val_fraction={self.val_fraction}; add images or change the fraction"
                    )
        yield Contents(
            where=tree.where,
            classes=tuple(shown(name) for name in train),
            train=list(train.values()),
            val=[val[name] for name in train],
            read=tree.read,
            left_out={shown(name): dict(others) for name, others in left_out.items() if others},
        )


def _parts(tree: Folder) -> list[str]:
    """What the folders of training and validation images are called; none where root holds the classes themselves.

    A folder `train` with pictures straight in it is a class: of trains.

    Raises:
        InputError: where there is one part and not the other, or two that could be the same.
    """
    folders = tree.folders("")
    parts = []
    for called in (TRAIN, VAL):
        found = [name for name in folders if name.lower() in called]
        if len(found) > 1:
            raise InputError(f"{tree.where}: holds both {found[0]} and {found[1]}; {CALLED}, and the other otherwise")
        parts += found
    if len(parts) == 2:
        return parts
    if parts and tree.folders(parts[0]) and not pictures(tree, parts[0], below=False)[0]:
        other = "validation" if parts[0].lower() in TRAIN else "training"
        raise InputError(
            f"{tree.where}: holds {parts[0]}, with folders in it, and none of {other} images beside it; {CALLED}, or "
            f"have a part of one folder held out: data.root={tree.where}/{parts[0]}"
        )
    return []


def _by_class(tree: Folder, part: str) -> tuple[dict[str, list[str]], dict[str, Counter[str]]]:
    """The pictures of each class of a part ("": of root), and how many files of which kind are none."""
    where = f"{tree.where}/{shown(part)}".rstrip("/")
    folders = tree.folders(part)
    if not folders:
        raise InputError(f"{where}: holds no class folders; put each class's images into its own folder")
    found, left_out = {}, {}
    for name in folders:
        found[name], others = pictures(tree, f"{part}/{name}".lstrip("/"))
        if not found[name]:
            raise InputError(
                f"{where}/{shown(name)}: holds no images{_told(others)}; put the class's images there, or "
                f"move the folder out of {where}"
            )
        if others:
            left_out[name] = others
    if not part:
        _refuse_parts(tree, folders)
    if others := _beside(tree, part):
        left_out[OUTSIDE] = others
    return found, left_out


def _beside(tree: Folder, part: str, parts: Sequence[str] = ()) -> Counter[str]:
    """How many files of which kind, pictures too, lie straight in a part, in no class's folder; hidden ones apart.

    Args:
        parts: of the root, whose other folders are told too.
    """
    listing = tree.listing(part)
    found = listing.others + Counter(map(kind_of, listing.files))
    if parts:
        found += Counter(f"folder {shown(name)}" for name in listing.folders if name not in parts)
    del found["hidden"]
    return found


def _refuse_parts(tree: Folder, names: list[str]) -> None:
    """Classes whose folders hold nothing but folders, of the same names in two of them, are parts of a data set."""
    inside: dict[tuple[str, ...], str] = {}
    for name in names:
        folders = tuple(tree.folders(name))
        if not folders or pictures(tree, name, below=False)[0]:
            continue
        if len(names) == 1:
            raise InputError(
                f"{tree.where}: holds one folder alone, {shown(name)}, with folders in it; if those are the classes, "
                f"name it: data.root={tree.where}/{shown(name)}"
            )
        if len(folders) > 1 and folders in inside:
            raise InputError(
                f"{tree.where}: {shown(inside[folders])} and {shown(name)} hold folders of the same names, "
                f"{shown(folders[0])} and so on; if those are the classes, {CALLED}"
            )
        inside[folders] = name


def _told(others: Counter[str]) -> str:
    return (
        f" that are read ({', '.join(f'{count} {kind}' for kind, count in sorted(others.items()))})" if others else ""
    )
