"""python -m dissect.plan +study=...: the runs a study needs, what they will cost, and what they will be able to show.

Takes what `python -m dissect` takes, trains nothing and writes nothing. Costs and spreads are measured ones: those of
the runs in the study's folder, which may be a pilot with few seeds.
"""

import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from dissect.composing.job import Job
from dissect.design import Design
from dissect.errors import InputError
from dissect.measure.metric import Metric
from dissect.measure.planning import sd_bound, seeds_needed, smallest_gain, unsupportable
from dissect.planning.manifest import Manifest, Planned
from dissect.store import runs as store
from dissect.sweep.finish import known
from dissect.sweep.jobs import members_of
from dissect.sweep.looks import table
from dissect.sweep.pool import workers_for
from dissect.sweep.sweeper import Sweep
from dissect.training.task import data_of


def main() -> None:
    from dissect import __main__ as command

    if not any(argument.startswith("+study=") for argument in sys.argv[1:]) and not {"-h", "--help"} & set(sys.argv):
        sys.exit("error: name a study to plan: python -m dissect.plan +study=leave_one_out 'seed=range(5)'")
    Sweep.tell = staticmethod(tell)
    command.main()


def tell(sweep: Sweep, design: Design | None, arguments: list[str]) -> None:
    """Print the plan of a study.

    Raises:
        InputError: for a study without a design.
    """
    if design is None:
        raise InputError("plan.design: this study has none, so it plans no contrasts; python -m dissect runs it")
    looks = list(sweep.config.plan.looks) if sweep.config.seeds == "auto" else None
    jobs = sweep.asker.jobs([*arguments, *([f"seed=range({looks[-1]})"] if looks else [])], design)
    manifest = sweep.planned(jobs, design)
    console = Console(highlight=False, soft_wrap=True)
    for line in [*needs(jobs, manifest, sweep.config.parallel), *claims(manifest)]:
        console.print(escape(line))
    if any(known(job).result for job in jobs):
        console.print(contrasts_table(manifest, jobs))
        console.print(escape(REMARK.format(unit=Metric.from_config(manifest.metric).with_unit("them,").strip(","))))


REMARK = """\
pilot: seeds that are finished; sd: of the differences over {unit}. seeds: the fewest that show the gain with that
power, for one contrast alone and at Holm's first step; in brackets, if the sd is at its upper 80% limit.
shown: the smallest gain that the seeds of this plan show with that power, at Holm's first step."""


def needs(jobs: Sequence[Job], manifest: Manifest, parallel: Any) -> list[str]:
    """How many runs, how many of them finished, and the hours and disk that the rest will take."""
    finished = [job for job in jobs if known(job).result is not None]
    rest = [job for job in jobs if job not in finished]
    seeds = manifest.seeds
    members = {one.folder: one for job in rest if job.averages for one in members_of(job, data_of(job.variant.config))}
    missing = {folder for folder, one in members.items() if known(one).result is None}
    further = len(missing - {job.folder for job in rest})
    lines = [
        f"{manifest.study}: {_some(len(manifest.variants), 'variant')} x {_some(len(seeds), 'seed')} ({seeds[0]} to "
        f"{seeds[-1]}) = {_some(len(jobs), 'run')}, {len(finished)} finished, {len(rest)} to train"
        + (f" and {further} more as members of ensembles" if further else "")
        + f"; {_some(len(manifest.contrasts), 'planned contrast')}"
    ]
    if manifest.looks:
        lines.append(f"seeds=auto looks after {manifest.looks} seeds and ends where all is decided, so with fewer runs")
    if not rest:
        return lines
    cost = costs(jobs[0].folder.parent)
    if not cost:
        return [
            *lines,
            "time and disk: not known before a run of this study is finished; 'seed=range(2)' makes a pilot",
        ]
    typical = [fmean(values) for values in zip(*cost.values(), strict=True)]
    seconds = sum(cost.get(job.variant.name, typical)[0] for job in rest)
    disk = sum(cost.get(job.variant.name, typical)[1] for job in rest) / 2**20
    workers = workers_for(parallel, len(rest) + further)
    guessed = {job.variant.name for job in rest} - cost.keys()
    lines.append(
        f"the rest takes {_duration(seconds)} of training, {_duration(seconds / workers)} with {workers} at once, "
        f"and {disk:,.0f} MiB of disk"
        + (f"; {_some(len(guessed), 'variant')} without a run yet count as the mean of the others" if guessed else "")
    )
    return lines


def _some(count: int, thing: str) -> str:
    return f"{count} {thing}{'' if count == 1 else 's'}"


def _duration(seconds: float) -> str:
    for unit, size in (("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} seconds"


def costs(study: Path) -> dict[str, tuple[float, float]]:
    """Mean seconds of training and bytes on disk of each variant's finished runs, as they were measured."""
    seen: dict[str, list[tuple[float, float]]] = {}
    for result in store.results(study) if study.is_dir() else []:
        if result["status"] == "finished" and result["train_seconds"]:
            size = sum(path.stat().st_size for path in Path(result["folder"]).iterdir())
            seen.setdefault(result["variant"], []).append((result["train_seconds"], size))
    return {name: (fmean(s for s, _ in runs), fmean(b for _, b in runs)) for name, runs in seen.items()}


def claims(manifest: Manifest) -> list[str]:
    """What so many seeds can never show."""
    said = unsupportable(len(manifest.seeds), len(manifest.contrasts), 1 - manifest.level)
    return (
        [*said, "(Verdicts rest on the t test, which has no such floor but takes noise to be normal.)"] if said else []
    )


def contrasts_table(manifest: Manifest, jobs: Sequence[Job]) -> Table:
    """A row a planned contrast: its spread in the finished runs, and what follows for the number of seeds."""
    ended = [(job, known(job)) for job in jobs]
    pilot = table(ended, manifest, looks=None) if any(outcome.result for _, outcome in ended) else None
    columns = [Column(name, justify="right", no_wrap=True) for name in
               ("pilot", "sd", "correlation", "seeds", "seeds (Holm)", "shown")]  # fmt: skip
    metric = Metric.from_config(manifest.metric)
    sds = [] if pilot is None else pilot["sd"].tolist()
    digits = 2 if metric.unit == "points" else metric.digits(sds) + 1
    wanted = manifest.smallest
    goal = (
        "plan.smallest is null: say what gain is worth showing, and this table says how many seeds it takes"
        if wanted is None
        else f"To show a gain of {metric.with_unit(f'{wanted:g}')} with power {manifest.power:g}"
    )
    shown = Table("contrast", *columns, box=None, pad_edge=False, title=goal, title_justify="left")
    for place, planned in enumerate(manifest.contrasts):
        row = {} if pilot is None else pilot.iloc[place].to_dict()
        shown.add_row(f"{planned.kind}: {_about(planned)}", *_cells(row, manifest, digits))
    return shown


def _about(planned: Planned) -> str:
    if planned.kind == "pair":
        treated, control = (next(name for name, w in planned.weights.items() if w * sign > 0) for sign in (1, -1))
        return f"{treated} over {control}"
    return " x ".join(planned.components)


def _cells(row: Mapping[Any, Any], manifest: Manifest, digits: int) -> list[str]:
    pilot = int(row.get("seeds", 0))
    if pilot < 2:
        return [str(pilot), *[""] * 5]
    if not row["sd"] > 0:
        return [str(pilot), "0", *[""] * 4]
    alpha, sd, wanted = 1 - manifest.level, float(row["sd"]), manifest.smallest

    def seeds(level: float) -> str:
        if wanted is None:
            return ""
        spreads = (sd, sd_bound(sd, pilot))
        few, many = (seeds_needed(wanted, s, power=manifest.power, alpha=level) or ">1000" for s in spreads)
        return f"{few} ({many})"

    correlation = "" if math.isnan(row["correlation"]) else f"{row['correlation']:.2f}"
    planned = len(manifest.seeds)
    first = alpha / len(manifest.contrasts)
    least = f"{smallest_gain(sd, planned, manifest.power, first):.{digits}f}" if planned > 1 else ""
    return [str(pilot), f"{sd:.{digits}f}", correlation, seeds(alpha), seeds(first), least]


if __name__ == "__main__":
    main()
