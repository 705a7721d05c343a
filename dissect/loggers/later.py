"""Runs that were finished without W&B, told to it afterwards from what is stored of them."""

import csv
import io
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from hydra.utils import instantiate

from dissect.errors import InputError
from dissect.loggers.wandb import is_offline, was_told
from dissect.store.configs import read_config
from dissect.store.reading import table


def tell_later(results: Iterable[Mapping[str, Any]], logger: Any) -> str:
    """Make a W&B run of each finished one of which W&B was never told, as its training would have; says how many.

    Averages of runs are the dashboard's.

    Args:
        results: as `store.read_result` gives them, finished.
        logger: the config's; what is no W&B is told of nothing.
    """
    if logger.get("_target_") != "dissect.loggers.wandb.wandb_run":
        return ""
    begin, told = instantiate(logger), 0
    for result in results:
        folder = Path(result["folder"])
        if result["members"] or was_told(logger.save_dir, folder.name):
            continue
        try:
            config = {"variant": result["variant"], **read_config(folder)}
            rows = list(csv.DictReader(io.TextIOWrapper(table(folder / "metrics.csv"), "utf-8", newline="")))
            with begin(
                folder.name, job_type="member" if result["member_of"] else "train", group=result["variant"],
                tags=list(result["components"]), config=config,
            ) as log:  # fmt: skip
                log.epochs([{key: float(value) if value else None for key, value in row.items()} for row in rows])
                log.result(result)
        except (InputError, ValueError) as problem:
            print(f"note: {folder.name}: not told to W&B: {problem}", file=sys.stderr, flush=True)
            break  # the next one would fail alike
        told += 1
    if not told:
        return ""
    kept = f"; kept for wandb sync {logger.save_dir}/wandb/offline-run-*" if is_offline() else ""
    return f"{told} finished run{'' if told == 1 else 's'} told to W&B from what is stored{kept}"
