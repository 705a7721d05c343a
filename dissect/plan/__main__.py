"""python -m dissect.plan +study=...: the runs a study needs, what they will cost, and what they will be able to show.

Takes what `python -m dissect` takes, and writes nothing. Costs and spreads are measured ones: those of the runs in the
study's folder, which may be a pilot with few seeds; of variants without a run a few steps are timed.
"""

import math
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from dissect.composing.job import Job
from dissect.design import Design
from dissect.errors import InputError
from dissect.measure.metric import Metric
from dissect.measure.planning import sd_bound, seeds_needed, smallest_gain, unsupportable
from dissect.plan.cost import needs
from dissect.planning.manifest import Manifest, Planned
from dissect.sweep.finish import known
from dissect.sweep.looks import table
from dissect.sweep.sweeper import Sweep


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
    probe = sweep.config.plan.probe
    for line in [*needs(jobs, manifest, sweep.config.parallel, probe=probe), *claims(manifest)]:
        console.print(escape(line))
    if any(known(job).result for job in jobs):
        console.print(contrasts_table(manifest, jobs))
        console.print(escape(REMARK.format(unit=Metric.from_config(manifest.metric).with_unit("them,").strip(","))))


REMARK = """\
pilot: seeds that are finished; sd: of the differences over {unit}. seeds: the fewest that show the gain with that
power, for one contrast alone and at Holm's first step; in brackets, if the sd is at its upper 80% limit.
shown: the smallest gain that the seeds of this plan show with that power, at Holm's first step."""


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
