"""Files that appear whole or not at all, and what to say when they cannot be written."""

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from dissect.errors import DiskFullError, InputError


@contextmanager
def whole(path: Path, mode: str = "w") -> Iterator[IO[Any]]:
    """Open `path` for writing so that it appears whole at the end of the block, or not at all.

    Raises:
        InputError: when the disk is full or the folder cannot be written, naming the file.
    """
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # The name starts with a dot, so a file left by a killed process is never taken for a finished one.
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        os.fchmod(handle, 0o666 & ~_umask())
        text: dict[str, Any] = {} if "b" in mode else {"encoding": "utf-8", "newline": ""}
        with open(handle, mode, **text) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException as problem:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        if isinstance(problem, OSError) and not isinstance(problem, FileNotFoundError):
            raise unwritable(path, problem) from problem
        raise


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
