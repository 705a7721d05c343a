"""Where a study's verdicts say little, whatever their p: said at the head of its page."""

import math
from collections.abc import Iterator, Sequence

import pandas as pd

from dissect.report.curves import read_curves
from dissect.report.labels import caller
from dissect.report.study import Study

ERRORS = 3  # standard errors of a share: beyond so many, a run is better than guessing
STILL = 0.05  # of a curve's whole way; more than that in its last tenth of epochs is no end


def limits(study: Study, effects: pd.DataFrame, drawn: Sequence[str]) -> list[str]:
    """Sentences, mostly none.

    Args:
        drawn: the variants whose curves are looked at.
    """
    # Where nothing was learned there is no more to say.
    return list(_guessing(study)) or [*_right(study), *_unfinished(study, drawn), *_untrained_out(study, effects)]


def _guessing(study: Study) -> Iterator[str]:
    """All at what guessing comes to, but for what the sampling of examples makes of it."""
    metric = study.metric
    values = study.compared[metric.name].dropna()
    chance = study.data.get("chance") if metric.name == study.primary.name else None
    if chance is None or metric.better != "higher":
        return
    examples = (study.data.get("examples") or {}).get("validation")
    share = metric.unit == "points" and metric.times == 100 and examples
    allowed = chance + (ERRORS * math.sqrt(chance * (1 - chance) / examples) if share else 0)
    if (values <= allowed).all():
        yield (f"No run is clearly better than guessing, which comes to {metric.level(chance)}: whether variants "
               "differ says nothing about what each of them is worth where networks learn.")  # fmt: skip


def _right(study: Study) -> Iterator[str]:
    """All as good as can be."""
    metric = study.metric
    values = study.compared[metric.name].dropna()
    examples = (study.data.get("examples") or {}).get("validation")
    if metric.unit == "points" and metric.times == 100 and examples and (values >= 1 - 1 / examples).all():
        yield (f"Every run is right on all {examples:,} examples, or all but one: they are too easy to tell variants "
               f"apart, and no difference below {100 / examples:.2g} points, one example, can be seen.")  # fmt: skip


def _unfinished(study: Study, drawn: Sequence[str]) -> Iterator[str]:
    """Variants that were still getting better when they ended."""
    curves = read_curves(study, drawn)
    curves = curves[curves["part"] == "validation"]
    means = curves.groupby(["variant", "epoch"], sort=False)["value"].mean() * study.metric.sign
    going, called = [], caller(study)
    for name, values in means.groupby(level="variant", sort=False):
        values = values.droplevel("variant").sort_index()
        tail = max(1, len(values) // 10)
        way = values.max() - values.iloc[0]
        last, before = values.iloc[-tail:].mean(), values.iloc[-2 * tail : -tail].mean()
        if len(values) >= 5 and way > 0 and (last - before) / way > STILL:
            going.append(called(str(name)))
    if going:
        verb = "were" if len(going) > 1 else "was"
        yield (f"{_listed(going)} {verb} still getting better in the last epochs: with more of them, "
               "other components may help.")  # fmt: skip


def _untrained_out(study: Study, effects: pd.DataFrame) -> Iterator[str]:
    """Variants that are worse on what they were trained on than their control on what it never saw."""
    metric, runs = study.metric, study.compared
    trained = f"train_{metric.name}"
    if trained not in runs or effects.empty:
        return
    level, training = (runs.groupby("variant")[name].mean() for name in (metric.name, trained))
    worse: dict[str, list[str]] = {}
    called = caller(study)
    pairs = effects[["treated", "control"]].dropna().drop_duplicates().itertuples(index=False)
    for treated, control in pairs:
        ours, theirs = training.get(treated), level.get(control)
        if ours is not None and theirs is not None and metric.sign * (ours - theirs) < 0:
            worse.setdefault(treated, []).append(f"{called(control)} ({metric.level(theirs)})")
    for treated, controls in worse.items():
        verb = "is" if len(controls) == 1 else "are"
        yield (f"{called(treated)} is worse on its training examples ({metric.level(training[treated])}) than "
               f"{_listed(controls)} {verb} on {study.data['judge']} examples: it seems to underfit, and more epochs "
               "may change what it gains.")  # fmt: skip


def _listed(names: Sequence[str], most: int = 6) -> str:
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown
