"""python -m dissect.plan +study=...: the runs a study needs, what they will cost, and what they will be able to show.

Takes what `python -m dissect` takes, and writes nothing. Costs and spreads are measured ones: those of the runs in the
study's folder, which may be a pilot with few seeds; of variants without a run a few steps are timed.
"""

import math
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from dissect.composing.job import Digest, Job, job_of
from dissect.composing.overrides import key_of
from dissect.design import Design
from dissect.errors import AbsentError, InputError
from dissect.measure.metric import Metric
from dissect.measure.planning import seeds_needed, smallest_gain, unsupportable
from dissect.measure.pooled import CAUTION, PLANNED, pooled, quantile
from dissect.plan.cost import counted, needs
from dissect.planning.manifest import Manifest, Planned
from dissect.planning.titles import caller
from dissect.store import runs as store
from dissect.sweep.finish import known
from dissect.sweep.jobs import seed_of, study_of
from dissect.sweep.looks import table
from dissect.sweep.sweeper import Sweep
from dissect.sweep.tuned import SEEDS
from dissect.training.task import nothing_fetched


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
    console = Console(highlight=False, soft_wrap=True)
    try:
        with nothing_fetched():
            jobs = sweep.asker.jobs([*arguments, *([f"seed=range({looks[-1]})"] if looks else [])], design)
    except AbsentError as absent:
        for line in without_data(sweep, design, absent):
            console.print(escape(line))
        return
    manifest = sweep.planned(jobs, design)
    try:
        sweep.before(jobs, manifest)
    except InputError as refusal:  # a plan may ask what another one would take
        console.print(escape(f"note: a sweep refuses to train this here: {refusal}"))
    probe = sweep.config.plan.probe
    if (trials := sweep.config.plan.search.trials) is not None:
        console.print(searched(trials, manifest))
    claimed = claims(len(manifest.seeds), len(manifest.contrasts), manifest.level)
    for line in [*needs(jobs, manifest, sweep.config.parallel, probe=probe), *claimed]:
        console.print(escape(line))
    pilot = [*jobs, *_others(jobs)]
    if any(known(job).result for job in pilot):
        console.print(contrasts_table(manifest, pilot))
        if seen := sorted({job.variant.seed for job in jobs if known(job).result}):
            others = f"'seed=range({max(seen) + 1},{max(seen) + 1 + len(manifest.seeds)})'"
            console.print(
                f"seeds {', '.join(map(str, seen))} of this plan are finished. A pilot's seeds stay out of the study "
                f"that it planned: give that others, {others}, or its contrasts are exploratory"
            )
        console.print(escape(REMARK.format(unit=Metric.from_config(manifest.metric).with_unit("them,").strip(","))))


def without_data(sweep: Sweep, design: Design, absent: AbsentError) -> list[str]:
    """What a plan can say before its data are there: counts and claims, but not which runs are finished."""
    lists = [said for _, each in sweep.asker.conditions.values() for said in each]
    seeds = {seed_of(text) for said in lists for text in said if key_of(text) == "seed"} or {sweep.config.seed}
    name, conditions = study_of(sweep.config, sweep.config.hydra), len(sweep.asker.conditions)
    times, each = (f" x {conditions} conditions", " in each") if conditions > 1 else ("", "")
    runs, contrasts = len(design.variants) * len(lists), counted(len(design.contrasts), "planned contrast")
    return [
        f"{name}: {counted(len(design.variants), 'variant')} x {counted(len(seeds), 'seed')}{times} = "
        f"{counted(runs, 'run')}; {contrasts}{each}",
        f"which of them are finished, and what the others take, is known when the data are here: {absent}",
        *([] if each else claims(len(seeds), len(design.contrasts), sweep.config.plan.level)),
    ]


def searched(trials: int, manifest: Manifest) -> str:
    """What a study takes besides, in which each variant gets settings of its own."""
    variants, seeds, each = len(manifest.variants), len(manifest.seeds), min(SEEDS, len(manifest.seeds))
    return (
        f"plan.search.trials={trials}: first a search, {variants} variants x {trials} settings x {each} seeds = "
        f"{variants * trials * each} runs on the tuning split; at the end up to {variants * seeds} runs more, each "
        f"variant's at its own settings. Each takes as long as one of these, of the study at one setting for all:"
    )


def _others(jobs: Sequence[Job]) -> list[Job]:
    """Runs of the same variants with other seeds that are finished: a pilot's."""
    folder, planned = jobs[0].folder.parent, {job.variant.seed for job in jobs}
    ended = store.results(folder) if folder.is_dir() else []
    seeds = {result["seed"] for result in ended if result["status"] == "finished"} - planned
    variants = {job.variant.name: job for job in jobs}.values()
    return [job_of(job.variant.with_seed(seed), Digest(job.data)) for job in variants for seed in sorted(seeds)]


REMARK = """\
pilot: seeds that are finished; sd: of the differences over {unit}. seeds: the fewest that show the gain with that
power, for one contrast alone and at Holm's first step, if the sd is at its upper 80% limit given all contrasts' (of
simulated plans for 80%, each from three seeds, half had a power of 97% or more, nine of ten one of 66% or more, at 1.4
times the seeds that were needed).
shown: the smallest gain that the seeds of this plan show with that power, at Holm's first step, for the same sd."""


def claims(seeds: int, contrasts: int, level: float) -> list[str]:
    """What so many seeds can never show."""
    said = unsupportable(seeds, contrasts, 1 - level)
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
    if pilot is not None:
        known_ones = pilot["sd"].where(pilot["seeds"] > 1, np.nan)
        many = known_ones.notna().any() and (known_ones > 0).any()
        spreads = pooled(known_ones**2, np.maximum(pilot["seeds"] - 1, 1), PLANNED) if many else None
        pilot["cautious"] = np.nan if spreads is None else np.sqrt(quantile(spreads, CAUTION))
    about = teller(manifest)
    for place, planned in enumerate(manifest.contrasts):
        row = {} if pilot is None else pilot.iloc[place].to_dict()
        shown.add_row(escape(about(planned)), *_cells(row, manifest, digits))
    return shown


def teller(manifest: Manifest) -> Callable[[Planned], str]:
    """How a planned contrast is called: "step2 · dropout 1 over step1 · baseline", "interaction: a x b"."""
    called = caller([manifest], {})
    labels = {part: label for one in manifest.variants.values() for part, label in one["components"].items()}

    def about(planned: Planned) -> str:
        if sorted(planned.weights.values()) == [-1, 1]:
            control, treated = sorted(planned.weights, key=planned.weights.__getitem__)
            return f"{called(treated)} over {called(control)}"
        return f"{planned.kind}: {' x '.join(labels.get(part, part) for part in planned.components)}"

    return about


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
        return str(seeds_needed(wanted, row["cautious"], power=manifest.power, alpha=level) or ">1000")

    correlation = "" if math.isnan(row["correlation"]) else f"{row['correlation']:.2f}"
    planned = len(manifest.seeds)
    first = alpha / len(manifest.contrasts)
    least = f"{smallest_gain(row['cautious'], planned, manifest.power, first):.{digits}f}" if planned > 1 else ""
    return [str(pilot), f"{sd:.{digits}f}", correlation, seeds(alpha), seeds(first), least]


if __name__ == "__main__":
    main()
