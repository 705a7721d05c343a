"""seeds=auto: more seeds for those planned contrasts that are not decided, looking only as often as was planned."""

import math
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from dissect.composing.job import Job
from dissect.errors import InputError
from dissect.measure.contrasts import TEN_CROP, with_ten_crop
from dissect.measure.effects import effects
from dissect.measure.examples import Scores
from dissect.measure.failures import collapsed
from dissect.measure.metric import Metric
from dissect.measure.paired import Contrast
from dissect.measure.stopping import HOPELESS
from dissect.planning.conditions import at
from dissect.planning.manifest import Manifest
from dissect.store.runs import read_scores
from dissect.store.scored import held_to_scores
from dissect.sweep.finish import Outcome
from dissect.sweep.train import Ended


def extend(jobs: Sequence[Job], manifest: Manifest, looks: list[int], train: Callable[[list[Job]], Ended]) -> Ended:
    """Train look by look until every planned contrast is decided, or the last look is reached.

    Decided is what has a verdict of its own: it helps, hurts or is equivalent; given up is what the last look would
    hardly decide (`measure.stopping`). p-values and intervals count all planned
    looks (`measure.sequential`), so that looking again costs no more errors than the level allows.

    Args:
        jobs: those of the last look, all seeds from 0 on.
        train: trains those of them that are not finished.
    """
    ended: dict[int, tuple[Job, Outcome]] = {}
    needed = set(manifest.variants)
    for look in looks:
        now = [place for place, job in enumerate(jobs) if job.variant.seed < look and job.variant.name in needed]
        ended |= dict(zip(now, train([jobs[place] for place in now]), strict=True))
        if any(outcome.error and not outcome.diverged for _, outcome in ended.values()):
            break  # a decision without the failed runs would be another one than was planned
        found = table(ended.values(), manifest, looks)
        verdicts = found["verdict"]
        undecided = [
            one for one, told in zip(manifest.contrasts, verdicts, strict=True) if told in ("", "inconclusive")
        ]
        hopeless = [manifest.contrasts[place] for place in np.flatnonzero(found["foreseen"] < HOPELESS)]
        open_ = [one for one in undecided if one not in hopeless]
        names, lost = (", ".join("+".join(one.components) for one in these) for these in (open_, hopeless))
        print(
            f"{look} seeds: {len(verdicts) - len(undecided)} of {len(verdicts)} planned contrasts decided"
            + (f"; open: {names}" if open_ else "")
            + (f"; given up, as {looks[-1]} seeds would hardly decide them: {lost}" if hopeless else ""),
            flush=True,
        )
        if not open_:
            break
        needed = {name.removesuffix(" + ten-crop") for one in open_ for name in one.weights}
    return [ended[place] for place in sorted(ended)]


def table(ended: Iterable[tuple[Job, Outcome]], manifest: Manifest, looks: list[int] | None) -> pd.DataFrame:
    """The planned contrasts' effects, in order, from the runs that are finished, as the report will say them."""
    metric = Metric.from_config(manifest.metric)
    ended = [(job, _held_to_scores(outcome)) for job, outcome in ended]
    cropped = f"{metric.name}_ten_crop"
    runs = pd.DataFrame(
        {
            "condition": job.condition,
            "variant": job.variant.name,
            "components": tuple(job.variant.components),
            "seed": job.variant.seed,
            "folder": job.folder,
            "averaged": bool(job.variant.config.ensemble.average),
            metric.name: _logged(job, outcome.result, metric.name),
            cropped: outcome.result["metrics"].get(cropped),
        }
        for job, outcome in ended
        if outcome.result
    )
    contrasts = [Contrast(one.weights, one.orders, one.family) for one in manifest.contrasts]
    scored = _in_conditions(runs.astype({cropped: float}), metric)
    names = set(scored["variant"])
    lost = {
        (view, job.variant.seed)
        for job, outcome in ended
        if outcome.diverged or (outcome.result and _collapsed(job, outcome.result, metric))
        for name in [at(job.variant.name, job.condition)]
        for view in {name, *({f"{name} + ten-crop"} & names)}
    }
    return effects(
        scored, contrasts, metric, level=manifest.level, margin=manifest.smallest or math.nan, power=manifest.power,
        looks=looks, scores=_scores(scored), untrained=lost,
        variances=manifest.variances,
    )  # fmt: skip


def _held_to_scores(outcome: Outcome) -> Outcome:
    """A run whose scores are damaged counts as one that failed, and the others go on."""
    if outcome.result is None:
        return outcome
    result = held_to_scores(outcome.result)
    if result["status"] == "finished":
        return outcome
    print(f"warning: left out: {result['error']}", file=sys.stderr, flush=True)
    return Outcome(error=result["error"])


def _in_conditions(runs: pd.DataFrame, metric: Metric) -> pd.DataFrame:
    """The runs with what is read off them, each variant under the name that it has in its condition."""
    frames = [with_ten_crop(ours, metric) for _, ours in runs.groupby("condition", sort=False)]
    scored = pd.concat(frames, ignore_index=True)
    names = [at(*one) for one in scored[["variant", "condition"]].itertuples(index=False)]
    return scored.assign(variant=names)


def _collapsed(job: Job, result: Mapping[str, Any], metric: Metric) -> bool:
    return collapsed(_logged(job, result, metric.name), (result.get("data") or {}).get("chance"), metric)


def _scores(runs: pd.DataFrame) -> Scores | None:
    """Each example's part in the metric, of the runs that kept it."""
    found: dict[tuple[str, int], Any] = {}
    for variant, components, seed, folder in runs[["variant", "components", "seed", "folder"]].to_numpy():
        parts = read_scores(folder) if (folder / "predictions.npz").is_file() else {}
        if (kept := parts.get("scores_ten_crop" if TEN_CROP in components else "scores")) is not None:
            found[variant, seed] = kept
    return found or None


def _logged(job: Job, result: Mapping[str, Any], name: str) -> float:
    if (value := result["metrics"].get(name)) is None:
        told = ", ".join(key for key, number in result["metrics"].items() if number is not None) or "none"
        raise InputError(f"metric.name={name}: {job.folder.name} never logged it; logged were {told}")
    return float(value)
