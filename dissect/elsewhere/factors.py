"""Which variants there are among runs made elsewhere: from a column of names, lists "a+b", or what was set."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

from dissect.design import Component
from dissect.errors import InputError

BASE = ("", "baseline", "base", "control", "none")  # names of a variant without any component


class Variants(NamedTuple):
    """Of each run its variant's name and components; what components exclude; `notes`, sentences for the page."""

    names: list[str]
    parts: list[tuple[str, ...]]
    declared: Mapping[str, Component]
    notes: Sequence[str]


def from_names(names: Sequence[str], control: str | None, ladder: Sequence[str]) -> Variants:
    """From a column of names: a ladder's, "a+b", or variants of which one is the control.

    Raises:
        InputError: for a control or a step that does not occur, and where no name says what is compared with what.
    """
    known = list(dict.fromkeys(names))
    for said, name in [("control", control), *(("ladder", step) for step in ladder)]:
        if name is not None and name not in known and not (said == "ladder" and any("+" in one for one in known)):
            raise InputError(f"{said}={name}: is no variant; there are {_some(known)}")
    base = control or next((name for name in known if name.lower() in BASE), None)
    notes = []
    if ladder and set(ladder) <= set(known):
        steps = {name: tuple(ladder[1 : place + 1]) for place, name in enumerate(ladder)}
        told = {name: steps.get(name, (name,)) for name in known}
        notes.append(f"Each variant of the ladder contains all before it, as ladder={','.join(ladder)} says.")
    elif any("+" in name for name in known):
        told = {name: () if name == base else tuple(filter(None, name.split("+"))) for name in known}
        notes.append("A variant's name says its components, joined by +.")
    elif base is None and len(known) > 1:
        raise InputError(f"which variant is the others' control is not said; give control=NAME, one of {_some(known)}")
    else:
        told = {name: () if name == base or len(known) == 1 else (name,) for name in known}
        if base is not None:
            why = "as control= says" if control else "as its name says"
            notes.append(f"Every variant is compared with {base}, {why}.")
    order = list(ladder)
    return Variants(list(names), [_sorted(told[name], order) for name in names], {}, notes)


def from_columns(frame: pd.DataFrame, control: str | None, ladder: Sequence[str]) -> Variants:
    """From columns that were set, a factor each: true or false, a list of components, or levels, such as sgd and adam.

    A level is a component "optimizer=adam"; the base's levels are no components: false, the empty list, what was not
    set, what `control` names ("optimizer=sgd,depth=18"), and else that of the first run.

    Raises:
        InputError: for a control that names no such factor or level.
    """
    said = dict(one.split("=", 1) for one in (control or "").split(",") if "=" in one)
    if control and (len(said) != control.count(",") + 1 or not said.keys() <= set(frame.columns)):
        raise InputError(
            f"control={control}: must name a level of a factor, such as {frame.columns[0]}="
            f"{_text(frame.iloc[0, 0])}; factors are {_some(list(frame.columns))}"
        )
    short = _short(list(frame.columns))
    parts: list[tuple[str, ...]] = [()] * len(frame)
    declared: dict[str, Component] = {}
    known: list[str] = []
    notes = []
    for name in frame.columns:
        levels = [_level(value) for value in frame[name]]
        if name in said and said[name] not in {_text(one) for one in levels}:
            raise InputError(f"control={name}={said[name]}: no run has that; there are {_some(_texts(levels))}")
        base = said.get(name)
        plain = all(one is None or isinstance(one, bool | tuple) for one in levels)
        if base is None and not plain and None not in levels:
            base = _text(levels[0])
            notes.append(f"The base of {name} is {base}, as in the first run; control={name}=... says another.")
        own = [_components(short[name], one, base) for one in levels]
        occurring = list(dict.fromkeys(part for one in own for part in one))
        known += occurring
        if not any(isinstance(one, tuple) for one in levels):
            rivals = {one: tuple(other for other in occurring if other != one) for one in occurring}
            declared |= {one: Component(one, excludes=others) for one, others in rivals.items() if others}
        parts = [before + one for before, one in zip(parts, own, strict=True)]
    if unknown := [step for step in ladder if step not in known]:
        raise InputError(
            f"ladder={','.join(ladder)}: {unknown[0]} is no component of these runs; there are {_some(known)}"
        )
    # Variants of one set of components are one, in whatever order they were named.
    order = list(dict.fromkeys([*ladder, *known]))
    parts = [_sorted(one, order) for one in parts]
    return Variants(["+".join(one) or "baseline" for one in parts], parts, declared, notes)


def varying(frame: pd.DataFrame) -> list[str]:
    """The columns that are not the same in all runs."""
    return [name for name in frame.columns if len({_text(_level(value)) for value in frame[name]}) > 1]


def flags(frame: pd.DataFrame) -> list[str]:
    """The columns of true and false."""
    levels = {name: [_level(value) for value in frame[name]] for name in frame.columns}
    told = {name: {type(one) for one in found} for name, found in levels.items()}
    return [name for name, types in told.items() if bool in types and types <= {bool, type(None)}]


def as_list(value: Any) -> tuple[str, ...]:
    """A list of components, however it is written: "a+b", "[a,b]", "a,b", a list; "" and "baseline" are none."""
    level = _level(value)
    if isinstance(level, tuple):
        return level
    text = "" if level is None else _text(level)
    parts = [part.strip() for part in text.replace(",", "+").split("+")]
    return tuple(part for part in parts if part.lower() not in BASE)


def _level(value: Any) -> Any:
    """A cell as None, true or false, a tuple of names, a number or a text."""
    if isinstance(value, list | tuple | set | frozenset):
        return tuple(map(str, value))
    if value is None or (isinstance(value, float) and value != value) or value is pd.NA:
        return None
    if isinstance(value, str):
        text = value.strip()
        if text.lower() in ("true", "false"):
            return text.lower() == "true"
        if text.startswith("[") and text.endswith("]"):
            return tuple(part.strip() for part in text[1:-1].split(",") if part.strip())
        return text or None
    if hasattr(value, "item"):
        return value.item()
    return value


def _components(name: str, level: Any, base: str | None) -> tuple[str, ...]:
    if isinstance(level, tuple):
        return level
    if level is None or (base is not None and _text(level) == base):
        return ()
    if isinstance(level, bool) and base is None:
        return (name,) if level else ()
    return (f"{name}={_text(level)}",)


def _short(names: Sequence[str]) -> dict[str, str]:
    """The last part of each dotted key, where no other one ends so."""
    ends = [name.rpartition(".")[2] for name in names]
    return {name: end if ends.count(end) == 1 else name for name, end in zip(names, ends, strict=True)}


def _text(level: Any) -> str:
    return f"{level:g}" if isinstance(level, float) else "+".join(level) if isinstance(level, tuple) else str(level)


def _texts(levels: Sequence[Any]) -> list[str]:
    return list(dict.fromkeys(map(_text, levels)))


def _sorted(parts: Sequence[str], order: Sequence[str]) -> tuple[str, ...]:
    place = {name: number for number, name in enumerate(order)}
    return tuple(sorted(dict.fromkeys(parts), key=lambda name: place.get(name, len(place))))


def _some(names: Sequence[str], most: int = 12) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
