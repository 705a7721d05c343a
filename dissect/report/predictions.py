"""Which validation images each run got right, and how well ensembles would do with other members."""

from collections.abc import Collection
from pathlib import Path

import numpy as np
import pandas as pd

from dissect.errors import InputError
from dissect.measure.contrasts import TEN_CROP
from dissect.measure.examples import Correct
from dissect.measure.members import Members, jackknife
from dissect.report.study import Study
from dissect.store import runs as store

CHEAP = 10**9  # bytes of members' predictions that are still read, within seconds


def correct_of(study: Study, scored: pd.DataFrame) -> Correct | None:
    """For each (variant, seed) of `scored` whether each image was classified rightly; None without any predictions.

    A run without predictions is left out.

    Raises:
        InputError: for a file that is damaged, is about other images than the others, or is not what the run's
            accuracy was counted from.
    """
    found: dict[tuple[str, int], np.ndarray] = {}
    first: tuple[Path, np.ndarray] | None = None
    for folder, runs in scored.groupby("folder", sort=False):
        path = study.path / str(folder) / "predictions.npz"
        if not path.is_file():
            continue
        read = store.read_correct(path.parent)
        labels = read["labels"]
        first = first or (path, labels)
        if not np.array_equal(labels, first[1]):
            what = f"{len(labels)} images" if len(labels) != len(first[1]) else "other labels"
            raise InputError(f"{path}: is about {what}, {first[0]} about {len(first[1])}; {MEND}")
        for variant, components, seed, accuracy in runs[["variant", "components", "seed", "accuracy"]].itertuples(
            index=False
        ):
            right = read.get("correct_ten_crop" if TEN_CROP in components else "correct")
            if right is None:
                continue
            if right.shape != labels.shape or abs(right.sum() - accuracy * len(right)) > 0.5:
                raise InputError(f"{path}: {right.mean():.4f} of it is right, result.json says {accuracy:.4f}; {MEND}")
            found[variant, seed] = right
    return found or None


def ensemble_intervals(study: Study, chosen: Collection[str], level: float) -> dict[str, Members]:
    """Of each chosen variant that averages runs, its accuracy with its interval for other members, where CHEAP to read.

    Ten-crop where it was evaluated, as in the bars. Of several seeds the first; one of less than three members, or
    whose members are gone, has none.
    """
    intervals = {}
    runs = study.compared
    ensembles = runs[runs["averaged"] & runs["variant"].isin(list(chosen))].drop_duplicates("variant")
    for variant, members in zip(ensembles["variant"], ensembles["members"], strict=True):
        paths = [study.path / member / "predictions.npz" for member in members]
        if len(paths) < 3 or not all(path.is_file() for path in paths):
            continue
        if sum(path.stat().st_size for path in paths) > CHEAP:
            continue
        kept = [store.read_predictions(path.parent) for path in paths]
        cropped = all("probabilities_ten_crop" in one for one in kept)
        probabilities = np.stack([one["probabilities_ten_crop" if cropped else "probabilities"] for one in kept])
        intervals[variant] = jackknife(probabilities, kept[0]["labels"], level)
    return intervals


MEND = "runs are compared image by image: delete the folder of the one that is wrong and train it again"
