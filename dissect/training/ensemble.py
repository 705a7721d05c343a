"""The ensemble: ordinary runs with other seeds and slightly other hyperparameters, their probabilities averaged."""

from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import DictConfig

from dissect import store
from dissect.data.arrays import ImageSet
from dissect.errors import InputError
from dissect.record import describe
from dissect.streams import stream
from dissect.training.result import mean, scores_of
from dissect.training.run import run
from dissect.variant import Variant, has_ten_crop, run_folder, variant_name

SUMMED = ("parameters", "multiply_adds", "train_seconds")  # what an ensemble costs is what its members cost
STRIDE = 1000  # member k of seed s has seed 1000 k + s: ensembles of different seeds share no member


def run_ensemble(variant: Variant, images: ImageSet) -> dict[str, Any]:
    """The finished ensemble's result; members that the store does not hold yet are trained first.

    Raises:
        InputError: for less than two members, a jitter below 0, or a seed from 1000 on.
        TrainingError: when a member fails.
    """
    members = member_variants(variant)
    folder = run_folder(variant, images.digest)
    if (result := store.finished(folder)) is not None and has_ten_crop(result, variant.config):
        return result
    results = [run(member, images, member_of=variant if number else None) for number, member in enumerate(members)]

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


def member_variants(variant: Variant) -> list[Variant]:
    """The ensemble's members as ordinary variants.

    Member 0 is the model itself, unchanged; each other member's learning rate and weight decay are multiplied by
    factors drawn log-uniformly from 1 / (1 + jitter) to 1 + jitter. A member depends on its own seed alone, so that a
    larger ensemble contains the smaller one.
    """
    count, jitter = variant.config.ensemble.members, variant.config.ensemble.jitter
    if count < 2:
        raise InputError(f"ensemble.members={count}: an ensemble has two members or more")
    if jitter < 0:
        raise InputError(f"ensemble.jitter={jitter}: must be 0 or more, such as 0.1")
    if variant.seed >= STRIDE:
        raise InputError(
            f"seed={variant.seed}: an ensemble's seed must be below {STRIDE}, which its members' seeds count by"
        )
    return [_member(variant, number) for number in range(count)]


def _member(variant: Variant, number: int) -> Variant:
    config: DictConfig = variant.config.copy()
    seed = STRIDE * number + variant.seed
    config.seed, config.ensemble.average = seed, False
    derived = {name for name, said in config.components.items() if not isinstance(said, str) and said.get("derived")}
    components = {name: label for name, label in variant.components.items() if name not in derived}
    config.components = {name: config.components[name] for name in components}
    if number:
        limit = np.log1p(variant.config.ensemble.jitter)
        factors = np.exp(np.random.default_rng(stream(seed, "jitter")).uniform(-limit, limit, 2))
        config.train.learning_rate *= float(factors[0])
        config.train.weight_decay *= float(factors[1])
    return Variant(variant_name(list(components), list(config.ladder)), components, seed, config, variant.base)
