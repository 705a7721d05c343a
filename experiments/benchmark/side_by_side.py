"""Small runs side by side, one thread each, beside the same runs one after another with all threads each."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from table import Row, interleaved, speedup

from dissect.pool import cores

RUNS = 4 * cores()  # as many for every worker


def rows(scratch: Path, repeats: int) -> Iterator[Row]:
    def seconds(number: int, *overrides: str) -> float:
        """From the first run's first epoch to the last one's end; starting the processes is another row's."""
        runs = scratch / "side-by-side"
        shutil.rmtree(runs, ignore_errors=True)
        command = [
            sys.executable, "-m", "dissect", "-m", "+ablation=step1,step7", f"seed=range({RUNS // 2})",
            "model.width=0.34", "data.image_size=32", "train.batch_size=64", "train.epochs=4",
            f"runs={runs}", "name=study", *overrides,
        ]  # fmt: skip
        subprocess.run(command, check=True, capture_output=True)
        begun = min(path.stat().st_mtime for path in runs.glob("study/*/config.yaml"))
        return max(path.stat().st_mtime for path in runs.glob("study/*/result.json")) - begun

    def ours(number: int) -> float:
        return seconds(number, f"parallel={cores()}")  # the pool gives each its share of the cores

    def one_by_one(number: int) -> float:
        return seconds(number, "parallel=1", f"threads={cores()}")

    pairs = interleaved(-(-repeats // 2), ours, one_by_one)
    yield Row(
        f"{RUNS} small runs (a third of the width, 32x32), {cores()} at once, one thread each",
        f"one after another, {cores()} threads each", "s", pairs, speedup, "x", 1.8,
    )  # fmt: skip
