"""A sweep in which all 96 runs are finished, beside Hydra composing 96 jobs."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from table import Row, interleaved, ratio

JOBS = ["+ablation=glob(step*,exclude=[step7,step8])", "seed=range(16)"]  # 6 variants x 16 seeds


def rows(scratch: Path, repeats: int) -> Iterator[Row]:
    here = Path(__file__).parent

    def seconds(*arguments: str) -> float:
        started = time.perf_counter()
        subprocess.run([sys.executable, *arguments], cwd=here, check=True, capture_output=True)
        return time.perf_counter() - started

    def ours(number: int) -> float:
        small = "model.width=0.1", "train.epochs=1", "data.train_per_class=10", "data.val_per_class=2"
        where = f"runs={scratch / 'sweep'}", f"data.cache={scratch / 'cache'}", "name=sweep"
        return seconds("-m", "dissect", "-m", *JOBS, *small, *where)

    def hydra(number: int) -> float:
        own = "hydra/sweeper=basic", "hydra/launcher=basic", f"hydra.sweep.dir={scratch / 'hydra'}"
        return seconds("compose.py", "-m", *JOBS, *own)

    ours(-1)  # trains them
    yield Row(
        "a sweep in which all 96 runs are finished", "Hydra composing 96 jobs",
        "s", interleaved(-(-repeats // 2), ours, hydra), ratio, "x", 1.2, at_least=False,
    )  # fmt: skip
