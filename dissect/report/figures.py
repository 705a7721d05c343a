"""One function a figure: a tidy frame in, drawn on the given axes; nothing is computed, nothing saved.

Rows of `bars` are drawn from top to bottom; a run's `row` says on which of them it lies. Levels are as they were logged
and shown as the metric says, gains are in its unit. Verdicts differ in shape and colour, the colours being seaborn's
"colorblind" palette.
"""

from collections.abc import Iterable
from math import floor, log10
from textwrap import fill
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from dissect.measure.metric import Metric
from dissect.style import BLUE, GREEN, GREY, INK, PARTS, PURPLE, VERMILION, small

CLOSE = 0.6  # levels of which the lowest is beyond so much of the highest are drawn where they are, not from zero
VERDICTS = {  # verdict -> marker, colour, filled
    "helps": ("^", GREEN, True),
    "hurts": ("v", VERMILION, True),
    "equivalent": ("s", BLUE, True),
    "inconclusive": ("o", GREY, False),
}


def plot_levels(
    bars: pd.DataFrame, runs: pd.DataFrame, metric: Metric, *, chance: float | None, level: float, ax: Axes
) -> None:
    """A bar a variant: its mean with its interval, each run a dot, the published value a diamond.

    Of points, which have a zero, the bars begin there; of another unit, and where a zero would hide the differences, a
    stroke marks the mean.

    Args:
        bars: `label`, `mean`, `half_width` (NaN for one seed), `n` (seeds), `published_level` (NaN where none).
        runs: `row`, `seed`, and the metric by its name.
        chance: the metric of guessing; None where nobody said it.
        level: of the intervals.
    """
    rows = np.arange(len(bars))
    levels = pd.concat([runs[metric.name], bars["published_level"].dropna()])
    from_zero = metric.unit == "points" and bool(levels.min() < CLOSE * levels.max())
    if from_zero:
        ax.barh(rows, bars["mean"], height=0.62, color=BLUE, alpha=0.4, label=f"mean {metric.label}")
    else:
        stroke: Any = {"color": BLUE, "alpha": 0.5, "lw": 5, "label": f"mean {metric.label}"}
        ax.vlines(bars["mean"], rows - 0.31, rows + 0.31, **stroke)
    seeds = runs.groupby("row")["seed"]
    apart = 0.5 * ((seeds.rank() - 0.5) / seeds.transform("count") - 0.5)  # equal values must not hide each other
    ax.plot(runs[metric.name], runs["row"] + apart, "o", ms=3.5, mew=0, color=BLUE, label="one seed", zorder=3)
    known = rows[bars["half_width"].notna()]
    if len(known):
        chosen = bars.iloc[known]
        style: Any = {"fmt": "none", "ecolor": INK, "elinewidth": 1.4, "capsize": 4, "zorder": 4}
        ax.errorbar(chosen["mean"], known, xerr=chosen["half_width"], label=f"{100 * level:g}% interval", **style)
    near = chance is not None and (from_zero or chance > 2 * levels.min() - levels.max())
    if chance is not None and near:
        ax.axvline(chance, color=GREY, lw=1, ls="--", label=f"chance ({_plain(chance, metric)})", zorder=1)
    _published(bars["published_level"], ax)
    # Fewer seeds than the others have is a gap, and is said.
    fewer = [f", {n} seed{'s' * (n > 1)}" if n < bars["n"].max() else "" for n in bars["n"]]
    # In another unit all bars have as many decimals as the middle one needs, or they could not be compared by eye.
    digits = None if metric.unit == "points" or not len(known) else metric.digits(metric.times * bars["half_width"])
    told = [level_text(mean, half, metric, digits) for mean, half in bars[["mean", "half_width"]].to_numpy()]
    _column([text + more for text, more in zip(told, fewer, strict=True)], ax)
    ax.set_yticks(rows, [wrapped(label) for label in bars["label"]])
    ax.set_ylim(len(bars) - 0.4, -0.6)
    values = metric.times * runs[metric.name]
    if from_zero and values.min() >= 0 and values.max() <= 100:
        # The interval of two seeds may go beyond 100%, a share may not.
        ax.set_xlim(0, min(ax.get_xlim()[1], 103 / metric.times))
    ax.tick_params(axis="y", length=0)
    ax.xaxis.set_major_formatter(scaled(metric))
    ax.set_xlabel(axis_label(metric._replace(label=metric.held_out).axis, 44))


def plot_gains(gains: pd.DataFrame, metric: Metric, *, digits: int = 1, ax: Axes) -> None:
    """A point a variant: its gain over its control with the interval, against a line at zero.

    Args:
        gains: a row a bar: `gain`, `low`, `high` (NaN where unknown), `verdict`, `versus` (a control to be named, or
            ""), `published` (a gain, NaN where there is none), `exploratory` (true or false; may be absent).
        digits: decimals with which gains are written.
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
    numbers = gains[["gain", "low", "high", "versus"]].itertuples(index=False)
    texts = [gain_text(gain, low, high, versus, digits) for gain, low, high, versus in numbers]
    unplanned = gains.get("exploratory", pd.Series(False, gains.index)) & gains["gain"].notna()
    if every := bool(unplanned[gains["gain"].notna()].all() and unplanned.any()):
        unplanned = unplanned & False  # said once, of the axis
    _column([text + ", exploratory" * one for text, one in zip(texts, unplanned, strict=True)], ax)
    ax.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    ax.tick_params(axis="y", length=0, labelleft=False)
    ax.spines["left"].set_visible(False)
    ax.set_xlabel(axis_label("exploratory " * every + metric.gain_axis, 38))


def name_rows(labels: Iterable[str], ax: Axes, width: int = 32) -> None:
    """Name the rows of an axes of bars or gains, in lines of so many letters; the first is on top."""
    told = [wrapped(label, width) for label in labels]
    ax.set_yticks(range(len(told)), told)
    ax.set_ylim(len(told) - 0.4, -0.6)
    ax.tick_params(axis="y", labelleft=True)


def plot_learning_curve(epochs: pd.DataFrame, metric: Metric, *, ax: Axes) -> None:
    """One variant's metric in training and validation: a thin line a seed, a thick one for their mean.

    Args:
        epochs: `seed`, `epoch`, `part` ("training" or "validation"), `value` (as logged).
    """
    for part, look in PARTS.items():
        seeds = epochs[epochs["part"] == part].pivot_table("value", "epoch", "seed")
        if seeds.empty:
            continue
        ax.plot(seeds.index, seeds, lw=0.7, alpha=0.35, **look)
        mark = "o" if len(seeds) == 1 else None  # a line of one epoch would not show
        ax.plot(seeds.index, seeds.mean(axis=1), lw=2, marker=mark, label=part, **look)
    ax.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    ax.yaxis.set_major_formatter(scaled(metric))
    ax.grid(axis="y", color=GREY, alpha=0.25, lw=0.6)
    ax.set(xlabel="epoch", ylabel=axis_label(metric.axis, 24))


def scaled(metric: Metric) -> FuncFormatter:
    """Levels on an axis, as the metric counts them."""
    return FuncFormatter(lambda value, _: f"{metric.times * value:.4g}".replace("-", "−"))


def _plain(value: float, metric: Metric) -> str:
    """A level with three figures at most: "0.5%"."""
    number = f"{metric.times * value:.3g}"
    return f"{number}%" if metric.symbol == "%" else metric.with_unit(number)


def wrapped(label: str, width: int = 32) -> str:
    """At most three lines, which is what fits beside a bar."""
    return fill(label, width, max_lines=3, placeholder=" …")


def axis_label(text: str, width: int) -> str:
    """The text in lines of that width, beside which other axes have theirs; which way is better stays in one."""
    what, paren, better = text.partition(" (lower")
    return text if len(text) <= width else wrapped(what, width) + paren.replace(" ", "\n") + better


def level_text(mean: float, half_width: float, metric: Metric, digits: int | None = None) -> str:
    """A mean as it is written, as the metric counts it: "44.9 [44.4, 45.4]", or alone where one seed gives no interval.

    Without `digits` as many decimals as its own interval needs.
    """
    half = metric.times * half_width
    if metric.unit == "points":
        digits = 2 if half < 0.5 else 1
    elif digits is None and half > 0:
        digits = min(max(1 - floor(log10(half)), 0), 9)
    ends = [metric.number(mean + sign * half_width, digits) for sign in (-1, 1)]
    interval = "" if np.isnan(half) else f" [{', '.join(ends)}]"
    return f"{metric.number(mean, digits)}{interval}"


def gain_text(gain: float, low: float, high: float, versus: str = "", digits: int = 1) -> str:
    """A gain as it is written: "+4.4 [3.9, 4.9]", with its control where that is not the bar above.

    `digits` are the decimals of gains like this one. Narrow intervals and ends close to zero get more of them: rounding
    must not hide on which side of zero they are.
    """
    if np.isnan(gain):
        return ""
    ends = [end for end in (low, high) if end != 0 and not np.isnan(end)]
    fit = [d for d in (digits, digits + 1) if all(round(end, d) for end in ends) and not 0 < high - low < 10 ** (1 - d)]
    digits = next(iter(fit), digits + 2)
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
            va="center_baseline", fontsize=small(), annotation_clip=False,
        )  # fmt: skip
