"""What a run's code is known by: the user's own modules as syntax, installed packages by their versions.

Nothing of the user's is imported or run. Modules are followed by the import statements in their source, wherever
these stand, and by calls of import_module with a name in quotes; a module that makes such names while it runs brings
its whole package with it. What cannot be known: files that a module opens when it runs (weights, tables, C++ sources),
modules that it finds by changing sys.path, and what it fetches.
"""

import os
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.machinery import BYTECODE_SUFFIXES, EXTENSION_SUFFIXES, SOURCE_SUFFIXES
from importlib.metadata import PackageNotFoundError, distribution, packages_distributions, version
from importlib.util import find_spec
from pathlib import Path
from sysconfig import get_paths
from typing import NamedTuple

from dissect.composing.syntax import Import, Source, read_bytes, read_syntax, text_of
from dissect.errors import InputError

# Packages that a run's record keeps already: their versions in `versions`, dissect's own code in RECIPE.
KEPT = frozenset({"dissect", "hydra_plugins", "torch", "torchvision", "pytorch_lightning", "lightning", "numpy"})

# Bytes of source that are read as syntax, some 25,000 lines; the files that come after them count by their bytes.
MOST_SYNTAX = 1_000_000
MOST_MODULES = 20_000

_SUFFIXES = (*EXTENSION_SUFFIXES, *SOURCE_SUFFIXES, *BYTECODE_SUFFIXES)  # in the order in which Python looks for them


class Code(NamedTuple):
    """`digests` of the user's own modules and their files, `sources`, by module; `versions` by distribution.

    Own is what lies outside site-packages, the standard library and dissect, a package installed in place (editable)
    too. Versions are those of the installed packages that targets name or own modules import, but for `KEPT`.
    """

    digests: dict[str, str]
    versions: dict[str, str]
    sources: dict[str, Path]

    def texts(self) -> dict[str, str]:
        """The source of each own module by a name that no machine is in, "mine.py" or "mine/blocks.py"."""
        found = {}
        for name, path in self.sources.items():
            if path.suffix in SOURCE_SUFFIXES:
                parts = [*name.split("."), "__init__"] if path.stem == "__init__" else name.split(".")
                found["/".join(parts) + path.suffix] = text_of(path.read_bytes())
        return found


def code_of(targets: Iterable[str]) -> Code:
    """What the code behind dotted names is known by: all that their modules import, and so on.

    A name of which nothing is found is passed over, since making it says so.

    Raises:
        InputError: for a file that cannot be read, and beyond `MOST_MODULES` modules.
    """
    wanted = sorted({target for target in targets if target.split(".")[0] not in KEPT})
    if not wanted:
        return Code({}, {}, {})
    search = _Search()
    queue = deque(name for target in wanted for name in search.modules(target))
    digests: dict[str, str] = {}
    sources: dict[str, Path] = {}
    left = MOST_SYNTAX
    while queue:
        name = queue.popleft()
        module = search(name)
        if module is None or name in digests or module.file is None:
            continue
        source, size = _read(module.file, left)
        left -= size
        digests[name], sources[name] = source.digest, Path(module.file)
        if len(digests) > MOST_MODULES:
            raise InputError(f"{wanted[0]}: imports more than {MOST_MODULES:,} modules of your own; import fewer")
        for imported in source.imports:
            queue.extend(search.imported(imported, name, module))
        if source.at_will:
            queue.extend(search.whole_package(name))
    return Code(dict(sorted(digests.items())), _versions(search.installed), dict(sorted(sources.items())))


class _Module(NamedTuple):
    """Where a module lies: its file, None for a namespace package; the folders of a package's modules."""

    file: str | None
    folders: tuple[str, ...]


class _Search:
    """Finds own modules where the import statement would, without running any; notes which others are installed."""

    def __init__(self) -> None:
        self.installed: set[str] = set()
        self._path = list(dict.fromkeys(os.path.abspath(entry) for entry in sys.path if isinstance(entry, str)))
        self._found: dict[str, _Module | None] = {}

    def __call__(self, name: str) -> _Module | None:
        if name not in self._found:
            parent, _, last = name.rpartition(".")
            above = self(parent) if parent else None
            self._found[name] = (above and _look(above.folders, last)) if parent else self._top(name)
        return self._found[name]

    def _top(self, name: str) -> _Module | None:
        if name in KEPT or name in sys.builtin_module_names or not name.isidentifier():
            return None
        found = _look(self._path, name) or _hooked(name)
        if found is None:
            return None
        places = {folder: _kind(folder) for folder in ((found.file,) if found.file else found.folders)}
        if "installed" in places.values():
            self.installed.add(name)
        if found.file:
            return found if places[found.file] == "own" else None
        own = tuple(folder for folder, kind in places.items() if kind == "own")
        return _Module(None, own) if own else None

    def modules(self, dotted: str) -> Iterator[str]:
        """The modules on the way to a dotted name: mine and mine.nets of mine.nets.Net."""
        parts = dotted.split(".")
        for count in range(1, len(parts) + 1):
            name = ".".join(parts[:count])
            if self(name) is None:
                return
            yield name

    def imported(self, said: Import, by: str, module: _Module) -> Iterator[str]:
        """The own modules that an import statement of `by` brings: packages on the way, and names that are modules."""
        start, names = said
        up = len(start) - len(start.lstrip("."))
        if up:
            package = by.split(".") if module.folders else by.split(".")[:-1]
            if up > len(package):
                return
            start = ".".join([*package[: len(package) - up + 1], *filter(None, [start.lstrip(".")])])
        elif self(start.split(".")[0]) is None and module.file:
            # Found by those who add a script's folder to sys.path.
            top = start.split(".")[0]
            beside = _look([os.path.dirname(module.file)], top) if top not in KEPT | self.installed else None
            if beside and top not in sys.stdlib_module_names:
                self._found[top] = beside
        reached = list(self.modules(start))
        yield from reached
        if start in reached:
            yield from (f"{start}.{name}" for name in names if name != "*" and self(f"{start}.{name}"))

    def whole_package(self, name: str) -> Iterator[str]:
        """All modules of the package that a module is, or lies in."""
        module = self(name)
        package = name if module and module.folders else name.rpartition(".")[0]
        if not package or (found := self(package)) is None:
            return
        for root in found.folders:
            for folder, inner, files in os.walk(root):
                inner[:] = sorted(one for one in inner if one.isidentifier() and one != "__pycache__")
                parts = [package, *Path(folder).relative_to(root).parts]
                stems = sorted({file.split(".")[0] for file in files if file.endswith(_SUFFIXES)} - {"__init__"})
                yield from (".".join([*parts, *([] if stem == "" else [stem])]) for stem in ["", *stems])


def find_module(dotted: str) -> tuple[str | None, list[str]]:
    """The file of the longest part of a dotted name that is a module, and what is left of the name.

    None where that has no file, or there is none.
    """
    parts = dotted.split(".")
    path = [os.path.abspath(entry) for entry in sys.path if isinstance(entry, str)]
    found = _look(path, parts[0]) or _hooked(parts[0])
    if found is None:
        return None, parts
    for place, part in enumerate(parts[1:], 1):
        inner = _look(found.folders, part)
        if inner is None:
            return found.file, parts[place:]
        found = inner
    return found.file, []


def _look(folders: Iterable[str], name: str) -> _Module | None:
    spread = []
    for folder in folders:
        base = f"{folder}/{name}"
        is_folder = os.path.isdir(base)
        for suffix in _SUFFIXES if is_folder else ():
            if os.path.isfile(f"{base}/__init__{suffix}"):
                return _Module(f"{base}/__init__{suffix}", (base,))
        for suffix in _SUFFIXES:
            if os.path.isfile(base + suffix):
                return _Module(base + suffix, ())
        if is_folder:
            spread.append(base)
    return _Module(None, tuple(spread)) if spread else None


def _hooked(name: str) -> _Module | None:
    """Found by an import hook, as editable installs use them; a top-level name is found without importing."""
    try:
        spec = find_spec(name)
    except (ImportError, ValueError, AttributeError):
        return None
    if spec is None or (spec.origin is None and not spec.submodule_search_locations):
        return None
    file = spec.origin if spec.origin and os.path.isfile(spec.origin) else None
    folders = tuple(spec.submodule_search_locations or ())
    return _Module(file, folders) if file or folders else None


def _kind(place: str) -> str:
    real = os.path.realpath(place)
    if {"site-packages", "dist-packages"} & set(Path(real).parts) or real.startswith(_places()[0]):
        return "installed"
    return "python" if real.startswith(_places()[1]) else "own"


@cache
def _places() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Where installed packages lie, and the standard library."""
    paths = get_paths()
    real = {key: os.path.realpath(paths[key]) + os.sep for key in ("purelib", "platlib", "stdlib", "platstdlib")}
    return (real["purelib"], real["platlib"]), (real["stdlib"], real["platstdlib"])


_cache: dict[tuple[str, int, int, bool], Source] = {}


def _read(file: str, left: int) -> tuple[Source, int]:
    """The file's source, by its bytes where it is longer than `left`; and how much of that it takes."""
    try:
        state = os.stat(file)
        as_syntax = file.endswith(tuple(SOURCE_SUFFIXES)) and state.st_size <= left
        key = (file, state.st_mtime_ns, state.st_size, as_syntax)
        if key not in _cache:
            data = Path(file).read_bytes()
            source = read_syntax(data) if as_syntax else read_bytes(data)
            if not file.endswith(tuple(SOURCE_SUFFIXES)):
                source = Source(source.digest, (), False)
            _cache[key] = source
    except OSError as problem:
        raise InputError(
            f"{file}: cannot be read ({problem.strerror}), and the network's code is known by it; make it readable"
        ) from problem
    return _cache[key], state.st_size if as_syntax else 0


def _versions(packages: Iterable[str]) -> dict[str, str]:
    named = {name for package in sorted(packages) for name in _owners(package)}
    return {name: version(name) for name in sorted(named)}


@cache
def _owners(package: str) -> tuple[str, ...]:
    """The distributions that a top-level package belongs to; () where nobody knows."""
    try:  # most are called as their package is, and all others take 0.2 s to list
        named = distribution(package)
        if f"\n{package}/" in "\n" + (named.read_text("RECORD") or ""):
            return (named.metadata["Name"],)
    except PackageNotFoundError:
        pass
    return tuple(sorted(set(packages_distributions().get(package, ()))))
