"""The scatter of the tuning metric over the settings that were tried."""

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from dissect.measure.metric import Metric
from dissect.report.figures import scaled
from dissect.search.record import worth
from dissect.style import BELOW, GREY, STYLE, VERMILION

PLAIN = FuncFormatter(lambda value, _: f"{value:g}")  # matplotlib's own powers of ten need its mathtext
MARKERS = "os^Dv<>P"  # a round differs in shape, for colour is the metric


def axes_of(trials: pd.DataFrame, keys: Sequence[str], metric: Metric) -> tuple[str, str]:
    """What the figure's axes show: the first two keys that vary; of one key alone, the metric above it."""
    varying = [key for key in keys if trials[key].nunique() > 1] or list(keys[:1])
    return varying[0], varying[1] if len(varying) > 1 else metric.name


def plot_search(
    trials: pd.DataFrame, metric: Metric, best: pd.Series | None, *, across: tuple[str, str], colours: ScalarMappable,
    ax: Axes,
) -> None:  # fmt: skip
    """A mark a setting, filled by its metric; what diverged is a cross, and the best has a ring.

    Args:
        trials: of one variant: `round` (from 1), a column for each key, and the metric (NaN: diverged).
        best: one of them, None where all diverged.
        across: the columns along x and y, as `axes_of` gives them.
    """
    x, y = across
    ended, lost = trials[trials[metric.name].notna()], trials[trials[metric.name].isna()]
    if len(lost):
        # Where y is the metric, what diverged has none, and lies on the axis.
        height = lost[y] if y != metric.name else pd.Series(0.02, lost.index)
        at: Any = {} if y != metric.name else {"transform": ax.get_xaxis_transform()}
        ax.plot(lost[x], height, "x", color=GREY, ms=6, label="diverged", **at)
    for number in ended["round"].unique():
        ours = ended[ended["round"] == number]
        look: Any = {"marker": MARKERS[(number - 1) % len(MARKERS)], "edgecolors": GREY}
        filled = colours.to_rgba(ours[metric.name].to_numpy())
        ax.scatter(ours[x], ours[y], s=46, lw=0.4, c=filled, zorder=2, **look)
        ax.scatter([], [], s=46, lw=0.4, color=GREY, label=f"round {number}", **look)  # of no colour in the legend
    if best is not None:
        ring: Any = {"marker": "o", "ms": 13, "mfc": "none", "mec": VERMILION, "mew": 1.8, "ls": ""}
        ax.plot(best[x], best[y], label="best", zorder=3, **ring)
        shown = ", ".join(f"{best[key]:.3g}" for key in across if key != metric.name)
        ax.set_title(f"{best['variant']}: {metric.level(best[metric.name])} at {shown}")
    ax.set(xlabel=x, ylabel=metric.axis if y == metric.name else y)
    ax.set_xscale("log")
    if y != metric.name:
        ax.set_yscale("log")
    ax.xaxis.set_major_formatter(PLAIN)  # after the scale, which brings a formatter of its own
    ax.yaxis.set_major_formatter(scaled(metric) if y == metric.name else PLAIN)
    ax.grid(color=GREY, alpha=0.2, lw=0.6)


def draw_search(trials: pd.DataFrame, keys: Sequence[str], metric: Metric) -> Figure:
    """A panel a variant, all with one scale of colours: the brighter, the better.

    Args:
        trials: as `read_trials` gives them, with the `keys`.
    """
    variants = trials["variant"].unique()
    columns = min(3, len(variants))
    rows = -(-len(variants) // columns)
    across = axes_of(trials, keys, metric)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(1.4 + 4.4 * columns, 0.9 + 3.7 * rows), layout="constrained")
        axes = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
        scale = Normalize(trials[metric.name].min(), trials[metric.name].max())
        colours = ScalarMappable(scale, "viridis" if metric.better == "higher" else "viridis_r")
        named: dict[str, Any] = {}
        for ax, variant in zip(axes, variants, strict=False):
            ours = trials[trials["variant"] == variant]
            plot_search(ours, metric, best_row(ours, metric), across=across, colours=colours, ax=ax)
            ax.label_outer()
            handles, labels = ax.get_legend_handles_labels()
            named |= dict(zip(labels, handles, strict=True))
        for ax in axes[len(variants) :]:
            ax.remove()
        shown = metric._replace(label=f"tuning {metric.label}").axis
        figure.colorbar(colours, ax=list(axes[: len(variants)]), label=shown, format=scaled(metric))
        figure.legend(list(named.values()), list(named), ncols=6, fontsize=9, **BELOW)
    return figure


def best_row(trials: pd.DataFrame, metric: Metric) -> pd.Series | None:
    """The row of the best trial, by the same ranking as `record.best_of`; None where all diverged."""
    ended = trials[trials[metric.name].notna()].reset_index(drop=True)
    if ended.empty:
        return None
    rows = ended.to_dict("records")
    return ended.iloc[max(range(len(rows)), key=lambda place: worth(rows[place], metric))]
