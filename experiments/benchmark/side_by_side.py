"""Small runs side by side, one thread each, beside the same runs one after another."""

import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from table import Row, interleaved, speedup

from dissect.sweep.pool import cores

RUNS = 4 * cores()  # as many for every worker


def rows(scratch: Path, repeats: int) -> Iterator[Row]:
    def sweep(how: Sequence[str], number: int) -> float:
        return seconds(
            scratch / "side-by-side", "-m", "+ablation=step1,step7", f"seed=range({RUNS // 2})", "model.width=0.34",
            "data.image_size=32", "train.batch_size=64", "train.epochs=4", *how,
        )  # fmt: skip

    what = f"{RUNS} small runs (a third of the width, 32x32), {cores()} at once, one thread each"
    for threads, reach in ((cores(), 1.8), (1, None)):
        pairs = interleaved(
            -(-repeats // 2),
            partial(sweep, [f"parallel={cores()}"]),  # the pool gives each its share of the cores
            partial(sweep, ["parallel=1", f"threads={threads}"]),
        )
        each = "one thread each" if threads == 1 else f"{threads} threads each"
        yield Row(what, f"one after another, {each}", "s", pairs, speedup, "x", reach)


def seconds(runs: Path, *arguments: str) -> float:
    """What the runs of a sweep take in an empty store, from the first one's begin to the last one's end.

    Starting the processes is another row's.
    """
    shutil.rmtree(runs, ignore_errors=True)
    command = [sys.executable, "-m", "dissect", *arguments, f"runs={runs}", "name=study"]
    subprocess.run(command, check=True, capture_output=True)
    begun = min(path.stat().st_mtime for path in runs.glob("study/*/config.yaml"))
    return max(path.stat().st_mtime for path in runs.glob("study/*/result.json")) - begun
