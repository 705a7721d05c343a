"""Readers of runs made elsewhere, one small file each: `reads(source)` says whether it knows it, `read(source)` reads.

A user's own is any function of the source that returns a DataFrame, a row a run, or `found.Found`.
"""

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from hydra.errors import HydraException
from hydra.utils import instantiate

from dissect.errors import InputError
from dissect.store.readers import folders, table, wandb
from dissect.store.readers.found import Found

READERS = (table, wandb, folders)
PICKLES = (".pkl", ".pickle", ".joblib", ".pt", ".pth", ".ckpt")
KINDS = "a study's folder, a CSV or Parquet file, a Hydra multirun folder, wandb:entity/project, or offline W&B runs"


def is_study(path: Path) -> bool:
    """Whether it is a folder of dissect's own runs, even of none that has finished."""
    return path.is_dir() and any(next(path.glob(name), None) for name in ("*/result.json", "manifest-*.json"))


def is_elsewhere(source: str) -> bool:
    """Whether it is a file, or something that a reader knows."""
    return Path(source).is_file() or any(one.reads(source) for one in READERS)


def find(source: str, own: Mapping[str, Any] | None = None) -> Found:
    """What the reader that knows the source finds there.

    Args:
        own: a reader of the user's own: `_target_`, and what else it is called with.

    Raises:
        InputError: for a source that nobody reads, or that its reader cannot read.
    """
    if own is not None:
        return _own(source, own)
    if Path(source).suffix.lower() in PICKLES:
        raise InputError(f"{source}: is a pickle, which would run whatever it holds, so it is not opened; save a CSV")
    reader = next((one for one in READERS if one.reads(source)), None)
    if reader is None:
        raise InputError(f"{source}: is none of what can be read: {KINDS}; reader=mine.read names a reader of your own")
    return reader.read(source)


def _own(source: str, said: Mapping[str, Any]) -> Found:
    target = said.get("_target_")
    if not isinstance(target, str) or "." not in target:
        raise InputError(f"reader={target}: must name a function with its module, as reader=mine.read does")
    importlib.invalidate_caches()
    try:
        found = instantiate(dict(said), source)
    except (HydraException, TypeError, ValueError) as problem:
        reason = "; ".join(str(problem.__cause__ or problem).splitlines())
        raise InputError(f"reader={target}: {reason}") from problem
    if isinstance(found, pd.DataFrame):
        return Found(Path(source).stem, found.reset_index(drop=True))
    if not isinstance(found, Found):
        raise InputError(f"reader={target}: returned a {type(found).__name__}; it must return a DataFrame, a row a run")
    return found
