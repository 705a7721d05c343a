"""What every reader of runs made elsewhere returns."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import pandas as pd


class Found(NamedTuple):
    """Runs as a reader finds them; nothing of them is interpreted yet.

    `runs` has a row a run in the order in which they were started: what was set, what was measured, and, where the
    source says it, `run` (its name) and `error` (why it has no result). `settings` names the columns that were set,
    None where the source does not tell them from those that were measured. `curves` has a frame for each run that has
    one: `epoch`, and a column a metric; they win over values in `runs`. `later` makes them where they take long to
    fetch. `notes` are sentences for the page.
    """

    name: str
    runs: pd.DataFrame
    settings: Sequence[str] | None = None
    curves: Mapping[str, pd.DataFrame] = {}
    later: Callable[[], Mapping[str, pd.DataFrame]] | None = None
    notes: Sequence[str] = ()


def logged(value: float) -> float:
    """NaN as infinity: it was logged and is no number, where NaN in a frame says that nothing was logged."""
    return float("inf") if value != value else value


def by_epoch(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows as loggers write them, each with some of the metrics, as one row an epoch: the last value of each.

    A row without an epoch belongs to the one before it; without any epochs, `step` counts, else the rows.
    """
    numbers = rows.apply(pd.to_numeric, errors="coerce")
    counted = next((name for name in ("epoch", "step") if name in numbers and numbers[name].notna().any()), None)
    epoch = pd.Series(range(len(rows)), rows.index, dtype=float) if counted is None else numbers[counted].ffill()
    rest = numbers.drop(columns=["epoch", "step"], errors="ignore").dropna(axis=1, how="all")
    # GroupBy.last takes the last that is there, of each column by itself.
    return rest.groupby(epoch.fillna(0).rename("epoch")).last().reset_index()
