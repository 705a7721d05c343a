"""A study in several conditions: its runs by the name that a variant has in each of them, and gains side by side."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import cycle
from typing import Any

import pandas as pd

from dissect.errors import InputError
from dissect.measure.contrasts import Variants, control
from dissect.measure.metric import Metric
from dissect.planning.manifest import BETWEEN
from dissect.report.figures import gain_text
from dissect.report.kinds import kind_of
from dissect.report.labels import bar_label, caller
from dissect.report.questions import Question
from dissect.report.study import Study, refuse_mixtures
from dissect.report.tables import scored_runs
from dissect.report.words import answer, p_tested
from dissect.store.runs import DAMAGED
from dissect.style import BLUE, GREEN, INK, ORANGE, PURPLE, VERMILION

LOOKS = dict(zip([BLUE, VERMILION, GREEN, PURPLE, ORANGE, INK], "os^Dv<", strict=True))  # colour -> marker


def entries(study: Study) -> dict[str, Mapping[str, Any]]:
    """What the plans say of each variant in each condition, by the name that it has there."""
    return {name: one for plan in study.manifests for name, one in plan.variants.items() if "condition" in one}


def together(study: Study) -> Study:
    """The study with each run once for every condition that it stands for, its condition among its components.

    What belongs to no planned condition is left out, but for damaged runs, of which nothing is known.

    Raises:
        InputError: where the runs of a condition may not be compared with each other, or there are none.
    """
    frames = []
    for name, one in entries(study).items():
        runs = study.runs
        ours = runs[(runs["variant"] == one["variant"]) & (runs["settings"] == one["settings"])]
        parts = [{one["condition"]: one["condition"], **own} for own in ours["components"]]
        named = ours["variant"].where(ours["member_of"].notna(), name)
        frames.append(ours.assign(variant=named, components=pd.Series(parts, ours.index, dtype=object)))
    damaged = study.runs[study.runs["status"] == DAMAGED]
    runs = pd.concat([one for one in [*frames, damaged] if len(one)], ignore_index=True) if frames else study.runs[:0]
    found = replace(study, runs=runs)
    if found.compared.empty:
        raise InputError(f"{study.path}: has no finished run of a planned condition; give the study's command again")
    for part in parts_of(found):
        refuse_mixtures(part, ("data",))
    return found


def parts_of(study: Study) -> list[Study]:
    """The study in each condition that has finished runs, in the order in which they were planned."""
    known = entries(study)
    where = study.runs["variant"].map({name: one["condition"] for name, one in known.items()})
    found = [replace(study, runs=study.runs[where == condition]) for condition in study.conditions]
    return [one for one in found if not one.compared.empty]


def scored(study: Study) -> pd.DataFrame:
    """As `tables.scored_runs`, condition by condition."""
    return pd.concat([scored_runs(part) for part in parts_of(study)], ignore_index=True)


def planned(study: Study) -> list[Question]:
    """The planned contrasts, those about the same difference in several conditions next to each other."""
    known = entries(study)
    found: dict[tuple[Any, ...], list[Question]] = {}
    for plan in study.manifests:
        for one in plan.contrasts:
            asked = Question(one.kind, one.components, one.weights, one.orders, plan.study)
            plain = frozenset((_plain(name, known), abs(weight)) for name, weight in one.weights.items())
            found.setdefault((plan.study, one.kind, one.components, plain), []).append(asked)
    return [one for group in found.values() for one in group]


def _plain(name: str, known: Mapping[str, Mapping[str, Any]]) -> str:
    base = name.removesuffix(" + ten-crop")
    return str(known[base]["variant"]) + name.removeprefix(base)


def placed(study: Study, effects: pd.DataFrame) -> pd.DataFrame:
    """The effects with `about`, the label without a condition, `condition`, and `against`, "" but between two.

    `same` is what contrasts share that are about one difference in several conditions, or between them.
    """
    known, order = entries(study), study.conditions
    places, same = [], []
    for weights in effects["variants"]:
        bases = [base for name in weights if (base := name.removesuffix(" + ten-crop")) in known]
        found = sorted({str(known[base]["condition"]) for base in bases}, key=order.index, reverse=True)
        places.append([*found, "", ""][:2])
        same.append(" ".join(sorted({f"{_plain(name, known)}:{abs(weight):g}" for name, weight in weights.items()})))
    table = effects.assign(about=effects["label"], same=same)
    table["condition"], table["against"] = ([place[side] for place in places] for side in (0, 1))
    rows = table[["about", "condition", "against"]].itertuples(index=False)
    table["label"] = [f"{about} @ {where}{f' against {other}' if other else ''}" for about, where, other in rows]
    return table


def looks(study: Study) -> dict[str, tuple[str, str, str]]:
    """Each condition's label, marker and colour in a figure."""
    chosen = zip(study.conditions, cycle(LOOKS.items()), strict=False)
    return {name: (name, marker, colour) for name, (colour, marker) in chosen}


def labelled(study: Study, bars: pd.DataFrame, known: Variants) -> pd.DataFrame:
    """The bars, each called as without conditions, with its own behind."""
    plans, conditions, called = entries(study), set(study.conditions), caller(study)
    labels = []
    for name in bars["variant"]:
        under = control(name, known)
        parts, inherited = (
            None if one is None else tuple(part for part in known[one] if part not in conditions)
            for one in (name, under)
        )
        where, plain = plans[name.removesuffix(" + ten-crop")]["condition"], _plain(name, plans)
        labels.append(f"{bar_label(study, plain, parts or (), inherited, called(plain))} @ {where}")
    return bars.assign(label=labels)


def drawn(effects: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, str]]:
    """Gains as `drawing.draw_attribution` takes them, a condition for a kind of contrast, and the rows' labels."""
    ours = effects[(effects["against"] == "") & (effects["condition"] != "") & (effects["kind"] != "interaction")]
    if (planned := ours["manifest"] != "").any():  # in any condition: runs seen before do not take a gain from its row
        ours = ours[ours["same"].isin(ours.loc[planned, "same"])]
    several = ours["kind"].nunique() > 1
    rows = ours["about"] + (" (" + ours["kind"].str.replace("_", " ") + ")" if several else "")
    gains = ours.assign(component=rows, kind=ours["condition"]).drop_duplicates(["component", "kind"])
    return gains, {name: name for name in gains["component"]}


def side_by_side(effects: pd.DataFrame, metric: Metric) -> list[dict[str, Any]]:
    """A row a contrast: `about`, its `gains` in each condition, and how they `differ`."""
    planned = bool((effects["manifest"] != "").any())
    within = effects[(effects["against"] == "") & (effects["condition"] != "")]
    differences = effects[effects["kind"] == BETWEEN]
    rows = []
    for (kind, same), ours in within.groupby(["kind", "same"], sort=False):
        differ = differences[differences["same"] == same] if kind != "interaction" else differences[:0]
        rows.append(
            {
                "about": ours["about"].iloc[0],
                "kind": kind_of(str(kind), metric).name,
                "gains": {row["condition"]: _cell(row, metric, planned) for row in ours.to_dict("records")},
                "differ": [
                    {**_cell(row, metric, planned), "of": f"{row['condition']} against {row['against']}"}
                    for row in differ.to_dict("records")
                ],
            }
        )
    return rows


def _cell(row: Mapping[Any, Any], metric: Metric, planned: bool) -> dict[str, Any]:
    text = gain_text(row["gain"], row["low"], row["high"], digits=row["digits"])
    said = answer(row, metric)
    return {"gain": row["gain"], "text": text, "verdict": said["verdict"], "outcome": said["outcome"],
            "p": p_tested(row), "exploratory": planned and row["manifest"] == ""}  # fmt: skip
