"""Python source as syntax: equal for two texts that differ in comments, formatting or docstrings only.

Left out are comments, layout, quotes' form, docstrings and other statements that only state a constant, and `pass`.
Kept is everything else, the order of imports too. Every Python that reads the source alike gives the same digest.
"""

import ast
import copy
import hashlib
import re
import warnings
from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher
from functools import lru_cache
from importlib.util import decode_source
from typing import Any, NamedTuple

# A name and a dot for each level up, as in `from ..blocks import conv`: ("..blocks", ("conv",)).
Import = tuple[str, tuple[str, ...]]


class Source(NamedTuple):
    """What a file is known by, and what it imports; `at_will` where names of modules are made while it runs."""

    digest: str
    imports: tuple[Import, ...]
    at_will: bool


_IMPORT = re.compile(
    rb"""^[ \t]* (?: from [ \t]+ (\.*[ \t]*[\w.]*) [ \t]+ import [ \t]* (?: \(([^)]*)\) | ([^#;\r\n]+) )
                 | import [ \t]+ ([^#;\r\n]+) )""",
    re.MULTILINE | re.VERBOSE,
)


def read_syntax(data: bytes) -> Source:
    """A file's syntax and imports; of what is not Python that can be parsed, its bytes."""
    try:
        found: list[ast.AST] = []
        words = "\n".join(_words(_parsed(data), found))
        digest = hashlib.blake2b(b"syntax\n" + words.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return read_bytes(data)
    imports: list[Import] = []
    at_will = False
    for node in found:
        if isinstance(node, ast.Import):
            imports += [(alias.name, ()) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            imports.append(("." * node.level + (node.module or ""), tuple(alias.name for alias in node.names)))
        elif isinstance(node, ast.Call):
            name = node.args[0] if node.args else None
            if _called(node) in _IMPORTERS[:2] and isinstance(name, ast.Constant) and isinstance(name.value, str):
                imports.append((name.value, ()))
            else:
                at_will = True
    return Source(digest, tuple(dict.fromkeys(imports)), at_will)


def read_bytes(data: bytes) -> Source:
    """The same by its bytes, a hundred times as fast: a comment changes the digest. Imports are read line by line."""
    imports: list[Import] = []
    for match in _IMPORT.finditer(data):
        start, several, single, plain = (part.decode("utf-8", "ignore") if part else "" for part in match.groups())
        names = tuple(re.findall(r"([\w.]+)(?:\s+as\s+\w+)?\s*(?:,|$)", re.sub(r"#.*", "", several or single or plain)))
        imports += [(name, ()) for name in names] if plain else [(start.replace(" ", ""), names)]
    at_will = b"import_module" in data or b"iter_modules" in data
    return Source(hashlib.blake2b(data, digest_size=16).hexdigest(), tuple(dict.fromkeys(imports)), at_will)


def _parsed(data: bytes | str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an invalid escape is told of when the module is imported
        return ast.parse(data)


def _idle(node: object) -> bool:
    """Whether a statement does nothing: `pass`, or a docstring or another constant that nobody takes."""
    return isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))


_IMPORTERS = ("import_module", "__import__", "iter_modules", "walk_packages")


def _called(call: ast.Call) -> str:
    function = call.func
    return function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")


def _words(root: ast.AST, importing: list[ast.AST]) -> Iterator[str]:
    """The tree in words, without places; nodes that import are added to `importing`. No recursion: trees are deep.

    Unlike ast.dump, what is empty is left out, since each version of Python adds fields that are mostly empty.
    """
    stack: list[ast.AST | str] = [root]
    while stack:
        node = stack.pop()
        if isinstance(node, str):
            yield node
            continue
        if isinstance(node, ast.Constant):  # without `kind`, the u of u"..."
            yield f"{type(node.value).__name__} {node.value!r}"
            continue
        if isinstance(node, ast.Import | ast.ImportFrom) or (
            isinstance(node, ast.Call) and _called(node) in _IMPORTERS
        ):
            importing.append(node)
        yield type(node).__name__
        stack.append(")")
        for field in reversed(node._fields):
            value = getattr(node, field, None)
            if isinstance(value, ast.AST):
                stack += (value, field)
            elif isinstance(value, list):
                if isinstance(node, ast.Delete):  # `del (a, b)` is `del a, b` to a formatter
                    value = [one for part in value for one in (part.elts if isinstance(part, ast.Tuple) else [part])]
                if kept := [one if isinstance(one, ast.AST) else repr(one) for one in value if not _idle(one)]:
                    stack.append("]")
                    stack += reversed(kept)
                    stack.append(f"{field} [")
            elif value is not None:
                stack.append(f"{field} {value!r}")


class _Piece(NamedTuple):
    """A statement, of a compound one its head, and the lines on which it stands."""

    words: str
    first: int
    last: int


def what_changed(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """The files and lines that differ in syntax between two sets of sources, such as ["mine.py: lines 12-14 differ"].

    Args:
        before: text by the file's name.
        after: the same later; lines are counted in these, but for those that are gone.
    """
    said = [_compared(name, before.get(name), after.get(name)) for name in sorted({*before, *after})]
    return [line for line in said if line is not None]


def _compared(name: str, before: str | None, after: str | None) -> str | None:
    if before is None or after is None:
        return f"{name}: {'is new' if before is None else 'is gone'}"
    old, new = _pieces(before), _pieces(after)
    if old is None or new is None:  # one of them does not parse
        if before == after:
            return None
        old, new = _lines(before), _lines(after)
    differ, gone = [], []
    matcher = SequenceMatcher(None, [piece.words for piece in old], [piece.words for piece in new], autojunk=False)
    for kind, i1, i2, j1, j2 in matcher.get_opcodes():
        if kind == "delete":
            gone.append(_span(old[i1:i2]))
        elif kind != "equal":
            differ.append(_span(new[j1:j2]))
    said = [f"{_listed(differ)} differ{'s' * _alone(differ)}"] if differ else []
    said += [f"what stood in {_listed(gone)} is gone"] if gone else []
    return f"{name}: {'; '.join(said)}" if said else None


def _pieces(text: str) -> tuple[_Piece, ...] | None:
    try:
        return tuple(_flat(_parsed(text.removeprefix("\ufeff")), ""))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _lines(text: str) -> tuple[_Piece, ...]:
    return tuple(_Piece(line, number, number) for number, line in enumerate(text.splitlines(), 1))


def _flat(node: ast.AST, where: str) -> Iterator[_Piece]:
    """Every statement inside `node`, in order; `where` says in what, so that a statement that moves in is another."""
    for field in node._fields:
        inner = getattr(node, field, None)
        if not isinstance(inner, list) or not inner or not isinstance(inner[0], _HOLDERS):
            continue
        for one in inner:
            if _idle(one):
                continue
            head = copy.copy(one)
            for part in head._fields:
                if isinstance(held := getattr(head, part), list) and held and isinstance(held[0], _HOLDERS):
                    setattr(head, part, [])
            placed: list[Any] = [part for part in ast.walk(head) if hasattr(part, "lineno")]
            first = min(part.lineno for part in placed)
            # A compound statement ends, here, with its head: a decorator, a condition, the arguments.
            parts = [part for part in placed if part is not head] if _holds(one) else placed
            last = max([getattr(one, "lineno", first), *(part.end_lineno for part in parts)])
            yield _Piece(f"{where}{field}\n" + "\n".join(_words(head, [])), first, last)
            yield from _flat(one, f"{where}{field} ")


_HOLDERS = (ast.stmt, ast.excepthandler, ast.match_case)


def _holds(node: ast.AST) -> bool:
    values = [getattr(node, field, None) for field in node._fields]
    return any(isinstance(value, list) and value and isinstance(value[0], _HOLDERS) for value in values)


def _span(pieces: tuple[_Piece, ...]) -> tuple[int, int]:
    return min(piece.first for piece in pieces), max(piece.last for piece in pieces)


def _alone(spans: list[tuple[int, int]]) -> bool:
    return len(spans) == 1 and spans[0][0] == spans[0][1]


def _listed(spans: list[tuple[int, int]], most: int = 5) -> str:
    shown = ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in spans[:most])
    return f"line{'s' * (not _alone(spans))} {shown}{' and more' * (len(spans) > most)}"


@lru_cache(maxsize=256)
def text_of(data: bytes) -> str:
    """A source file's text, by its coding line; what cannot be decoded is escaped, so that it can be kept and shown."""
    try:
        return decode_source(data)
    except (SyntaxError, UnicodeDecodeError, LookupError):
        return data.decode("utf-8", "backslashreplace")
