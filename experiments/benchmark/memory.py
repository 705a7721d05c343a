"""Memory of two runs at once on all of Tiny ImageNet, beside one run's.

Of a page that several processes map, each counts its share (PSS, `/proc/<id>/smaps_rollup`), so that the sum of two
is what both take together.
"""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from table import Pair, Row, ratio

ARRAYS = 110_000 * 64 * 64 * 3 / 2**30  # GiB
SECONDS = 40.0  # watched, from the start: over thousand images are trained on, and all statistics made


def rows(scratch: Path, root: Path) -> Iterator[Row]:
    _peak(scratch, root, 1, seconds=1.0)  # decodes, where the row of that is not measured
    one, two = (_peak(scratch, root, count, seconds=SECONDS) for count in (1, 2))
    yield Row(
        "two runs at once, all of Tiny ImageNet: mapped files that the second adds",
        "the arrays, which it would add if they were not shared",
        "GiB", [Pair(two[1] - one[1], ARRAYS)], ratio, "x", 0.25, at_least=False,
    )  # fmt: skip
    yield Row("the same: all memory", "one run's", "GiB", [Pair(two[0], one[0])], ratio, "x", None)


def _peak(scratch: Path, root: Path, count: int, *, seconds: float) -> tuple[float, float]:
    """The highest sum over `count` runs of all their memory and of their mapped files, GiB."""
    command = [
        sys.executable, "-m", "dissect", "data=tiny_imagenet", f"data.root={root}", "trainer.accelerator=cpu",
        f"data.cache={scratch / 'tiny-imagenet'}", f"runs={scratch / 'memory'}", "name=memory", "threads=1",
    ]  # fmt: skip
    runs = [subprocess.Popen([*command, f"seed={seed}"], stdout=subprocess.DEVNULL) for seed in range(count)]
    peaks = (0.0, 0.0)
    try:
        end = time.monotonic() + seconds
        while time.monotonic() < end or not (scratch / "memory").exists():
            time.sleep(0.5)
            if any(run.poll() is not None for run in runs):
                raise RuntimeError("a run ended before its memory was measured")
            sums = [sum(values) for values in zip(*(_pss(run.pid) for run in runs), strict=True)]
            peaks = max(peaks[0], sums[0]), max(peaks[1], sums[1])
    finally:
        for run in runs:
            run.kill()
            run.wait()
    return peaks


def _pss(process: int) -> tuple[float, float]:
    lines = (line.split() for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()[1:])
    kilobytes = {name: int(value) for name, value, *_ in lines}
    return kilobytes["Pss:"] / 2**20, (kilobytes["Pss_File:"] + kilobytes["Pss_Shmem:"]) / 2**20
