"""A random search as a sweep: rounds of ordinary runs, each round closer around the best setting so far.

What is drawn depends on `plan.search` alone and on what the runs of earlier rounds came to, so the same command draws
the same settings, finds their finished runs in the store, and goes on from there.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any

from dissect.composing.compose import key_of
from dissect.composing.variant import run_folder
from dissect.design import Design
from dissect.errors import InputError
from dissect.search.draws import SHRINK, Box, Setting, trials_of
from dissect.search.record import Trial, best_of, write_trials, write_tuned
from dissect.store import runs as store
from dissect.sweep.finish import Outcome
from dissect.sweep.sweeper import Job, Sweep, conclude

Ended = list[tuple[Job, Outcome]]


def search(sweep: Sweep, design: Design | None, arguments: Sequence[str]) -> Ended:
    """Search for every variant that is asked for, and leave each one's best setting as a config.

    A variant's seeds share its settings, and its accuracy is their mean. A run that diverges tells that its setting is
    no good; whatever else ends a run ends the search, and the same command goes on.

    Raises:
        InputError: for a search over validation, one that is no search over one recipe, or one in which all diverged.
        SystemExit: with 1, where a run failed for another reason.
    """
    settings = sweep.config.plan.search
    box = checked(settings)
    variants = asked(sweep, design, arguments)
    tried: dict[str, list[Trial]] = {name: [] for name in variants}
    boxes = dict.fromkeys(variants, box)
    ended: Ended = []
    counts = trials_of(settings.rounds, settings.trials)
    for number, count in enumerate(counts):
        drawn = [
            (name, place, boxes[name].draw(settings.seed, number, place)) for name in variants for place in range(count)
        ]
        ended += (now := train(sweep, [at(job, setting) for name, _, setting in drawn for job in variants[name]]))
        if any(outcome.error and not diverged(outcome.error) for _, outcome in now):
            conclude([(job, outcome) for job, outcome in now if not diverged(outcome.error)])
        results = iter(now)
        for name, place, setting in drawn:
            tried[name].append(trial(name, number, place, setting, [next(results) for _ in variants[name]]))
        for name, trials in tried.items():
            best = best_of(trials)
            if best is None:
                rates = list(settings.learning_rate)
                raise InputError(f"plan.search.learning_rate={rates}: {name} diverged at every setting; lower it")
            boxes[name] = box.around(best.setting, SHRINK ** (number + 1))
            print(f"round {number + 1} of {len(counts)}: {name}: {told(best)}", flush=True)
    finish(sweep, ended, tried, box)
    return ended


def checked(settings: Any) -> Box:
    """The ranges to draw from.

    Raises:
        InputError: for settings that make no search.
    """
    for name in ("trials", "rounds"):
        if settings[name] < 1:
            raise InputError(f"plan.search.{name}={settings[name]}: must be a whole number from 1")
    if settings.trials < settings.rounds:
        raise InputError(
            f"plan.search.trials={settings.trials}: must be one or more for each of {settings.rounds} rounds"
        )
    ranges = [list(settings[name]) for name in Setting._fields]
    for name, limits in zip(Setting._fields, ranges, strict=True):
        if len(limits) != 2 or not 0 < limits[0] < limits[1]:
            raise InputError(f"plan.search.{name}={limits}: must be the lowest and the highest, above 0: [0.001,0.1]")
    return Box(*(Setting(*ends) for ends in zip(*ranges, strict=True)))


def asked(sweep: Sweep, design: Design | None, arguments: Sequence[str]) -> dict[str, list[Job]]:
    """Each variant's runs, one a seed, at the config's own setting."""
    if design is not None:
        raise InputError("plan.search and plan.design: a study is one or the other; name one +study=")
    if (judge := sweep.config.data.judge) != "tuning":
        raise InputError(
            f"data.judge={judge}: settings that are chosen on the images that later judge are flattered by them; "
            "a search is judged on data.judge=tuning, so leave data.judge out"
        )
    for said in arguments:
        name = key_of(said).removeprefix("train.")
        if name in Setting._fields:
            raise InputError(f"{said}: the search draws it; give its range instead: plan.search.{name}=[0.001,0.1]")
    variants: dict[str, list[Job]] = {}
    for job in sweep.jobs(arguments, None):
        ours = variants.setdefault(job.variant.name, [])
        if job.variant.seed in [other.variant.seed for other in ours]:
            raise InputError(
                f"{' '.join(arguments)}: asks for {job.variant.name} with several configs; "
                "a search sweeps over components and seeds only"
            )
        for name in Setting._fields:
            if job.variant.config.train[name] != job.variant.base.train[name]:
                raise InputError(
                    f"train.{name}: a component of {job.variant.name} sets it, so it cannot be searched for; "
                    "leave that component out"
                )
        ours.append(job)
    return variants


def at(job: Job, setting: Setting) -> Job:
    """The same run at another setting."""
    config, base = job.variant.config.copy(), job.variant.base.copy()
    for part in (config, base):
        part.train.update(setting._asdict())
    variant = replace(job.variant, config=config, base=base)
    said = (f"train.{name}={value!r}" for name, value in setting._asdict().items())
    return Job(variant, run_folder(variant, job.pixels), job.pixels, (*job.overrides, *said))


def train(sweep: Sweep, jobs: Sequence[Job]) -> Ended:
    """`Sweep.train`, but what diverged before is not tried again: it would diverge again."""
    known = {place: error for place, job in enumerate(jobs) if diverged(error := _error(job))}
    rest = iter(sweep.train([job for place, job in enumerate(jobs) if place not in known]))
    return [(job, Outcome(error=known[place])) if place in known else next(rest) for place, job in enumerate(jobs)]


def _error(job: Job) -> str:
    result = store.read_result(job.folder)
    return str(result["error"]) if result is not None and result["status"] == "failed" else ""


def diverged(error: str) -> bool:
    """Whether a run failed for its learning rate, by the key that such a failure's message names."""
    return error.startswith("train.learning_rate=")


def trial(name: str, number: int, place: int, setting: Setting, ended: Ended) -> Trial:
    results = [outcome.result for _, outcome in ended if outcome.result]
    whole = len(results) == len(ended)
    accuracy, loss = (fmean(one[key] for one in results) if whole else None for key in ("accuracy", "loss"))
    seeds, runs = (tuple(one) for one in zip(*((job.variant.seed, job.folder.name) for job, _ in ended), strict=True))
    return Trial(name, number, place, setting, seeds, accuracy, loss, runs)


def told(trial: Trial) -> str:
    rate, decay = trial.setting
    return f"tuning accuracy {trial.accuracy or 0.0:.2%} at learning rate {rate:.4g}, weight decay {decay:.4g}"


def finish(sweep: Sweep, ended: Ended, tried: dict[str, list[Trial]], box: Box) -> None:
    """Write every variant's best setting and the figure, and say how they are used."""
    from dissect.search.__main__ import report

    config = ended[0][0].variant.config
    study, out = Path(config.runs) / config.name, Path("reports")
    data = next(outcome.result["data"] for _, outcome in ended if outcome.result)
    on = (
        f"{data['val_images']} images held out of {data['name']}, after {config.train.epochs} epochs "
        f"on {data['train_images']} others"
    )
    for name, trials in tried.items():
        best = best_of(trials)
        assert best is not None
        write_trials(study, name, trials)
        path = write_tuned(study, best, trials=len(trials), data=on)
        lost = sum(one.accuracy is None for one in trials)
        print(f"{path}: {told(best)}, the best of {len(trials)}" + (f", of which {lost} diverged" if lost else ""))
        for edge in box.at_edge(best.setting):
            print(f"  its {edge} lies at the edge of its range: a wider plan.search.{edge} may find a better one")
        print(f"  to train with it: python -m dissect --config-dir {study} +tuned={name} ...", flush=True)
    report(study, out)
