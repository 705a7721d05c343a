"""The files of the cache: written with their digests, and believed only where those agree.

about.json ends in a seal over all that it says; it holds each array's shape, type and digest. Small arrays are digested
at every load. Images, a gigabyte and more, have the CRC-32 of each block in an array of their own (0.3 s for 110,000 of
64x64 pixels): they are held against it once a sweep, and at once where their file's time is not the one written down.
"""

import hashlib
import io
import json
import os
import zlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from dissect.errors import InputError
from dissect.images.trees import Folder

SMALL = ("train_labels", "train_rank", "train_sums", "train_checks", "val_labels", "val_checks")
IMAGES = ("train_images", "val_images")
THREADS = min(os.cpu_count() or 1, 4)  # reading from memory is all that is left to do


def write_header(file: Any, images: int, image_size: int) -> None:
    # numpy leaves room for the first axis to grow, so the header's length is the same for any number of images.
    header = {"descr": "|u1", "fortran_order": False, "shape": (images, image_size, image_size, 3)}
    np.lib.format.write_array_header_1_0(file, header)


def write_array(path: Path, array: np.ndarray) -> None:
    buffer = io.BytesIO()  # np.save straight to a full disk raises an OSError without its errno
    np.save(buffer, array)
    _write(path, buffer.getvalue())


def write_about(folder: Path, about: Mapping[str, Any]) -> None:
    """Last of a folder's files: what it holds, and the digests by which that is known."""
    files = {}
    for name in SMALL:
        data = (folder / f"{name}.npy").read_bytes()
        files[name] = {"bytes": len(data), "digest": _digest(data)}
    for name in IMAGES:
        status = (folder / f"{name}.npy").stat()
        files[name] = {"bytes": status.st_size, "written": status.st_mtime_ns}
    content = {**about, "files": files}
    _write(folder / "about.json", json.dumps({**content, "seal": _seal(content)}, indent=1).encode())


def _write(path: Path, data: bytes) -> None:
    with open(path, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def read(folder: Path, *, verify: bool) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """What about.json says, and the arrays by name; the images mapped copy-on-write.

    Args:
        verify: read all images and hold them against their checks, even where nothing hints at a change.

    Raises:
        InputError: where a file is missing, cut short, another than was written, or holds what cannot be.
    """
    about = about_of(folder)
    try:
        arrays = {name: _small(folder / f"{name}.npy", about["files"][name]) for name in SMALL}
        for name in IMAGES:
            part = name.removesuffix("_images")
            checks, shape = arrays[f"{part}_checks"], (len(arrays[f"{part}_labels"]), *[about["image_size"]] * 2, 3)
            arrays[name] = _images(folder / f"{name}.npy", shape, checks, about["files"][name], verify=verify)
        _check(about, arrays)
    except (OSError, ValueError, EOFError) as problem:
        raise damaged(folder, problem) from problem
    return about, arrays


def damaged(folder: Path, reason: object) -> InputError:
    return InputError(f"{folder}: is damaged ({reason}); delete it, and it is made again")


def about_of(folder: Path) -> dict[str, Any]:
    """What about.json says.

    Raises:
        InputError: where it is not as it was written, or not this folder's.
    """
    try:
        about = json.loads(Folder(folder).read("about.json"))  # no pipe, which would be waited for
    except (OSError, ValueError, RecursionError) as problem:
        raise damaged(folder, problem) from problem
    if not isinstance(about, dict) or about.pop("seal", None) != _seal(about):
        raise damaged(folder, "about.json is not as it was written")
    if about["folder"] != folder.name:
        raise damaged(folder, f"it is {about['folder']}, under another name")
    return about


def _seal(content: Mapping[str, Any]) -> str:
    return _digest(json.dumps(content, sort_keys=True).encode())


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def _small(path: Path, known: Mapping[str, Any]) -> np.ndarray:
    _check_size(path, known["bytes"])
    data = path.read_bytes()
    if _digest(data) != known["digest"]:  # before its header is believed
        raise ValueError(f"{path.name} is not as it was written")
    array: np.ndarray = np.load(io.BytesIO(data), allow_pickle=False)
    return array


def _check_size(path: Path, size: int) -> None:
    found = path.stat().st_size
    if found != size:
        raise ValueError(f"{path.name} has {found:,} bytes, not {size:,}")


def _images(
    path: Path, shape: tuple[int, ...], checks: np.ndarray, known: Mapping[str, Any], *, verify: bool
) -> np.ndarray:
    size = int(np.prod(shape))
    _check_size(path, known["bytes"])
    buffer = io.BytesIO()
    write_header(buffer, shape[0], shape[1])
    header = buffer.getvalue()
    with open(path, "rb") as file:
        # What the labels and the size ask for, so that no header's claim decides what is mapped.
        if file.read(len(header)) != header or len(header) + size != known["bytes"]:
            raise ValueError(f"{path.name} is not of {shape[0]:,} images of {shape[1]}x{shape[2]} pixels")
        written = os.fstat(file.fileno())
        if verify or written.st_mtime_ns != known["written"]:
            _verify(file.fileno(), path.name, checks, len(header), size // max(shape[0], 1))
            if written.st_mtime_ns != known["written"]:
                _restore_time(path, written.st_atime_ns, known["written"])
    # Copy-on-write, so torch.from_numpy takes them without a warning and processes share the pages.
    return np.memmap(path, np.uint8, mode="c", offset=len(header), shape=shape)


def _verify(descriptor: int, name: str, checks: np.ndarray, offset: int, image_bytes: int) -> None:
    """Hold every block against its CRC-32."""
    ends = checks[:, 0].cumsum() * image_bytes + offset
    starts = ends - checks[:, 0] * image_bytes

    def agrees(block: int) -> bool:
        data = os.pread(descriptor, int(ends[block] - starts[block]), int(starts[block]))
        return zlib.crc32(data) == checks[block, 1]

    with ThreadPoolExecutor(THREADS) as pool:
        for block, agreed in enumerate(pool.map(agrees, range(len(checks)))):
            if not agreed:
                first = int(checks[:block, 0].sum())
                last = first + int(checks[block, 0]) - 1
                raise ValueError(f"{name}: images {first:,} to {last:,} are not as they were written")


def _restore_time(path: Path, read: int, written: int) -> None:
    """Of a cache that was copied and found whole, so that the next start need not read it all again."""
    with suppress(OSError):  # somebody else's
        os.utime(path, ns=(read, written))


def _check(about: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
    """What follows from what: a digest tells that a file is as it was written, and this that it can be used."""
    for part in ("train", "val"):
        labels, images = arrays[f"{part}_labels"], arrays[f"{part}_images"]
        if labels.dtype != np.int64 or labels.ndim != 1 or int(arrays[f"{part}_checks"][:, 0].sum()) != len(images):
            raise ValueError(f"{part}_labels.npy does not fit the images")
        if len(labels) and not 0 <= labels.min() <= labels.max() < len(about["classes"]):
            raise ValueError(
                f"{part}_labels.npy has labels {labels.min()} to {labels.max()} of {len(about['classes'])} classes"
            )
    if arrays["train_rank"].shape != arrays["train_labels"].shape or len(arrays["train_sums"]) != len(
        arrays["train_labels"]
    ):
        raise ValueError("train_rank.npy or train_sums.npy does not fit the images")
