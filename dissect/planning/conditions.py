"""A study crossed with conditions: the same contrasts in each of them, and how far each differs between two."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

from dissect.composing.variant import Variant
from dissect.planning.manifest import BETWEEN, Manifest, Planned

TEN_CROP = " + ten-crop"  # what is read off a variant's runs is named behind it


def at(name: str, condition: str) -> str:
    """How a variant is called in a condition: "step2 @ optimizer.lr=0.1"; as ever where there is none."""
    if not condition:
        return name
    base = name.removesuffix(TEN_CROP)
    return f"{base} @ {condition}{name.removeprefix(base)}"


def crossed(plans: Mapping[str, Manifest], said: Mapping[str, Sequence[str]]) -> Manifest:
    """One manifest of those that differ in their conditions alone, by the conditions' labels.

    Its contrasts are those of each condition, and for each effect of components and each two conditions the gain in
    the later one minus that in the earlier, of the kind BETWEEN.

    Args:
        said: the overrides that make each condition.
    """
    first = next(iter(plans.values()))
    contrasts = [_at(one, {condition: 1}) for condition, plan in plans.items() for one in plan.contrasts]
    effects = [one for one in first.contrasts if one.family == "effects"]
    contrasts += [
        replace(_at(one, {later: 1, earlier: -1}), kind=BETWEEN)
        for one in effects
        for earlier, later in combinations(plans, 2)
    ]
    variants = {
        at(name, condition): {**entry, "variant": name, "condition": condition, "pixels": plan.pixels}
        for condition, plan in plans.items()
        for name, entry in plan.variants.items()
    }
    conditions = {condition: list(said[condition]) for condition in plans}
    return replace(first, variants=variants, contrasts=contrasts, conditions=conditions)


def _at(one: Planned, signs: Mapping[str, int]) -> Planned:
    def placed(weights: Mapping[str, float]) -> dict[str, float]:
        return {at(name, where): sign * w for where, sign in signs.items() for name, w in weights.items()}

    return replace(one, weights=placed(one.weights), orders=tuple(map(placed, one.orders)))


def name_in(plan: Manifest, variant: Variant, data: str, overrides: Sequence[str]) -> str:
    """What a manifest calls a variant that was composed now, by its settings, else by the overrides of a condition."""
    if not plan.conditions:
        return variant.name
    settings = variant.settings(data)
    by_settings = [
        name for name, one in plan.variants.items() if (one["variant"], one["settings"]) == (variant.name, settings)
    ]
    said = [where for where, texts in plan.conditions.items() if texts and set(texts) <= set(overrides)]
    return next(iter([*by_settings, *(at(variant.name, where) for where in said)]), variant.name)


def chosen_text(tuned: Mapping[str, Any]) -> str:
    """How variants came to settings of their own: "the best of 8 ...: step1 optimizer.lr 0.031; step2 ..."."""
    over = [f"{key} from {limits[0]:g} to {limits[1]:g}" for key, limits in tuned["over"].items() if limits]
    told = [
        f"{name}: {', '.join(f'{key} {value:.3g}' for key, value in one['setting'].items())}"
        for name, one in tuned["chosen"].items()
    ]
    return (
        f"own settings are each variant's best of {tuned['trials']} on the tuning split, a part of the training "
        f"examples, by the mean of the first {tuned['seeds']} seeds: the one for all, and others drawn from "
        f"{', '.join(over)} ({'; '.join(told)})"
    )
