"""What a source gives: its classes, its images' names and how one is read; and the rule by which images are drawn."""

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

LeftOut = Mapping[str, Mapping[str, int]]  # class -> kind of what is no picture that is read -> how many
OUTSIDE = "in no class"  # in place of a class: what lies beside the folders of the classes


@dataclass(frozen=True)
class Contents:
    """What a source holds. `train[k]` and `val[k]` name the images of class k; `read` may be called from threads."""

    where: str
    classes: tuple[str, ...]
    train: list[list[str]]
    val: list[list[str]]
    read: Callable[[str], bytes]
    raw: tuple[str, tuple[int, int]] | None = None  # PIL mode and size of bare pixels; None: encoded image files
    left_out: LeftOut = field(default_factory=dict)
    look: Callable[[str], None] | None = None  # at the size and times of an image's file, as reading it does
    looked: Callable[[], str] | None = None  # what was seen of all files that were read or looked at


class Source(Protocol):
    """Where images come from.

    `fingerprint` changes when files are added, removed, renamed or changed; it is asked for on every start. Where a
    source has so many files that looking at each is dear, it may leave those that are changed in place to `look` and
    `looked` of its contents, and have a true `late`: then they are looked at when the images are verified.
    """

    name: str

    def fingerprint(self) -> list[Any]: ...

    def opened(self, cache: Path) -> AbstractContextManager[Contents]: ...


def shuffled(names: Sequence[str]) -> list[str]:
    """The names in an order that depends on nothing but the names: the fixed rule by which images are drawn.

    A subset of a class is the head of this order and a tuning split its tail, for file names often follow what the
    images are of: the first of MNIST's kin come from few writers, the first of a camera's from one afternoon.
    """
    return sorted(names, key=lambda name: hashlib.blake2b(os.fsencode(name)).digest())


def hold_out(names: Sequence[str], fraction: float) -> tuple[list[str], list[str]]:
    """The names as (kept, held out), each in the order given; `fraction` is rounded to whole images."""
    held = set(shuffled(names)[len(names) - round(len(names) * fraction) :])
    return [name for name in names if name not in held], [name for name in names if name in held]
