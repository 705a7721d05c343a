"""Factors of several levels: each on one axis, its levels where they lie, and what is not told apart joined below.

So Demšar 2006, "Statistical comparisons of classifiers over multiple data sets", figure 1, draws them.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any, NamedTuple

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dissect.measure.metric import Metric
from dissect.report.figures import gain_text
from dissect.style import BLUE, GREY, INK, small, styled

OVER_BASE = ("one_at_a_time", "main_effect", "shapley")  # kinds whose gains are over what has none of the levels
BASE = "none of them"


class Factor(NamedTuple):
    """Levels by label with their gains over the first of them, and the largest groups that are not told apart."""

    places: Mapping[str, float]
    together: Sequence[Sequence[str]]
    digits: int


def factors(effects: pd.DataFrame, labels: Mapping[str, str]) -> list[Factor]:
    """The factors of three levels and more, what has none of them counted where all are compared with it.

    Args:
        effects: the table of effects; of a pair of levels its first row counts.
        labels: component -> label.
    """
    rows: list[dict[Any, Any]] = effects[effects["gain"].notna()].to_dict("records")
    rows.reverse()  # so that the first of several stays
    pairs = {row["components"]: row for row in rows if row["kind"] == "levels"}
    pairs = dict(reversed(pairs.items()))
    later = {after for _, after in pairs}
    found = []
    for first in dict.fromkeys(before for before, _ in pairs if before not in later):
        levels = [first, *(after for before, after in pairs if before == first)]
        gains = {level: float(pairs[first, level]["gain"]) if level != first else 0.0 for level in levels}
        apart = {pair for pair, row in pairs.items() if row["verdict"] in ("helps", "hurts")}
        for kind in OVER_BASE:
            over = {row["component"]: row for row in rows if row["kind"] == kind}
            if set(levels) <= over.keys():
                gains = {"": 0.0, **{level: gain + float(over[first]["gain"]) for level, gain in gains.items()}}
                apart |= {("", level) for level in levels if over[level]["verdict"] in ("helps", "hurts")}
                break
        if len(gains) > 2:
            named = {level: labels.get(level, level) if level else BASE for level in gains}
            groups = [[named[level] for level in group] for group in _together(list(gains), apart)]
            digits = int(pairs[first, levels[1]]["digits"])
            found.append(Factor({named[level]: gain for level, gain in gains.items()}, groups, digits))
    return found


def _together(levels: Sequence[str], apart: set[tuple[str, str]]) -> list[tuple[str, ...]]:
    """The largest groups of which no two are told apart."""
    groups: list[tuple[str, ...]] = []
    for size in range(len(levels), 1, -1):
        for group in combinations(levels, size):
            if not apart & {*combinations(group, 2)} and not any(set(group) <= set(larger) for larger in groups):
                groups.append(group)
    return groups


def plot_factor(one: Factor, metric: Metric, *, ax: Axes) -> None:
    """A dot a level on one axis, named above it; below, a bar with a dot at each of the levels that it joins."""
    ordered = sorted(one.places.items(), key=lambda place: place[1])
    first = next(iter(one.places))
    for height, (label, gain) in enumerate(ordered, 1):
        right = height > len(ordered) / 2
        ax.plot([gain, gain], [0, height], color=GREY, lw=0.8, zorder=1)
        told = label if label == first else f"{label} {gain_text(gain, float('nan'), float('nan'), digits=one.digits)}"
        ax.annotate(told, (gain, height), (-4 if right else 4, 0), textcoords="offset points",
                    ha="right" if right else "left", va="center", fontsize=small())  # fmt: skip
    ax.plot(list(one.places.values()), [0] * len(one.places), "o", ms=7, color=BLUE, zorder=3)
    ax.axhline(0, color=INK, lw=1, zorder=2)
    for depth, group in enumerate(one.together, 1):
        here = [one.places[label] for label in group]
        ax.plot([min(here), max(here)], [-depth, -depth], color=INK, lw=2.2, solid_capstyle="butt")
        ax.plot(here, [-depth] * len(here), "o", ms=4, color=INK)
    ax.set_ylim(-len(one.together) - 0.7, len(ordered) + 0.7)
    ax.margins(x=0.08)
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    ax.set_title(f"over {first}", loc="left")
    ax.set_xlabel(metric.gain_axis)


def draw_factors(found: Sequence[Factor], metric: Metric, width: float = 9) -> Figure:
    """A panel a factor, one below the other."""
    with mpl.rc_context(styled(width)):
        rows = [len(one.places) + len(one.together) + 3 for one in found]
        figure = Figure(figsize=(width, 0.27 * sum(rows)), layout="constrained")
        axes = figure.subplots(len(found), 1, squeeze=False, height_ratios=rows)[:, 0]
        for one, ax in zip(found, axes, strict=True):
            plot_factor(one, metric, ax=ax)
    return figure
