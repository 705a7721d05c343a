"""What a config says to make, held against its source: nothing is imported, so that a mistake is told of at once.

Said is only what is sure: a module that is nowhere, a name that its module cannot have, an argument that a signature
without `**` does not take, a text or a list where the signature wants a number. Whatever is not sure, making it tells.
"""

import ast
import os
import sys
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from dissect.composing.code import find_module
from dissect.errors import InputError

_TRUE_TO_ITS_WORD = {"_defaults_from_env_vars"}  # decorators that leave a signature as it is
_NUMBERS = {"int", "float", "bool", "Tensor", "Union", "Optional"}
_TAKEN_OUT = {"optimizer.vector_weight_decay"}  # by the task, before the object is made
_LISTS = {"Sequence", "list", "tuple", "Iterable", "int", "float", "Union", "Optional"}


class NowhereError(InputError):
    """A module that a config names is not there; `module` is what it is called."""

    def __init__(self, message: str, module: str) -> None:
        super().__init__(message)
        self.module = module


class Signature(NamedTuple):
    """The arguments by name, each with the names in its annotation; `open` where it takes any others as well."""

    arguments: dict[str, frozenset[str]]
    open: bool


def check_targets(config: Mapping[str, Any]) -> None:
    """Refuse what can never be made.

    Args:
        config: plain, resolved.

    Raises:
        InputError: naming the key and the value, and what there is instead.
    """
    for key, node in _nodes(config, ""):
        target = node["_target_"]
        if not isinstance(target, str) or "." not in target.strip("."):
            continue
        found = look_up(target)
        if isinstance(found, str):
            message, top = f"{key}._target_={target}: {found}", target.split(".")[0]
            raise NowhereError(message, top) if _is_nowhere(target) else InputError(message)
        for name, value in node.items():
            if not isinstance(name, str):
                raise InputError(
                    f"{key}.{name}: is no name for {target}; YAML reads a bare on, off, yes or number so: quote it"
                )
            if found is not None and name[0] != "_":
                _check(f"{key}.{name}", name, value, target, found)


def _nodes(value: Any, key: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(value, Mapping):
        if "_target_" in value:
            yield key, value
        for name, inner in value.items():
            yield from _nodes(inner, f"{key}.{name}".lstrip("."))
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from _nodes(inner, f"{key}[{place}]")


def _check(key: str, name: str, value: Any, target: str, takes: Signature) -> None:
    if name not in takes.arguments:
        if takes.open or key in _TAKEN_OUT:
            return
        close = get_close_matches(name, takes.arguments, n=1)
        listed = ", ".join(takes.arguments) if len(takes.arguments) <= 12 else f"{len(takes.arguments)} others"
        meant = f"did you mean {close[0]}? " if close else ""
        raise InputError(f"{key}={value}: {target} takes no argument {name}; {meant}it takes {listed or 'none'}")
    wanted = takes.arguments[name]
    if isinstance(value, str | list) and wanted & {"int", "float"} and wanted <= _NUMBERS:
        raise InputError(f"{key}={value}: must be a number, which {target} takes as its {name}")
    if (
        isinstance(value, bool | int | float)
        and wanted & {"Sequence", "list", "tuple", "Iterable"}
        and wanted <= _LISTS
    ):
        raise InputError(
            f"{key}={value}: must be a list, which {target} takes as its {name}, such as [{value}, {value}]"
        )


@cache
def look_up(target: str) -> Signature | str | None:
    """The signature behind a dotted name; a sentence where it cannot be there; None where that is not sure."""
    parts = target.split(".")
    if parts[0] in sys.builtin_module_names or parts[0] in sys.stdlib_module_names or parts[0] == "__main__":
        return None
    file, rest = find_module(target)
    if _is_nowhere(target):
        here = os.getcwd()
        return (
            f"there is no module {parts[0]}: neither in {here}, from where this was called, nor on PYTHONPATH, nor "
            f"installed; call it from the folder that holds {parts[0]}.py, or correct the name"
        )
    if file is None or not file.endswith(".py") or not rest:
        return None
    tree, names = _module(file)
    if names is not None and rest[0] not in names:
        if hasattr(sys.modules.get(".".join(parts[: -len(rest)])), rest[0]):  # added while it ran
            return None
        close = get_close_matches(rest[0], sorted(names), n=1)
        return f"{file} has no {rest[0]}" + (f"; did you mean {close[0]}?" if close else "; correct the name")
    return _signature(tree, rest[0], parts[: len(parts) - len(rest)], file, 6) if len(rest) == 1 else None


def _is_nowhere(target: str) -> bool:
    parts = target.split(".")
    file, rest = find_module(target)
    return file is None and len(rest) == len(parts) and parts[0] not in sys.modules


@cache
def _module(file: str) -> tuple[ast.Module, frozenset[str] | None]:
    """A file's syntax and all names that it may have; None where it may have any."""
    try:
        tree = ast.parse(Path(file).read_bytes())
    except (OSError, SyntaxError, ValueError):
        return ast.Module([], []), None
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Name):
            names.add(node.id)
        elif isinstance(node, ast.alias):
            names.add((node.asname or node.name).split(".")[0])
    makers = {"*", "__getattr__", "globals", "setattr", "exec", "eval", "vars", "locals", "lazy", "lazy_loader"}
    return tree, None if names & makers else frozenset(names)


def _signature(tree: ast.Module, name: str, package: list[str], file: str, depth: int) -> Signature | None:
    """The signature of a name that a module defines or takes from another one."""
    found = [node for node in tree.body if getattr(node, "name", None) == name]
    if len(found) == 1 and isinstance(found[0], ast.ClassDef):
        inits = [node for node in found[0].body if getattr(node, "name", None) in ("__init__", "__new__")]
        decorated = found[0].decorator_list or any(word.arg == "metaclass" for word in found[0].keywords)
        if len(inits) == 1 and not decorated and inits[0].name == "__init__":  # type: ignore[attr-defined]
            return _taken(inits[0], 1)
        return None
    if len(found) == 1:
        return _taken(found[0], 0)
    if found or not depth:
        return None
    if any(isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id == name
           for node in ast.walk(tree)):  # fmt: skip
        return None
    for node in tree.body:
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return _elsewhere(node, alias.name, package, file, depth)
    return None


def _elsewhere(node: ast.ImportFrom, name: str, package: list[str], file: str, depth: int) -> Signature | None:
    inside = package if Path(file).stem == "__init__" else package[:-1]
    start = inside[: len(inside) - node.level + 1] if node.level else []
    dotted = ".".join([*start, *filter(None, [node.module or ""]), name])
    file_there, rest = find_module(dotted)
    if file_there is None or not file_there.endswith(".py") or rest != [name]:
        return None
    return _signature(_module(file_there)[0], name, dotted.split(".")[:-1], file_there, depth - 1)


def _taken(node: ast.AST, own: int) -> Signature | None:
    """A function's arguments, without the first `own` ones, which it is given anyway."""
    if not isinstance(node, ast.FunctionDef):
        return None
    if any(not isinstance(one, ast.Name) or one.id not in _TRUE_TO_ITS_WORD for one in node.decorator_list):
        return None
    given = node.args
    listed = [*given.args[max(own - len(given.posonlyargs), 0) :], *given.kwonlyargs]
    return Signature({one.arg: _names(one.annotation) for one in listed}, given.kwarg is not None)


def _names(annotation: ast.AST | None) -> frozenset[str]:
    if annotation is None:
        return frozenset()
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        try:
            annotation = ast.parse(annotation.value, mode="eval")
        except SyntaxError:
            return frozenset(["?"])
    found = {node.id for node in ast.walk(annotation) if isinstance(node, ast.Name)}
    found |= {node.attr for node in ast.walk(annotation) if isinstance(node, ast.Attribute)}
    if any(isinstance(node, ast.Constant) and node.value is not None for node in ast.walk(annotation)):
        found.add("?")  # a literal, or a type in quotes
    return frozenset(found - {"torch", "typing"})
