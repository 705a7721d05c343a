"""Everything that a report is, from a study's folder to the files."""

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from dissect.errors import InputError
from dissect.files import whole
from dissect.measure.metric import Metric
from dissect.report.analysis import Analysis, analyse
from dissect.report.conditions import drawn, looks, side_by_side
from dissect.report.curves import read_curves
from dissect.report.drawing import draw_attribution, draw_costs, draw_gains, draw_interactions, draw_learning_curves
from dissect.report.exports import as_csv, as_latex, as_markdown, for_spreadsheets
from dissect.report.levels import draw_factors, factors
from dissect.report.page import render
from dissect.report.paper import as_text, paper_files, paper_table
from dissect.report.predictions import ensemble_intervals
from dissect.report.study import Study, read_study
from dissect.report.tables import runs_csv, variants_table
from dissect.report.words import counted
from dissect.store.runs import DAMAGED
from dissect.style import PHONE
from dissect.style import drawn as as_bytes


@dataclass(frozen=True)
class Report:
    """Where the page is, the effects that it shows, and of which metric they are."""

    page: Path
    effects: pd.DataFrame
    metric: Metric


def build_report(
    path: Path, out: Path, named_file: Path | None = None, *, metric: str | None = None, better: str | None = None
) -> Report:
    """Read the study in `path` and write its report to a folder of its name below `out`.

    Args:
        metric: another one than the study's own, whose report goes to a folder of its name in there. Nothing of it was
            planned, so all of it is exploratory.
        better: higher or lower, where the config does not describe that metric.

    Raises:
        InputError: for a study, a metric, or a file of published values, that cannot be used; nothing is written then.
    """
    return write_report(read_study(path, metric, better), out, named_file)


def write_report(
    study: Study, out: Path, named_file: Path | None = None, *, width: float | None = None, paper: bool = False
) -> Report:
    """Write the study's report; arguments and errors as of `build_report`.

    Args:
        width: of all figures, in inches; each its own where it is not said.
        paper: write a folder `paper` as well, with what a LaTeX document takes in.
    """
    own = study.metric.name == study.primary.name
    folder = out / study.name if own else out / study.name / re.sub(r"[^\w.-]+", "-", study.metric.name)
    if study.file is not None and folder.resolve() in study.file.resolve().parents:
        raise InputError(
            f"{study.file}: lies in the report that this one would take the place of, and holds less than what that "
            "was made from; give another folder by name=... or --out (name= its own takes the place)"
        )
    for error in study.runs.loc[study.runs["status"] == DAMAGED, "error"]:
        print(f"left out: {error}", file=sys.stderr)
    found = analyse(study, named_file)
    left, study = study, found.study
    if other := len(set(left.compared["folder"]) - set(study.compared["folder"])):
        print(f"left out: {counted(other, 'run')} of no planned condition", file=sys.stderr)
    effects, level, published = found.effects, found.level, found.published
    # What needs no interval for other members has one over seeds.
    members = ensemble_intervals(study, set(effects.loc[effects["seeds"] == 1, "treated"]), level)
    scope = published.scope if published else ""
    figures = _figures(found, scope, width)
    pictures = {name: as_bytes(figure, "svg") for name, figure in figures.items()}
    if width is None:  # a phone has others, whose text can be read on it
        pictures |= {f"{name}_narrow": as_bytes(one, "svg") for name, one in _figures(found, scope, PHONE).items()}
    files = {f"{name}.{kind}": as_bytes(figure, kind) for name, figure in figures.items() for kind in ("png", "pdf")}
    files |= {f"{name}.svg": pictures[name] for name in figures}
    files["runs.csv"] = for_spreadsheets(runs_csv(study)).encode()
    files["effects.csv"] = as_csv(effects, study.metric).encode()
    files["effects.md"] = as_markdown(effects, study.metric).encode()
    files["effects.tex"] = as_latex(effects, study.metric).encode()
    files["index.html"] = render(
        study, effects, variants_table(study, found.manifests, effects), pictures,
        manifests=found.manifests, published=published, members=members, drawn=found.shown,
        conditions=side_by_side(effects, study.metric) if study.conditions else [],
    ).encode()  # fmt: skip
    files["variants.tex"] = as_text(found, "latex").encode()
    if paper:
        files |= {f"paper/{name}": content for name, content in files.items() if name.endswith((".pdf", ".tex"))}
        files |= {f"paper/{name}": content.encode() for name, content in paper_files(found, list(figures)).items()}
    for name, content in files.items():
        with whole(folder / name, "wb") as file:
            file.write(content)
    return Report(folder / "index.html", effects, study.metric)


def _figures(found: Analysis, scope: str, width: float | None) -> dict[str, Figure]:
    """All figures by name, of that width in inches, or each of its own; `scope` says what published values are of."""
    sized: dict[str, Any] = {} if width is None else {"width": width}
    study, bars, effects = found.study, found.bars, found.effects
    digits = int(effects["digits"].iloc[0]) if len(effects) else 1
    gains = draw_gains(
        bars, found.scored, study.metric, chance=found.chance, level=found.level, published_from=scope, digits=digits,
        **sized,
    )  # fmt: skip
    figures = {"gains": gains, **_attributions(found, sized)}
    if (costs := draw_costs(paper_table(found), study.metric, **sized)) is not None:
        figures["costs"] = costs
    if len(curves := read_curves(study, found.shown)):
        titles = dict(zip(bars["variant"], bars["label"], strict=True))
        figures["learning_curves"] = draw_learning_curves(curves, titles, study.metric, **sized)
    return figures


def _attributions(found: Analysis, sized: Mapping[str, Any]) -> dict[str, Figure]:
    """The figures of attribution and interactions, where there is something to draw."""
    figures = {}
    ours, labels = found.attributed
    if len(ours):
        figures["attribution"] = draw_attribution(ours, labels, found.study.metric, **sized)
    pairs, labels = found.interactions
    if found.study.conditions:
        gains, labels = drawn(found.effects)
        width, where = sized.get("width", 9), looks(found.study)
        figures["conditions"] = draw_attribution(gains, labels, found.study.metric, width, where)
    elif factored := factors(found.effects, found.labels):
        figures["levels"] = draw_factors(factored, found.study.metric, **sized)
    if len(pairs) and not found.study.conditions:
        digits = int(pairs["digits"].iloc[0])
        figures["interactions"] = draw_interactions(pairs, labels, found.study.metric, digits, **sized)
    return figures
