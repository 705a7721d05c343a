"""Figures put together from their panels."""

from collections.abc import Mapping
from math import ceil
from textwrap import shorten

import matplotlib as mpl
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from dissect.measure.metric import Metric
from dissect.report.attribution import ATTRIBUTED, Looks, interactions_legend, plot_attribution, plot_interactions
from dissect.report.costs import NAMES as COSTS
from dissect.report.costs import plot_costs
from dissect.report.figures import name_rows, plot_gains, plot_learning_curve, plot_levels, wrapped
from dissect.style import BELOW, NARROW, small, styled


def draw_gains(
    bars: pd.DataFrame, scored: pd.DataFrame, metric: Metric, *, chance: float | None, level: float = 0.95,
    published_from: str = "", digits: int = 1, width: float = 11,
) -> Figure:  # fmt: skip
    """The bars of the metric with the gain beside each, or below them where the figure is narrow.

    Args:
        width: in inches; a column of a paper has some 3.4.
    """
    with mpl.rc_context(styled(width)):
        # Without any gain there is nothing for a second panel to say.
        panels = 2 if bars["gain"].notna().any() else 1
        above = width < NARROW
        height = (1.2 + 0.42 * len(bars)) * (panels if above else 1) if width < 9 else 1.6 + 0.56 * len(bars)
        figure = Figure(figsize=(width, height), layout="constrained")
        if above:
            axes = figure.subplots(panels, 1, squeeze=False)[:, 0]
        else:
            axes = figure.subplots(1, panels, sharey=True, squeeze=False, width_ratios=[1.25, 1][:panels])[0]
        row = {name: number for number, name in enumerate(bars["variant"])}
        runs = scored[scored["variant"].isin(list(row))]
        plot_levels(bars, runs.assign(row=runs["variant"].map(row)), metric, chance=chance, level=level, ax=axes[0])
        if panels == 2:
            plot_gains(bars, metric, digits=digits, ax=axes[1])
        if above:
            for ax in axes:
                name_rows(bars["label"], ax, 20)
                for text in ax.texts:
                    text.set_text(text.get_text().replace(" vs ", "\nvs ").replace(", exploratory", "\nexploratory"))
        named: dict[str, Artist] = {}
        for ax in axes:
            named |= {str(artist.get_label()): artist for artist in ax.get_legend_handles_labels()[0]}
        if "published" in named:
            named[f"published ({published_from})"] = named.pop("published")
        verdicts = {"equivalent": "differs by less than the margin"}
        labels = [verdicts.get(name, name) for name in named]
        figure.legend(list(named.values()), labels, ncols=2 if above else 4, fontsize=small(), **BELOW)
    return figure


def draw_learning_curves(curves: pd.DataFrame, labels: dict[str, str], metric: Metric, width: float = 11) -> Figure:
    """A panel a variant, in the order of `labels`; all on the same axes."""
    shown = [name for name in labels if name in set(curves["variant"])]
    columns = min(4 if width >= NARROW else 2, max(2, len(shown)))
    lines = ceil(max(1, len(shown)) / columns)
    with mpl.rc_context(styled(width)):
        figure = Figure(figsize=(width, 0.7 + 2.5 * lines * min(1, width / 9)), layout="constrained")
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


def draw_attribution(
    gains: pd.DataFrame, labels: Mapping[str, str], metric: Metric, width: float = 9, looks: Looks = ATTRIBUTED
) -> Figure:
    """Each component's gain by every kind of contrast, or in every condition, side by side.

    Args:
        gains: of the table of effects, contrasts about one component each.
        labels: component -> label, top to bottom.
    """
    with mpl.rc_context(styled(width)):
        kinds = gains["kind"].nunique()
        figure = Figure(figsize=(width, 1.3 + (0.2 + 0.15 * kinds) * len(labels)), layout="constrained")
        ax = figure.subplots()
        plot_attribution(gains, labels, metric, looks=looks, ax=ax)
        handles, names = ax.get_legend_handles_labels()
        figure.legend(handles, names, ncols=3 if width >= NARROW else 1, fontsize=small(), **BELOW)
    return figure


def draw_interactions(
    pairs: pd.DataFrame, labels: Mapping[str, str], metric: Metric, digits: int = 1, width: float = 11
) -> Figure:
    """Pairwise interactions as a heat map; arguments as of `draw_attribution`, contrasts about two components each.

    Args:
        width: at most; of few components it is less.
    """
    with mpl.rc_context(styled(width)):
        beside = 2.6 if width >= NARROW else 1.3
        size = min(1.05 * (len(labels) - 1), width - beside)
        figure = Figure(figsize=(beside + size, 1.5 + 0.75 * size), layout="constrained")
        ax = figure.subplots()
        plot_interactions(pairs, labels, metric, digits=digits, ax=ax)
        if size < 0.9 * (len(labels) - 1):  # names beside each other would not fit
            for name in ax.get_xticklabels():
                name.set(rotation=40, ha="right", rotation_mode="anchor")
        figure.legend(handles=interactions_legend(metric), ncols=1 + (size > 4), fontsize=small(), **BELOW)
    return figure


def draw_costs(table: pd.DataFrame, metric: Metric, width: float = 11) -> Figure | None:
    """A panel for each cost that differs between variants; None where none does."""
    told = [name for name in COSTS if table[name].nunique() > 1]
    if not told or table["mean"].isna().all():
        return None
    with mpl.rc_context(styled(width)):
        across = 1 if width < NARROW else len(told)
        figure = Figure(
            figsize=(width if across > 1 else min(width, 7), 3.6 * len(told) / across), layout="constrained"
        )
        axes = figure.subplots(len(told) // across, across, sharey=True, squeeze=False).ravel()
        for ax, name in zip(axes, told, strict=True):
            plot_costs(table.assign(number=range(1, len(table) + 1)), name, metric, ax=ax)
            if across > 1:
                ax.label_outer(remove_inner_ticks=False)
        handles, names = axes[0].get_legend_handles_labels()
        rows = [f"{number}: {shorten(name, 52, placeholder=' …')}" for number, name in enumerate(table["variant"], 1)]
        blank = [Line2D([], [], ls="") for _ in rows]
        column = 0.65 * small() * (3 + max(map(len, [*names, *rows])))  # points; a letter has some 0.6 em
        ncols = min(3, max(1, int(72 * figure.get_figwidth() / column)))
        figure.legend([*handles, *blank], [*names, *rows], ncols=ncols, fontsize=small(), handlelength=1, **BELOW)
    return figure
