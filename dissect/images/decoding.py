"""Decoding images once, in parallel, into array files that later runs map into memory.

<cache>/<source>-<selection>-<size>px-<key>/
    train_images.npy  (N, S, S, 3) uint8      train_labels.npy  (N,) int64
    train_sums.npy    (N, 2, 3) int64: each image's channel sums and sums of squares
    train_rank.npy    (N,) float64: 0 to 1 within its class, ascending; a tuning split is a tail of the array
    train_checks.npy  (M, 2) int64: of each block of images that was written, how many they are and the CRC-32 of them
    val_images.npy    val_labels.npy    val_checks.npy
    about.json        classes, what was left out, digests; see cached.py, which reads the folder
"""

import hashlib
import os
import shutil
import zlib
from collections import Counter, deque
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from types import MappingProxyType
from typing import Any

import numpy as np
import simplejpeg
from PIL import UnidentifiedImageError

from dissect.errors import InputError
from dissect.images.cached import write_about, write_array, write_header
from dissect.images.contents import Contents, shuffled
from dissect.images.pictures import any_image
from dissect.images.trees import progress, shown

CHUNK = 64  # images a task: 0.8 MB at 64x64
THREADS = min(os.cpu_count() or 1, 8)  # much is done under the interpreter's lock, so more gain nothing
RULES = 2  # by which bytes become pixels; another number gives other digests. 2: upright, on a ground


@dataclass(frozen=True)
class _Decoded:
    images: np.ndarray  # (n, S, S, 3) uint8
    room: np.ndarray  # where they lie, to be used again: memory that is new costs a page fault per 4 kB
    sums: np.ndarray  # (n, 2, 3) int64
    check: int  # CRC-32 of the images
    kept: list[int]  # which of the chunk's names they are
    hashes: list[bytes]  # of their encoded bytes
    bad: list[str]  # what is wrong with the others


def decode(
    contents: Contents,
    folder: Path,
    *,
    image_size: int,
    skip_corrupt: bool,
    noted: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    """Write the arrays of `contents` into the existing, empty `folder`; `noted` goes into about.json.

    Raises:
        InputError: for an image that cannot be decoded, unless those are skipped, and for a class left without any.
        OSError: when the folder cannot be written.
    """
    total = sum(map(len, contents.train)) + sum(map(len, contents.val))
    needed, free = total * image_size**2 * 3 / 2**30, shutil.disk_usage(folder).free / 2**30
    if needed > free:
        raise InputError(
            f"data.image_size={image_size}: {total:,} images take {needed:,.1f} GiB decoded, and {folder.parent} has "
            f"{free:,.1f} GiB free; lower it, take fewer images, or name another place: data.cache=FOLDER"
        )
    left_out = {name: Counter(kinds) for name, kinds in contents.left_out.items()}
    about: dict[str, Any] = {
        "where": contents.where, "classes": contents.classes, "image_size": image_size, "skipped": [],
        "left_out": left_out, **noted,
    }  # fmt: skip
    with progress(f"decoding {total:,} images of {contents.where} into {folder.parent}, once", total) as advance:
        for part, by_class in (("train", contents.train), ("val", contents.val)):
            # Ordered by rank within the class, the last images hold an equal share of every class: whatever the
            # fraction held out for tuning, it is a slice of the array and costs no copy.
            entries = sorted(
                ((place + 0.5) / len(names), label, name)
                for label, names in enumerate(by_class)
                for place, name in enumerate(shuffled(names))
            )
            about[part], bad = _decode_part(contents, entries, folder, part, image_size, skip_corrupt, advance)
            about["skipped"] += [said for _, said in bad]
            for label, _ in bad:
                left_out.setdefault(contents.classes[label], Counter())["corrupt"] += 1
    if contents.looked is not None:
        about["looked"] = contents.looked()
    write_about(folder, about)


def _decode_part(
    contents: Contents,
    entries: list[tuple[float, int, str]],
    folder: Path,
    part: str,
    image_size: int,
    skip_corrupt: bool,
    advance: Callable[[int], None],
) -> tuple[str, list[tuple[int, str]]]:
    """Write one part's arrays; returns the digest of what the images are, and what was skipped, with its label."""

    def work(chunk: Sequence[tuple[float, int, str]]) -> _Decoded:
        try:
            room = rooms.get_nowait()
        except Empty:
            room = np.empty((CHUNK, image_size, image_size, 3), np.uint8)
        return _decode_chunk(contents, [name for _, _, name in chunk], room, skip_corrupt)

    chunks = [entries[i : i + CHUNK] for i in range(0, len(entries), CHUNK)]
    what = f"{part}, {len(contents.classes)} classes, {image_size} pixels, rules {RULES}, {contents.raw}"
    digest = hashlib.blake2b(what.encode(), digest_size=16)
    kept: list[tuple[float, int]] = []
    sums, checks = [], []
    bad: list[tuple[int, str]] = []
    rooms: SimpleQueue[np.ndarray] = SimpleQueue()
    # Written, not mapped: a full disk is then an OSError, where a mapped page would kill the process.
    with open(folder / f"{part}_images.npy", "wb") as file, closing(_in_order(work, chunks)) as results:
        write_header(file, 0, image_size)
        for chunk, decoded in zip(chunks, results, strict=True):
            file.write(decoded.images.data)
            rooms.put(decoded.room)
            sums.append(decoded.sums)
            checks.append((len(decoded.images), decoded.check))
            lost = sorted(set(range(len(chunk))) - set(decoded.kept))
            bad += [(chunk[i][1], said) for i, said in zip(lost, decoded.bad, strict=True)]
            for i, image_hash in zip(decoded.kept, decoded.hashes, strict=True):
                rank, label, _ = chunk[i]
                kept.append((rank, label))
                digest.update(label.to_bytes(8, "little") + image_hash)
            advance(len(chunk))
        file.seek(0)
        write_header(file, len(kept), image_size)
        file.flush()
        os.fsync(file.fileno())
    counts = np.bincount([label for _, label in kept], minlength=len(contents.classes))
    if (counts == 0).any():
        name = contents.classes[int(counts.argmin())]
        raise InputError(f"{contents.where}: every {part} image of class {name!r} is corrupt; restore the files")
    write_array(folder / f"{part}_checks.npy", np.array(checks, dtype=np.int64))
    write_array(folder / f"{part}_labels.npy", np.array([label for _, label in kept], dtype=np.int64))
    if part == "train":
        write_array(folder / "train_rank.npy", np.array([rank for rank, _ in kept]))
        write_array(folder / "train_sums.npy", np.concatenate(sums))
    return digest.hexdigest(), bad


def refused(bad: str) -> InputError:
    return InputError(f"{bad}; restore the file, or leave such files out with data.corrupt=skip")


def _decode_chunk(contents: Contents, names: Sequence[str], room: np.ndarray, skip_corrupt: bool) -> _Decoded:
    image_size = room.shape[1]
    plain = _plain_headers(image_size) if contents.raw is None else ()
    kept: list[int] = []
    hashes: list[bytes] = []
    bad: list[str] = []
    for i, name in enumerate(names):
        try:
            data = contents.read(name)
            pixels = room[len(kept)]
            if not _plain_jpeg(data, plain, pixels):
                pixels[:] = any_image(data, contents.raw, image_size)
        except Exception as problem:  # PIL and zipfile raise a dozen kinds for damaged files
            bad.append(f"{contents.where}/{shown(name)}: is corrupt or cannot be read ({_reason(problem)})")
            if not skip_corrupt:
                raise refused(bad[0]) from problem
            continue
        kept.append(i)
        hashes.append(hashlib.blake2b(data, digest_size=16).digest())
    images = room[: len(kept)]
    return _Decoded(images, room, _sums(images), zlib.crc32(images.data), kept, hashes, bad)


def _plain_headers(size: int) -> tuple[bytes, ...]:
    """How a baseline scan of 8 bits and size x size pixels begins (SOF0): its height and width, 3 or 1 components."""
    side = size.to_bytes(2, "big")
    return b"\xff\xc0\x00\x11\x08" + side + side + b"\x03", b"\xff\xc0\x00\x0b\x08" + side + side + b"\x01"


def _plain_jpeg(data: bytes, headers: Sequence[bytes], pixels: np.ndarray) -> bool:
    """Decode a JPEG that has one of `headers` into `pixels`, (S, S, 3) uint8: PIL's bits in half its time.

    False for all else and for what has any fault: both are PIL's then, and so is the last word on damage. That the
    header is known before decoding lets nobody's file decide how much memory is taken.
    """
    # PIL refuses a JPEG without its end-of-image marker, and accepts one with bytes after it.
    whole = data.startswith(b"\xff\xd8\xff") and data.endswith(b"\xff\xd9")
    if not whole or not any(header in data for header in headers):
        return False
    if b"\xff\xe1" in data[: data.find(b"\xff\xda")]:  # tags before the scan (APP1), which may say that it lies turned
        return False
    try:
        decoded = simplejpeg.decode_jpeg(data, "RGB", strict=True, buffer=pixels)
    except ValueError:
        return False
    return bool(decoded.shape == pixels.shape)  # another where the header that was found was not the image's


def _reason(problem: Exception) -> str:
    # PIL's own words name a buffer in memory, which would say another address each time.
    return "not an image" if isinstance(problem, UnidentifiedImageError) else str(problem)


def _sums(images: np.ndarray) -> np.ndarray:
    """Each image's channel sums and sums of squares, exact: (n, 2, 3) int64."""
    size = images.shape[1]
    rows = images.reshape(-1, size, 3 * size)  # summed as whole rows first, which is what the processor does fastest
    squares = np.square(rows, dtype=np.uint16)  # 255^2 = 65,025 fits
    columns = [rows.sum(1, dtype=np.uint32), squares.sum(1, dtype=np.uint32)]  # 65,025 x 65,535 rows would fit
    return np.stack(columns, axis=1).reshape(-1, 2, size, 3).sum(2, dtype=np.int64)


def _in_order(work: Callable[[Any], _Decoded], chunks: Sequence[Any]) -> Generator[_Decoded, None, None]:
    """`work` of each chunk from a pool of threads, in order; a few chunks ahead of the reader and no more."""
    pool = ThreadPoolExecutor(THREADS)
    try:
        waiting: deque[Future[_Decoded]] = deque()
        for chunk in chunks:
            waiting.append(pool.submit(work, chunk))
            if len(waiting) > 3 * THREADS:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
