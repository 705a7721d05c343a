"""Which variant is compared with which, and the table of gains that follows.

A variant is known by its set of components. Its control is the largest variant that it contains: in a ladder the step
before, or, with that step missing, the one before it (and then the contrast adds two components at once).

Frames of runs have one row a run: `variant`, `components` (ordered names), `seed`, and the metric by its name, as
it was logged. Where a task evaluates several crops, there is `<metric>_ten_crop` too, which may be NaN.
"""

from collections.abc import Collection, Mapping, Sequence

import pandas as pd

from dissect.measure.metric import Metric

TEN_CROP = "ten_crop"  # the component of a derived variant: the same runs, evaluated over several crops

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


def with_ten_crop(runs: pd.DataFrame, metric: Metric, asked: Collection[str] = ()) -> pd.DataFrame:
    """The runs, with the ten-crop of the last trained variant as a derived variant, in the order of `variants`.

    An ensemble of that variant is then read off its ten-crop as well, so that its gain is that of averaging
    alone. Where ten-crop was not evaluated, everything stays single-view. Ensembles are the variants of which the
    boolean column `averaged` is true.

    Args:
        asked: more derived variants, "step3 + ten-crop", as an earlier plan of a shorter ladder has them.
    """
    known = variants(runs)
    ensembles = set(runs.loc[runs["averaged"], "variant"])
    trained = {name: parts for name, parts in known.items() if name not in ensembles}
    averaged = {name: control(name, {**trained, name: known[name]}) for name in known if name not in trained}
    bases = [base for base in averaged.values() if base] or sorted(trained, key=lambda name: -len(trained[name]))[:1]
    column = f"{metric.name}_ten_crop"
    cropped = runs[runs[column].notna()] if column in runs else runs[:0].assign(**{column: []})
    cropped = cropped.assign(**{metric.name: cropped[column]})
    frames = [runs]
    bases += [name.removesuffix(" + ten-crop") for name in asked if name.endswith(" + ten-crop")]
    for base in sorted(set(bases) & set(cropped["variant"]) & set(trained)):
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
