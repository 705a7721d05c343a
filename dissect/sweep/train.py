"""A sweep's runs trained, those that the store does not hold yet: here or on a cluster."""

import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from hydra.utils import instantiate
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from dissect.composing.job import Job, titled
from dissect.store.record import under_other_versions
from dissect.store.runs import check_writable
from dissect.sweep.alike import Alike
from dissect.sweep.finish import Outcome, fail, known, said_at_the_start, told, told_later
from dissect.sweep.jobs import members_of
from dissect.sweep.watch import Watch
from dissect.training.task import data_of

Ended = list[tuple[Job, Outcome]]


def train(jobs: Sequence[Job], config: Any, foreign: Callable[[list[list[str]]], Any]) -> Ended:
    """Train what is not finished, and give what became of every job.

    Args:
        config: that of the command line, with Hydra's.
        foreign: launches lists of overrides by a launcher of Hydra's own kind.
    """
    jobs = titled(jobs)
    own = "_partial_" in config.hydra.launcher  # a function of jobs; Hydra's own kind is a class
    ended = {place: known(job) for place, job in enumerate(jobs)}
    todo = [place for place, outcome in ended.items() if outcome.result is None and not outcome.error]
    if before := sum(outcome.result is not None for outcome in ended.values()):
        print(f"{before} of {len(jobs)} runs finished before", flush=True)
    there = [outcome.result for outcome in ended.values() if outcome.result is not None]
    if note := under_other_versions(there, jobs[0].variant.config):
        print(note, file=sys.stderr, flush=True)
    if said := told_later(there, jobs[0].variant.config):
        print(said, flush=True)
    alike = Alike(jobs)
    for place, job in enumerate(jobs):
        if remark := alike.remark(job, ended[place].result):
            print(remark, flush=True)
    if todo:
        check_writable(jobs[0].folder.parent, max((jobs[place].folder.name for place in todo), key=len))
        first = jobs[todo[0]]
        print(said_at_the_start(first, data_of(first.variant.config)), file=sys.stderr, flush=True)
    # What averages runs comes when they are finished; they are trained side by side like all others. Another's
    # launcher knows runs by their overrides, which members have none of, so there an ensemble trains its own.
    averaging = [place for place in todo if jobs[place].averages and own]
    members = {place: members_of(jobs[place], data_of(jobs[place].variant.config)) for place in averaging}
    wanted = {jobs[place].folder: jobs[place] for place in todo if place not in averaging}
    failed: dict[Path, Outcome] = {}
    for job in (job for ours in members.values() for job in ours):
        outcome = known(job)
        if outcome.error:
            failed[job.folder] = outcome
        elif outcome.result is None:
            wanted.setdefault(job.folder, job)
    if further := len(wanted) - len({jobs[place].folder for place in todo if place not in averaging}):
        print(f"{further} more to train as members of ensembles", flush=True)

    def launch(those: list[Job]) -> dict[Path, Outcome]:
        return _launch(those, config, None if own else foreign, alike)

    # Seed by seed, so that what is cut short is still paired.
    trained = launch(sorted(wanted.values(), key=lambda job: (job.averages, job.variant.seed)))
    stopped = any(outcome.stops(config.on_failure == "stop") for outcome in trained.values())
    failed |= {folder: outcome for folder, outcome in trained.items() if outcome.error}
    for place in averaging:
        lost = [job for job in members[place] if job.folder in failed]
        if stopped:
            trained[jobs[place].folder] = Outcome(error="not started")
        elif lost:
            reason = f"{failed[lost[0].folder].error} (its member {', '.join(map(str, lost))})"
            diverged = all(failed[job.folder].diverged for job in lost)
            trained[jobs[place].folder] = fail(jobs[place], reason, diverged=diverged)
    trained |= launch([jobs[place] for place in averaging if jobs[place].folder not in trained])
    return [(job, trained.get(job.folder, ended[place])) for place, job in enumerate(jobs)]


def _launch(
    jobs: list[Job], config: Any, foreign: Callable[[list[list[str]]], Any] | None, alike: Alike
) -> dict[Path, Outcome]:
    """What became of each job, by its folder."""
    if not jobs:
        return {}
    if foreign is not None:
        foreign([list(job.overrides) for job in jobs])
        return {job.folder: told(job) for job in jobs}
    with Watch(jobs, alike) as watch:
        instantiate(config.hydra.launcher, _convert_="all")(
            jobs, watch=watch, stop_on_failure=config.on_failure == "stop"
        )
    return {job.folder: watch.done.get(n, Outcome(error="not started")) for n, job in enumerate(jobs)}


def conclude(ended: Ended, reader: str = "report") -> None:
    """Say how a sweep ended: every failure with its reason, how to retry, and where to read on.

    Args:
        reader: the command that reads these runs.

    Raises:
        SystemExit: with 1, where a run failed.
    """
    failed = [(job, outcome) for job, outcome in ended if outcome.error]
    config = ended[0][0].variant.config
    study = config.name if Path(config.runs) == Path("runs").absolute() else f"{config.runs}/{config.name}"
    report = f"; their report: python -m dissect.{reader} {shlex.quote(study)}" if len(failed) < len(ended) else ""
    print(f"{len(ended) - len(failed)} of {len(ended)} runs finished{report}")
    if failed:
        table = Table("failed", "seed", "reason", box=None, pad_edge=False)
        for job, outcome in failed:
            table.add_row(escape(job.called), str(job.variant.seed), escape(outcome.error))
        Console(stderr=True).print(table)
        damaged = any(outcome.damaged for _, outcome in failed)
        first = ", once the folder of what is damaged is deleted" if damaged else ""
        sys.exit(f"{len(failed)} failed; the same command tries them again, and no other{first}")
