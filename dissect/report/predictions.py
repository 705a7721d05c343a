"""What each example contributed to each run's metric, and how well ensembles would do with other members."""

import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from dissect.errors import InputError
from dissect.measure.contrasts import TEN_CROP
from dissect.measure.examples import Scores, fits
from dissect.measure.members import Members, jackknife
from dissect.report.study import Study
from dissect.store import runs as store

CHEAP = 10**9  # bytes of members' predictions that are still read, within seconds


def scores_of(study: Study, scored: pd.DataFrame) -> Scores | None:
    """For each (variant, seed) of `scored` the examples' parts in the metric; None without any.

    Scores are parts of the study's primary metric, so there are none of another. A run without them is left out.

    Raises:
        InputError: for a file that is damaged, is about other examples than the others, or is not what the run's
            metric is the mean of.
    """
    if study.metric.name != study.primary.name or study.elsewhere:
        return None
    found: dict[tuple[str, int], npt.NDArray[Any]] = {}
    first: tuple[Path, npt.NDArray[Any]] | None = None
    name = study.metric.name
    for folder, runs in scored.groupby("folder", sort=False):
        path = study.path / str(folder) / "predictions.npz"
        if not path.is_file():
            continue
        read = store.read_scores(path.parent)
        # Without labels their number is all that tells whether examples are the same.
        labels = read.get("labels", np.zeros(len(next(iter(read.values()), ()))))
        first = first or (path, labels)
        if not np.array_equal(labels, first[1]):
            what = f"{len(labels)} examples" if len(labels) != len(first[1]) else "other labels"
            raise InputError(f"{path}: is about {what}, {first[0]} about {len(first[1])}; {MEND}")
        for variant, components, seed, level in runs[["variant", "components", "seed", name]].to_numpy():
            parts = read.get("scores_ten_crop" if TEN_CROP in components else "scores")
            if parts is None:
                continue
            if parts.shape != labels.shape or not fits(parts, level):
                mean = float(parts.mean(dtype=float))
                raise InputError(f"{path}: its scores have the mean {mean:.6g}, result.json says {level:.6g}; {MEND}")
            found[variant, seed] = parts
    return found or None


def ensemble_intervals(study: Study, chosen: Collection[str], level: float) -> dict[str, Members]:
    """Of each chosen variant that averages runs, its metric with its interval for other members, where CHEAP to read.

    Only where that metric is the share of examples to whose own label the averaged probabilities give the most: no
    other can be worked out from what runs keep. Ten-crop where it was evaluated, as in the bars. Of several seeds the
    first; one of less than three members, or whose members are gone, has none.
    """
    intervals: dict[str, Members] = {}
    if study.elsewhere:
        return intervals
    runs = study.compared
    ensembles = runs[runs["averaged"] & runs["variant"].isin(list(chosen))].drop_duplicates("variant")
    for run in ensembles.to_dict("records"):
        paths = [study.path / member / "predictions.npz" for member in run["members"]]
        if len(paths) < 3 or not all(path.is_file() for path in paths):
            continue
        if sum(path.stat().st_size for path in paths) > CHEAP:
            continue
        try:
            kept = [store.read_predictions(path.parent) for path in paths]
        except InputError as problem:  # a member's, of which the ensemble itself needs nothing any more
            print(f"no interval for other members: {problem}", file=sys.stderr)
            continue
        if not all({"labels", "probabilities"} <= one.keys() for one in kept):
            continue
        cropped = study.ten_crop is not None and all("probabilities_ten_crop" in one for one in kept)
        probabilities = np.stack([one["probabilities_ten_crop" if cropped else "probabilities"] for one in kept])
        labels = kept[0]["labels"]

        def right(averaged: npt.NDArray[Any], labels: npt.NDArray[Any] = labels) -> float:
            return float((averaged.argmax(axis=-1) == labels).mean())

        found = jackknife(probabilities, right, level)
        if abs(found.value - run[study.ten_crop if cropped else study.metric.name]) * len(labels) <= 0.5:
            intervals[str(run["variant"])] = found
    return intervals


MEND = "runs are compared example by example: delete the folder of the one that is wrong and train it again"
