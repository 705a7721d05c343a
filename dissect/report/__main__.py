"""python -m dissect.report STUDY: charts, tables and one page from a study's finished runs, or from runs
made elsewhere: a CSV or Parquet file, a Hydra multirun folder, wandb:entity/project, offline W&B runs."""

import argparse
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


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m dissect.report", description=__doc__)
    parser.add_argument("study", metavar="STUDY", help="a name below --runs, a folder, or runs made elsewhere")
    parser.add_argument(
        "settings", nargs="*", metavar="metric=NAME better=WAY",
        help="another metric that runs logged, and whether higher or lower is better where the config does not say it; "
        "of runs made elsewhere also control=, ladder=, variant=, seed=, components=, planned=, epoch=, unit=, times=, "
        "label=, name=, reader=",
    )  # fmt: skip
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="the folder of studies (default: runs)")
    parser.add_argument("--out", type=Path, default=Path("reports"), help="where reports go (default: reports)")
    parser.add_argument("--published", type=Path, help="published.yaml to compare with, else the one for these data")
    asked = parser.parse_args(arguments)
    # Imported late, so that --help answers at once.
    from dissect.report.build import write_report
    from dissect.report.read import read

    try:
        study = read(asked.study, asked.runs, **_settings(asked.settings))
        report = write_report(study, asked.out, asked.published)
    except InputError as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 2
    print_effects(report.effects, report.metric)
    print(f"page: {report.page}")
    return 0


def _settings(said: list[str]) -> dict[str, str]:
    pairs = [one.partition("=") for one in said]
    for one, (_, _, value) in zip(said, pairs, strict=True):
        if not value:
            raise InputError(f"{one}: no such setting of a report; say metric=NAME, and better=higher or better=lower")
    return {key: value for key, _, value in pairs}


def print_effects(effects: "pd.DataFrame", metric: "Metric") -> None:
    """A row a contrast, gains in the metric's unit with their intervals; what was not planned is dim and labelled."""
    from dissect.report.figures import gain_text
    from dissect.report.sections import spoken
    from dissect.report.words import answer, gain_head, kind_of, p_number, plan_text

    console = Console(highlight=False)
    for (manifest, kind), rows in spoken(effects).groupby(["manifest", "kind"], sort=False):
        # Equal widths, so that the columns of all kinds stand below each other.
        columns = [Column("", width=28), Column(gain_head(metric), width=20), Column("p (Holm)", width=8)]
        table = Table(*columns, "seeds", "verdict", box=None, pad_edge=False, collapse_padding=True)
        for row in rows.to_dict("records"):
            gain = gain_text(row["gain"], row["low"], row["high"], digits=row["digits"])
            cells = [row["label"], gain, p_number(row["p_holm"]), str(row["seeds"]), answer(row, metric)["outcome"]]
            table.add_row(*map(escape, cells))
        style = "" if manifest else "dim"
        console.print(escape(f"{kind_of(str(kind)).heading} ({plan_text(str(manifest))})"), style=f"bold {style}")
        console.print(table, style=style)
    if metric.better == "lower":
        console.print(f"lower is better: a gain below zero is a lower {escape(metric.label)}")
    if effects.empty:
        console.print("no gains: no variant contains another one")


if __name__ == "__main__":
    speak_plainly()
    sys.exit(main())
