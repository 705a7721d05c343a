"""Files that appear whole or not at all, and what to say when they cannot be written."""

import errno
import fcntl
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from dissect.errors import DiskFullError, InputError


@contextmanager
def whole(path: Path, mode: str = "w") -> Iterator[IO[Any]]:
    """Open `path` for writing so that it appears whole at the end of the block, or not at all.

    What killed processes have left half-written of it is removed.

    Raises:
        InputError: when the disk is full or the folder cannot be written, naming the file.
    """
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        sweep(path.parent, path.name)
        handle, temporary = _begin(path)
        text: dict[str, Any] = {} if "b" in mode else {"encoding": "utf-8", "newline": ""}
        with open(handle, mode, **text) as file:
            os.fchmod(handle, 0o666 & ~_umask())
            yield file
            file.flush()
            os.fsync(handle)
            os.replace(temporary, path)  # before it is closed, and so free to be swept
    except BaseException as problem:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        if isinstance(problem, OSError) and not isinstance(problem, FileNotFoundError):
            raise unwritable(path, problem) from problem
        raise


# The name starts with a dot, so a file left by a killed process is never taken for a finished one.
_HALF = re.compile(r"\.(.+)\.[a-z0-9_]{8}")  # as tempfile makes names


def _begin(path: Path) -> tuple[int, str]:
    """A file beside `path`, locked as long as its writer lives, by which others know that."""
    while True:
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with suppress(OSError):  # a file system without locks
            fcntl.flock(handle, fcntl.LOCK_EX)
        if os.fstat(handle).st_nlink:
            return handle, temporary
        os.close(handle)  # swept before it was locked


def sweep(folder: Path, name: str | None = None) -> None:
    """Remove files of a folder that killed processes have left half-written; None: whatever their names were to be."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            half = _HALF.fullmatch(entry.name) if entry.name[0] == "." else None
            if half is not None and name in (None, half[1]) and entry.is_file(follow_symlinks=False):
                _remove_left(entry.path)


def _remove_left(path: str) -> None:
    with suppress(OSError):  # whoever writes it holds its lock
        handle = os.open(path, os.O_RDWR)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.unlink(path)
        finally:
            os.close(handle)


def size_of(folder: Path) -> int:
    """Bytes of the files in a folder; those that vanish meanwhile count as nothing."""
    total = 0
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(OSError):
                total += entry.stat().st_size if entry.is_file(follow_symlinks=False) else 0
    return total


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold a file's lock, beside it in .locks, as long as it is read and written anew.

    Raises:
        InputError: when the folder cannot be written.
    """
    from filelock import FileLock

    lock = path.parent / ".locks" / f"{path.name}.lock"
    try:
        lock.parent.mkdir(exist_ok=True)  # a copy of a store may lack it
        held = FileLock(lock).acquire()
    except OSError as problem:
        raise unwritable(path, problem) from problem
    with held:
        yield


def mebibytes(size: float) -> str:
    """ "1,234 MiB", "1.2 MiB", "0.12 MiB" of so many bytes."""
    mib = size / 2**20
    return f"{mib:,.{0 if mib >= 10 else 1 if mib >= 1 else 2}f} MiB"


def unwritable(path: Path, problem: OSError) -> InputError:
    """The message for a file that could not be written; a full disk is said as such."""
    if problem.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFullError(
            f"{path}: the disk is full; no file was left half-written. Free some space, then run it again"
        )
    return InputError(f"{path}: cannot be written ({problem.strerror or problem})")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
