"""Reading a tree of files from a folder or straight from a zip: plain files alone, and of a size that can be."""

import os
import stat
import sys
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple, Protocol

from dissect.errors import InputError

LARGEST = 256 << 20  # bytes of one file: a picture of 85 million pixels without any compression
RATIO = (
    100  # to so many times its size a zip may unpack; pictures hardly shrink, and a bomb is a thousand times its size
)
READING = os.O_RDONLY | getattr(
    os, "O_NONBLOCK", 0
)  # not to wait where a pipe took the file's place since it was listed
KINDS = {
    stat.S_IFIFO: "named pipe",
    stat.S_IFSOCK: "socket",
    stat.S_IFBLK: "device",
    stat.S_IFCHR: "device",
}


class Listing(NamedTuple):
    """What lies in one folder: names of folders and of plain files, sorted, and how many there are of other kinds."""

    folders: list[str]
    files: list[str]
    others: Counter[str]


class Tree(Protocol):
    """Files under one root, named by relative paths with forward slashes."""

    where: str

    def listing(self, path: str) -> Listing: ...

    def folders(self, path: str) -> list[str]: ...

    def files(self, path: str) -> list[str]: ...

    def real(self, path: str) -> str:
        """The same for two paths of one folder, of which one leads through a link."""
        ...

    def stream(self, path: str) -> IO[bytes]: ...

    def read(self, path: str) -> bytes: ...


def shown(name: str) -> str:
    r"""A name that can be printed and written in a line: bytes that are no UTF-8, and controls, as \xe9."""
    text = os.fsencode(name).decode("utf-8", "backslashreplace")
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)


class Folder:
    """A tree on disk. Hidden files are left out, and so are pipes, sockets and devices, which are never opened."""

    def __init__(self, root: Path):
        self.root = root
        self._root = str(root)
        self._looked: list[int] = []
        self.where = shown(self._root)

    def listing(self, path: str) -> Listing:
        found = Listing([], [], Counter())
        try:
            with os.scandir(self.root / path) as entries:
                for entry in entries:
                    name = entry.name
                    if name.startswith("."):
                        if name != ".DS_Store":
                            found.others["hidden"] += 1
                    elif is_folder(entry):
                        found.folders.append(name)
                    elif (kind := _kind(entry)) is None:
                        found.files.append(name)
                    else:
                        found.others[kind] += 1
        except (FileNotFoundError, NotADirectoryError):
            pass
        except OSError as problem:
            raise InputError(f"{self.where}/{shown(path)}: cannot be read ({problem.strerror})") from problem
        found.folders.sort()
        found.files.sort()
        return found

    def folders(self, path: str) -> list[str]:
        return self.listing(path).folders

    def files(self, path: str) -> list[str]:
        return self.listing(path).files

    def real(self, path: str) -> str:
        return os.path.realpath(self.root / path)

    def stream(self, path: str) -> IO[bytes]:
        return open(self._open(path)[0], "rb")

    def read(self, path: str) -> bytes:
        descriptor, size = self._open(path)  # in a third of Path.read_bytes' time
        try:
            data = os.read(descriptor, size + 1)
            if len(data) == size:
                return data
            return b"".join([data, *iter(lambda: os.read(descriptor, 1 << 16), b"")])
        finally:
            os.close(descriptor)

    def look(self, path: str) -> None:
        """Remember a file's size and times, as reading it does."""
        self._remember(os.stat(f"{self._root}/{path}"))

    def looked(self) -> str:
        """A number of all files that were read or looked at, in whatever order: others where one was changed since."""
        return f"{sum(self._looked) % (1 << 64):x}"

    def _remember(self, status: os.stat_result) -> None:
        # The last is set by the system, so that a picture with the old one's size and date shows too.
        self._looked.append(hash((status.st_size, status.st_mtime_ns, status.st_ctime_ns)))  # the same in every process

    def _open(self, path: str) -> tuple[int, int]:
        descriptor = os.open(f"{self._root}/{path}", READING)
        status = os.fstat(descriptor)
        if stat.S_ISREG(status.st_mode) and status.st_size <= LARGEST:
            self._remember(status)
            return descriptor, status.st_size
        os.close(descriptor)
        if stat.S_ISREG(status.st_mode):
            raise ValueError(_too_large(status.st_size))
        raise ValueError("is no plain file")


def is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _kind(entry: os.DirEntry[str]) -> str | None:
    """What an entry is that is no folder; None for a plain file."""
    try:
        if entry.is_file():
            return None
        return KINDS.get(stat.S_IFMT(entry.stat().st_mode), "of no known kind")
    except OSError:
        return "broken link"


def _too_large(size: int) -> str:
    return f"its {size:,} bytes are more than the {LARGEST:,} that one file may have"


class Zip:
    """A tree inside a zip, read in place, hidden files left out; its root is the folder that holds the file `landmark`.

    Raises:
        InputError: for a zip that is cut short, has no `landmark`, names files outside itself, or unpacks to more than
            pictures can.
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
            unpacked, size = sum(entry.file_size for entry in self._zip.infolist()), path.stat().st_size
            if unpacked > RATIO * size + (64 << 20):
                raise InputError(
                    f"{path}: unpacks to {unpacked / 1e9:,.1f} GB, {unpacked // size:,} times its size, which pictures "
                    "never do; fetch the official file"
                )
            roots = [name[: -len(landmark)] for name in names if name == landmark or name.endswith(f"/{landmark}")]
            if not roots:
                raise InputError(f"{path}: holds no {landmark}, so it is not what data.source expects; check data.root")
        except InputError:
            self._zip.close()
            raise
        self._root = min(roots, key=len)
        self.where = shown(f"{path}/{self._root}".rstrip("/"))
        self._files: dict[str, list[str]] = {}
        for name in sorted(names):
            if name.startswith(self._root) and "/." not in f"/{name[len(self._root) :]}":
                inside = PurePosixPath(name[len(self._root) :])
                self._files.setdefault(str(inside.parent), []).append(inside.name)

    def listing(self, path: str) -> Listing:
        return Listing(self.folders(path), self.files(path), Counter())

    def folders(self, path: str) -> list[str]:
        here = PurePosixPath(path)
        inside = (PurePosixPath(folder) for folder in self._files)
        return sorted({f.relative_to(here).parts[0] for f in inside if here in f.parents})

    def files(self, path: str) -> list[str]:
        return self._files.get(str(PurePosixPath(path)), [])

    def real(self, path: str) -> str:
        return path

    def stream(self, path: str) -> IO[bytes]:
        return self._zip.open(self._root + path)

    def read(self, path: str) -> bytes:
        size = self._zip.getinfo(self._root + path).file_size
        if size > LARGEST:
            raise ValueError(_too_large(size))
        with self.stream(path) as file:  # checks the entry's CRC; safe to call from several threads
            return file.read(size)  # and no further: ZipFile.read unpacks all there is, whatever the directory says

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
        raise InputError(f"{shown(str(root))}: does not exist; check data.root")
    return root


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
