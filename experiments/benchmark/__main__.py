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
from table import Row, markdown, read, records, show, write

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
        metavar="ROWS",
        type=lambda said: said.split(","),
        help="measure these anew, others stay as they are: training, augmenting, side_by_side, at_once, start, "
        "small_study, sweep, subsets, decoding, memory, gpu",
    )
    said.add_argument("--report", type=Path, default=REPORT, metavar="FOLDER", help="where the table is written")
    options = said.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # its processes end with it
    with tempfile.TemporaryDirectory(prefix="dissect-benchmark-") as scratch:
        chosen = measures(Path(scratch), options.repeats, options.tiny_imagenet)
        names = options.only or list(chosen)
        if unknown := [name for name in names if name not in chosen]:
            needs = "; decoding, memory and gpu need TINY_IMAGENET=FOLDER, gpu a GPU too"
            sys.exit(f"error: --only {unknown[0]}: is not one of {', '.join(chosen)}{needs}")
        for name in names:
            begun = time.monotonic()
            rows = list(chosen[name]())
            show(rows)
            add(options.report, name, records(name, rows, machine()), list(chosen))
            print(f"{name}: {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
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


def add(folder: Path, name: str, measured: list[dict[str, str]], order: list[str]) -> None:
    """benchmark.csv: every repeat, the group's earlier ones replaced; README.md: their table."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = [one for one in read(folder / "benchmark.csv") if one["rows"] != name]
    order = [*order, *(one["rows"] for one in kept)]
    found = sorted([*kept, *measured], key=lambda one: order.index(one["rows"]))  # keeps each group's own order
    write(folder / "benchmark.csv", found)
    lines = [
        "# Benchmark", "",
        "Made by `make benchmark`; what each row measures, and what it means, stands in "
        "[experiments/benchmark](../../experiments/benchmark/README.md). Each figure is the median over n interleaved "
        "repeats, with the lowest and the highest; every repeat stands in [benchmark.csv](benchmark.csv).", "",
        *markdown(found),
    ]  # fmt: skip
    (folder / "README.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def machine() -> str:
    """On what, with what and at which commit a group of rows is measured."""
    import torch

    packages = ", ".join(f"{name} {version}" for name, version in versions().items())
    device = device_name(torch.device("cpu")).rsplit(",", 1)[0]
    system = f"{cores()} cores, {memory_gib():.0f} GiB, {platform.system()} {platform.machine()}"
    return f"{device}, {system}, {packages}, commit {commit(REPORT.parents[1])}"


def memory_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


if __name__ == "__main__":
    warnings.filterwarnings("ignore", message=r".*treespec, LeafSpec.*")
    main()
