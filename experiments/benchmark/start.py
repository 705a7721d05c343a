"""From `python -m dissect` to the end of the first training step, beside importing torch and Lightning."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from table import Row, difference, interleaved

IMPORTS = "import time, torch, pytorch_lightning; print(time.monotonic())"


def rows(scratch: Path, repeats: int) -> Iterator[Row]:
    here = Path(__file__).parent  # where clocked.py is found, as any user's network is

    def seconds(*arguments: str) -> float:
        started = time.monotonic()
        done = subprocess.run([sys.executable, *arguments], cwd=here, check=True, stdout=subprocess.PIPE, text=True)
        return float(done.stdout.split()[-1]) - started

    def ours(number: int) -> float:
        where = f"runs={scratch / 'start'}", f"data.cache={scratch / 'cache'}"
        return seconds("-m", "dissect", "model._target_=clocked.Clocked", "init=he", f"seed={number}", *where)

    def imports(number: int) -> float:
        return seconds("-c", IMPORTS)

    ours(-1 % 1000)  # decodes the digits
    imports(0)
    yield Row(
        "starting a run: to the end of its first training step", "importing torch and pytorch_lightning",
        "s", interleaved(repeats, ours, imports), difference, "s more", 1.5, at_least=False,
    )  # fmt: skip
