"""Which variant is compared with which, and the table of gains that follows.

A variant is known by its set of components. Its control is the largest variant that it contains: in a ladder the step
before, or, with that step missing, the one before it (and then the contrast adds two components at once).

Frames of runs have one row a run: `variant`, `components` (ordered names), `seed`, `accuracy`, `accuracy_ten_crop`
(fractions; the second may be NaN).
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from dissect.measure.gains import Gain, by_seed, gain

TEN_CROP = "ten_crop"  # the component of a derived variant: the same runs, evaluated over several crops
ENSEMBLE = "ensemble"  # the component of variants that average other runs

Variants = Mapping[str, Sequence[str]]  # variant -> its components, in order


def variants(runs: pd.DataFrame) -> dict[str, tuple[str, ...]]:
    """The components of each variant, ordered by how many there are and then by the order in which they are added."""
    found = {str(v): tuple(c) for v, c in zip(runs["variant"], runs["components"], strict=True)}
    # The largest variant knows best in which order components come; smaller ones add what it lacks.
    rank = {name: None for parts in sorted(found.values(), key=len, reverse=True) for name in parts}
    place = {name: number for number, name in enumerate(rank)}
    return dict(sorted(found.items(), key=lambda item: (len(item[1]), [place[name] for name in item[1]], item[0])))


def control(variant: str, among: Variants) -> str | None:
    """The variant with the most components whose set is a proper subset of this one's; None where there is none.

    Of several, the one that shares the longest beginning with it, then the first.
    """
    own = among[variant]
    smaller = [name for name, parts in among.items() if set(parts) < set(own)]
    return max(smaller, key=lambda name: (len(among[name]), _shared_beginning(among[name], own)), default=None)


def _shared_beginning(first: Sequence[str], second: Sequence[str]) -> int:
    same = [a == b for a, b in zip(first, second, strict=False)]
    return same.index(False) if False in same else len(same)


def with_ten_crop(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs, with the ten-crop of the last trained variant as a derived variant, in the order of `variants`.

    An ensemble of that variant is then read off its ten-crop accuracy as well, so that its gain is that of averaging
    alone. Where ten-crop was not evaluated, everything stays single-view.
    """
    known = variants(runs)
    trained = {name: parts for name, parts in known.items() if ENSEMBLE not in parts}
    averaged = {name: control(name, {**trained, name: known[name]}) for name in known if name not in trained}
    bases = [base for base in averaged.values() if base] or sorted(trained, key=lambda name: -len(trained[name]))[:1]
    cropped = runs[runs["accuracy_ten_crop"].notna()]
    cropped = cropped.assign(accuracy=cropped["accuracy_ten_crop"])
    frames = [runs]
    for base in sorted(set(bases) & set(cropped["variant"])):
        ours = cropped[cropped["variant"] == base]
        frames.append(_renamed(ours, f"{base} + ten-crop", (*known[base], TEN_CROP)))
        for name in (name for name, under in averaged.items() if under == base and name in set(cropped["variant"])):
            ours = cropped[cropped["variant"] == name]
            parts = (*known[base], TEN_CROP, *(part for part in known[name] if part not in known[base]))
            frames[0] = frames[0][frames[0]["variant"] != name]
            frames.append(_renamed(ours, name, parts))
    together = pd.concat(frames, ignore_index=True)
    order = {name: number for number, name in enumerate(variants(together))}
    return together.sort_values(["variant", "seed"], key=lambda c: c.map(order) if c.name == "variant" else c)


def _renamed(runs: pd.DataFrame, variant: str, components: tuple[str, ...]) -> pd.DataFrame:
    return runs.assign(variant=variant, components=pd.Series([components] * len(runs), runs.index, dtype=object))


def contrasts(runs: pd.DataFrame, level: float = 0.95) -> pd.DataFrame:
    """The gain of every variant over its control, from the seeds that both have.

    Returns:
        One row a contrast: `components` (those added), `step` (the treated variant), `control`, `gain`, `low`, `high`
        (percentage points), `p`, `seeds` (pairs), `left_out` (seeds that only one of the two has), `correlation` (of
        the two accuracies over seeds: what pairing buys) and `verdict`: "helps" or "hurts" where the interval excludes
        zero, else "undecided". One pair gives a gain without an interval, none gives NaN throughout.
    """
    known = variants(runs)
    rows = []
    for step, parts in known.items():
        against = control(step, known)
        if against is None:
            continue
        ours, theirs = by_seed(runs, step), by_seed(runs, against)
        both, either = ours.index.intersection(theirs.index), ours.index.union(theirs.index)
        measured = _paired(runs[runs["seed"].isin(both)], step, against, ours[both] - theirs[both], level)
        added = tuple(part for part in parts if part not in known[against])
        rows.append(
            {"components": added, "step": step, "control": against}
            | measured._asdict()
            | {"left_out": len(either) - len(both), "correlation": _correlation(ours[both], theirs[both])}
            | {"verdict": "helps" if measured.low > 0 else "hurts" if measured.high < 0 else "undecided"}
        )
    columns = ["components", "step", "control", *Gain._fields, "left_out", "correlation", "verdict"]
    return pd.DataFrame(rows, columns=columns)


def _paired(runs: pd.DataFrame, step: str, against: str, differences: pd.Series, level: float) -> Gain:
    if len(differences) >= 2:
        return gain(runs, step, against, level)
    only = 100 * float(differences.iloc[0]) if len(differences) else np.nan
    return Gain(only, np.nan, np.nan, np.nan, len(differences))


def _correlation(ours: pd.Series, theirs: pd.Series) -> float:
    # Two points always lie on a line, and a constant correlates with nothing.
    if len(ours) < 3 or np.ptp(ours) == 0 or np.ptp(theirs) == 0:
        return np.nan
    return float(np.corrcoef(ours, theirs)[0, 1])
