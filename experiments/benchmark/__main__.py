"""`python experiments/benchmark`: every measure of speed and memory, as a table and in reports/benchmark/."""

import argparse
import os
import platform
import signal
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import at_once
import augmenting
import decoding
import gpu
import memory
import side_by_side
import small_study
import start
import subsets
import sweep
import training
from table import Row, markdown, show, write_csv

from dissect.store.record import commit, versions
from dissect.sweep.pool import cores, gpus
from dissect.training.hardware import device_name

REPORT = Path(__file__).parents[2] / "reports" / "benchmark"


def main() -> None:
    said = argparse.ArgumentParser(prog="python experiments/benchmark", description=__doc__)
    root = os.environ.get("TINY_IMAGENET")
    said.add_argument(
        "--tiny-imagenet", type=Path, default=root and Path(root), metavar="FOLDER", help="the real images"
    )
    said.add_argument("--repeats", type=int, default=3, help="of each measurement; of long ones half as many")
    said.add_argument(
        "--only",
        metavar="ROW",
        help="training, augmenting, side_by_side, at_once, start, small_study, sweep, subsets, decoding, memory or gpu",
    )
    said.add_argument("--report", type=Path, default=REPORT, metavar="FOLDER", help="where the table is written")
    options = said.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # its processes end with it
    with tempfile.TemporaryDirectory(prefix="dissect-benchmark-") as scratch:
        chosen = measures(Path(scratch), options.repeats, options.tiny_imagenet)
        if options.only not in (None, *chosen):
            needs = "; decoding, memory and gpu need TINY_IMAGENET=FOLDER, gpu a GPU too"
            sys.exit(f"error: --only {options.only}: is not one of {', '.join(chosen)}{needs}")
        rows: list[Row] = []
        for name in [options.only] if options.only else chosen:
            begun = time.monotonic()
            rows += chosen[name]()
            print(f"{name}: {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
    show(rows)
    missing = [] if options.tiny_imagenet else ["memory and decoding, which need TINY_IMAGENET=FOLDER"]
    missing += (
        [] if options.tiny_imagenet and gpus() else [f"gpu, which needs {'' if gpus() else 'a GPU and '}real images"]
    )
    left_out = f"Left out: {'; '.join(missing)}." if missing else ""
    print(left_out or "All rows are there.")
    if options.only is None:
        write(options.report, rows, left_out, options.repeats)
        print(options.report / "README.md")


def measures(scratch: Path, repeats: int, tiny_imagenet: Path | None) -> dict[str, Callable[[], Iterator[Row]]]:
    """The rows of each name, in the order in which they are best measured."""
    found: dict[str, Callable[[], Iterator[Row]]] = {
        name: partial(module.rows, scratch, repeats)
        for name, module in (
            ("training", training), ("augmenting", augmenting), ("side_by_side", side_by_side), ("at_once", at_once),
            ("start", start), ("small_study", small_study), ("sweep", sweep), ("subsets", subsets),
        )
    }  # fmt: skip
    if tiny_imagenet is not None:
        found["decoding"] = partial(decoding.rows, scratch, repeats, tiny_imagenet)
        found["memory"] = partial(memory.rows, scratch, tiny_imagenet)
        if gpus():
            images = ["data=tiny_imagenet", f"data.root={tiny_imagenet}", f"data.cache={scratch / 'tiny-imagenet'}"]
            found["gpu"] = partial(gpu.rows, scratch, repeats, images)
    return found


def write(folder: Path, rows: list[Row], left_out: str, repeats: int) -> None:
    """README.md: the table with hardware and versions; benchmark.csv: every repeat."""
    folder.mkdir(parents=True, exist_ok=True)
    packages = ", ".join(f"{name} {version}" for name, version in versions().items())
    import torch

    lines = [
        "# Benchmark", "",
        "Made by `make benchmark`; what each row measures, and what it means, stands in "
        "[experiments/benchmark](../../experiments/benchmark/README.md).", "",
        *markdown(rows), "",
        f"Each figure is the median over {repeats} interleaved repeats ({-(-repeats // 2)} for runs side by side and "
        "the sweep, 1 for memory, the 16 members and processes on a GPU), with the lowest and the highest; every "
        "repeat stands in [benchmark.csv](benchmark.csv).", "",
        f"Machine: {device_name(torch.device('cpu')).rsplit(',', 1)[0]}, {cores()} cores, {memory_gib():.0f} GiB; "
        f"{platform.system()} {platform.machine()}, {packages}. Commit {commit()}.", "",
        *([left_out, ""] if left_out else []),
    ]  # fmt: skip
    (folder / "README.md").write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")
    write_csv(folder / "benchmark.csv", rows)


def memory_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


if __name__ == "__main__":
    warnings.filterwarnings("ignore", message=r".*treespec, LeafSpec.*")
    main()
