"""Fetching a file over the network, whole and verified, with a bar to look at meanwhile."""

import hashlib
import http.client
import urllib.request
from collections.abc import Generator
from contextlib import closing
from pathlib import Path

from dissect.errors import AbsentError, InputError
from dissect.files import whole
from dissect.images.trees import progress
from dissect.training.task import may_fetch


def download(url: str, path: Path, *, md5: str, mend: str) -> None:
    """Fetch `url` into `path` unless it is there; it appears whole and verified, or not at all.

    Raises:
        AbsentError: where it is not there, and nothing is to be fetched.
        InputError: without network, for other content than `md5` says, or when `path` cannot be written.
    """
    if path.is_file():
        with open(path, "rb") as there:
            kept = hashlib.file_digest(there, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
        if kept != md5:
            raise InputError(f"{path}: has md5 {kept}, not {md5}; delete it, and it is fetched again")
        return
    refuse_fetching(url, mend)
    found = hashlib.md5(usedforsecurity=False)
    with whole(path, "wb") as file, closing(_blocks(url, path.name, mend)) as blocks:
        for block in blocks:
            found.update(block)
            file.write(block)
        if found.hexdigest() != md5:
            raise InputError(f"{url}: what came has md5 {found.hexdigest()}, not {md5}; {mend}")


def refuse_fetching(url: str, mend: str) -> None:
    """Raise an AbsentError where nothing is to be fetched now."""
    if not may_fetch():
        raise AbsentError(f"{url}: is not on this machine yet; a run fetches it, or {mend}")


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
