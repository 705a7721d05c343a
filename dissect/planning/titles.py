"""How a study's variants are called where people read: those of its plans, and those of its runs."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from dissect.design import titles
from dissect.planning.conditions import TEN_CROP, at
from dissect.planning.manifest import Manifest


def caller(
    plans: Sequence[Manifest],
    runs: Mapping[str, Mapping[str, str]],
    averaged: Collection[str] = (),
) -> Callable[[str], str]:
    """How a variant is called, by its name: "step2 · dropout 1", "full − dropout 1", "a + b"; ten-crop behind it.

    Args:
        plans: whose variants are called too that have no run yet.
        runs: variant -> its components, name -> label.
        averaged: those of the runs' variants that are read off others'.
    """
    planned = {name: one for plan in plans for name, one in plan.variants.items()}
    parts = {str(one.get("variant", name)): one.get("components") or {} for name, one in planned.items()}
    parts |= {name: told for name, told in runs.items() if "condition" not in planned.get(name, {})}
    labels = {part: label for told in [*parts.values(), *runs.values()] for part, label in told.items()}
    derived = {*averaged, *(str(one.get("variant", name)) for name, one in planned.items() if _averages(one))}
    found = titles({name: tuple(told) for name, told in parts.items()}, labels, derived)
    apart = {name: one for name, one in planned.items() if "condition" in one}
    found |= {name: at(found[one["variant"]], one["condition"]) for name, one in apart.items()}

    def called(variant: str) -> str:
        base = variant.removesuffix(TEN_CROP)
        title = found.get(base, base)
        if variant == base:
            return title
        return f"{base} · ten-crop" if title.startswith(f"{base} · ") else f"{title}{TEN_CROP}"

    return called


def _averages(entry: Mapping[str, Any]) -> bool:
    config = entry.get("config")
    ensemble = config.get("ensemble") if isinstance(config, dict) else None
    return bool(isinstance(ensemble, dict) and ensemble.get("average"))
