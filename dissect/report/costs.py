"""What a variant reaches against what it costs, as in `figures`: a tidy frame in, drawn on the given axes."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import EngFormatter, LogLocator, MaxNLocator, NullFormatter

from dissect.measure.metric import Metric
from dissect.report.figures import axis_label, scaled
from dissect.style import BLUE, GREY, INK, small

NAMES = {"parameters": "parameters", "multiply_adds": "multiply-adds of one example", "train_seconds": "seconds a run"}


def pareto(cost: npt.ArrayLike, level: npt.ArrayLike, sign: int) -> npt.NDArray[np.bool_]:
    """Which points (n,) no other point beats: none costs as little and reaches as much, one of both strictly.

    Args:
        sign: +1 where higher levels are better, -1 where lower ones are.
    """
    costs, levels = np.asarray(cost, dtype=float), sign * np.asarray(level, dtype=float)
    no_worse = (costs[None] <= costs[:, None]) & (levels[None] >= levels[:, None])
    better = (costs[None] < costs[:, None]) | (levels[None] > levels[:, None])
    found: npt.NDArray[np.bool_] = ~(no_worse & better).any(axis=1) & ~np.isnan(costs) & ~np.isnan(levels)
    return found


def plot_costs(table: pd.DataFrame, cost: str, metric: Metric, *, ax: Axes) -> None:
    """A point a variant, by its number, with its interval; those that nothing beats are filled and joined by a line.

    Args:
        table: `number`, `mean`, `mean_low`, `mean_high` (as logged), and the costs by their names.
        cost: of NAMES; on a logarithmic axis where the dearest costs ten times the cheapest.
    """
    known = table[table[cost].notna() & table["mean"].notna()].sort_values(cost)
    front = pareto(known[cost], known["mean"], metric.sign)
    style: Any = {"fmt": "none", "ecolor": GREY, "elinewidth": 1.2, "capsize": 3, "zorder": 2}
    ends = np.abs(known[["mean_low", "mean_high"]].to_numpy(float).T - known["mean"].to_numpy(float))
    ax.errorbar(known[cost], known["mean"], yerr=np.nan_to_num(ends), **style)
    ax.plot(known[cost][front], known["mean"][front], "-", color=BLUE, lw=1.4, zorder=1)
    ax.plot(known[cost][front], known["mean"][front], "o", ms=7, color=BLUE, label="no other is as cheap and as good")
    ax.plot(
        known[cost][~front],
        known["mean"][~front],
        "o",
        ms=7,
        mfc="white",
        mec=INK,
        label="another is as good for no more cost",
    )
    for number, x, y in known[["number", cost, "mean"]].itertuples(index=False):
        ax.annotate(str(number), (x, y), (6, 4), textcoords="offset points", fontsize=small())
    if known[cost].min() > 0 and known[cost].max() > 10 * known[cost].min():
        ax.set_xscale("log")
        ax.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
        ax.xaxis.set_minor_formatter(NullFormatter())
    else:
        ax.xaxis.set_major_locator(MaxNLocator(nbins=4))
    ax.xaxis.set_major_formatter(EngFormatter(sep=""))
    ax.margins(x=0.12, y=0.12)
    ax.yaxis.set_major_formatter(scaled(metric))
    ax.set_xlabel(NAMES[cost])
    ax.set_ylabel(axis_label(metric._replace(label=metric.held_out).axis, 30))
