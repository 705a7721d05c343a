"""How variants are called where people read: by what their components are, short enough to tell them apart."""

import re
from collections.abc import Collection, Mapping, Sequence

MOST = 3  # components that a name lists; more are told by what the largest variant has and this one lacks


def titles(
    variants: Mapping[str, Sequence[str]], labels: Mapping[str, str], derived: Collection[str] = ()
) -> dict[str, str]:
    """ "step2 · dropout 1", "step1 · baseline", "dropout 1 + leaky ReLU", "full − dropout 1", by the variants' names.

    A variant's own name stands in folders, files and commands. It cannot be what it is called here: "full" is another
    network in another study, and studies share their runs.

    Args:
        variants: name -> its components, in order.
        labels: component -> its name in figures.
        derived: variants that are read off others' runs, of which none is the full model.

    >>> titles({"step3": ("a", "b"), "a": ("a",), "b": ("b",)}, {"a": "dropout"})
    {'step3': 'full', 'a': 'full − b', 'b': 'full − dropout'}
    """
    trained = {name: parts for name, parts in variants.items() if name not in derived}
    full = max(trained.values(), key=len, default=())
    without = [parts for parts in trained.values() if len(parts) == len(full) - 1 and set(parts) < set(full)]
    left_out = 1 < len(full) == len(without) == len(trained) - 1
    return {name: _title(name, parts, labels, full, left_out) for name, parts in variants.items()}


def _title(
    name: str, parts: Sequence[str], labels: Mapping[str, str], full: Sequence[str], left_out: bool
) -> str:  # fmt: skip
    told = [labels.get(part, part) for part in parts]
    lacking = [labels.get(part, part) for part in full if part not in parts]
    within, listed = set(parts) <= set(full), name == "+".join(parts)
    if within and (left_out or (listed and len(parts) > MOST and 0 < len(lacking) < MOST)):
        return " − ".join(["full", *lacking])
    if not parts:
        return f"{name} · baseline" if re.fullmatch(r"step\d+", name) else name
    if listed:
        return " + ".join(told)
    return told[-1] if name in (parts[-1], told[-1]) else f"{name} · {told[-1]}"
