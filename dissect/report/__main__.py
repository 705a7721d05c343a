"""python -m dissect.report STUDY: charts, tables and one page from a study's finished runs."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from dissect.errors import InputError

if TYPE_CHECKING:
    import pandas as pd


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m dissect.report", description=__doc__)
    parser.add_argument("study", metavar="STUDY", help="the study's name below --runs, or the path of its folder")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="the folder of studies (default: runs)")
    parser.add_argument("--out", type=Path, default=Path("reports"), help="where reports go (default: reports)")
    parser.add_argument("--published", type=Path, help="published.yaml to compare with, else the one for these data")
    asked = parser.parse_args(arguments)
    # Imported late, so that --help answers at once.
    from dissect.report.build import build_report

    path = asked.runs / asked.study
    if not path.is_dir() and Path(asked.study).is_dir():
        path = Path(asked.study)
    try:
        report = build_report(path, asked.out, asked.published)
    except InputError as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 2
    print_gains(report.gains)
    print(f"page: {report.page}")
    return 0


def print_gains(gains: "pd.DataFrame") -> None:
    """A short table: a row a contrast, gains in percentage points with their 95% intervals."""
    from dissect.report.figures import gain_text
    from dissect.report.page import p_text

    gain = Column("gain, points", no_wrap=True)
    table = Table(
        "component", gain, "p", "seeds", "verdict", "control", box=None, pad_edge=False, collapse_padding=True
    )
    for row in gains.to_dict("records"):
        p = p_text(row["p"]).removeprefix("p ").removeprefix("= ")
        points = gain_text(row["gain"], row["low"], row["high"])
        table.add_row(*map(escape, [row["label"], points, p, str(row["seeds"]), row["verdict"], row["control"]]))
    Console().print(table if len(gains) else "no gains: no variant contains another one")


if __name__ == "__main__":
    sys.exit(main())
