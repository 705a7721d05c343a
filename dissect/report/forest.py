"""A component's gain in each of several studies, and its mean over them."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from dissect.errors import InputError
from dissect.measure.metric import Metric
from dissect.measure.pooling import Pooled, pooled
from dissect.report.analysis import Analysis
from dissect.report.figures import gain_text, name_rows
from dissect.report.kinds import kind_of
from dissect.report.words import counted, p_text
from dissect.style import BLUE, INK, small

PREFERRED = ("leave_one_out", "ladder", "one_at_a_time", "shapley", "main_effect", "pair")


class Forest(NamedTuple):
    """One component: `rows` has a row a study, `study`, `gain`, `low`, `high` (NaN for one seed), `seeds`, `error`."""

    component: str
    label: str
    kind: str
    rows: pd.DataFrame
    mean: Pooled | None
    digits: int


def together(studies: Sequence[Analysis], level: float = 0.95) -> list[Forest]:
    """Every component of which two of the studies or more have a gain, by the kind of contrast that most of them have.

    Raises:
        InputError: for studies of different metrics.
    """
    refuse_different(studies)
    frames = [one.effects.assign(study=one.study.name) for one in studies]
    known = pd.concat(frames, ignore_index=True)
    known = known[known["kind"].isin(list(PREFERRED)) & known["gain"].notna() & (known["component"] != "")]
    known = known.drop_duplicates(["study", "kind", "component"])
    found = []
    for component, ours in known.groupby("component", sort=False):
        counts = ours.groupby("kind")["study"].nunique()
        kind = max(counts.index, key=lambda name: (counts[name], -PREFERRED.index(str(name))))
        if counts[kind] < 2:
            continue
        rows = ours[ours["kind"] == kind].copy()
        rows["error"] = rows["sd"] / np.sqrt(rows["seeds"])
        rows["low"], rows["high"] = rows["low_alone"], rows["high_alone"]
        measured = rows[rows["seeds"] > 1]
        mean = pooled(measured["gain"].tolist(), measured["error"].tolist(), level) if len(measured) > 1 else None
        columns = ["study", "gain", "low", "high", "seeds", "error"]
        found.append(Forest(str(component), str(rows["label"].iloc[0]), str(kind), rows[columns].reset_index(drop=True),
                            mean, int(rows["digits"].max())))  # fmt: skip
    return found


def refuse_different(studies: Sequence[Analysis]) -> None:
    """Raises InputError for studies whose gains are not of one metric."""
    first, *others = (one.study for one in studies)
    for other in others:
        for key in ("name", "unit", "better", "times"):
            ours, theirs = getattr(first.metric, key), getattr(other.metric, key)
            if ours != theirs:
                raise InputError(
                    f"{first.name} and {other.name}: their gains are of different metrics (metric.{key} is {ours!r} "
                    f"and {theirs!r}); name one that both logged: metric=NAME"
                )


def plot_forest(one: Forest, metric: Metric, *, ax: Axes) -> None:
    """A point a study with its interval, its size by its weight, and below them the mean as a diamond."""
    rows = np.arange(len(one.rows))
    weight = 1 / (one.rows["error"] ** 2 + (one.mean.tau**2 if one.mean else 0))
    share = (weight / weight.max()).replace([np.inf], 1).fillna(0.2)
    ax.axvline(0, color=INK, lw=1, zorder=1)
    ax.hlines(rows, one.rows["low"], one.rows["high"], color=BLUE, lw=2, zorder=2)
    ax.scatter(one.rows["gain"], rows, s=20 + 60 * share, color=BLUE, marker="s", zorder=3)
    names = [f"{name} ({counted(int(seeds), 'seed')})" for name, seeds in one.rows[["study", "seeds"]].to_numpy()]
    ends = one.rows[["gain", "low", "high"]].to_numpy(dtype=float)
    texts = [gain_text(gain, low, high, digits=one.digits) for gain, low, high in ends]
    if one.mean:
        at = len(rows)
        corners = [(one.mean.low, at), (one.mean.mean, at - 0.22), (one.mean.high, at), (one.mean.mean, at + 0.22)]
        ax.fill(*zip(*corners, strict=True), color=INK, zorder=3)
        names.append("mean")
        texts.append(gain_text(one.mean.mean, one.mean.low, one.mean.high, digits=one.digits))
    for row, text in enumerate(texts):
        ax.annotate(text, (1, row), (8, 0), ("axes fraction", "data"), "offset points", va="center_baseline",
                    fontsize=small(), annotation_clip=False)  # fmt: skip
    name_rows(names, ax)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.set_title(f"{one.label} ({kind_of(one.kind).name})", loc="left")
    ax.set_xlabel(metric.gain_axis)


def heterogeneity(one: Forest, metric: Metric) -> str:
    """How much the gain differs between studies, in a sentence or two."""
    if one.mean is None:
        return "Fewer than two of these studies have the two seeds that a mean over studies needs."
    found = one.mean
    tau = metric.with_unit(f"{found.tau:.{one.digits}f}")
    few = " Two studies say little of how much a gain differs between studies." if found.studies == 2 else ""
    if np.isnan(found.p_alike):
        return f"A study has no spread over seeds, so all count alike.{few}"
    p = p_text(found.p_alike)
    if found.p_alike < 0.05:
        return f"The gains differ by more than their seeds explain ({p}): between studies the true gain has an sd of " \
               f"about {tau}.{few}"  # fmt: skip
    return (
        f"The gains do not differ by more than their seeds explain ({p}; sd between studies about "
        f"{tau}), which does not show that they are equal.{few}"
    )
