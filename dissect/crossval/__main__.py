"""python -m dissect.crossval STUDY: are hyperparameters overfitted to the validation examples, or are those others?

Reads the runs of a k-fold cross-validation (data.folds=5 'data.fold=range(5)') and puts their metric beside that of
runs of the same recipe that the validation examples judged.
"""

import argparse
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Column, Table

from dissect.errors import InputError
from dissect.process import speak_plainly

if TYPE_CHECKING:
    import pandas as pd

    from dissect.measure.metric import Metric

REMARK = """\
cross-validation: the mean over folds, each the mean of its seeds, with a {level:.0%} interval whose variance is
corrected for folds that share training examples (Nadeau & Bengio 2003). sd: over folds. validation: the mean over
seeds, its interval for other seeds{examples}. difference: validation minus cross-validation{unit}.
A difference {side} zero for the variants whose hyperparameters were chosen on validation, and for no others: these are
overfitted to it. The same difference for all: the validation examples are easier or harder than the training examples.
{trained}"""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m dissect.crossval", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("study", metavar="STUDY", help="the study's name below --runs, or the path of its folder")
    parser.add_argument("--against", metavar="STUDY", help="where the runs judged on validation are (default: STUDY)")
    parser.add_argument("--level", type=float, default=0.95, help="of the intervals (default: 0.95)")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="the folder of studies (default: runs)")
    parser.add_argument("--out", type=Path, default=Path("reports"), help="where the figure goes (default: reports)")
    asked = parser.parse_args(arguments)
    if not 0 < asked.level < 1:
        parser.error(f"--level {asked.level}: must be between 0 and 1, such as 0.95")

    def folder(name: str) -> Path:
        return asked.runs / name if (asked.runs / name).is_dir() else Path(name)

    try:
        study = folder(asked.study)
        report(study, folder(asked.against) if asked.against else study, asked.out, asked.level)
    except InputError as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 2
    return 0


def report(study: Path, against: Path, out: Path, level: float) -> None:
    """Print the table, and write crossval.csv, crossval.png and crossval.svg to `<out>/<study>/`.

    Raises:
        InputError: for runs that make no cross-validation, or may not be compared.
    """
    # Imported late, so that --help answers at once.
    from dissect.crossval.figure import draw_folds
    from dissect.crossval.read import read_runs
    from dissect.files import whole
    from dissect.measure.folds import compare
    from dissect.style import drawn

    runs, validation, metric = read_runs(study, against)
    compared = compare(runs, validation, metric, level)
    by_fold = runs.groupby(["variant", "fold"])[metric.name].mean().reset_index()
    console = Console(highlight=False, width=max(Console().width, 120))  # narrower, numbers would be cut short
    console.print(table(compared, metric))
    remark = REMARK.format(
        level=level, trained=trained(runs, validation, metric),
        examples=" and as many other examples" if validation["error"].notna().all() else "",
        unit=f", {metric.unit}" if metric.unit else "", side="above" if metric.better == "higher" else "below",
    ).strip()  # fmt: skip
    console.print(remark)
    folder = out / study.resolve().name
    with whole(folder / "crossval.csv") as file:
        compared.to_csv(file, index=False, lineterminator="\n")
    for kind in ("png", "svg"):
        with whole(folder / f"crossval.{kind}", "wb") as file:
            file.write(drawn(draw_folds(compared, by_fold, metric), kind, " ".join(remark.split())))
        print(folder / f"crossval.{kind}", flush=True)


def trained(runs: "pd.DataFrame", validation: "pd.DataFrame", metric: "Metric") -> str:
    """How many examples trained the runs of either kind; nothing where that is not known."""
    if runs["trained"].isna().any() or validation["trained"].isna().any():
        return ""
    beside = (
        f"one judged by validation {int(validation['trained'].iloc[0]):,}"
        if len(validation)
        else "one judged by validation, of which there is none here, all of them"
    )
    count = f"A fold's run has {int(runs['trained'].iloc[0]):,} training examples"
    return f"{count}, {beside}: fewer make for a worse {metric.label}."


def table(compared: "pd.DataFrame", metric: "Metric") -> Table:
    """A row a variant: levels and differences as the metric counts them, intervals in brackets."""
    levels, gains = (f", {unit}" if unit else "" for unit in (metric.symbol, metric.unit))
    heads = ("folds x seeds", f"cross-validation{levels}", "sd", f"validation{levels}", "seeds", f"difference{gains}")
    halves = (compared["high"] - compared["low"]) / 2 * metric.times
    digits = 2 if metric.unit == "points" else metric.digits(halves.tolist()) + 1
    shown = Table("variant", *(Column(head, justify="right", no_wrap=True) for head in heads), box=None, pad_edge=False)
    for row in compared.to_dict("records"):
        own = {str(key): value for key, value in row.items()}
        scaled = {key: metric.times * value for key, value in own.items() if isinstance(value, float)}
        shown.add_row(
            own["variant"],
            f"{own['folds']} x {own['seeds']}",
            _told(scaled["value"], scaled["low"], scaled["high"], digits),
            f"{scaled['sd']:.{digits}f}",
            _told(scaled["validation"], scaled["validation_low"], scaled["validation_high"], digits),
            str(own["validation_seeds"]),
            _told(own["difference"], own["difference_low"], own["difference_high"], digits, "+"),
        )
    return shown


def _told(value: float, low: float, high: float, digits: int, sign: str = "") -> str:
    """A number with its interval; without one where there is none, and nothing for no number."""
    if math.isnan(value):
        return ""
    form = f"{sign}.{digits}f"
    return f"{value:{form}}" + ("" if math.isnan(low) else f" [{low:{form}}, {high:{form}}]")


if __name__ == "__main__":
    speak_plainly()
    sys.exit(main())
