"""Figures on axes of your own; every function takes a `Study`, and returns the axes.

>>> import pandas as pd
>>> from matplotlib.figure import Figure
>>> from dissect.api.study import read
>>> runs = pd.DataFrame({"drop": [False, True] * 3, "seed": [0, 0, 1, 1, 2, 2], "acc": [50.0, 52, 51, 54, 52, 53]})
>>> ax = plot_gains(read(runs, metric="acc", better="higher"), ax=Figure().subplots())
>>> ax.get_xlabel()
'exploratory gain'
"""

from collections.abc import Sequence

from matplotlib.axes import Axes

from dissect.api.study import Study
from dissect.errors import InputError
from dissect.report import attribution, figures, forest
from dissect.report.curves import read_curves


def _axes(ax: Axes | None) -> Axes:
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.gca()


def plot_gains(study: Study, *, ax: Axes | None = None) -> Axes:
    """A point a variant: its gain over its control, in the metric's unit, with the interval of its verdict."""
    ax, found = _axes(ax), study.analysis
    digits = int(found.effects["digits"].iloc[0]) if len(found.effects) else 1
    figures.plot_gains(found.bars, study.metric, digits=digits, ax=ax)
    figures.name_rows(found.bars["label"], ax)
    return ax


def plot_attribution(study: Study, *, ax: Axes | None = None) -> Axes:
    """Each component's gain by the kinds of contrast that the runs allow.

    Raises:
        InputError: where they allow no component to be seen in two ways, or on average over variants.
    """
    ax, (rows, labels) = _axes(ax), study.analysis.attributed
    if not labels:
        raise InputError(f"{study.name}: no component is seen in more than one way, so there is nothing to compare")
    attribution.plot_attribution(rows, labels, study.metric, ax=ax)
    ax.legend(fontsize="small", loc="lower left", bbox_to_anchor=(0, 1), frameon=False)  # above, so over no mark
    return ax


def plot_interactions(study: Study, *, ax: Axes | None = None) -> Axes:
    """What each two components gain together beyond the sum of their gains.

    Raises:
        InputError: where no four variants allow that.
    """
    ax, (pairs, labels) = _axes(ax), study.analysis.interactions
    if not labels:
        raise InputError(f"{study.name}: no interaction can be measured; it takes a variant with both components of a "
                         "pair, with each alone, and with none")  # fmt: skip
    attribution.plot_interactions(pairs, labels, study.metric, digits=int(pairs["digits"].iloc[0]), ax=ax)
    return ax


def plot_curves(study: Study, variant: str, *, ax: Axes | None = None) -> Axes:
    """The metric of one variant by epoch, a thin line a seed and a thick one for their mean.

    Raises:
        InputError: for a variant without curves.
    """
    ax = _axes(ax)
    curves = read_curves(study._source, [variant])
    if curves.empty:
        known = ", ".join(map(str, study.runs["variant"].unique()))
        raise InputError(f"{study.name}: {variant} has no curves of {study.metric.name}; variants are {known}")
    figures.plot_learning_curve(curves, study.metric, ax=ax)
    ax.legend(fontsize="small")
    return ax


def plot_forest(studies: Sequence[Study], component: str, *, ax: Axes | None = None) -> Axes:
    """One component's gain in each of several studies, and its mean over them with a random-effects interval.

    Raises:
        InputError: for studies of different metrics, and a component that no two of them have a gain of.
    """
    ax = _axes(ax)
    found = forest.together([study.analysis for study in studies])
    chosen = [one for one in found if component in (one.component, one.label)]
    if not chosen:
        known = ", ".join(dict.fromkeys(one.component for one in found)) or "none"
        raise InputError(f"{component}: is in no two of these studies; there are {known}")
    forest.plot_forest(chosen[0], studies[0].metric, ax=ax)
    return ax
