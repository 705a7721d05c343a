"""The command line, refused where it can be before Hydra reads it, in one line with the argument and the mend."""

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, Override, RangeSweep
from hydra.errors import HydraException

from dissect.composing.overrides import key_of
from dissect.composing.schema import CONF
from dissect.errors import InputError

COMMANDS = ("report", "inspect", "crossval", "search", "status", "plan", "dashboard")
MOST = 100_000  # runs of one sweep; each takes its time to be composed and a folder


def parted(arguments: Iterable[str]) -> tuple[list[str], list[str]]:
    """The command line's options and its overrides, wherever they stand: Hydra takes no option between overrides."""
    named = "cfg c package p info i config-path cp config-name cn config-dir cd experimental-rerun"
    with_value = {("-" if len(name) < 3 else "--") + name for name in named.split()}
    options: list[str] = []
    overrides: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        (options if argument.startswith("-") else overrides).append(argument)
        if argument in with_value:
            options += [value for value in [next(rest, None)] if value is not None]
    return options, overrides


def check_line(overrides: Sequence[str]) -> None:
    """Refuse what no config could be composed from, or so many runs that nobody could train them.

    Raises:
        InputError: naming the argument.
    """
    asked: dict[str, int] = {}
    for said in overrides:
        key, equals, value = said.partition("=")
        if not equals and not said.startswith("~"):
            close = get_close_matches(said, COMMANDS, n=1, cutoff=0.7)
            meant = f"; did you mean the command: python -m dissect.{close[0]}?" if close else ""
            raise InputError(f"{said}: is no key=value, such as train.epochs=10{meant}")
        if not key_of(said):
            raise InputError(f"{said}: names no key before the equals sign; say which: train.epochs=10")
        try:
            override = OverridesParser.create().parse_override(said)
        except HydraException as problem:
            raise InputError(f"{said}: {_how_to_quote(key, value)}") from problem
        if key_of(said) == "seeds" and value not in ("auto", "null"):
            meant = f"did you mean '{said.replace('seeds', 'seed', 1)}'?"
            raise InputError(f"{said}: must be auto; particular seeds are said with seed: {meant}")
        if (CONF / key_of(said)).is_dir() or key_of(said) == "tuned":
            _check_names(said, override)
        if override.is_sweep_override():
            asked[said] = _length(override)
    if (count := math.prod(asked.values())) > MOST:
        said = " ".join(text for text, length in asked.items() if length > 1)
        raise InputError(f"{said}: asks for {count:,} runs; a sweep has {MOST:,} at most, so ask for fewer")


def _how_to_quote(key: str, value: str) -> str:
    for opening, closing in ("[]", "{}", "()"):
        if value.count(opening) != value.count(closing) and value[:1] in "[{$":
            return f"has {value.count(opening)} {opening} and {value.count(closing)} {closing}; close what is open"
    function, bracket, inside = value.partition("(")
    if bracket and function in ("glob", "choice", "sort", "shuffle") and value.endswith(")"):
        return f"what stands in {function}(...) needs quotes: {_shell(f'{key}={function}({_quoted(inside[:-1])})')}"
    quoted = _ELEMENT.sub(_element, value) if value[:1] == "[" else _quoted(value)
    return f"its value has letters that Hydra reads as its own, so it needs quotes: {_shell(f'{key}={quoted}')}"


_ELEMENT = re.compile(r"[^\[\],]+")  # of a list, which stays one


def _element(found: re.Match[str]) -> str:
    text = found[0].strip()
    return text if re.fullmatch(r"[\w.+/-]*|[\"'].*", text, re.ASCII) else _quoted(text)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _shell(text: str) -> str:
    """As a shell takes it, in single quotes where that can be."""
    if "'" not in text:
        return f"'{text}'"
    return '"' + "".join("\\" + one if one in '\\"$`' else one for one in text) + '"'


def _check_names(said: str, override: Override) -> None:
    """Choices of a group are names; Hydra fails on those that it reads as something else."""
    for value in _elements(override.value()):
        if (value is not None and isinstance(value, bool | int | float)) or (value is None and "[" in said):
            kind = "nothing" if value is None else "true or false" if isinstance(value, bool) else "a number"
            name = said.partition("=")[2].strip("[]").split(",")[0]
            quoted = _shell(f'{said.partition("=")[0]}=["{name}"]')
            steps = "; a step is a name, such as +ablation=step5" if key_of(said) == "ablation" else ""
            raise InputError(f"{said}: is read as {kind}, and a choice is a name, here in quotes: {quoted}{steps}")


def _elements(value: Any) -> Iterator[Any]:
    inside = value.list if isinstance(value, ChoiceSweep) else value if isinstance(value, list) else None
    if inside is None:
        yield value
    else:
        for one in inside:
            yield from _elements(one)


def _length(override: Override) -> int:
    value = override.value()
    if isinstance(value, RangeSweep):
        first, last, step = value.start or 0, value.stop or 0, value.step or 1
        return max(0, math.ceil((last - first) / step))
    return len(value.list) if isinstance(value, ChoiceSweep) else 1


def config_dirs(arguments: Iterable[str]) -> list[str]:
    """The folders that --config-dir names."""
    options = parted(arguments)[0]
    after = [options[place + 1] for place, said in enumerate(options[:-1]) if said in ("--config-dir", "-cd")]
    return [*after, *(said.partition("=")[2] for said in options if said.startswith(("--config-dir=", "-cd=")))]


def file_of(choice: str, arguments: Iterable[str]) -> str:
    """Where a group's choice, "component/mine", lies; its name where that is in none of the folders."""
    folders = [*map(Path, config_dirs(arguments)), CONF]
    places = (folder.absolute() / f"{choice}.yaml" for folder in folders)
    return str(next((place for place in places if place.is_file()), f"{choice}.yaml"))
