"""seeds=auto: more seeds for those planned contrasts that are not decided, looking only as often as was planned."""

from collections.abc import Callable, Iterable, Sequence

import pandas as pd

from dissect.composing.job import Job
from dissect.measure.contrasts import with_ten_crop
from dissect.measure.effects import effects
from dissect.measure.metric import Metric
from dissect.measure.paired import Contrast
from dissect.planning.manifest import Manifest
from dissect.sweep.finish import Outcome
from dissect.sweep.train import Ended


def extend(jobs: Sequence[Job], manifest: Manifest, looks: list[int], train: Callable[[list[Job]], Ended]) -> Ended:
    """Train look by look until every planned contrast is decided, or the last look is reached.

    Decided is what has a verdict of its own: it helps, hurts or is equivalent. p-values and intervals count all planned
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
        if any(outcome.error for _, outcome in ended.values()):
            break  # a decision without the failed runs would be another one than was planned
        verdicts = table(ended.values(), manifest, looks)["verdict"]
        open_ = [
            one for one, verdict in zip(manifest.contrasts, verdicts, strict=True) if verdict in ("", "inconclusive")
        ]
        names = ", ".join("+".join(one.components) for one in open_)
        print(
            f"{look} seeds: {len(verdicts) - len(open_)} of {len(verdicts)} planned contrasts decided"
            + (f"; open: {names}" if open_ else ""),
            flush=True,
        )
        if not open_:
            break
        needed = {name.removesuffix(" + ten-crop") for one in open_ for name in one.weights}
    return [ended[place] for place in sorted(ended)]


def table(ended: Iterable[tuple[Job, Outcome]], manifest: Manifest, looks: list[int] | None) -> pd.DataFrame:
    """The planned contrasts' effects, in order, from the runs that are finished."""
    metric = Metric.from_config(manifest.metric)
    cropped = f"{metric.name}_ten_crop"
    runs = pd.DataFrame(
        {
            "variant": job.variant.name,
            "components": tuple(job.variant.components),
            "seed": job.variant.seed,
            "averaged": bool(job.variant.config.ensemble.average),
            metric.name: outcome.result["metrics"][metric.name],
            cropped: outcome.result["metrics"].get(cropped),
        }
        for job, outcome in ended
        if outcome.result
    )
    contrasts = [Contrast(one.weights, one.orders) for one in manifest.contrasts]
    return effects(
        with_ten_crop(runs.astype({cropped: float}), metric), contrasts, metric,
        level=manifest.level, margin=manifest.smallest, power=manifest.power, looks=looks,
    )  # fmt: skip
