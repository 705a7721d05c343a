"""The first decoding of Tiny ImageNet, from files to arrays, beside PIL's alone; and what it costs to believe it."""

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from PIL import Image
from table import Row, difference, interleaved, speedup

from dissect.sweep.pool import cores

OURS = """
import sys, time
from dissect.images.arrays import load
from dissect.images.sources import TinyImageNet
started = time.perf_counter()
load(TinyImageNet(sys.argv[1]), image_size=64, classes=None, train_per_class=None, val_per_class=None,
     judge="validation", tuning=0.1, corrupt="error", cache=sys.argv[2], verify=len(sys.argv) > 3)
print(time.perf_counter() - started)
"""


def pil(paths: Sequence[str]) -> None:
    """The yardstick's part of one core: files to pixels, which are dropped."""
    for path in paths:
        np.asarray(Image.open(path).convert("RGB"))


def rows(scratch: Path, repeats: int, root: Path) -> Iterator[Row]:
    paths = [str(path) for path in [*root.glob("train/*/images/*.JPEG"), *root.glob("val/images/*.JPEG")]]
    chunks = [paths[start : start + 1000] for start in range(0, len(paths), 1000)]
    cache = scratch / "tiny-imagenet"

    def loaded(*more: str) -> float:
        command = [sys.executable, "-c", OURS, str(root), str(cache), *more]
        return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    def ours(number: int) -> float:
        shutil.rmtree(cache, ignore_errors=True)
        return loaded()

    def verified(number: int) -> float:
        return loaded("verify")

    def read(number: int) -> float:
        started = time.perf_counter()
        for path in cache.glob("*/*.npy"):
            path.read_bytes()
        return time.perf_counter() - started

    def yardstick(number: int) -> float:
        # Processes: threads take half as long again, for PIL parses under the interpreter's lock.
        with ProcessPoolExecutor(cores(), mp_context=get_context("spawn")) as pool:
            list(pool.map(pil, [[]] * 4 * cores()))  # they have started
            started = time.perf_counter()
            list(pool.map(pil, chunks))
            return time.perf_counter() - started

    pil(paths)  # so that the files are in memory for both
    what = f"first decoding of {len(paths):,} images, files to arrays, sums, digests and cache"
    pairs = interleaved(repeats, ours, yardstick)
    yield Row(what, "PIL's decoding alone, all cores", "s", pairs, speedup, "x", 1.3)
    pairs = interleaved(repeats, verified, read)
    what = f"once a sweep: looking at the {len(paths):,} files, and holding all arrays against their digests"
    yield Row(what, "reading the arrays' files alone", "s", pairs, difference, "s more", None, at_least=False)
