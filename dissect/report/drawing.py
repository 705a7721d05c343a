"""Figures put together from their panels, and drawn as PNG and SVG."""

import io
from itertools import chain
from math import ceil
from textwrap import fill

import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure

from dissect.report.figures import STYLE, plot_accuracies, plot_gains, plot_learning_curve


def draw_gains(bars: pd.DataFrame, scored: pd.DataFrame, *, chance: float, published_from: str = "") -> Figure:
    """The bars of accuracy with the gain beside each."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(11, 1.6 + 0.52 * len(bars)), layout="constrained")
        left, right = figure.subplots(1, 2, sharey=True, width_ratios=[1.25, 1])
        row = {name: number for number, name in enumerate(bars["variant"])}
        plot_accuracies(bars, scored.assign(row=scored["variant"].map(row)), chance=chance, ax=left)
        plot_gains(bars, ax=right)
        named = dict(chain.from_iterable(zip(*reversed(ax.get_legend_handles_labels()), strict=True) for ax in (left, right)))
        if "published" in named:
            named[f"published ({published_from})"] = named.pop("published")
        verdicts = {"helps": "gain above zero", "hurts": "gain below zero", "undecided": "gain not decided"}
        labels = [verdicts.get(name, name) for name in named]
        figure.legend(named.values(), labels, loc="outside lower center", ncols=4, frameon=False, fontsize=9)
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
            ax.set_title(fill(labels[name], 30))
        for place, ax in enumerate(axes):
            ax.label_outer()
            if place >= len(shown):
                ax.remove()
            elif place + columns >= len(shown):
                ax.tick_params(labelbottom=True)
                ax.set_xlabel("epoch", visible=True)
        if shown:
            handles, names = axes[0].get_legend_handles_labels()
            figure.legend(handles, names, loc="outside lower center", ncols=2, frameon=False)
    return figure


def drawn(figure: Figure, kind: str) -> bytes:
    """The figure as "png" or "svg"; the same figure gives the same bytes."""
    with mpl.rc_context(STYLE), io.BytesIO() as file:
        figure.savefig(file, format=kind, dpi=160, metadata={"Date": None} if kind == "svg" else None)
        return file.getvalue()
