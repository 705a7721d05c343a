"""The members of an ensemble: ordinary runs with other seeds and slightly other hyperparameters."""

from dataclasses import replace

import numpy as np
from omegaconf import DictConfig, OmegaConf

from dissect.composing.plain import number_at
from dissect.composing.variant import Variant, variant_name
from dissect.errors import InputError
from dissect.streams import stream

MOST = 10_000  # members

STRIDE = 1000  # member k of seed s has seed 1000 k + s: ensembles of different seeds share no member


def member_variants(variant: Variant) -> list[Variant]:
    """The ensemble's members as ordinary variants.

    Member 0 is the model itself, unchanged; each other member's settings that `ensemble.over` names are multiplied by
    factors drawn log-uniformly from 1 / (1 + jitter) to 1 + jitter. A member depends on its own seed alone, so that a
    larger ensemble contains the smaller one.

    Raises:
        InputError: for less than two members, a jitter below 0, a setting that is no number, or a seed from 1000 on.
    """
    count, jitter = variant.config.ensemble.members, variant.config.ensemble.jitter
    if count < 2:
        raise InputError(f"ensemble.members={count}: an ensemble has two members or more")
    if count > MOST:
        raise InputError(f"ensemble.members={count}: an ensemble has {MOST:,} members at most")
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
        over = list(config.ensemble.over)
        factors = np.exp(np.random.default_rng(stream(seed, "jitter")).uniform(-limit, limit, len(over)))
        for key, factor in zip(over, factors, strict=True):
            OmegaConf.update(config, key, number_at(config, key, f"ensemble.over={over}") * float(factor))
    name = variant_name(list(components), list(config.ladder))
    return replace(
        variant, name=name, components=components, seed=seed, config=config, member_of=variant if number else None
    )
