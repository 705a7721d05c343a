"""Figures put together from their panels, and drawn as PNG and SVG."""

import io
from math import ceil
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.figure import Figure

from dissect.report.figures import STYLE, plot_accuracies, plot_gains, plot_learning_curve, wrapped

BELOW: Any = {"loc": "outside lower center", "frameon": False}  # Any, as matplotlib's annotations lack "outside"


def draw_gains(bars: pd.DataFrame, scored: pd.DataFrame, *, chance: float, published_from: str = "") -> Figure:
    """The bars of accuracy with the gain beside each."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(11, 1.6 + 0.56 * len(bars)), layout="constrained")
        # Without any gain there is nothing for a second panel to say.
        panels = 2 if bars["gain"].notna().any() else 1
        axes = figure.subplots(1, panels, sharey=True, squeeze=False, width_ratios=[1.25, 1][:panels])[0]
        row = {name: number for number, name in enumerate(bars["variant"])}
        plot_accuracies(bars, scored.assign(row=scored["variant"].map(row)), chance=chance, ax=axes[0])
        if panels == 2:
            plot_gains(bars, ax=axes[1])
        named: dict[str, Artist] = {}
        for ax in axes:
            named |= {str(artist.get_label()): artist for artist in ax.get_legend_handles_labels()[0]}
        if "published" in named:
            named[f"published ({published_from})"] = named.pop("published")
        verdicts = {"helps": "gain above zero", "hurts": "gain below zero", "undecided": "gain not decided"}
        labels = [verdicts.get(name, name) for name in named]
        figure.legend(list(named.values()), labels, ncols=4, fontsize=9, **BELOW)
    return figure


def draw_learning_curves(curves: pd.DataFrame, labels: dict[str, str]) -> Figure:
    """A panel a variant, in the order of `labels`; all on the same axes."""
    shown = [name for name in labels if name in set(curves["variant"])]
    columns = min(4, max(2, len(shown)))
    lines = ceil(max(1, len(shown)) / columns)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(11, 0.7 + 2.5 * lines), layout="constrained")
        axes = figure.subplots(lines, columns, sharex=True, sharey=True, squeeze=False).ravel()
        for ax, name in zip(axes, shown, strict=False):
            plot_learning_curve(curves[curves["variant"] == name], ax=ax)
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


def drawn(figure: Figure, kind: str) -> bytes:
    """The figure as "png" or "svg"; the same figure gives the same bytes."""
    with mpl.rc_context(STYLE), io.BytesIO() as file:
        figure.savefig(file, format=kind, dpi=160, metadata={"Date": None} if kind == "svg" else None)
        return file.getvalue()
