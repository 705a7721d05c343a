"""A study in which each variant is also trained at settings of its own, chosen on the tuning split with one budget.

A gain at one setting for all depends on whom that setting suits (Bouthillier et al. 2021, Accounting for variance in
machine learning benchmarks). So the study has two conditions, ONE and OWN, and its manifest keeps what was chosen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from omegaconf import OmegaConf

from dissect.composing.job import Job
from dissect.composing.overrides import key_of
from dissect.composing.plain import number_at
from dissect.design import Design
from dissect.errors import InputError
from dissect.measure.metric import Metric
from dissect.planning.manifest import path_of, read
from dissect.search.draws import Box, Setting
from dissect.search.record import Trial, best_of
from dissect.sweep.jobs import Asker, study_of
from dissect.sweep.rounds import Train, at, checked, searched

ONE, OWN = "one setting", "own settings"  # the conditions
SEEDS = 3  # of the study's, the first so many judge each setting


def tuned(asker: Asker, arguments: Sequence[str], design: Design, train: Train) -> tuple[list[Job], dict[str, Any]]:
    """The study's runs in both conditions, and what its manifest says of the choice.

    A study that is frozen goes on with what was chosen then.

    Args:
        train: trains the search's runs that are not finished.

    Raises:
        InputError: for a study that cannot be tuned.
    """
    jobs = asker.jobs(arguments, design)
    _refuse(asker, jobs)
    config = jobs[0].variant.config
    search: Any = OmegaConf.to_container(config.plan.search, resolve=True)
    path = path_of(config, study_of(asker.config, asker.config.hydra))
    before = read(path)
    if before is not None and not before.tuned:
        raise InputError(f"{path}: was planned at one setting for all; leave plan.search.trials out, or say name=...")
    chosen = before.tuned["chosen"] if before is not None else _chosen(asker, arguments, design, jobs, train)
    found = [replace(job, condition=ONE) for job in jobs]
    found += [replace(at(job, chosen[job.variant.name]["setting"]), condition=OWN) for job in jobs]
    return found, {**search, "seeds": SEEDS, "chosen": chosen}


def _chosen(
    asker: Asker, arguments: Sequence[str], design: Design, jobs: Sequence[Job], train: Train
) -> dict[str, dict[str, Any]]:
    """Of each variant the best setting, and what it came to on the tuning split."""
    config = jobs[0].variant.config
    seeds = ",".join(str(seed) for seed in sorted({job.variant.seed for job in jobs})[:SEEDS])
    kept = [text for text in arguments if key_of(text) not in ("seed", "name", "data.judge")]
    kept += [f"name={config.name}-tuning", "data.judge=tuning", f"seed={seeds}"]
    if OmegaConf.select(config, "evaluate.ten_crop") is not None:  # the search looks at one view
        kept.append("evaluate.ten_crop=null")
    others = {key: value for key, value in asker.params.items() if key != "seed"}
    variants: dict[str, list[Job]] = {}
    for job in Asker(asker.config, asker.context, others).jobs(kept, design):
        variants.setdefault(job.variant.name, []).append(job)
    metric = Metric.from_config(config.metric)
    _, tried = searched(variants, config.plan.search, train, _now(variants, checked(config.plan.search)))
    return {name: _told(best_of(trials, metric), metric) for name, trials in tried.items()}


def _now(variants: Mapping[str, Sequence[Job]], box: Box) -> dict[str, Setting]:
    """Each variant's setting at the one for all, where it lies within the ranges: it is among those that are tried."""
    configs = {name: ours[0].variant.config for name, ours in variants.items()}
    found = {name: {key: number_at(config, key, key) for key in box.low} for name, config in configs.items()}
    return {name: one for name, one in found.items() if all(box.low[k] <= v <= box.high[k] for k, v in one.items())}


def _told(best: Trial | None, metric: Metric) -> dict[str, Any]:
    assert best is not None  # `searched` refuses a search in which all diverged
    return {"setting": dict(best.setting), metric.name: best.metrics[metric.name]}


def _refuse(asker: Asker, jobs: Sequence[Job]) -> None:
    config = jobs[0].variant.config
    if len(asker.conditions) > 1:
        raise InputError(f"plan.search.trials: chooses in one condition; of {', '.join(asker.conditions)} name one")
    if config.seeds is not None:
        raise InputError("seeds=auto: decides at one setting for all; with plan.search.trials say 'seed=range(5)'")
    if "_partial_" not in asker.config.hydra.launcher:
        raise InputError("hydra/launcher: knows no settings of a variant's own; with plan.search.trials take local")
    judge = (config.get("data") or {}).get("judge")
    if judge != "validation":
        raise InputError(
            f"data.judge={judge}: with plan.search.trials a study is judged on validation, and chooses on the tuning "
            "split of a task that has one"
        )
    keys = list(checked(config.plan.search).low)
    for variant in {job.variant.name: job.variant for job in jobs}.values():
        for key in keys:
            number_at(variant.config, key, f"plan.search.over={keys}")
