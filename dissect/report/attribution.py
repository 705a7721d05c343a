"""Two figures on what components are worth: each by several contrasts, and each two together.

As in `figures`: a tidy frame in, drawn on the given axes; gains are in the metric's unit.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import MaxNLocator

from dissect.measure.metric import Metric
from dissect.report.figures import wrapped
from dissect.style import BLUE, GREEN, GREY, INK, PURPLE, VERMILION

Looks = Mapping[str, tuple[str, str, str]]

ATTRIBUTED: Looks = {  # kind -> label, marker, colour
    "ladder": ("added to those before it", "o", BLUE),
    "leave_one_out": ("left out of the full model", "s", VERMILION),
    "one_at_a_time": ("alone, added to the baseline", "^", GREEN),
    "shapley": ("Shapley value", "D", PURPLE),
    "main_effect": ("main effect: on average over the variants", "v", INK),
}
AVERAGED = "shapley", "main_effect"  # over variants, so that no bar is theirs
MORE, LESS = "#5aa4cd", "#e49659"  # BLUE and VERMILION with a third of white, so that dark text can be read on them
TOGETHER = LinearSegmentedColormap.from_list("together", [LESS, "#ffffff", MORE])
FAINT, HATCH = "#c4c4c4", "////"  # of cells that say nothing; seen in grey as well
WIDEST = 2.5  # an interval of two seeds is a dozen times its spread; beyond so many times the largest gain it is cut


def plot_attribution(
    gains: pd.DataFrame, labels: Mapping[str, str], metric: Metric, *, looks: Looks = ATTRIBUTED, ax: Axes
) -> None:
    """A group of points a component, one a kind of contrast, each with its interval; filled where it is decided.

    An interval that reaches beyond the axis ends in an arrow.

    Args:
        gains: `component`, `kind` (of `looks`), `gain`, `low`, `high` (NaN where unknown), `verdict`.
        labels: component -> label, top to bottom.
        looks: kind -> label, marker and colour.
    """
    kinds = [kind for kind in looks if kind in set(gains["kind"])]
    place = {name: row for row, name in enumerate(labels)}
    step = 0.68 / len(kinds)
    least = 0.5 if metric.unit == "points" else 0.0
    reach = WIDEST * max(float(gains["gain"].abs().max()), least) or np.inf
    ax.axvline(0, color=INK, lw=1, zorder=1)
    for number, kind in enumerate(kinds):
        label, marker, colour = looks[kind]
        ours = gains[(gains["kind"] == kind) & gains["gain"].notna()]
        label += ", exploratory" if "manifest" in ours and not ours["manifest"].any() else ""
        rows = ours["component"].map(place).to_numpy(dtype=float) + step * (number - (len(kinds) - 1) / 2)
        low, high = ours["low"].clip(lower=-reach), ours["high"].clip(upper=reach)
        ax.hlines(rows, low, high, color=colour, lw=1.8, zorder=2)
        for cut, end, arrow in ((ours["low"] < -reach, -reach, "<"), (ours["high"] > reach, reach, ">")):
            ax.plot(np.full(int(cut.sum()), end), rows[cut.to_numpy()], arrow, ms=6, mew=0, color=colour, zorder=3)
        style: Any = {"ms": 6.5, "mec": colour, "mew": 1.4, "ls": "", "marker": marker, "zorder": 4}
        decided = ~ours["verdict"].isin(["inconclusive", ""]).to_numpy()
        ax.plot(ours["gain"][decided], rows[decided], mfc=colour, **style)
        ax.plot(ours["gain"][~decided], rows[~decided], mfc="white", **style)
        ax.plot([], [], mfc=colour, label=label, **style)
    ax.plot([], [], "o", ms=6.5, mec=GREY, mfc="white", mew=1.4, label="open: inconclusive")
    for row in range(1, len(labels)):
        ax.axhline(row - 0.5, color=GREY, alpha=0.25, lw=0.6)
    ax.set_yticks(range(len(labels)), [wrapped(label) for label in labels.values()])
    ax.set_ylim(len(labels) - 0.5, -0.5)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.xaxis.set_major_locator(MaxNLocator(7, steps=[1, 2, 5, 10]))
    ax.set_xlabel(metric.gain_axis)


def plot_interactions(
    pairs: pd.DataFrame, labels: Mapping[str, str], metric: Metric, *, digits: int = 1, ax: Axes
) -> None:
    """A cell a pair: what the two gain beyond the sum of their gains; in colour, framed and bold where it is decided.

    One that is inconclusive is hatched, without colour; one that is shown to be small is plain.

    Args:
        pairs: `components` (two names), `gain`, `verdict`.
        labels: component -> label, in the order of rows and columns.
        digits: decimals with which gains are written.
    """
    place = {name: number for number, name in enumerate(labels)}
    values = np.full((len(labels), len(labels)), np.nan)
    decided, open_ = np.zeros(values.shape, bool), np.zeros(values.shape, bool)
    for (first, second), gain, verdict in pairs[["components", "gain", "verdict"]].itertuples(index=False):
        column, row = sorted((place[first], place[second]))
        values[row, column] = gain
        decided[row, column], open_[row, column] = verdict in ("helps", "hurts"), verdict in ("inconclusive", "")
    values, decided, open_ = values[1:, :-1], decided[1:, :-1], open_[1:, :-1]  # no component stands with itself
    limit = float(np.nanmax(np.abs(values[decided]), initial=0.0)) or 1.0
    if metric.unit == "points":
        limit = max(limit, 0.1)
    ax.imshow(np.ma.masked_where(~decided, metric.sign * values), cmap=TOGETHER, vmin=-limit, vmax=limit, aspect="auto")
    for row, column in np.argwhere(~np.isnan(values)):
        gain, framed, hatched = values[row, column], decided[row, column], open_[row, column]
        text = f"{gain:+z.{digits}f}".replace("-", "−")
        weight = "bold" if framed else "normal"
        box: Any = {"fc": "white", "ec": "none", "pad": 1.5} if hatched else None  # so that no line crosses it
        ax.text(column, row, text, ha="center", va="center", weight=weight, color=INK, bbox=box)
        fill: Any = {"fc": "white", "ec": FAINT, "lw": 0} | ({"hatch": HATCH} if hatched else {})
        if not framed:
            ax.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, **fill, zorder=1))
        ax.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, ec="white", lw=3, zorder=2))
        if framed:
            ax.add_patch(Rectangle((column - 0.48, row - 0.48), 0.96, 0.96, fill=False, ec=INK, lw=2, zorder=3))
    names = [wrapped(label, 14) for label in labels.values()]
    ax.set_yticks(range(len(names) - 1), names[1:])
    ax.set_xticks(range(len(names) - 1), names[:-1], rotation=0)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)


def interactions_legend(metric: Metric) -> list[Patch]:
    """What the colours of the heat map say: where lower is better, what is together below the sum is the better."""
    more, less = ("more", "less") if metric.better == "higher" else ("better", "worse")
    return [
        Patch(fc=MORE, label=f"together {more} than the sum of their gains"),
        Patch(fc=LESS, label=f"together {less}"),
        Patch(fc="white", ec=FAINT, hatch=HATCH, label="hatched: inconclusive"),
        Patch(fc="white", ec=INK, lw=2, label="framed: decided"),
    ]
