"""Factors of several levels: components of which one at most is on, compared with each other."""

from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import combinations, product
from typing import Any

from dissect.design.components import Component, Parts, Variant, feasible, place, variant
from dissect.design.contrast import Contrast, Design, mean
from dissect.errors import InputError

KIND = "levels"  # of a contrast between two levels of one factor


def levels_of(said: Sequence[Any]) -> list[list[str]]:
    """`plan.components` as factors: [dropout, [gelu, silu]] is one of one level and one of two, besides the base's.

    Raises:
        InputError: for what is neither a name nor a list of names.
    """
    found = [[one] if isinstance(one, str) else list(one) if isinstance(one, list | tuple) else [one] for one in said]
    for factor in found:
        if not factor or not all(isinstance(name, str) for name in factor):
            raise InputError(f"plan.components: {factor}: must be a component, or a list of those that are its levels")
    return found


def as_levels(components: Sequence[Component]) -> list[Component]:
    """The components of one factor: each excludes the others."""
    names = tuple(one.name for one in components)
    if len(names) == 1:
        return list(components)
    return [
        one._replace(factor=names, excludes=(*one.excludes, *(name for name in names if name != one.name)))
        for one in components
    ]


def factors(parts: Parts) -> list[tuple[str, ...]]:
    """The factors of several levels among the components."""
    return list(dict.fromkeys(part.factor for part in parts.values() if part.factor))


def chosen(parts: Parts) -> list[Component]:
    """Of each factor the first level, and all other components."""
    return [part for part in parts.values() if not part.factor or part.name == part.factor[0]]


def between(among: Collection[Variant], parts: Parts) -> Iterator[Contrast]:
    """Each two levels of a factor, the later one treated: the mean difference over all contexts that have both.

    Positive where the later level has more.
    """
    known = set(among)
    for factor in factors(parts):
        for earlier, later in combinations(factor, 2):
            pairs = [
                (other, names)
                for names in among
                if earlier in names and (other := variant({*names, later} - {earlier}, parts)) in known
            ]
            if pairs:
                yield Contrast(
                    KIND, (earlier, later), mean([{treated: 1.0, control: -1.0} for treated, control in pairs])
                )


def swapped(full: Collection[str], factor: Sequence[str], parts: Parts) -> list[Variant]:
    """A variant that has a factor's first level, with each other level in its place."""
    swaps = [{*full, level} - {factor[0]} for level in factor[1:]]
    return [variant(names, parts) for names in swaps if feasible(names, parts)]


def each_choice(rule: Callable[[Sequence[Component]], Design], parts: Parts) -> Design:
    """A design for components that are on or off, made anew with each choice of one level of every factor.

    A contrast is the mean over the choices that have what it is about; each two levels are compared besides.
    """
    chosen_from = [one.factor or (one.name,) for one in chosen(parts)]
    designs = [
        rule([parts[name]._replace(factor=()) for name in parts if name in choice]) for choice in product(*chosen_from)
    ]
    found: dict[tuple[str, tuple[str, ...]], list[Contrast]] = {}
    for one in (one for design in designs for one in design.contrasts):
        found.setdefault((one.kind, one.components), []).append(one)
    order = {name: number for number, name in enumerate(parts)}
    contrasts = [
        Contrast(kind, names, mean([one.weights for one in those]), tuple(each for one in those for each in one.orders))
        for (kind, names), those in sorted(found.items(), key=lambda one: [order[name] for name in one[0][1]])
    ]
    known = {names for design in designs for names in design.variants}
    variants = tuple(sorted(known, key=lambda names: place(names, parts)))
    return Design(variants, (*contrasts, *between(variants, parts)))
