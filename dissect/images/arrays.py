"""The images a run trains on and is judged by: decoded once, then mapped into memory."""

import hashlib
import json
import mmap
import os
import shutil
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from dissect.errors import InputError
from dissect.files import unwritable
from dissect.images.decoding import decode, refused
from dissect.images.held_out import HeldOut, held_out, without
from dissect.images.sources import Contents, Source

LAYOUT = 1  # of the cached files; another number makes old caches be left alone


@dataclass(frozen=True)
class ImageSet:
    """Images and labels, ready for batches.

    Images are uint8 (N, S, S, 3), mapped copy-on-write; labels int64 (N,); `classes` names them in label order.
    `mean` and `std` are float32 (3,), of the training images' pixels scaled to 0..1. `digest` says what the images
    are, wherever they lie: it is made of their files' bytes, the labels, the size and the split.
    """

    train_images: np.ndarray
    train_labels: np.ndarray
    val_images: np.ndarray
    val_labels: np.ndarray
    classes: tuple[str, ...]
    mean: np.ndarray
    std: np.ndarray
    digest: str


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
) -> ImageSet:
    """The images of `source`; the first call decodes them into a folder in `cache`, later ones map that.

    Args:
        image_size: S; images of another size are resized, short side to S, and cut to their centre.
        classes, train_per_class, val_per_class: take only the first so many classes, in label order, and the first
            so many images of each, in the order of their names; None takes all.
        judge: "validation" judges on the validation images; "tuning" holds out the share `tuning` of each class's
            training images instead, the same for every seed, and leaves the validation images alone.
        folds, fold: k-fold cross-validation: of so many parts of the training images, each with an equal share of every
            class and the same for every seed, part `fold` (from 0) judges and the others train. The validation images
            are left alone. Where training images lie on both sides of the part they are copied, not mapped.
        corrupt: "error" refuses images that cannot be decoded, "skip" leaves them out and says so.

    Raises:
        InputError: for a setting or a file that cannot be used, naming it.
    """
    _check(image_size, classes, train_per_class, val_per_class, corrupt)
    held = held_out(judge=judge, tuning=tuning, folds=folds, fold=fold)
    chosen = {"classes": classes, "train_per_class": train_per_class, "val_per_class": val_per_class}
    cache = Path(cache).expanduser().absolute()
    try:
        key = json.dumps([LAYOUT, source.name, source.fingerprint(), chosen, image_size])
    except OSError as problem:
        raise InputError(f"{problem.filename}: cannot be read ({problem.strerror}); check data.root") from problem
    parts = (source.name, f"{classes or 'all'}classes", f"{train_per_class or 'all'}each", f"{image_size}px")
    folder = cache / "-".join([*parts, hashlib.blake2b(key.encode(), digest_size=5).hexdigest()])
    if not folder.is_dir():
        _make(folder, source, chosen, image_size, skip_corrupt=corrupt == "skip")
    return _read(folder, held, skip_corrupt=corrupt == "skip")


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


def _make(folder: Path, source: Source, chosen: dict[str, int | None], image_size: int, *, skip_corrupt: bool) -> None:
    """Decode into `folder`, which appears whole or not at all; of several processes one does it, the others wait."""
    from filelock import FileLock, Timeout

    cache = folder.parent
    unfinished = cache / f".{folder.name}"
    try:
        cache.mkdir(parents=True, exist_ok=True)
        lock = FileLock(cache / ".lock")  # one for all, downloads too: decoding takes every core anyway
        try:
            held = lock.acquire(timeout=1)
        except Timeout:
            print(f"waiting for another process that puts images into {cache}", file=sys.stderr, flush=True)
            held = lock.acquire()
        with held:
            if folder.is_dir():
                return
            shutil.rmtree(unfinished, ignore_errors=True)  # of a killed process
            try:
                unfinished.mkdir()
                with source.opened(cache) as contents:
                    decode(_select(contents, **chosen), unfinished, image_size=image_size, skip_corrupt=skip_corrupt)
                os.rename(unfinished, folder)
            finally:
                shutil.rmtree(unfinished, ignore_errors=True)
    except OSError as problem:
        raise unwritable(folder, problem) from problem


def _select(
    contents: Contents, *, classes: int | None, train_per_class: int | None, val_per_class: int | None
) -> Contents:
    """The first so many classes, and of each the first so many images."""
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
        train=[names[:train_per_class] for names in contents.train[:classes]],
        val=[names[:val_per_class] for names in contents.val[:classes]],
    )


def _read(folder: Path, held: HeldOut | None, *, skip_corrupt: bool) -> ImageSet:
    try:
        about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
        # Copy-on-write, so torch.from_numpy takes them without a warning and processes share the pages.
        images, val_images = (np.load(folder / f"{part}_images.npy", mmap_mode="c") for part in ("train", "val"))
        names = ("train_labels", "train_rank", "train_sums", "val_labels")
        labels, rank, sums, val_labels = (np.load(folder / f"{name}.npy", allow_pickle=False) for name in names)
    except (OSError, ValueError, EOFError) as problem:
        raise InputError(f"{folder}: is damaged ({problem}); delete it, and it is made again") from problem
    skipped, digest = about["skipped"], about["train"] + about["val"]
    if skipped and not skip_corrupt:
        raise refused(skipped[0])
    if skipped:
        more = f"; {len(skipped) - 10} more in {folder / 'about.json'}" if len(skipped) > 10 else ""
        print(
            f"warning: {len(skipped)} left out that cannot be decoded: {'; '.join(skipped[:10])}{more}", file=sys.stderr
        )
    if held is not None:
        part, mapped = held.part(rank), images
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
    )
