"""Names, sizes and times of files: by which it is noticed, without reading them, that some were changed."""

import hashlib
import os
from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dissect.images.trees import is_folder


def stamps(root: Path, paths: Sequence[Path]) -> list[Any]:
    """When each folder and file last changed: a file added, removed or renamed shows in its folder's time."""
    return [str(root), *((str(p.relative_to(root)), p.stat().st_mtime_ns) for p in sorted(paths) if p.exists())]


def changed(folder: Path, *, inside: Sequence[str] = ("",)) -> str:
    """A digest of the names, sizes and times of all files below `folder`, of its sub-folders `inside` alone.

    Of 110,000 files in a quarter of a second. A file that was only touched changes it too: then the bytes decide.
    """
    digest = hashlib.blake2b(digest_size=16)
    waiting = [os.path.join(folder, name) for name in inside]
    seen = set()
    while waiting:
        path = waiting.pop()
        try:
            descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
        except OSError:
            continue  # says so itself when it is read
        try:
            status = os.fstat(descriptor)
            if (status.st_dev, status.st_ino) in seen:  # a link in a circle
                continue
            seen.add((status.st_dev, status.st_ino))
            names, numbers = [], array("q")
            with os.scandir(descriptor) as entries:
                for entry in sorted(entries, key=lambda entry: entry.name):
                    if is_folder(entry):
                        names.append(f"{entry.name}/")
                        waiting.append(f"{path}/{entry.name}")
                        continue
                    try:
                        status = entry.stat()
                    except OSError:  # a link that leads nowhere
                        status = entry.stat(follow_symlinks=False)
                    names.append(entry.name)
                    # The last is set by the system, so that a picture with the old one's size and date shows too.
                    numbers.extend((status.st_size, status.st_mtime_ns, status.st_ctime_ns))
        finally:
            os.close(descriptor)
        digest.update(os.fsencode("\0".join([os.path.relpath(path, folder), *names])) + numbers.tobytes())
    return digest.hexdigest()
