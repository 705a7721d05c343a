"""A metric by cross-validation and on the validation examples, a row a variant."""

from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dissect.measure.metric import Metric
from dissect.report.figures import scaled
from dissect.style import BELOW, BLUE, GREY, ORANGE, STYLE


def plot_folds(compared: pd.DataFrame, folds: pd.DataFrame, metric: Metric, *, ax: Axes) -> None:
    """A dot a fold, the mean over folds with its interval, and below it that on the validation examples.

    Args:
        compared: as `measure.folds.compare` gives it.
        folds: a row a fold: `variant`, `fold`, and the metric by its name (the mean of its seeds).
    """
    rows = np.arange(len(compared))
    for row, variant in zip(rows, compared["variant"], strict=True):
        own = folds[folds["variant"] == variant][metric.name]
        ax.plot(own, np.full(len(own), row - 0.15), "o", ms=4, mfc="none", mec=BLUE, alpha=0.7, zorder=2)
    ax.plot([], [], "o", ms=4, mfc="none", mec=BLUE, alpha=0.7, label="one fold")
    for name, shift, marker, colour, label in (
        ("value", -0.15, "D", BLUE, "cross-validation"),
        ("validation", 0.15, "s", ORANGE, "validation examples"),
    ):
        low, high = (compared[f"{name}_{end}" if name == "validation" else end] for end in ("low", "high"))
        bars = np.nan_to_num([compared[name] - low, high - compared[name]])  # one seed has no interval
        look: Any = {"fmt": marker, "ms": 6, "color": colour, "capsize": 3, "lw": 1.4, "zorder": 3}
        ax.errorbar(compared[name], rows + shift, xerr=bars, label=label, **look)
    ax.set_yticks(rows, list(compared["variant"]))
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.xaxis.set_major_formatter(scaled(metric))
    ax.grid(axis="x", color=GREY, alpha=0.25, lw=0.6)
    ax.set_xlabel(metric.axis)


def draw_folds(compared: pd.DataFrame, folds: pd.DataFrame, metric: Metric) -> Figure:
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(8, 1.5 + 0.55 * len(compared)), layout="constrained")
        ax = figure.subplots()
        plot_folds(compared, folds, metric, ax=ax)
        figure.legend(*ax.get_legend_handles_labels(), ncols=3, fontsize=9, **BELOW)
    return figure
