"""Components, what they say about each other, and the variants that this leaves.

A variant is feasible when it holds all that its components require and no two that exclude each other.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from itertools import combinations
from typing import NamedTuple

from dissect.errors import InputError

Variant = tuple[str, ...]  # components in the order in which they were given, derived ones last; () is the baseline


class Component(NamedTuple):
    """`derived` components are read off finished runs without training: ten-crop, ensemble.

    `factor` names all levels of the factor whose level it is, itself too; empty for one that is only on or off.
    """

    name: str
    requires: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    derived: bool = False
    factor: tuple[str, ...] = ()


Parts = Mapping[str, Component]  # by name, in the order in which variants name them

# 2^16 variants are more than anybody trains; listing many more than these would fill the memory.
MOST = 16


def checked(components: Sequence[Component]) -> dict[str, Component]:
    """The components by name, derived ones last.

    One that excludes a component which is not here excludes nothing.

    Raises:
        InputError: for a name that occurs twice, a requirement that is not here, derived though the component is
            not, circular, or excluded by another requirement.
    """
    parts = {part.name: part for part in sorted(components, key=lambda part: part.derived)}
    if len(parts) < len(components):
        names = [part.name for part in components]
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(f"components={names}: {twice} occurs twice; leave one out")
    for part in parts.values():
        for needed in part.requires:
            if needed not in parts:
                raise InputError(f"component {part.name}: requires {needed}, which is not among {list(parts)}; add it")
            if parts[needed].derived and not part.derived:
                raise InputError(f"component {part.name}: is trained, and cannot require {needed}, which is derived")
    try:
        TopologicalSorter({part.name: part.requires for part in parts.values()}).prepare()
    except CycleError as problem:
        circle = " -> ".join(problem.args[1][::-1])
        raise InputError(f"components require each other in a circle: {circle}; take one `requires` out") from problem
    for name in parts:
        if rivals := excluded(closure(name, parts), parts):
            first, second = rivals
            raise InputError(
                f"component {name}: needs {first} and {second} at once, which exclude each other; mend one"
            )
    return parts


def trained(parts: Parts) -> dict[str, Component]:
    return {name: part for name, part in parts.items() if not part.derived}


def variant(names: Collection[str], parts: Parts) -> Variant:
    """The names in the order of `parts`."""
    return tuple(name for name in parts if name in names)


def place(names: Variant, parts: Parts) -> tuple[int, list[int]]:
    """Sorts variants by how many components they have, then by the order of `parts`."""
    order = list(parts)
    return len(names), [order.index(name) for name in names]


def closure(name: str, parts: Parts) -> set[str]:
    """A component with all that it requires, directly or not."""
    return {name}.union(*(closure(needed, parts) for needed in parts[name].requires))


def excluded(names: Iterable[str], parts: Parts) -> tuple[str, str] | None:
    """The first two that exclude each other; it is enough that one of them says so."""
    for one, other in combinations(variant(set(names), parts), 2):
        if other in parts[one].excludes or one in parts[other].excludes:
            return one, other
    return None


def refuse_excluded(parts: Parts, design: str, mend: str) -> None:
    """Raises InputError where two components exclude each other, for designs that need all of them at once."""
    if rivals := excluded(parts, parts):
        first, second = rivals
        raise InputError(f"{design}: needs {first} and {second} at once, which exclude each other; {mend}")


def feasible(names: Collection[str], parts: Parts) -> bool:
    required = all(needed in names for name in names for needed in parts[name].requires)
    return required and not any(rival in names for name in names for rival in parts[name].excludes)


def subsets(parts: Parts) -> Iterator[Variant]:
    """All feasible variants, by size, then in the order of `parts`."""
    if len(parts) > MOST:
        raise InputError(
            f"components: the subsets of {len(parts)} are too many; take {MOST} at most, or sampled orders"
        )
    for size in range(len(parts) + 1):
        yield from (names for names in combinations(parts, size) if feasible(names, parts))
