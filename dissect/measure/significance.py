"""From p-values to verdicts: the correction for many contrasts, a test without a normal distribution, and the words."""

from collections.abc import Hashable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from dissect.measure.student import Array

MOST_LEVELS = 8  # there are 4,140 ways to part eight things into blocks, 21,147 for nine
MOST_FLIPPED = 20  # 2^19 sums of 8 bytes are 4 MB and a few milliseconds; each further value doubles both


def holm(p: npt.ArrayLike, left: npt.ArrayLike | None = None) -> Array:
    """Holm's step-down correction of p-values (..., k) over their last axis; one that is missing counts as 1.

    The smallest of k is multiplied by k, the next by k - 1, and so on, none below the one before
    (Holm 1979, A simple sequentially rejective multiple test procedure). Holds under any dependence. A contrast that
    was not measured yet, or failed to be, was asked all the same: NaN takes its place among the k, and stays NaN.

    Args:
        left: (k,) what they are multiplied by instead, of `still_true`.
    """
    values = np.asarray(p, dtype=float)
    known = np.where(np.isnan(values), 1.0, values)
    order, scaled = _stepped(known, left)
    adjusted = np.empty_like(values)
    np.put_along_axis(adjusted, order, np.minimum(scaled, 1.0), axis=-1)
    return np.where(np.isnan(values), np.nan, adjusted)


def compatible_alpha(p: npt.ArrayLike, alpha: float, left: npt.ArrayLike | None = None) -> Array:
    """For p-values (..., k) each contrast's own error rate, at which its interval agrees with Holm's verdict.

    The r-th smallest of k, where Holm's correction decides it, gets alpha / (k - r + 1), the rate at which it was
    tested; what is not decided gets alpha / (k - decided). So an interval excludes zero just where Holm's p decides.
    No bounded intervals go with a step-down test and hold all together with 1 - alpha exactly; these did with 89 to 95%
    in simulated studies. A missing p counts as 1. `left` is as in `holm`.
    """
    values = np.asarray(p, dtype=float)
    order, scaled = _stepped(np.where(np.isnan(values), 1.0, values), left)
    count = _left(values.shape[-1], left)
    decided = scaled < alpha
    place = np.minimum(decided.sum(axis=-1, keepdims=True), len(count) - 1)
    rates = np.empty_like(values)
    np.put_along_axis(rates, order, alpha / np.where(decided, count, count[place]), axis=-1)
    return rates


def still_true(pairs: Sequence[tuple[Hashable, Hashable]]) -> Array:
    """(k,) Of k hypotheses that two things are equal, how many can still be true when so many have been rejected.

    k - r of them where any can be false without the others. Where each two of several levels are compared, not: of
    three, one that differs differs from one of the others too, so that 3, 1, 1 are left, and of four 6, 3, 3, 3, 2, 1
    (Shaffer 1986, Modified sequentially rejective multiple test procedures). It takes nothing for granted, as Holm's
    does. Tukey's range test takes all levels to vary alike over seeds: simulated, at 3 to 8 seeds, its
    family has a false verdict in 5% of studies where they do, in 7 to 14% where one of 3 to 6 levels varies by four
    times as much, and with each pair's own variance in 5 to 19%; this one in 5% at most.
    """
    count = len(pairs)
    possible = {0}
    for part in _connected(pairs):
        ours = [pair for pair in pairs if pair[0] in part]
        tree = len(ours) < len(part)  # then each can be true or false by itself
        free = tree or len(part) > MOST_LEVELS
        told = range(len(ours) + 1) if free else {_equal(ours, blocks) for blocks in _partitions(part)}
        possible = {one + other for one in possible for other in told}
    return np.array([max(n for n in possible if n <= count - rejected) for rejected in range(count)], dtype=float)


def _connected(pairs: Sequence[tuple[Hashable, Hashable]]) -> list[list[Hashable]]:
    """What is compared, in parts between which there is no pair."""
    parts: list[list[Hashable]] = []
    for pair in pairs:
        touched = [part for part in parts if set(pair) & set(part)]
        parts = [part for part in parts if part not in touched]
        parts.append(list(dict.fromkeys([*(one for part in touched for one in part), *pair])))
    return parts


def _partitions(things: Sequence[Hashable]) -> Iterator[list[list[Hashable]]]:
    """All ways to part them into blocks of equal ones."""
    if not things:
        yield []
        return
    for blocks in _partitions(things[1:]):
        yield [[things[0]], *blocks]
        for place, block in enumerate(blocks):
            yield [*blocks[:place], [things[0], *block], *blocks[place + 1 :]]


def _equal(pairs: Sequence[tuple[Hashable, Hashable]], blocks: Sequence[Sequence[Hashable]]) -> int:
    where = {one: number for number, block in enumerate(blocks) for one in block}
    return sum(where[one] == where[other] for one, other in pairs)


def _left(k: int, left: npt.ArrayLike | None) -> Array:
    return k - np.arange(k, dtype=float) if left is None else np.asarray(left, dtype=float)


def _stepped(p: Array, left: npt.ArrayLike | None) -> tuple[npt.NDArray[np.intp], Array]:
    """The order of p-values, and in that order each times what is left, none below the one before."""
    order = np.argsort(p, axis=-1, kind="stable")
    scaled = np.take_along_axis(p, order, axis=-1) * _left(p.shape[-1], left)
    return order, np.maximum.accumulate(scaled, axis=-1)


def p_sign_flip(differences: npt.ArrayLike, same: float = 1e-7) -> Array:
    """The exact two-sided sign-flip test of differences (..., n): NaN unless n is 1 to MOST_FLIPPED.

    The share of all 2^n ways to choose signs whose mean lies at least as far from zero as the one observed, so never
    below 2/2^n; sums that differ by `same` or less count as equal. It supposes symmetric differences, not normal ones
    (Fisher 1935, The Design of Experiments, 21).
    """
    values = np.asarray(differences, dtype=float)
    n = values.shape[-1]
    if not 1 <= n <= MOST_FLIPPED:
        return np.full(values.shape[:-1], np.nan)
    sums = values[..., :1]  # the first keeps its sign: turning all signs changes no distance
    for place in range(1, n):
        one = values[..., place, None]
        sums = np.concatenate([sums + one, sums - one], axis=-1)
    # Of ratios of counts many sums are equal, but for their rounding.
    return (np.abs(sums) >= np.abs(values.sum(axis=-1))[..., None] - same).mean(axis=-1)


def verdicts(gain: npt.ArrayLike, p: npt.ArrayLike, p_equal: npt.ArrayLike, alpha: float) -> npt.NDArray[np.str_]:
    """Of each contrast "helps", "hurts", "equivalent" or "inconclusive"; "" where p is NaN.

    Args:
        gain: above zero where it is for the better.
        p: of no gain, corrected.
        p_equal: of a gain beyond the margin, corrected.
    """
    gains, zero, equal = np.asarray(gain), np.asarray(p), np.asarray(p_equal)
    cases = [np.isnan(zero), (zero < alpha) & (gains > 0), (zero < alpha) & (gains < 0), equal < alpha]
    return np.select(cases, ["", "helps", "hurts", "equivalent"], "inconclusive")
