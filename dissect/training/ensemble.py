"""The ensemble: its members' probabilities averaged."""

from pathlib import Path
from typing import Any

import numpy as np

from dissect.composing.members import member_variants
from dissect.composing.variant import Variant, has_ten_crop, run_folder
from dissect.images.arrays import ImageSet
from dissect.images.scores import mean, scores_of
from dissect.store import runs as store
from dissect.store.record import describe
from dissect.training.run import run

SUMMED = ("parameters", "multiply_adds", "train_seconds")  # what an ensemble costs is what its members cost


def run_ensemble(variant: Variant, images: ImageSet) -> dict[str, Any]:
    """The finished ensemble's result; members that the store does not hold yet are trained first.

    Raises:
        InputError: for less than two members, a jitter below 0, or a seed from 1000 on.
        TrainingError: when a member fails.
    """
    folder = run_folder(variant, images.digest)
    if (result := store.finished(folder)) is not None and has_ten_crop(result, variant.config):
        return result
    results = [run(member, images) for member in member_variants(variant)]

    kept = [store.read_predictions(Path(result["folder"])) for result in results]
    averaged: dict[str, np.ndarray] = {"labels": kept[0]["labels"]}
    for name in ("probabilities", "probabilities_ten_crop"):
        if all(name in predictions for predictions in kept):
            averaged[name] = mean(predictions[name] for predictions in kept)
    result = describe(variant, images) | scores_of(averaged)
    result |= {name: results[0][name] for name in ("data", "ten_crop", "epochs", "device", "precision")}
    for name in SUMMED:
        costs = [one[name] for one in results if one.get(name) is not None]  # an older version's result may lack one
        result[name] = round(sum(costs), 3) if len(costs) == len(results) else None
    result["members"] = [Path(one["folder"]).name for one in results]
    with store.locked(folder):
        store.write_predictions(folder, **averaged)
        store.write_result(folder, result)
    return {**result, "folder": str(folder)}
