"""python -m dissect.search STUDY: a finished random search again, as a table and a figure."""

import argparse
import sys
from pathlib import Path

from dissect.errors import InputError
from dissect.process import speak_plainly


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m dissect.search", description=__doc__)
    parser.add_argument("study", metavar="STUDY", help="the study's name below --runs, or the path of its folder")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="the folder of studies (default: runs)")
    parser.add_argument("--out", type=Path, default=Path("reports"), help="where figures go (default: reports)")
    asked = parser.parse_args(arguments)
    path = asked.runs / asked.study
    try:
        report(path if path.is_dir() else Path(asked.study), asked.out)
    except InputError as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 2
    return 0


def report(study: Path, out: Path) -> None:
    """Write search.csv, search.png and search.svg to `<out>/<study>/`, and say where they are.

    Raises:
        InputError: for a study without a search.
    """
    # Imported late, so that --help answers at once.
    from dissect.files import whole
    from dissect.search.figure import draw_search
    from dissect.search.record import metric_of, read_trials
    from dissect.style import drawn

    trials, keys = read_trials(study)
    metric = metric_of(study)
    folder = out / study.resolve().name
    with whole(folder / "search.csv") as file:
        trials.to_csv(file, index=False, lineterminator="\n")
    lost = int(trials[metric.name].isna().sum())
    better = "" if metric.better == "higher" else "; lower is better"
    caption = (
        f"Random search, log-uniform, over {' and '.join(keys)}: {len(trials)} settings"
        + (f", of which {lost} diverged" if lost else "")
        + f". Colour: {metric.label} on a tuning split, which is a part of the training examples{better}."
    )
    for kind in ("png", "svg"):
        with whole(folder / f"search.{kind}", "wb") as file:
            file.write(drawn(draw_search(trials, keys, metric), kind, caption))
        print(folder / f"search.{kind}", flush=True)


if __name__ == "__main__":
    speak_plainly()
    sys.exit(main())
