"""The hours that a study's runs will take: measured on runs like them, or foretold from a few of their steps."""

import heapq
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

from dissect.composing.job import Job
from dissect.files import mebibytes, size_of
from dissect.planning.manifest import Manifest
from dissect.store import runs as store
from dissect.sweep.finish import known
from dissect.sweep.jobs import members_of
from dissect.sweep.pool import cores, workers_for
from dissect.training.task import data_of, task_of

Kind = tuple[str, str]  # of runs that take equally long: their variant, and the digest of their settings
BUDGET = 40.0  # seconds in all for the steps that are timed; making networks and first batches come on top


class Cost(NamedTuple):
    """Of one run: seconds of training and judging, and bytes on disk; of one that was foretold, its weights'."""

    seconds: float
    bytes: float


def needs(jobs: Sequence[Job], manifest: Manifest, parallel: Any, *, probe: bool) -> list[str]:
    """How many runs, how many of them finished, and the hours and disk that the rest will take.

    Args:
        probe: time a few steps of the variants that have no finished run.
    """
    finished = [job for job in jobs if known(job).result is not None]
    rest = [job for job in jobs if job not in finished]
    members = {one.folder: one for job in rest if job.averages for one in members_of(job, data_of(job.variant.config))}
    missing = [one for folder, one in members.items() if known(one).result is None]
    further = [one for one in missing if one.folder not in {job.folder for job in rest}]
    seeds, variants = manifest.seeds, counted(len(manifest.variants), "variant")
    lines = [
        f"{manifest.study}: {variants} x {counted(len(seeds), 'seed')} ({seeds[0]} to {seeds[-1]}) = "
        f"{counted(len(jobs), 'run')}, {len(finished)} finished, {len(rest)} to train"
        + (f" and {len(further)} more as members of ensembles" if further else "")
        + f"; {counted(len(manifest.contrasts), 'planned contrast')}"
    ]
    if manifest.looks:
        lines.append(f"seeds=auto looks after {manifest.looks} seeds and ends where all is decided, so with fewer runs")
    trained = [*(job for job in rest if not job.averages), *further]  # averaging itself takes no time to speak of
    if not trained:
        return lines
    weights = jobs[0].variant.config.keep == "all"
    cost = costs(jobs[0].folder.parent, weights=weights)
    strange = {_kind(job): job for job in reversed(trained) if _kind(job) not in cost}
    workers = workers_for(parallel, len(trained))
    foretold, begin = _foretold(strange, workers, weights=weights) if probe and strange else ({}, 0.0)
    if cost:  # what else a run keeps is alike, whatever the variant
        others = fmean(one.bytes for one in costs(jobs[0].folder.parent, weights=False).values())
        foretold = {name: Cost(one.seconds, one.bytes + others) for name, one in foretold.items()}
    how = f"; {counted(len(foretold), 'variant')} without a run yet foretold from a few steps" if foretold else ""
    if not cost | foretold:
        ask = "plan.probe=true times a few steps, 'seed=range(2)' makes a pilot"
        return [*lines, f"time and disk: not known before a run of this study is finished; {ask}"]
    if guessed := strange.keys() - foretold.keys():
        how += f"; {counted(len(guessed), 'variant')} without a run yet count as the mean of the others"
    typical = Cost(*map(fmean, zip(*(cost | foretold).values(), strict=True)))
    costly = [(cost | foretold).get(_kind(job), typical) for job in trained]
    each, size = [one.seconds for one in costly], sum(one.bytes for one in costly)
    disk = f"and {mebibytes(size)} of {'disk' if cost else 'weights on disk'} ({mebibytes(size / len(costly))} a run)"
    if not (cost or weights):
        disk = "disk not known before a run"
    wall = _duration(begin + makespan(each, workers))
    lines.append(f"the rest takes {_duration(sum(each))} of training, {wall} with {workers} at once, {disk}{how}")
    return lines


def makespan(seconds: Iterable[float], workers: int) -> float:
    """When the last of the runs ends that so many workers take in this order, each the next as soon as it is free."""
    free = [0.0] * workers
    for one in seconds:
        heapq.heappush(free, heapq.heappop(free) + one)
    return max(free)


def _kind(job: Job) -> Kind:
    return job.variant.name, (job.variant.member_of or job.variant).settings(job.data)


def costs(study: Path, *, weights: bool = True) -> dict[Kind, Cost]:
    """The mean of each variant's finished runs under the same settings, as they were measured.

    Args:
        weights: whether new runs keep theirs, so that they count, also where the finished ones did not.
    """
    seen: dict[Kind, list[tuple[float, float]]] = {}
    for result in store.results(study) if study.is_dir() else []:
        if result["status"] == "finished" and result["train_seconds"]:
            seconds = result["train_seconds"] + (result.get("judge_seconds") or 0.0)
            size, kept = size_of(Path(result["folder"])), Path(result["folder"]) / "checkpoint.pt"
            size -= kept.stat().st_size if kept.is_file() else 0
            size += 4 * (result.get("parameters") or 0) if weights else 0
            seen.setdefault((result["variant"], result.get("settings") or ""), []).append((seconds, size))
    return {name: Cost(fmean(s for s, _ in runs), fmean(b for _, b in runs)) for name, runs in seen.items()}


def _foretold(jobs: Mapping[Kind, Job], workers: int, *, weights: bool) -> tuple[dict[Kind, Cost], float]:
    """Each variant's cost, and the seconds that a worker needs before its first run."""
    started = time.perf_counter()
    from dissect.training.probe import cost_of

    begin, threads = time.perf_counter() - started, max(1, cores() // workers)
    found = {}
    for name, job in jobs.items():
        data, task, budget = data_of(job.variant.config), task_of(job.variant.config), min(3.0, BUDGET / len(jobs))
        seconds, size = cost_of(job, data, task, threads=threads, budget=budget)
        found[name] = Cost(seconds, size if weights else 0)
    return found, begin


def counted(count: int, thing: str) -> str:
    return f"{count} {thing}{'' if count == 1 else 's'}"


def _duration(seconds: float) -> str:
    for unit, size in (("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} seconds"
