"""Figures put together from their panels."""

from collections.abc import Mapping
from math import ceil

import matplotlib as mpl
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.figure import Figure

from dissect.measure.metric import Metric
from dissect.report.attribution import interactions_legend, plot_attribution, plot_interactions
from dissect.report.figures import plot_gains, plot_learning_curve, plot_levels, wrapped
from dissect.style import BELOW, STYLE


def draw_gains(
    bars: pd.DataFrame, scored: pd.DataFrame, metric: Metric, *, chance: float | None, level: float = 0.95,
    published_from: str = "", digits: int = 1,
) -> Figure:  # fmt: skip
    """The bars of the metric with the gain beside each."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(11, 1.6 + 0.56 * len(bars)), layout="constrained")
        # Without any gain there is nothing for a second panel to say.
        panels = 2 if bars["gain"].notna().any() else 1
        axes = figure.subplots(1, panels, sharey=True, squeeze=False, width_ratios=[1.25, 1][:panels])[0]
        row = {name: number for number, name in enumerate(bars["variant"])}
        runs = scored[scored["variant"].isin(list(row))]
        plot_levels(bars, runs.assign(row=runs["variant"].map(row)), metric, chance=chance, level=level, ax=axes[0])
        if panels == 2:
            plot_gains(bars, metric, digits=digits, ax=axes[1])
        named: dict[str, Artist] = {}
        for ax in axes:
            named |= {str(artist.get_label()): artist for artist in ax.get_legend_handles_labels()[0]}
        if "published" in named:
            named[f"published ({published_from})"] = named.pop("published")
        verdicts = {"equivalent": "differs by less than the margin"}
        labels = [verdicts.get(name, name) for name in named]
        figure.legend(list(named.values()), labels, ncols=4, fontsize=9, **BELOW)
    return figure


def draw_learning_curves(curves: pd.DataFrame, labels: dict[str, str], metric: Metric) -> Figure:
    """A panel a variant, in the order of `labels`; all on the same axes."""
    shown = [name for name in labels if name in set(curves["variant"])]
    columns = min(4, max(2, len(shown)))
    lines = ceil(max(1, len(shown)) / columns)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(11, 0.7 + 2.5 * lines), layout="constrained")
        axes = figure.subplots(lines, columns, sharex=True, sharey=True, squeeze=False).ravel()
        for ax, name in zip(axes, shown, strict=False):
            plot_learning_curve(curves[curves["variant"] == name], metric, ax=ax)
            ax.set_title(wrapped(labels[name]))
        for place, ax in enumerate(axes):
            ax.label_outer()
            if place >= len(shown):
                ax.remove()
            elif place + columns >= len(shown):
                ax.tick_params(labelbottom=True)
                ax.set_xlabel("epoch", visible=True)
        if shown:
            figure.legend(*axes[0].get_legend_handles_labels(), ncols=2, **BELOW)
    return figure


def draw_attribution(gains: pd.DataFrame, labels: Mapping[str, str], metric: Metric) -> Figure:
    """Each component's gain by every kind of contrast, side by side.

    Args:
        gains: of the table of effects, contrasts about one component each.
        labels: component -> label, top to bottom.
    """
    with mpl.rc_context(STYLE):
        kinds = gains["kind"].nunique()
        figure = Figure(figsize=(9, 1.3 + (0.2 + 0.15 * kinds) * len(labels)), layout="constrained")
        ax = figure.subplots()
        plot_attribution(gains, labels, metric, ax=ax)
        handles, names = ax.get_legend_handles_labels()
        figure.legend(handles, names, ncols=3, fontsize=9, **BELOW)
    return figure


def draw_interactions(pairs: pd.DataFrame, labels: Mapping[str, str], metric: Metric, digits: int = 1) -> Figure:
    """Pairwise interactions as a heat map; arguments as of `draw_attribution`, contrasts about two components each."""
    with mpl.rc_context(STYLE):
        size = 1.05 * (len(labels) - 1)
        figure = Figure(figsize=(2.6 + size, 1.5 + 0.75 * size), layout="constrained")
        ax = figure.subplots()
        plot_interactions(pairs, labels, metric, digits=digits, ax=ax)
        figure.legend(handles=interactions_legend(metric), ncols=1 + (size > 4), fontsize=9, **BELOW)
    return figure
