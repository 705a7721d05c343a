"""Which training images judge instead of the validation images: a tuning split, or one part of a cross-validation."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from dissect.errors import InputError


@dataclass(frozen=True)
class HeldOut:
    """The training images whose rank within their class (0 to 1) is above `start` and not above `stop`.

    So an equal share of every class, the same for every seed. `said` quotes the setting that holds them out; `name` is
    theirs, None for a tail, which the number of its images names.
    """

    said: str
    start: float
    stop: float
    name: str | None = None

    def part(self, ranks: np.ndarray) -> slice:
        """Where they lie among ascending ranks (N,)."""
        return slice(*np.searchsorted(ranks, [self.start, self.stop], side="right").tolist())


def held_out(*, judge: str, tuning: Any, folds: Any, fold: Any) -> HeldOut | None:
    """What these settings hold out, None where the validation images judge.

    Raises:
        InputError: for a setting that cannot be used, or two that both hold out training images.
    """
    if judge not in ("validation", "tuning"):
        raise InputError(f"data.judge is {judge!r}; it is 'validation' or 'tuning'")
    if not isinstance(tuning, int | float) or not 0 < tuning < 1:
        raise InputError(f"data.tuning is {tuning!r}; it is a share of the training images between 0 and 1, as 0.1 is")
    if folds is None:
        if fold != 0:
            raise InputError(f"data.fold is {fold!r}, but data.folds is null; say how many, such as data.folds=5")
        return HeldOut(f"data.tuning is {tuning}", 1 - tuning, 1.0) if judge == "tuning" else None
    if not isinstance(folds, int) or isinstance(folds, bool) or folds < 2:
        raise InputError(f"data.folds is {folds!r}; it is null or a whole number, 2 or more, such as 5")
    if not isinstance(fold, int) or isinstance(fold, bool) or not 0 <= fold < folds:
        raise InputError(f"data.fold is {fold!r}; of {folds} folds it is a whole number from 0 to {folds - 1}")
    if judge == "tuning":
        raise InputError(
            f"data.judge is 'tuning' and data.folds is {folds}: both hold out training images; leave one of them out"
        )
    return HeldOut(f"data.folds is {folds}", fold / folds, (fold + 1) / folds, f"fold {fold} of {folds}")


def without(array: np.ndarray, part: slice) -> np.ndarray:
    """What lies before and after a part; a view, and so no copy, where nothing lies behind it."""
    if part.stop == len(array):
        return array[: part.start]
    return np.concatenate([array[: part.start], array[part.stop :]])
