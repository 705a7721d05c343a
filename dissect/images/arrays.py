"""The images a run trains on and is judged by: decoded once, then mapped into memory."""

import hashlib
import itertools
import json
import mmap
import os
import re
import shutil
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from dissect.errors import InputError
from dissect.files import unwritable
from dissect.images.cached import about_of, read
from dissect.images.contents import OUTSIDE, Contents, LeftOut, Source, shuffled
from dissect.images.decoding import decode, refused
from dissect.images.held_out import HeldOut, held_out, without

LAYOUT = 3  # of the cached files; another number makes old caches be left alone


@dataclass(frozen=True)
class ImageSet:
    """Images and labels, ready for batches.

    Images are uint8 (N, S, S, 3), mapped copy-on-write; labels int64 (N,); `classes` names them in label order.
    `mean` and `std` are float32 (3,), of the training images' pixels scaled to 0..1. `digest` says what the images
    are, wherever they lie: it is made of their files' bytes, the labels, the size and the split. `left_out` counts what
    in the classes' folders is no picture that is read, and beside these folders what is in no class: class -> kind
    (".txt", "named pipe", "corrupt") -> how many.
    """

    train_images: np.ndarray
    train_labels: np.ndarray
    val_images: np.ndarray
    val_labels: np.ndarray
    classes: tuple[str, ...]
    mean: np.ndarray
    std: np.ndarray
    digest: str
    left_out: LeftOut = field(default_factory=dict)


def let_go(images: np.ndarray) -> None:
    """Tell the system that the pages of mapped images, so far read, need not stay in this process's memory.

    They stay in the system's cache of the file and are mapped again when read. Does nothing for other arrays.
    """
    mapped: Any = images
    while isinstance(mapped, np.ndarray):
        mapped = mapped.base
    if isinstance(mapped, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        mapped.madvise(mmap.MADV_DONTNEED)


def load(
    source: Source,
    *,
    image_size: int,
    classes: int | None,
    train_per_class: int | None,
    val_per_class: int | None,
    judge: str,
    tuning: float,
    corrupt: str,
    cache: str | Path,
    folds: int | None = None,
    fold: int = 0,
    code: str = "",
    verify: bool = False,
) -> ImageSet:
    """The images of `source`; the first call decodes them into a folder in `cache`, later ones map that.

    Args:
        image_size: S; images of another size are resized, short side to S, and cut to their centre.
        classes, train_per_class, val_per_class: take only the first so many classes, in label order, and the first
            so many images of each, in the order of `shuffled`; None takes all.
        judge: "validation" judges on the validation images; "tuning" holds out the share `tuning` of each class's
            training images instead, the same for every seed, and leaves the validation images alone.
        folds, fold: k-fold cross-validation: of so many parts of the training images, each with an equal share of every
            class and the same for every seed, part `fold` (from 0) judges and the others train. The validation images
            are left alone. Where training images lie on both sides of the part they are copied, not mapped.
        corrupt: "error" refuses images that cannot be decoded, "skip" leaves them out and says so.
        code: a digest of the code of a source that is not dissect's own: other code does not get this one's images.
        verify: read the whole cache and hold it against its digests, and look at each file of a source that is not
            looked through on every start. Once a sweep: it takes half a second for 110,000 images of 64x64 pixels.

    Raises:
        InputError: for a setting or a file that cannot be used, naming it.
    """
    _check(image_size, classes, train_per_class, val_per_class, corrupt)
    held = held_out(judge=judge, tuning=tuning, folds=folds, fold=fold)
    chosen = {"classes": classes, "train_per_class": train_per_class, "val_per_class": val_per_class}
    cache = Path(cache).expanduser().absolute()
    try:
        known = [LAYOUT, source.name, _arguments(source), source.fingerprint(), code]
    except OSError as problem:
        raise InputError(f"{problem.filename}: cannot be read ({problem.strerror}); check data.root") from problem
    key = json.dumps([*known, chosen, image_size], default=str)
    parts = (_short(source.name), f"{classes or 'all'}classes", f"{train_per_class or 'all'}each", f"{image_size}px")
    folder = cache / "-".join([*parts, hashlib.blake2b(key.encode(), digest_size=5).hexdigest()])
    if not folder.is_dir():
        _make(folder, source, chosen, image_size, skip_corrupt=corrupt == "skip")
    elif verify and _changed(folder, source, chosen):
        print(f"files of {source.name} were changed since {folder} was made of them", file=sys.stderr, flush=True)
        _make(folder, source, chosen, image_size, skip_corrupt=corrupt == "skip", anew=True)
    return _prepared(folder, held, skip_corrupt=corrupt == "skip", verify=verify)


def _arguments(source: Source) -> list[Any]:
    """The class and the arguments of a source that is not dissect's own; those that are name all in `fingerprint`."""
    kind = type(source)
    if kind.__module__.startswith("dissect."):
        return [kind.__qualname__]
    plain = {name: repr(value) for name, value in sorted(getattr(source, "__dict__", {}).items())}
    # An object's place in memory is another each time, and says nothing.
    return [kind.__module__, kind.__qualname__, {name: re.sub(r" at 0x\w+", "", text) for name, text in plain.items()}]


def _short(name: str) -> str:
    """A source's name as a part of a folder's: no separators, and 80 bytes at most, of which CJK takes three each."""
    return re.sub(r"[^\w.-]+", "_", name).encode()[:80].decode(errors="ignore").lstrip(".")


def _check(
    image_size: int,
    classes: int | None,
    train_per_class: int | None,
    val_per_class: int | None,
    corrupt: str,
) -> None:
    def whole_number(name: str, value: Any, least: int) -> None:
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise InputError(f"data.{name} is {value!r}; it is a whole number, {least} or more")

    whole_number("image_size", image_size, 8)
    for name, value in (("classes", classes), ("train_per_class", train_per_class), ("val_per_class", val_per_class)):
        if value is not None:
            whole_number(name, value, 1)
    if corrupt not in ("error", "skip"):
        raise InputError(f"data.corrupt is {corrupt!r}; it is 'error' or 'skip'")


def _make(
    folder: Path,
    source: Source,
    chosen: dict[str, int | None],
    image_size: int,
    *,
    skip_corrupt: bool,
    anew: bool = False,
) -> None:
    """Decode into `folder`, which appears whole or not at all; of several processes one does it, the others wait.

    Args:
        anew: replace the folder that is there.
    """
    from filelock import FileLock, Timeout

    cache = folder.parent
    unfinished, replaced = cache / f".{folder.name}", cache / f".old-{folder.name}"
    try:
        cache.mkdir(parents=True, exist_ok=True)
        lock = FileLock(cache / ".lock")  # one for all, downloads too: decoding takes every core anyway
        try:
            held = lock.acquire(timeout=1)
        except Timeout:
            print(f"waiting for another process that puts images into {cache}", file=sys.stderr, flush=True)
            held = lock.acquire()
        with held:
            if folder.is_dir() and not (anew and _changed(folder, source, chosen)):
                return
            for leftover in (unfinished, replaced):  # of a killed process
                shutil.rmtree(leftover, ignore_errors=True)
            try:
                unfinished.mkdir()
                with source.opened(cache) as contents:
                    contents = _select(contents, **chosen)
                    _say_left_out(contents.left_out)
                    noted = {"folder": folder.name}
                    decode(contents, unfinished, image_size=image_size, skip_corrupt=skip_corrupt, noted=noted)
                if anew:
                    os.rename(folder, replaced)  # who has it mapped keeps it
                os.rename(unfinished, folder)
            finally:
                for leftover in (unfinished, replaced):
                    shutil.rmtree(leftover, ignore_errors=True)
    except OSError as problem:
        raise unwritable(folder, problem) from problem


def _changed(folder: Path, source: Source, chosen: dict[str, int | None]) -> bool:
    """Whether a file was changed in place since the folder was made; a touch is a change too, and the bytes decide."""
    if not getattr(source, "late", False):
        return False
    with source.opened(folder.parent) as contents:
        contents = _select(contents, **chosen)
        if contents.look is None or contents.looked is None:
            return False
        try:
            for name in itertools.chain(*contents.train, *contents.val):
                contents.look(name)
        except OSError:  # removed at this moment
            return True
        return about_of(folder).get("looked") != contents.looked()


def _select(
    contents: Contents, *, classes: int | None, train_per_class: int | None, val_per_class: int | None
) -> Contents:
    """The first so many classes, and of each a fair draw of so many images: the head of the hash order."""
    if classes is not None and classes > len(contents.classes):
        raise InputError(f"data.classes is {classes}, but {contents.where} has {len(contents.classes)}; lower it")
    for name, wanted, by_class in (
        ("train_per_class", train_per_class, contents.train[:classes]),
        ("val_per_class", val_per_class, contents.val[:classes]),
    ):
        for label, names in enumerate(by_class):
            if wanted is not None and wanted > len(names):
                part = name.split("_")[0]
                raise InputError(
                    f"data.{name} is {wanted}, but {contents.where} has {len(names)} {part} images "
                    f"of class {contents.classes[label]!r}; lower it"
                )
    return replace(
        contents,
        classes=contents.classes[:classes],
        train=[_drawn(names, train_per_class) for names in contents.train[:classes]],
        val=[_drawn(names, val_per_class) for names in contents.val[:classes]],
        left_out={
            name: kinds
            for name, kinds in contents.left_out.items()
            if name in contents.classes[:classes] or name == OUTSIDE
        },
    )


def _drawn(names: list[str], wanted: int | None) -> list[str]:
    return names if wanted is None else shuffled(names)[:wanted]


def _say_left_out(left_out: LeftOut) -> None:
    if not left_out:
        return
    told = [
        f"{name}: {', '.join(f'{count} {kind}' for kind, count in sorted(kinds.items()))}"
        for name, kinds in list(left_out.items())[:10]
    ]
    more = f"; and of {len(left_out) - 10} more classes" if len(left_out) > 10 else ""
    count = sum(sum(kinds.values()) for kinds in left_out.values())
    print(
        f"warning: {count} left out, being no pictures that are read, or in no class: {'; '.join(told)}{more}",
        file=sys.stderr,
    )


def _prepared(folder: Path, held: HeldOut | None, *, skip_corrupt: bool, verify: bool) -> ImageSet:
    about, arrays = read(folder, verify=verify)
    images, labels, sums = (arrays[f"train_{name}"] for name in ("images", "labels", "sums"))
    val_images, val_labels = arrays["val_images"], arrays["val_labels"]
    skipped, digest = about["skipped"], about["train"] + about["val"]
    if skipped and not skip_corrupt:
        raise refused(skipped[0])
    if skipped:
        more = f"; {len(skipped) - 10} more in {folder / 'about.json'}" if len(skipped) > 10 else ""
        print(
            f"warning: {len(skipped)} left out that cannot be decoded: {'; '.join(skipped[:10])}{more}", file=sys.stderr
        )
    if held is not None:
        part, mapped = held.part(arrays["train_rank"]), images
        val_images, val_labels = images[part], labels[part]
        images, labels, sums = (without(array, part) for array in (images, labels, sums))
        let_go(mapped)  # where it was copied
        for label, name in enumerate(about["classes"]):
            counts = int((labels == label).sum()), int((val_labels == label).sum())
            if 0 in counts:
                raise InputError(
                    f"{held.said}, which splits the {sum(counts)} training images of class {name!r} "
                    f"into {counts[0]} and {counts[1]}; change it so that both have one"
                )
        digest = f"{about['train']} without {held.name or f'the last {len(val_images)}'}"
    pixels = len(images) * images.shape[1] * images.shape[2]
    mean, square = sums.sum(0) / (pixels * np.array([[255.0], [255.0**2]]))
    std = np.sqrt(np.maximum(square - mean**2, 255.0**-2))  # one grey level at least: a constant channel has none
    return ImageSet(
        images,
        labels,
        val_images,
        val_labels,
        classes=tuple(about["classes"]),
        mean=mean.astype(np.float32),
        std=std.astype(np.float32),
        digest=hashlib.blake2b(digest.encode(), digest_size=16).hexdigest(),
        left_out=about["left_out"],
    )
