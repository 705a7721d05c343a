"""Everything that a report is, from a study's folder to the files."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from dissect.files import whole
from dissect.report.drawing import draw_gains, draw_learning_curves, drawn
from dissect.report.page import render
from dissect.report.published import find_published
from dissect.report.study import read_curves, read_study
from dissect.report.tables import GAINS, bars_table, gains_table, runs_csv, scored_runs, variants_table


@dataclass(frozen=True)
class Report:
    """Where the page is, and the gains that it shows."""

    page: Path
    gains: pd.DataFrame


def build_report(path: Path, out: Path, named: Path | None = None) -> Report:
    """Read the study in `path` and write its report to a folder of its name below `out`.

    Raises:
        InputError: for a study, or a file of published values, that cannot be used; nothing is written then.
    """
    study = read_study(path)
    published = find_published(study.data["name"], named)
    curves = read_curves(study)
    scored = scored_runs(study)
    gains = gains_table(scored, study, published)
    bars = bars_table(scored, gains, study, published)
    scope = published.scope if published else ""
    figures = {
        "gains": draw_gains(bars, scored, chance=1 / study.data["classes"], published_from=scope),
        "learning_curves": draw_learning_curves(curves, dict(zip(bars["variant"], bars["label"], strict=True))),
    }
    files = {f"{name}.{kind}": drawn(figure, kind) for name, figure in figures.items() for kind in ("png", "svg")}
    files["runs.csv"] = runs_csv(study).to_csv(index=False, lineterminator="\n").encode()
    files["gains.csv"] = gains[GAINS].to_csv(index=False, lineterminator="\n").encode()
    pictures = {name: files[f"{name}.svg"] for name in figures}
    files["index.html"] = render(study, gains, variants_table(study), pictures, published).encode()
    folder = out / study.name
    for name, content in files.items():
        with whole(folder / name, "wb") as file:
            file.write(content)
    return Report(folder / "index.html", gains)
