"""One page about several studies: each component's gain in each of them, and what differs between two."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from matplotlib.figure import Figure

from dissect.composing.plain import leaves
from dissect.errors import InputError
from dissect.files import whole
from dissect.measure.pooling import difference
from dissect.report.analysis import Analysis, analyse
from dissect.report.exports import for_spreadsheets
from dissect.report.facts import data_called, examples_text
from dissect.report.figures import gain_text
from dissect.report.forest import PREFERRED, Forest, heterogeneity, plot_forest, together
from dissect.report.kinds import kind_of
from dissect.report.page import uri
from dissect.report.study import Study
from dissect.style import PHONE, drawn, styled


def write_several(studies: Sequence[Study], out: Path) -> tuple[Path, list[Forest]]:
    """Write the page of several studies to a folder of their names below `out`; returns it and what it shows.

    Raises:
        InputError: for studies of one name, of different metrics, or without a common component.
    """
    names = [study.name for study in studies]
    if len(set(names)) < len(names):
        raise InputError(f"{', '.join(names)}: two studies of one name cannot be told apart; rename a folder")
    found = [analyse(study) for study in studies]
    forests = together(found)
    if not forests:
        raise InputError(f"{', '.join(names)}: no component has a gain in two of these studies")
    metric = studies[0].metric
    figure = draw_forests(forests, studies[0])
    pictures = {f"forest.{kind}": drawn(figure, kind) for kind in ("png", "svg", "pdf")}
    narrow = drawn(draw_forests(forests, studies[0], PHONE), "svg")
    here = FileSystemLoader(Path(__file__).parent)
    shown = Environment(loader=here, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    told = [
        {"label": one.label, "kind": kind_of(one.kind).name, "words": heterogeneity(one, metric), "mean": one.mean and
         metric.with_unit(gain_text(one.mean.mean, one.mean.low, one.mean.high, digits=one.digits)),
         "studies": len(one.rows)}
        for one in forests
    ]  # fmt: skip
    about = [
        {"name": study.name, "data": data_called(study.data), "examples": examples_text(study.data),
         "variants": study.compared["variant"].nunique(), "seeds": study.compared["seed"].nunique(),
         "commits": ", ".join(sorted(set(study.compared["commit"].dropna().astype(str)))) or "not recorded"}
        for study in studies
    ]  # fmt: skip
    page = shown.get_template("several.html.j2").render(
        names=names, metric=metric, told=told, about=about, picture=uri(pictures["forest.svg"]), narrow=uri(narrow),
        configs=configs(*studies) if len(studies) == 2 else [],
        differences=differences(*found) if len(studies) == 2 else [],
    )  # fmt: skip
    rows = pd.concat([one.rows.assign(component=one.component, kind=one.kind) for one in forests], ignore_index=True)
    files = {**pictures, "forest.csv": for_spreadsheets(rows).encode(), "index.html": page.encode()}
    folder = out / "+".join(names)
    for name, content in files.items():
        with whole(folder / name, "wb") as file:
            file.write(content)
    return folder / "index.html", forests


def draw_forests(forests: Sequence[Forest], study: Study, width: float = 9) -> Figure:
    """A panel a component, below each other, all on one axis of gains."""
    heights = [len(one.rows) + 1.6 for one in forests]
    with mpl.rc_context(styled(width)):
        figure = Figure(figsize=(width, 0.6 + 0.36 * sum(heights)), layout="constrained")
        axes = figure.subplots(len(forests), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
        for ax, one in zip(axes, forests, strict=True):
            plot_forest(one, study.metric, ax=ax)
            ax.label_outer()
    return figure


def configs(first: Study, second: Study) -> list[tuple[str, str, str]]:
    """What differs between the studies besides their variants: a setting, and what it is in each.

    Of configs those of a variant that both have; of the data, code and packages what results say.
    """
    both = [name for name in first.compared["variant"].unique() if name in set(second.compared["variant"])]
    sides = [_facts(study, str(both[0]) if both else None) for study in (first, second)]
    keys = dict.fromkeys(key for side in sides for key in side)
    differing = [key for key in keys if sides[0].get(key) != sides[1].get(key)]
    return [(key, *(str(side.get(key, "–")) for side in sides)) for key in differing]  # type: ignore[misc]


def _facts(study: Study, variant: str | None) -> dict[str, Any]:
    runs = study.compared
    row = (runs if variant is None else runs[runs["variant"] == variant]).iloc[0]
    config = leaves(study.config(row["folder"])) if variant else {}
    ignored = ("seed", "name", "runs", "components.", "logger", "threads", "keep", "hydra", "deltas.")
    told = {key: value for key, value in config.items() if not key.startswith(ignored)}
    versions = {f"version of {name}": value for name, value in (row["versions"] or {}).items()}
    data = {f"data: {key}": value for key, value in leaves(study.data).items()}
    return {
        **told,
        **data,
        "commit of dissect": row["commit"],
        "commit of your project": row["project"],
        "your own code": row["code"],
        "device": row["device"],
        **versions,
    }


def differences(first: Analysis, second: Analysis) -> list[dict[str, str]]:
    """Of each contrast that both studies have: its gain in each, and the second's minus the first's."""
    metric, rows = first.study.metric, []
    theirs = {(row["kind"], row["component"]): row for row in second.effects.to_dict("records")}
    for row in first.effects.drop_duplicates(["kind", "component"]).to_dict("records"):
        other = theirs.get((row["kind"], row["component"]))
        if other is None or row["kind"] not in PREFERRED or min(row["seeds"], other["seeds"]) < 2:
            continue
        ours, others = ((one["gain"], one["sd"] / np.sqrt(one["seeds"]), one["seeds"] - 1.0) for one in (row, other))
        digits = row["digits"]
        gains = [gain_text(one["gain"], one["low_alone"], one["high_alone"], digits=digits) for one in (row, other)]
        changed = metric.with_unit(gain_text(*difference(ours, others), digits=digits))
        rows.append({"label": row["label"], "kind": kind_of(row["kind"]).name, "first": gains[0], "second": gains[1],
                     "difference": changed})  # fmt: skip
    return rows
