"""A CSV or Parquet file: a row a run, or a row an epoch of one."""

import csv
from pathlib import Path
from typing import Any

import pandas as pd

from dissect.errors import InputError
from dissect.store.readers.found import Found, logged

MEND = "a table of runs has a line of names, then a row a run"


def reads(source: str) -> bool:
    return Path(source).suffix.lower() in (".csv", ".parquet")


def read(source: str) -> Found:
    """Raises InputError for a file that is no such table, and for two columns of one name."""
    path = Path(source)
    try:
        frame = _csv(path) if path.suffix.lower() == ".csv" else _parquet(path)
    except InputError:
        raise
    except Exception as problem:  # pandas and Arrow raise a dozen kinds for what is no table
        reason = " ".join(str(getattr(problem, "strerror", None) or problem).split())[:200]
        raise InputError(f"{path}: cannot be read ({reason}); {MEND}") from problem
    if frame.empty:
        raise InputError(f"{path}: has no rows; {MEND}")
    return Found(path.stem, frame)


def _csv(path: Path) -> pd.DataFrame:
    with open(path, newline="", encoding="utf-8-sig") as file:
        head = next(csv.reader(file), [])
    if twice := [name for name in dict.fromkeys(head) if head.count(name) > 1]:
        raise InputError(f"{path}: has two columns named {twice[0]!r}; rename one")
    # As text at first, or a variant named NA would be missing, and numbers would lose their last digit.
    table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    return table.apply(lambda column: column.map(_shown)).apply(typed)


def _shown(cell: str) -> str:
    """Without the apostrophe by which a spreadsheet is told that this is text."""
    return cell[1:] if cell.startswith("'") and cell[1:].lstrip().startswith(("=", "+", "-", "@")) else cell


def typed(column: "pd.Series[Any]") -> "pd.Series[Any]":
    """Texts as what all of them are: true or false, else numbers (see `logged`); "" is missing."""
    texts = column.str.strip()
    missing = texts == ""
    if missing.all():
        return pd.Series(None, column.index, dtype=object)
    if texts[~missing].str.lower().isin(["true", "false"]).all():
        return texts.str.lower().map({"true": True, "false": False}).astype(object).where(~missing, None)
    try:
        numbers = [None if gone else logged(float(text)) for text, gone in zip(texts, missing, strict=True)]
    except ValueError:
        return column.astype(object).where(~missing, None)
    return pd.Series(numbers, column.index, dtype=float)


def _parquet(path: Path) -> pd.DataFrame:
    try:
        return pd.read_parquet(path)
    except ImportError as problem:
        raise InputError(f"{path}: Parquet needs pyarrow; pip install pyarrow, or save the table as CSV") from problem
