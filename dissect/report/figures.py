"""One function a figure: a tidy frame in, drawn on the given axes; nothing is computed, nothing saved.

Rows of `bars` are drawn from top to bottom; a run's `row` says on which of them it lies. Accuracies are fractions and
shown in percent, gains are percentage points. Verdicts differ in shape and colour, the colours being seaborn's
"colorblind" palette.
"""

from textwrap import fill
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from dissect.style import BLUE, GREEN, GREY, INK, PARTS, PERCENT, PURPLE, VERMILION

VERDICTS = {  # verdict -> marker, colour, filled
    "helps": ("^", GREEN, True),
    "hurts": ("v", VERMILION, True),
    "equivalent": ("s", BLUE, True),
    "inconclusive": ("o", GREY, False),
}


def plot_accuracies(bars: pd.DataFrame, runs: pd.DataFrame, *, chance: float, level: float, ax: Axes) -> None:
    """A bar a variant: mean accuracy with its interval, each run a dot, the published value a diamond.

    Args:
        bars: `label`, `mean`, `half_width` (NaN for one seed), `n` (seeds), `published_accuracy` (NaN where none).
        runs: `row`, `seed`, `accuracy`.
        chance: the accuracy of guessing, a fraction.
        level: of the intervals.
    """
    rows = np.arange(len(bars))
    ax.barh(rows, bars["mean"], height=0.62, color=BLUE, alpha=0.4, label="mean accuracy")
    seeds = runs.groupby("row")["seed"]
    apart = 0.5 * ((seeds.rank() - 0.5) / seeds.transform("count") - 0.5)  # equal accuracies must not hide each other
    ax.plot(runs["accuracy"], runs["row"] + apart, "o", ms=3.5, mew=0, color=BLUE, label="one seed", zorder=3)
    known = rows[bars["half_width"].notna()]
    if len(known):
        chosen = bars.iloc[known]
        style: Any = {"fmt": "none", "ecolor": INK, "elinewidth": 1.4, "capsize": 4, "zorder": 4}
        ax.errorbar(chosen["mean"], known, xerr=chosen["half_width"], label=f"{100 * level:g}% interval", **style)
    ax.axvline(chance, color=GREY, lw=1, ls="--", label=f"chance ({100 * chance:.3g}%)", zorder=1)
    _published(bars["published_accuracy"], ax)
    # Fewer seeds than the others have is a gap, and is said.
    fewer = [f", {n} seed{'s' * (n > 1)}" if n < bars["n"].max() else "" for n in bars["n"]]
    told = [accuracy_text(mean, half) for mean, half in bars[["mean", "half_width"]].itertuples(index=False)]
    _column([text + more for text, more in zip(told, fewer, strict=True)], ax)
    ax.set_yticks(rows, [wrapped(label) for label in bars["label"]])
    ax.set_ylim(len(bars) - 0.4, -0.6)
    ax.set_xlim(0, min(ax.get_xlim()[1], 1.03))  # the interval of two seeds may go beyond 100%, an accuracy may not
    ax.tick_params(axis="y", length=0)
    ax.xaxis.set_major_formatter(PERCENT)
    ax.set_xlabel("validation accuracy, %")


def plot_gains(gains: pd.DataFrame, *, ax: Axes) -> None:
    """A point a variant: its gain over its control with the interval, against a line at zero.

    Args:
        gains: a row a bar: `gain`, `low`, `high` (points; NaN where unknown), `verdict`, `versus` (a control to be
            named, or ""), `published` (points, NaN where there is none).
    """
    rows = np.arange(len(gains))
    ax.axvline(0, color=INK, lw=1, zorder=1)
    for verdict, (marker, colour, filled) in VERDICTS.items():
        # A single seed has no verdict, and decides nothing.
        told = gains["verdict"].replace("", "inconclusive")
        here = rows[(told == verdict) & gains["gain"].notna()]
        chosen = gains.iloc[here]
        ax.hlines(here, chosen["low"], chosen["high"], color=colour, lw=2.2, zorder=2)
        if len(here):
            face = colour if filled else "white"
            ax.plot(chosen["gain"], here, marker, ms=8, mec=colour, mfc=face, mew=1.5, label=verdict, zorder=4)
    _published(gains["published"], ax)
    _column([gain_text(*row) for row in gains[["gain", "low", "high", "versus"]].itertuples(index=False)], ax)
    ax.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    ax.tick_params(axis="y", length=0, labelleft=False)
    ax.spines["left"].set_visible(False)
    ax.set_xlabel("gain, percentage points")


def plot_learning_curve(epochs: pd.DataFrame, *, ax: Axes) -> None:
    """One variant's training and validation accuracy: a thin line a seed, a thick one for their mean.

    Args:
        epochs: `seed`, `epoch`, `part` ("training" or "validation"), `accuracy` (a fraction).
    """
    for part, look in PARTS.items():
        seeds = epochs[epochs["part"] == part].pivot_table("accuracy", "epoch", "seed")
        ax.plot(seeds.index, seeds, lw=0.7, alpha=0.35, **look)
        mark = "o" if len(seeds) == 1 else None  # a line of one epoch would not show
        ax.plot(seeds.index, seeds.mean(axis=1), lw=2, marker=mark, label=part, **look)
    ax.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    ax.yaxis.set_major_formatter(PERCENT)
    ax.grid(axis="y", color=GREY, alpha=0.25, lw=0.6)
    ax.set(xlabel="epoch", ylabel="accuracy, %")


def wrapped(label: str, width: int = 32) -> str:
    """At most three lines, which is what fits beside a bar."""
    return fill(label, width, max_lines=3, placeholder=" …")


def accuracy_text(mean: float, half_width: float) -> str:
    """A mean accuracy as it is written, in percent: "44.9 ± 0.5", or alone where one seed gives no interval."""
    digits = 2 if half_width < 0.005 else 1
    interval = "" if np.isnan(half_width) else f" ± {100 * half_width:.{digits}f}"
    return f"{100 * mean:.{digits}f}{interval}"


def gain_text(gain: float, low: float, high: float, versus: str = "") -> str:
    """A gain as it is written: "+4.4 [3.9, 4.9]", with its control where that is not the bar above.

    Narrow intervals and ends close to zero get more digits: rounding must not hide on which side of zero they are.
    """
    if np.isnan(gain):
        return ""
    ends = [end for end in (low, high) if end != 0 and not np.isnan(end)]
    told = [d for d in (1, 2) if all(round(end, d) for end in ends) and not 0 < high - low < 10 ** (1 - d)]
    digits = next(iter(told), 3)
    shortened = versus if len(versus) <= 20 else versus[:19] + "…"
    interval = "" if np.isnan(low) else f" [{low:z.{digits}f}, {high:z.{digits}f}]"
    return f"{gain:+z.{digits}f}{interval}".replace("-", "−") + (f" vs {shortened}" if versus else "")


def _published(values: pd.Series, ax: Axes) -> None:
    if values.notna().any():
        ax.plot(values, range(len(values)), "D", ms=7, mec=PURPLE, mfc="none", mew=1.8, label="published", zorder=5)


def _column(texts: list[str], ax: Axes) -> None:
    for row, text in enumerate(texts):
        ax.annotate(
            text, (1, row), (8, 0), ("axes fraction", "data"), "offset points",
            va="center_baseline", fontsize=9, annotation_clip=False,
        )  # fmt: skip
