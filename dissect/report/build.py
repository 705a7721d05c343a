"""Everything that a report is, from a study's folder to the files."""

import re
import sys
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from dissect.files import whole
from dissect.measure.contrasts import variants
from dissect.measure.metric import Metric
from dissect.report.attribution import ATTRIBUTED
from dissect.report.curves import read_curves
from dissect.report.drawing import draw_attribution, draw_gains, draw_interactions, draw_learning_curves
from dissect.report.effects import effects_table, terms
from dissect.report.exports import as_csv, as_latex, as_markdown, for_spreadsheets
from dissect.report.labels import named
from dissect.report.page import render
from dissect.report.predictions import ensemble_intervals, scores_of
from dissect.report.published import find_published
from dissect.report.questions import (
    components_of,
    contained,
    drawn_variants,
    planned_before,
    questions,
    refuse_nonsense,
    said_planned,
)
from dissect.report.study import Study, read_study
from dissect.report.tables import bars_table, runs_csv, scored_runs, variants_table
from dissect.store.runs import DAMAGED
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


def write_report(study: Study, out: Path, named_file: Path | None = None) -> Report:
    """Write the study's report; arguments and errors as of `build_report`."""
    for error in study.runs.loc[study.runs["status"] == DAMAGED, "error"]:
        print(f"left out: {error}", file=sys.stderr)
    refuse_nonsense(study, study.manifests)
    published = find_published(study.data["name"], study.metric.name, study.network, named_file)
    scored = scored_runs(study)
    known = variants(scored)
    components = components_of(study, scored)
    manifests = study.manifests or said_planned(study, known, components)
    ordered = study.elsewhere is None or study.elsewhere.ordered
    asked = planned_before(questions(known, components, manifests, ordered=ordered), study, manifests)
    if own := study.metric.name == study.primary.name:
        chance = study.data.get("chance")
    else:
        chance, asked = None, [one._replace(manifest="", seen="") for one in asked]
    shown = drawn_variants(known, asked)
    asked += contained(asked, known, shown)
    scores = scores_of(study, scored)
    effects = effects_table(study, scored, asked, manifests, published=published, scores=scores)
    level = terms(None, manifests, study)["level"]
    # What needs no interval for other members has one over seeds.
    members = ensemble_intervals(study, set(effects.loc[effects["seeds"] == 1, "treated"]), level)
    bars = bars_table(scored, effects, study, shown, published, level)
    scope, digits = published.scope if published else "", int(effects["digits"].iloc[0]) if len(effects) else 1
    labels = {part.name: named(study, [part.name]) for part in components if not part.derived}
    figures = {
        "gains": draw_gains(
            bars, scored, study.metric, chance=chance, level=level, published_from=scope, digits=digits
        ),
        **_attributions(effects, labels, study.metric),
    }
    if len(curves := read_curves(study, shown)):
        titles = dict(zip(bars["variant"], bars["label"], strict=True))
        figures["learning_curves"] = draw_learning_curves(curves, titles, study.metric)
    files = {f"{name}.{kind}": as_bytes(figure, kind) for name, figure in figures.items() for kind in ("png", "svg")}
    files["runs.csv"] = for_spreadsheets(runs_csv(study)).encode()
    files["effects.csv"] = as_csv(effects, study.metric).encode()
    files["effects.md"] = as_markdown(effects, study.metric).encode()
    files["effects.tex"] = as_latex(effects, study.metric).encode()
    files["index.html"] = render(
        study, effects, variants_table(study, manifests, effects), {name: files[f"{name}.svg"] for name in figures},
        manifests=manifests, published=published, members=members, drawn=shown,
    ).encode()  # fmt: skip
    folder = out / study.name if own else out / study.name / re.sub(r"[^\w.-]+", "-", study.metric.name)
    for name, content in files.items():
        with whole(folder / name, "wb") as file:
            file.write(content)
    return Report(folder / "index.html", effects, study.metric)


def _attributions(effects: pd.DataFrame, labels: dict[str, str], metric: Metric) -> dict[str, Figure]:
    """The figures of attribution and interactions, where there is something to draw."""
    figures = {}
    ours = effects[effects["kind"].isin(list(ATTRIBUTED)) & effects["component"].isin(list(labels))]
    ours = ours.drop_duplicates(["kind", "component"])
    if ours["kind"].nunique() > 1:
        compared = ours["component"].value_counts() > 1  # seen in one way alone, there is nothing to compare
        told = {name: label for name, label in labels.items() if compared.get(name, False)}
        ours = ours[ours["component"].isin(list(told))]
        if told:
            figures["attribution"] = draw_attribution(ours, told, metric)
    pairs = effects[(effects["kind"] == "interaction") & effects["gain"].notna()].drop_duplicates("component")
    among = {name for components in pairs["components"] for name in components}
    if len(pairs):
        told = {name: label for name, label in labels.items() if name in among}
        figures["interactions"] = draw_interactions(pairs, told, metric, int(pairs["digits"].iloc[0]))
    return figures
