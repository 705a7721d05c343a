"""Reading files that anyone may have made or damaged: bounded, without pickles, and told of in one line.

A file's own claims (a header's shape, an archive's sizes) are held against what is on disk before memory is taken.
"""

import hashlib
import io
import json
import math
import os
import re
import stat
import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path
from types import UnionType
from typing import IO, Any, NamedTuple, get_args

import numpy as np

from dissect.errors import InputError

AGAIN = "delete this run's folder and train it again"
MOST_JSON = 16 << 20  # bytes; a manifest of a thousand variants has 4 MB
MOST_TABLE = 64 << 20  # bytes; ten thousand epochs of a hundred metrics have 20 MB
MOST_ARRAYS = 8 << 30  # bytes; 50,000 examples of 1,000 classes in two views have 0.4 GB

Types = type | UnionType


def read_bytes(path: Path, most: int, *, mend: str = AGAIN) -> bytes:
    """A regular file's bytes, at most `most` of them.

    Raises:
        FileNotFoundError: where there is nothing.
        InputError: for a folder, pipe, socket or device in its place, which is not opened; for a larger file.
    """
    with _opened(path, mend) as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise InputError(f"{path}: holds more than {most:,} bytes, so it is not what dissect writes here; {mend}")
    return data


def read_json(path: Path, most: int = MOST_JSON, *, needs: Mapping[str, Types] | None = None, mend: str = AGAIN) \
        -> dict[str, Any]:  # fmt: skip
    """The mapping in a JSON file, all its numbers finite.

    Args:
        most: bytes that it may have.
        needs: keys that must be there, with the type of their values, such as {"variant": str, "error": str | None}.
        mend: what the message says to do.

    Raises:
        FileNotFoundError: where there is nothing.
        InputError: for anything else than such a mapping, in one line.
    """
    data = read_bytes(path, most, mend=mend)
    try:
        said = json.loads(
            data.decode("utf-8"), object_pairs_hook=_pairs, parse_constant=_refuse_constant, parse_float=_finite
        )
        json.dumps(said, ensure_ascii=False).encode("utf-8")  # half a surrogate pair would end a later print
    except (UnicodeDecodeError, UnicodeEncodeError) as problem:
        raise InputError(f"{path}: is not text in UTF-8 ({problem.reason}); {mend}") from problem
    except RecursionError as problem:
        raise InputError(f"{path}: is nested too deeply to be read; {mend}") from problem
    except ValueError as problem:
        raise InputError(f"{path}: is not valid JSON ({problem}); {mend}") from problem
    if not isinstance(said, dict):
        raise InputError(f"{path}: holds a {_JSON[type(said)]} where a mapping belongs; {mend}")
    for key, types in (needs or {}).items():
        if key not in said:
            raise InputError(f"{path}: lacks `{key}`; {mend}")
        value = said[key]
        # JSON's true and false are no numbers, though Python's are.
        if not isinstance(value, types) or (isinstance(value, bool) and bool not in (get_args(types) or (types,))):
            raise InputError(f"{path}: {key}={value!r:.80}: has the wrong type ({_JSON[type(value)]}); {mend}")
    return said


_JSON = {dict: "mapping", list: "list", str: "text", int: "number", float: "number", bool: "true or false",
         type(None): "null"}  # fmt: skip


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands in it twice")
    return found


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no number")


def _finite(text: str) -> float:
    if not math.isfinite(value := float(text)):
        raise ValueError(f"{text[:20]} is no finite number")
    return value


def table(path: Path, *, mend: str = AGAIN) -> io.BytesIO:
    """A CSV file, for whoever parses it; raises as `read_bytes` does."""
    return io.BytesIO(read_bytes(path, MOST_TABLE, mend=mend))


def seal(content: Mapping[str, Any]) -> str:
    """A digest by which a mapping that was edited is known; it guards against accidents, not against intent.

    Of what JSON makes of it, `seal` left out, so that it is the same before writing and after reading.
    """
    kept = {key: value for key, value in content.items() if key != "seal"}
    plain = json.loads(json.dumps(kept, allow_nan=False))
    return hashlib.blake2b(json.dumps(plain, sort_keys=True).encode(), digest_size=8).hexdigest()


def checked(said: Mapping[str, Any], path: Path, *, mend: str = AGAIN) -> dict[str, Any]:
    """The mapping without its `seal`.

    Raises:
        InputError: for one without, or whose content the seal does not fit.
    """
    if said.get("seal") is None:
        raise InputError(f"{path}: has no seal, so nobody knows whether it was changed; {mend}")
    if said["seal"] != seal(said):
        raise InputError(f"{path}: was changed since it was written; undo that, or {mend}")
    return {key: value for key, value in said.items() if key != "seal"}


_TAIL = 1 << 18  # bytes; an archive of arrays ends in its directory, with the CRC-32 of each, and may have gigabytes


def mark(path: Path) -> dict[str, Any]:
    """By what a file is known: its size and a digest, of an archive that of its end.

    Raises:
        FileNotFoundError: where there is nothing.
        InputError: for what is no regular file, which is not opened: a pipe would be waited for.
    """
    with _opened(path, AGAIN) as file:
        size = os.fstat(file.fileno()).st_size
        most = _TAIL if ".npz" in path.name else MOST_TABLE
        file.seek(max(0, size - most))
        return {"bytes": size, "digest": hashlib.blake2b(file.read(most), digest_size=8).hexdigest()}


class Array(NamedTuple):
    """What an array of an archive must be.

    `kinds` are NumPy's letters for its type ("b" bool, "iu" whole numbers, "f" floats); `shape` has a number where it
    is known, a name where all arrays with that name agree, such as ("examples", "classes"), and ends in ... where any
    may follow.
    """

    kinds: str
    shape: tuple[Any, ...]
    optional: bool = False


def open_npz(
    path: Path, expected: Mapping[str, Array], only: Collection[str] | None = None, *, others: Array | None = None,
    most: int = MOST_ARRAYS, mend: str = AGAIN,
) -> dict[str, np.ndarray]:  # fmt: skip
    """The arrays of an archive that numpy.savez wrote, none of them unpickled.

    Every header is held against `expected`, its fellows and the archive's directory before an array is read. Members
    are stored as they are, so that none takes more memory than the file has on disk.

    Args:
        expected: every array that may be there, by name.
        others: what arrays of any other name must be; None where there may be none.
        only: the names to read; None for all. Those that are optional and missing are left out.
        most: bytes that the file may have; a sparse one has many on a small disk.

    Raises:
        FileNotFoundError: where there is nothing.
        InputError: for an archive that is damaged, or holds others.
    """
    try:
        with _opened(path, mend) as file:
            size = os.fstat(file.fileno()).st_size
            if size > most:
                raise ValueError(f"it has {size:,} bytes, more than {most:,}")
            _check_directory(file)
            with zipfile.ZipFile(file) as archive:
                members = _members(archive, expected, size, others is not None)
                sizes = dict[str, int]()
                for name, member in members.items():
                    _check_header(archive, member, name, expected.get(name, others), sizes)
                wanted = [name for name in members if only is None or name in only]
                return {name: _array(archive, members[name]) for name in wanted}
    except (InputError, FileNotFoundError):
        raise
    except Exception as problem:  # zipfile and NumPy raise a dozen kinds for what is damaged
        reason = " ".join(str(problem).split())[:200]
        raise InputError(f"{path}: cannot be read ({reason}); {mend}") from problem


def _opened(path: Path, mend: str) -> IO[bytes]:
    """The file, opened without waiting, where it is a regular one."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # a device may act when it is opened
            raise InputError(f"{path}: is no regular file; remove it, and {mend}")
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            raise InputError(f"{path}: is no regular file; remove it, and {mend}")
        return os.fdopen(handle, "rb")
    except FileNotFoundError:
        raise
    except NotADirectoryError as problem:
        raise FileNotFoundError(path) from problem
    except (OSError, ValueError) as problem:
        raise InputError(f"{path}: cannot be read ({getattr(problem, 'strerror', problem)}); {mend}") from problem


def _check_directory(file: IO[bytes]) -> None:
    """Refuse a directory of many entries, which zipfile would read whole; savez writes no comment behind it."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - 42))
    tail = file.read(42)
    end = tail[-22:]
    if len(end) < 22 or end[:4] != b"PK\5\6" or (tail[:4] == b"PK\6\7" and size < 0xFFFF_FFFF):
        raise ValueError("it does not end as an archive does: cut short, or not written by numpy.savez")
    entries, length = int.from_bytes(end[10:12], "little"), int.from_bytes(end[12:16], "little")
    if entries > 100 or length > 100_000:
        raise ValueError(f"its directory has {entries} entries and {length:,} bytes")
    file.seek(0)


def _members(archive: zipfile.ZipFile, expected: Mapping[str, Array], size: int, others: bool) \
        -> dict[str, zipfile.ZipInfo]:  # fmt: skip
    found: dict[str, zipfile.ZipInfo] = {}
    for member in archive.infolist():
        name = member.filename.removesuffix(".npy")
        if (name not in expected and not others) or member.filename != f"{name}.npy":
            raise ValueError(f"it holds {member.filename[:80]!r}; it may hold {', '.join(expected)}")
        if name in found:
            raise ValueError(f"it holds {name} twice")
        if member.compress_type != zipfile.ZIP_STORED or member.compress_size != member.file_size:
            raise ValueError(f"{name} is packed, and dissect packs nothing")
        if member.flag_bits & 0x1 or member.header_offset + member.file_size > size:
            raise ValueError(f"{name} does not lie in it as its directory says")
        found[name] = member
    if missing := [name for name, array in expected.items() if not array.optional and name not in found]:
        raise ValueError(f"it lacks {missing[0]}")
    return {name: found[name] for name in dict.fromkeys([*expected, *found]) if name in found}


# As numpy.save writes it. NumPy's own reader evaluates what it finds, and mends what old versions wrote.
_HEADER = re.compile(rb"\{'descr': '([<>|=][bifuO]\d{0,2})', 'fortran_order': (?:True|False), "
                     rb"'shape': \(((?:\d{1,40}, ?){0,5}(?:\d{1,40})?)\), \} *\n")  # fmt: skip


def _check_header(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str, array: Array | None, sizes: dict[str, int]
) -> None:
    assert array is not None
    with archive.open(member) as file:
        start = file.read(10)
        header = file.read(min(int.from_bytes(start[8:], "little"), 1000))
    said = _HEADER.fullmatch(header)
    if start[:8] != b"\x93NUMPY\x01\x00" or said is None:
        raise ValueError(f"{name} does not begin as an array of numbers does")
    dtype = np.dtype(said[1].decode())
    shape = [int(length) for length in said[2].split(b",") if length.strip()]
    if dtype.hasobject or dtype.kind not in array.kinds:
        raise ValueError(f"{name} holds {'Python objects' if dtype.hasobject else dtype}")
    free = array.shape[-1:] == (...,)
    axes = array.shape[:-1] if free else array.shape
    agreed = [one if isinstance(one, int) else sizes.setdefault(one, length)
              for one, length in zip(axes, shape, strict=False)]  # fmt: skip
    if len(shape) < len(axes) or (len(shape) > len(axes) and not free) or shape[: len(axes)] != agreed:
        wanted = ", ".join(f"{one}" if isinstance(one, int) else f"{sizes.get(one, '?')} {one}" for one in axes)
        raise ValueError(f"{name} claims a shape of {tuple(shape)!s:.80}, not ({wanted})")
    if len(start) + len(header) + math.prod(shape) * dtype.itemsize != member.file_size:
        raise ValueError(f"{name} claims a shape of {tuple(shape)!s:.80}, and has {member.file_size:,} bytes")


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    with archive.open(member) as file:
        array: np.ndarray = np.lib.format.read_array(file, allow_pickle=False, max_header_size=1000)
        while file.read(1 << 20):  # to its end, where the checksum is looked at
            pass
    return array
