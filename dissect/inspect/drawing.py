"""Figures put together from their panels."""

from collections.abc import Mapping, Sequence
from math import ceil, sqrt
from textwrap import fill, shorten
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dissect.inspect.every_subset import by_size
from dissect.inspect.figures import plot_history, plot_parts, plot_picture, plot_projection, plot_sheet, plot_subsets
from dissect.inspect.strongest import Excited
from dissect.inspect.subsets import Subsets, dots
from dissect.inspect.tiles import columns_for, each_scaled, enlarged, mosaic, together_scaled
from dissect.style import BELOW, GREEN, STYLE, VERMILION

VIEWS = {"gradient": "gradient", "guided": "guided", "deconvolution": "deconv"}  # rule -> its row's name


def draw_filters(weights: np.ndarray) -> Figure:
    """The first convolution's filters (N, k, k, 3), each by its own range and all by one.

    Two panels of the same layout, so that a filter has the same place in both.
    """
    columns = ceil(sqrt(len(weights)))
    rows = ceil(len(weights) / columns)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(11, 0.7 + 5.2 * rows / columns), layout="constrained")
        scaled = {
            "each filter by its own range": each_scaled(weights),
            f"all by one range, −{np.abs(weights).max():.2g} to {np.abs(weights).max():.2g}": together_scaled(weights),
        }
        for ax, (title, pictures) in zip(figure.subplots(1, 2), scaled.items(), strict=True):
            tiles = enlarged(pictures)
            plot_sheet(mosaic(tiles, columns), tile=tiles.shape[1:3], columns=columns, units=range(len(weights)), ax=ax)
            ax.set_title(title, pad=14)
    return figure


def draw_maps(window: np.ndarray, maps: np.ndarray, units: Sequence[int], *, title: str) -> Figure:
    """The image as the network sees it (side, side, 3), and the maps (C, h, w) of a layer's units beside it."""
    tiles = enlarged(np.repeat(each_scaled(maps)[..., None], 3, axis=3))
    columns = columns_for(len(tiles))
    rows = ceil(len(tiles) / columns)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(11, max(2.2, 0.5 + 8.6 * rows / columns)), layout="constrained")
        left, right = figure.subplots(1, 2, width_ratios=[1, 4.6])
        plot_picture(window, ax=left)
        left.set_title(fill(title, 24))
        left.set_anchor("N")
        right.set_anchor("NW")
        plot_sheet(mosaic(tiles, columns), tile=tiles.shape[1:3], columns=columns, units=units, ax=right)
    return figure


def draw_top(layer: str, units: dict[int, list[Excited]], windows: np.ndarray, true: Sequence[str],
             predicted: Sequence[str]) -> Figure:  # fmt: skip
    """For each unit the images that excite it most, and what flows back to each of them.

    Args:
        windows: every image as the network sees it (N, side, side, 3); true, predicted: its labels.
    """
    across = min(2, len(units))
    down = ceil(len(units) / across)
    side, head, edge = 1.12, 0.68, 0.3  # inches: a picture, what stands above a unit's, what stands left of them
    count, rows = max(map(len, units.values())), 1 + len(VIEWS)
    wide, high = edge + count * side, head + rows * side
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(across * wide, down * high))
        panels = figure.subfigures(down, across, squeeze=False).ravel()
        for panel, (unit, images) in zip(panels, units.items(), strict=False):
            strongest, weakest = images[0].activation, images[-1].activation
            title = f"{layer}, unit {unit}: activations {strongest:.3g} to {weakest:.3g}"
            panel.text(edge / wide, 1 - 0.2 / high, title, fontsize=10.5, fontweight="bold", va="center")
            axes = panel.subplots(rows, count, squeeze=False)
            panel.subplots_adjust(edge / wide, 0.005, 0.995, 1 - head / high, wspace=0.05, hspace=0.05)
            for column, one in zip(axes.T, images, strict=False):
                whole = one.box == (0, windows.shape[1] - 1, 0, windows.shape[2] - 1)
                plot_picture(windows[one.image], ax=column[0], box=None if whole else one.box)
                _label(true[one.image], predicted[one.image], column[0])
                for ax, rule in zip(column[1:], VIEWS, strict=True):
                    plot_picture(one.views[rule], ax=ax)
            for ax, name in zip(axes[:, 0], ["image", *VIEWS.values()], strict=True):
                ax.set_ylabel(name, fontsize=8.5, labelpad=3)
    return figure


def _label(true: str, predicted: str, ax: Axes) -> None:
    """The true label, and below it the predicted one where that is another; they differ in sign and colour."""
    right = true == predicted
    name: Any = {"width": 18, "placeholder": "…"}
    text = f"{shorten(true, **name)} ✓" if right else f"{shorten(true, **name)}\n✗ {shorten(predicted, **name)}"
    ax.set_title(text, fontsize=7, color=GREEN if right else VERMILION, pad=3, linespacing=1.15)


def draw_projection(points: pd.DataFrame, chosen: Sequence[str], *, title: str) -> Figure:
    """Each pair of three components; `points` has `label` and a column a component."""
    names = [name for name in points.columns if name != "label"]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(11, 4.6), layout="constrained")
        axes = figure.subplots(1, 3)
        for ax, (x, y) in zip(axes, [(0, 1), (0, 2), (1, 2)], strict=True):
            plot_projection(points, chosen, x=names[x], y=names[y], ax=ax)
        figure.suptitle(title, fontsize=11)
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, ncols=5, fontsize=9, markerscale=1.6, **BELOW)
    return figure


def draw_history(epochs: pd.DataFrame) -> Figure:
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(8, 4.8), layout="constrained")
        ax = figure.subplots()
        plot_history(epochs, ax=ax)
        figure.legend(*ax.get_legend_handles_labels(), ncols=2, fontsize=9, **BELOW)
    return figure


def draw_subsets(views: Mapping[str, Subsets]) -> Figure:
    """A panel a view, on one scale."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(1 + 5 * len(views), 4.6), layout="constrained")
        axes = figure.subplots(1, len(views), sharey=True, squeeze=False)[0]
        for ax, (view, found) in zip(axes, views.items(), strict=True):
            accuracies = found.accuracies
            plot_subsets(dots(accuracies), by_size(accuracies), best=found.best, full=found.full, ax=ax)
            ax.set_title(view)
            ax.label_outer()
    return figure


def draw_parts(accuracies: pd.DataFrame, *, chance: float) -> Figure:
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(2.4 + 2.2 * accuracies["part"].nunique(), 4.6), layout="constrained")
        ax = figure.subplots()
        plot_parts(accuracies, chance=chance, ax=ax)
        figure.legend(*ax.get_legend_handles_labels(), ncols=3, fontsize=9, **BELOW)
    return figure
