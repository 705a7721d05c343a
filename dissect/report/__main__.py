"""python -m dissect.report STUDY: charts, tables and one page from a study's finished runs, or from runs
made elsewhere: a CSV or Parquet file, a Hydra multirun folder, wandb:entity/project, offline W&B runs."""

import argparse
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from dissect.errors import InputError
from dissect.process import speak_plainly

if TYPE_CHECKING:
    import pandas as pd

    from dissect.measure.metric import Metric
    from dissect.report.forest import Forest


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m dissect.report", description=__doc__)
    parser.add_argument(
        "said", nargs="+", metavar="STUDY metric=NAME better=WAY",
        help="a name below --runs, a folder, or runs made elsewhere (several: one page sets them side by side); and "
        "another metric that runs logged, with the way that is better where the config does not say it. Of runs "
        "made elsewhere also control=, ladder=, variant=, seed=, components=, planned=, epoch=, unit=, times=, label=, "
        "name=, reader=. figure.width=3.4 is that of a paper's column",
    )  # fmt: skip
    parser.add_argument("--without", action="append", default=[], metavar="VARIANT", help="as if it had no runs")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="the folder of studies (default: runs)")
    parser.add_argument("--out", type=Path, default=Path("reports"), help="where reports go (default: reports)")
    parser.add_argument("--paper", action="store_true", help="also a folder for a paper: tables, figures, method")
    parser.add_argument("--published", type=Path, help="published.yaml to compare with, else the one for these data")
    asked = parser.parse_intermixed_args(arguments)
    # Imported late, so that --help answers at once.
    from dissect.report.build import write_report
    from dissect.report.read import read
    from dissect.report.several import write_several
    from dissect.report.without import without

    try:
        sources, said = _told(asked.said)
        width = _width(said.pop("figure.width", None))
        studies = [read(source, asked.runs, **said) for source in sources]
        studies = [without(study, asked.without) if asked.without else study for study in studies]
        if len(studies) > 1:
            page, forests = write_several(studies, asked.out)
            print_forests(forests, studies[0].metric)
            print(f"page: {page}")
            return 0
        report = write_report(studies[0], asked.out, asked.published, width=width, paper=asked.paper)
    except InputError as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 2
    print_effects(report.effects, report.metric)
    print(f"page: {report.page}")
    return 0


def _told(said: list[str]) -> tuple[list[str], dict[str, str]]:
    """The studies, and what is said of them as key=value."""
    sources = [one for one in said if not re.match(r"[a-z_]+(\.\w+)*=", one) or Path(one).exists()]
    pairs = [one.partition("=") for one in said if one not in sources]
    for key, _, value in pairs:
        if not value:
            raise InputError(f"{key}=: says nothing; say metric=NAME, and better=higher or better=lower")
    if not sources:
        raise InputError(f"{' '.join(said)}: names no study; give its name, its folder, or a file of runs")
    return sources, {key: value for key, _, value in pairs}


def _width(said: str | None) -> float | None:
    """Inches, or a number of columns of a paper."""
    try:
        return None if said is None else max(2.5, float({"one": 3.4, "two": 7.0}.get(said, said)))
    except ValueError as problem:
        raise InputError(f"figure.width={said}: must be inches, or one or two (columns of a paper)") from problem


def print_forests(forests: "list[Forest]", metric: "Metric") -> None:
    """A row a component: its mean over studies, and how much it differs between them."""
    from dissect.report.figures import gain_text
    from dissect.report.forest import heterogeneity
    from dissect.report.words import gain_head

    table = Table("", gain_head(metric, "mean gain"), "studies", "", box=None, pad_edge=False)
    for one in forests:
        mean = gain_text(one.mean.mean, one.mean.low, one.mean.high, digits=one.digits) if one.mean else "–"
        table.add_row(*map(escape, [one.label, mean, str(len(one.rows)), heterogeneity(one, metric)]))
    Console(highlight=False).print(table)


def print_effects(effects: "pd.DataFrame", metric: "Metric") -> None:
    """A row a contrast, gains in the metric's unit with their intervals; what was not planned is dim and labelled."""
    from dissect.report.figures import gain_text
    from dissect.report.kinds import kind_of
    from dissect.report.sections import spoken
    from dissect.report.words import answer, gain_head, p_number, p_tested, plan_text

    console = Console(highlight=False)
    for (manifest, kind), rows in spoken(effects).groupby(["manifest", "kind"], sort=False):
        # Equal widths, so that the columns of all kinds stand below each other.
        columns = [Column("", width=28), Column(gain_head(metric), width=20), Column("p (Holm)", width=8)]
        table = Table(*columns, "seeds", "verdict", box=None, pad_edge=False, collapse_padding=True)
        for row in rows.to_dict("records"):
            gain = gain_text(row["gain"], row["low"], row["high"], digits=row["digits"])
            cells = [row["label"], gain, p_tested(row, p_number), str(row["seeds"]), answer(row, metric)["outcome"]]
            table.add_row(*map(escape, cells))
        style = "" if manifest else "dim"
        console.print(escape(f"{kind_of(str(kind)).heading} ({plan_text(str(manifest))})"), style=f"bold {style}")
        console.print(table, style=style)
    if metric.better == "lower":
        console.print("lower is better: a gain below zero helps")
    if effects.empty:
        console.print("no gains: no variant contains another one")


if __name__ == "__main__":
    speak_plainly()
    sys.exit(main())
