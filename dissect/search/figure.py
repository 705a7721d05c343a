"""The scatter of tuning accuracy over learning rate and weight decay."""

from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from dissect.style import BELOW, GREY, PERCENT, STYLE, VERMILION

PLAIN = FuncFormatter(lambda value, _: f"{value:g}")  # matplotlib's own powers of ten need its mathtext
MARKERS = "os^Dv<>P"  # a round differs in shape, for colour is the accuracy


def plot_search(trials: pd.DataFrame, *, colours: ScalarMappable, ax: Axes) -> None:
    """A mark a setting, filled by its accuracy; what diverged is a cross, and the best has a ring.

    Args:
        trials: of one variant: `round` (from 1), `learning_rate`, `weight_decay`, `accuracy` (NaN: diverged), `loss`.
    """
    ended, lost = trials[trials["accuracy"].notna()], trials[trials["accuracy"].isna()]
    if len(lost):
        ax.plot(lost["learning_rate"], lost["weight_decay"], "x", color=GREY, ms=6, label="diverged")
    for number in ended["round"].unique():
        ours = ended[ended["round"] == number]
        look: Any = {"marker": MARKERS[(number - 1) % len(MARKERS)], "edgecolors": GREY}
        filled = colours.to_rgba(ours["accuracy"].to_numpy())
        ax.scatter(ours["learning_rate"], ours["weight_decay"], s=46, lw=0.4, c=filled, zorder=2, **look)
        ax.scatter([], [], s=46, lw=0.4, color=GREY, label=f"round {number}", **look)  # of no colour in the legend
    if len(ended):
        best = ended.sort_values(["accuracy", "loss"], ascending=[False, True], kind="stable").iloc[0]
        ring: Any = {"marker": "o", "ms": 13, "mfc": "none", "mec": VERMILION, "mew": 1.8, "ls": ""}
        ax.plot(best["learning_rate"], best["weight_decay"], label="best", zorder=3, **ring)
        at = f"{best['learning_rate']:.3g}, {best['weight_decay']:.2g}"
        ax.set_title(f"{best['variant']}: {100 * best['accuracy']:.2f}% at {at}")
    ax.set(xscale="log", yscale="log", xlabel="learning rate", ylabel="weight decay")
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(PLAIN)
    ax.grid(color=GREY, alpha=0.2, lw=0.6)


def draw_search(trials: pd.DataFrame) -> Figure:
    """A panel a variant, all with one scale of colours."""
    variants = trials["variant"].unique()
    columns = min(3, len(variants))
    rows = -(-len(variants) // columns)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(1.4 + 4.4 * columns, 0.9 + 3.7 * rows), layout="constrained")
        axes = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
        colours = ScalarMappable(Normalize(trials["accuracy"].min(), trials["accuracy"].max()), "viridis")
        named: dict[str, Any] = {}
        for ax, variant in zip(axes, variants, strict=False):
            plot_search(trials[trials["variant"] == variant], colours=colours, ax=ax)
            ax.label_outer()
            handles, labels = ax.get_legend_handles_labels()
            named |= dict(zip(labels, handles, strict=True))
        for ax in axes[len(variants) :]:
            ax.remove()
        figure.colorbar(colours, ax=list(axes[: len(variants)]), label="tuning accuracy, %", format=PERCENT)
        figure.legend(list(named.values()), list(named), ncols=6, fontsize=9, **BELOW)
    return figure
