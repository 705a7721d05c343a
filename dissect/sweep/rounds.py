"""A random search as a sweep: rounds of ordinary runs, each round closer around the best setting so far.

What is drawn depends on `plan.search` alone and on what the runs of earlier rounds came to, so the same command draws
the same settings, finds their finished runs in the store, and goes on from there.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any

from omegaconf import OmegaConf

from dissect.composing.job import Digest, Job, job_of
from dissect.composing.line import MOST
from dissect.composing.overrides import key_of
from dissect.composing.plain import number_at
from dissect.errors import InputError
from dissect.measure.metric import Metric
from dissect.search.draws import SHRINK, Box, Setting, trials_of
from dissect.search.record import Trial, best_of, write_trials, write_tuned
from dissect.store import runs as store
from dissect.sweep.finish import Outcome
from dissect.sweep.train import Ended, conclude

Train = Callable[[Sequence[Job]], Ended]


def search(variants: Mapping[str, list[Job]], settings: Any, train: Train) -> Ended:
    """Search for every variant that is asked for, and leave each one's best setting as a config; as `searched`."""
    return searched(variants, settings, train)[0]


def searched(
    variants: Mapping[str, list[Job]], settings: Any, train: Train, given: Mapping[str, Setting] | None = None
) -> tuple[Ended, dict[str, list[Trial]]]:
    """What became of every run, and every variant's trials.

    A variant's seeds share its settings, and its metric is their mean. A run that diverges tells that its setting is
    no good; whatever else ends a run ends the search, and the same command goes on.

    Args:
        variants: as `asked` gives them; settings: `plan.search`; train: trains what is not finished.
        given: of a variant the setting that is tried first, in the place of one that is drawn.

    Raises:
        InputError: for ranges that make no search, or one in which all diverged.
        SystemExit: with 1, where a run failed for another reason.
    """
    box = checked(settings)
    metric = Metric.from_config(next(iter(variants.values()))[0].variant.config.metric)
    tried: dict[str, list[Trial]] = {name: [] for name in variants}
    boxes = dict.fromkeys(variants, box)
    ended: Ended = []
    counts = trials_of(settings.rounds, settings.trials)
    for number, count in enumerate(counts):
        drawn = [
            (name, place, boxes[name].draw(settings.seed, number, place)) for name in variants for place in range(count)
        ]
        if number == 0:
            drawn = [(name, place, drawn if place else (given or {}).get(name, drawn)) for name, place, drawn in drawn]
        now = once([at(job, setting) for name, _, setting in drawn for job in variants[name]], train)
        ended += now
        if any(outcome.error and not outcome.diverged for _, outcome in now):
            conclude([(job, outcome) for job, outcome in now if not outcome.diverged])
        results = iter(now)
        for name, place, setting in drawn:
            runs = [next(results) for _ in variants[name]]
            tried[name].append(trial(name, number, place, setting, runs))
        for name, trials in tried.items():
            best = best_of(trials, metric)
            if best is None:
                key, (low, high) = next(iter((k, (box.low[k], box.high[k])) for k in box.low))
                raise InputError(
                    f"plan.search.over={{{key}: [{low:g}, {high:g}]}}: {name} diverged at every setting; lower it"
                )
            boxes[name] = box.around(best.setting, SHRINK ** (number + 1))
            print(f"round {number + 1} of {len(counts)}: {name}: {told(best, metric)}", flush=True)
    finish(ended, tried, box, metric)
    return ended, tried


def checked(settings: Any) -> Box:
    """The ranges to draw from.

    Raises:
        InputError: for settings that make no search.
    """
    for name in ("trials", "rounds"):
        if settings[name] < 1:
            raise InputError(f"plan.search.{name}={settings[name]}: must be a whole number from 1")
    if settings.trials > MOST:
        raise InputError(f"plan.search.trials={settings.trials}: a search has {MOST:,} at most; ask for fewer")
    if settings.trials < settings.rounds:
        raise InputError(
            f"plan.search.trials={settings.trials}: must be one or more for each of {settings.rounds} rounds"
        )
    ranges: dict[str, Any] = {str(k): v for k, v in (OmegaConf.to_container(settings.over) or {}).items() if v}  # type: ignore[union-attr]
    if not ranges:
        raise InputError("plan.search.over={}: says nothing to search over; name settings: {optimizer.lr: [1e-3, 0.3]}")
    for key, limits in ranges.items():
        numbers = isinstance(limits, list) and len(limits) == 2 and all(isinstance(one, int | float) for one in limits)
        if not numbers or not 0 < limits[0] < limits[1]:
            raise InputError(
                f"plan.search.over: {key}: {limits} must be the lowest and the highest, above 0: [0.001, 0.1]"
            )
    return Box(
        {key: float(low) for key, (low, _) in ranges.items()}, {key: float(high) for key, (_, high) in ranges.items()}
    )


def asked(jobs: Callable[[], list[Job]], config: Any, arguments: Sequence[str]) -> dict[str, list[Job]]:
    """Each variant's runs, one a seed, at the config's own setting.

    Raises:
        InputError: for a search over validation, or one that is no search over one recipe.
    """
    judge = (config.get("data") or {}).get("judge", "tuning")
    if judge != "tuning":
        raise InputError(
            f"data.judge={judge}: settings that are chosen on the examples that later judge are flattered by them; "
            "a search is judged on data.judge=tuning, so leave data.judge out"
        )
    keys = list(checked(config.plan.search).low)
    for said in arguments:
        if (name := key_of(said)) in keys:
            raise InputError(f"{said}: the search draws it; give its range instead: '{over_text(name)}'")
    variants: dict[str, list[Job]] = {}
    for job in jobs():
        ours = variants.setdefault(job.variant.name, [])
        if job.variant.seed in [other.variant.seed for other in ours]:
            raise InputError(
                f"{' '.join(arguments)}: asks for {job.variant.name} with several configs; "
                "a search sweeps over components and seeds only"
            )
        for key in keys:
            now, before = (
                number_at(one, key, f"plan.search.over={keys}") for one in (job.variant.config, job.variant.base)
            )
            if now != before:
                raise InputError(
                    f"{key}: a component of {job.variant.name} sets it, so it cannot be searched for; "
                    "leave that component out"
                )
        ours.append(job)
    return variants


def over_text(key: str) -> str:
    return f"+plan.search.over={{{key}: [0.001, 0.1]}}"


def at(job: Job, setting: Setting) -> Job:
    """The same run, on the same data, at another setting."""
    config, base = job.variant.config.copy(), job.variant.base.copy()
    for part in (config, base):
        for key, value in setting.items():
            OmegaConf.update(part, key, value)
    variant = replace(job.variant, config=config, base=base)
    said = (f"{key}={value!r}" for key, value in setting.items())
    return job_of(variant, Digest(job.data), (*job.overrides, *said))


def once(jobs: Sequence[Job], train: Train) -> Ended:
    """Train them, but for what diverged before: it would diverge again."""
    known = {place: error for place, job in enumerate(jobs) if (error := _diverged_before(job))}
    rest = iter(train([job for place, job in enumerate(jobs) if place not in known]))
    lost = {place: Outcome(error=error, diverged=True) for place, error in known.items()}
    return [(job, lost[place]) if place in known else next(rest) for place, job in enumerate(jobs)]


def _diverged_before(job: Job) -> str:
    try:
        result = store.read_result(job.folder)
    except InputError:  # damaged, which training says
        return ""
    return str(result["error"]) if result is not None and result.get("diverged") else ""


def trial(name: str, number: int, place: int, setting: Setting, ended: Ended) -> Trial:
    """What came of a setting: each metric's mean over the seeds, none where one of them diverged."""
    results = [outcome.result["metrics"] for _, outcome in ended if outcome.result]
    metrics: dict[str, float] = {}
    if len(results) == len(ended):
        logged = {key: [one.get(key) for one in results] for key in results[0]}
        metrics = {key: fmean(values) for key, values in logged.items() if None not in values}
    seeds, runs = (tuple(one) for one in zip(*((job.variant.seed, job.folder.name) for job, _ in ended), strict=True))
    return Trial(name, number, place, setting, seeds, metrics, runs)


def told(trial: Trial, metric: Metric) -> str:
    settings = ", ".join(f"{key} {number:.4g}" for key, number in trial.setting.items())
    return f"tuning {metric.label} {metric.level(trial.metrics[metric.name])} at {settings}"


def finish(ended: Ended, tried: dict[str, list[Trial]], box: Box, metric: Metric) -> None:
    """Write every variant's best setting and the figure, and say how they are used."""
    from dissect.search.__main__ import report

    config = ended[0][0].variant.config
    study, out = Path(config.runs) / config.name, Path("reports")
    data = next(outcome.result["data"] for _, outcome in ended if outcome.result)
    counts = data.get("examples") or {}
    on = f"{counts.get('validation', '?')} examples held out of {data['name']}, after {config.train.epochs} epochs"
    if "training" in counts:
        on += f" on {counts['training']} others"
    for name, trials in tried.items():
        best = best_of(trials, metric)
        assert best is not None
        write_trials(study, name, trials)
        path = write_tuned(study, best, metric, trials=len(trials), data=on)
        lost = sum(not one.metrics for one in trials)
        print(
            f"{path}: {told(best, metric)}, the best of {len(trials)}" + (f", of which {lost} diverged" if lost else "")
        )
        for edge in box.at_edge(best.setting):
            print(f"  its {edge} lies at the edge of its range: a wider {over_text(edge)} may find a better one")
        print(f"  to train with it: python -m dissect --config-dir {study} +tuned={name} ...", flush=True)
    report(study, out)
