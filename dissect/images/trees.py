"""Reading a tree of files from a folder or straight from a zip, and fetching the zip."""

import hashlib
import http.client
import os
import sys
import urllib.request
import zipfile
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from dissect.errors import InputError
from dissect.files import whole


class Tree(Protocol):
    """Files under one root, named by relative paths with forward slashes."""

    where: str

    def folders(self, path: str) -> list[str]: ...

    def files(self, path: str) -> list[str]: ...

    def read(self, path: str) -> bytes: ...


class Folder:
    """A tree on disk, hidden files left out."""

    def __init__(self, root: Path):
        self.root = root
        self.where = str(root)

    def _entries(self, path: str, *, folders: bool) -> list[str]:
        try:
            with os.scandir(self.root / path) as entries:
                return sorted(e.name for e in entries if e.is_dir() == folders and not e.name.startswith("."))
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as problem:
            raise InputError(f"{self.root / path}: cannot be read ({problem.strerror})") from problem

    def folders(self, path: str) -> list[str]:
        return self._entries(path, folders=True)

    def files(self, path: str) -> list[str]:
        return self._entries(path, folders=False)

    def read(self, path: str) -> bytes:
        descriptor = os.open(f"{self.where}/{path}", os.O_RDONLY)  # in a third of Path.read_bytes' time
        try:
            parts = iter(lambda: os.read(descriptor, 1 << 16), b"")
            return b"".join(parts)
        finally:
            os.close(descriptor)


class Zip:
    """A tree inside a zip, read in place, hidden files left out; its root is the folder that holds the file `landmark`.

    Raises:
        InputError: for a zip that is cut short, has no `landmark`, or names files outside itself.
    """

    def __init__(self, path: Path, *, landmark: str):
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as problem:
            raise InputError(
                f"{path}: is not a whole zip file ({problem}); it may be cut short: delete it and fetch it again"
            ) from problem
        names = [name for name in self._zip.namelist() if not name.endswith("/")]
        try:
            for name in names:
                if name.startswith(("/", "\\")) or ".." in name.replace("\\", "/").split("/") or name[1:2] == ":":
                    raise InputError(f"{path}: its entry {name!r} leads out of the zip; fetch the official file")
            roots = [name[: -len(landmark)] for name in names if name == landmark or name.endswith(f"/{landmark}")]
            if not roots:
                raise InputError(f"{path}: holds no {landmark}, so it is not what data.source expects; check data.root")
        except InputError:
            self._zip.close()
            raise
        self._root = min(roots, key=len)
        self.where = f"{path}/{self._root}".rstrip("/")
        self._files: dict[str, list[str]] = {}
        for name in sorted(names):
            if name.startswith(self._root) and "/." not in f"/{name[len(self._root) :]}":
                inside = PurePosixPath(name[len(self._root) :])
                self._files.setdefault(str(inside.parent), []).append(inside.name)

    def folders(self, path: str) -> list[str]:
        here = PurePosixPath(path)
        inside = (PurePosixPath(folder) for folder in self._files)
        return sorted({f.relative_to(here).parts[0] for f in inside if here in f.parents})

    def files(self, path: str) -> list[str]:
        return self._files.get(str(PurePosixPath(path)), [])

    def read(self, path: str) -> bytes:
        return self._zip.read(self._root + path)  # checks the entry's CRC; safe to call from several threads

    def close(self) -> None:
        self._zip.close()


def read_text(tree: Tree, path: str) -> str:
    """One text file of the tree.

    Raises:
        InputError: when it cannot be read, naming it.
    """
    try:
        return tree.read(path).decode("utf-8")
    except Exception as problem:  # zipfile alone raises five kinds for a damaged entry
        raise InputError(f"{tree.where}/{path}: cannot be read ({problem})") from problem


def existing(root: Path) -> Path:
    """The same path.

    Raises:
        InputError: when there is nothing.
    """
    if not root.exists():
        raise InputError(f"{root}: does not exist; check data.root")
    return root


def stamps(root: Path, paths: Sequence[Path]) -> list[Any]:
    """When each folder and file last changed: a file added, removed or renamed shows in its folder's time."""
    return [str(root), *((str(p.relative_to(root)), p.stat().st_mtime_ns) for p in sorted(paths) if p.exists())]


@contextmanager
def progress(what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """A bar on stderr, moved on by calling what this yields; one plain line where stderr is not a terminal."""
    if not sys.stderr.isatty():
        print(what, file=sys.stderr, flush=True)
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda advance: bar.advance(task, advance)


def download(url: str, path: Path, *, md5: str, mend: str) -> None:
    """Fetch `url` into `path` unless it is there; it appears whole and verified, or not at all.

    Raises:
        InputError: without network, for other content than `md5` says, or when `path` cannot be written.
    """
    if path.is_file():
        return
    found = hashlib.md5(usedforsecurity=False)
    with whole(path, "wb") as file, closing(_blocks(url, path.name, mend)) as blocks:
        for block in blocks:
            found.update(block)
            file.write(block)
        if found.hexdigest() != md5:
            raise InputError(f"{url}: what came has md5 {found.hexdigest()}, not {md5}; {mend}")


def _blocks(url: str, name: str, mend: str) -> Generator[bytes, None, None]:
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            length = answer.headers["Content-Length"]
            with progress(f"downloading {name}", int(length) if length else None) as advance:
                while block := answer.read(1 << 20):
                    yield block
                    advance(len(block))
    except (OSError, http.client.HTTPException, ValueError) as problem:
        raise InputError(f"{url}: cannot be downloaded ({problem}); {mend}") from problem
