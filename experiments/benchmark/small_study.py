"""A study of small runs, the whole command, beside what one would write by hand: Lightning in a joblib loop."""

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from table import Row, interleaved, ratio

VARIANTS, SEEDS, WORKERS = ("step1", "step2", "step4"), 3, 2
SMALL = ("data.train_per_class=20", "data.image_size=16", "model.width=0.34", "train.epochs=20", "train.batch_size=20")


def rows(scratch: Path, repeats: int) -> Iterator[Row]:
    here = Path(__file__).parent

    def seconds(*command: str) -> float:
        started = time.perf_counter()
        subprocess.run([sys.executable, *command], cwd=here, check=True, capture_output=True)
        return time.perf_counter() - started

    def ours(number: int) -> float:
        shutil.rmtree(scratch / "small", ignore_errors=True)
        what = f"+ablation={','.join(VARIANTS)}", f"seed=range({SEEDS})", f"parallel={WORKERS}"
        where = f"runs={scratch / 'small'}", f"data.cache={scratch / 'cache'}", "name=small"
        return seconds("-m", "dissect", "-m", *what, *SMALL, "evaluate.ten_crop=null", *where)

    def loop(number: int) -> float:
        return seconds("loop.py", str(scratch / "loop"))

    ours(-1)  # decodes the digits
    loop(-1)
    runs = len(VARIANTS) * SEEDS
    yield Row(
        f"{runs} small runs, {WORKERS} at once: the whole command", "Lightning in a joblib loop",
        "s", interleaved(repeats, ours, loop), ratio, "x", 0.8, at_least=False,
    )  # fmt: skip
