"""The self-contained HTML page: the answers first, then the charts, the tables and what they rest on."""

import base64
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from math import floor, log10
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from dissect.measure.members import Members
from dissect.planning.manifest import Manifest
from dissect.report import words
from dissect.report.facts import UNSEEN, data_called, examples_text, facts_text, judges
from dissect.report.kinds import kind_of
from dissect.report.labels import caller
from dissect.report.limits import limits
from dissect.report.published import Published
from dissect.report.sections import gaps, interactions_table, opening, plans, sections
from dissect.report.study import Study
from dissect.report.tables import left_out

COSTS = {
    "parameters": "parameters",
    "multiply_adds": "multiply-adds",
    "train_seconds": "time a run",
    "epochs": "epochs",
}


def render(
    study: Study, effects: pd.DataFrame, variants: pd.DataFrame, pictures: Mapping[str, bytes], *,
    manifests: Sequence[Manifest], published: Published | None, members: Mapping[str, Members], drawn: Sequence[str],
    conditions: Sequence[Mapping[str, Any]] = (),
) -> str:  # fmt: skip
    """The page as text; `pictures` are SVGs by name, `members` ensembles by variant, `drawn` the variants drawn.

    `conditions` are the rows of `conditions.side_by_side`.
    """
    here = FileSystemLoader(Path(__file__).parent)
    shown = Environment(loader=here, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    shown.filters |= {name: getattr(words, name) for name in ("number", "duration", "p_number")}
    metric = study.metric
    digits = 1 + (int(effects["digits"].iloc[0]) if len(effects) else 1)
    shown.filters |= {"uri": uri, "signed": partial(words.signed, digits=digits)}
    shown.filters["spread"] = partial(words.number, digits=digits)
    folders = dict(
        zip(zip(study.compared["variant"], study.compared["seed"], strict=True), study.compared["folder"], strict=True)
    )
    called = caller(study)
    without = left_out(effects, drawn)
    order = {name: place for place, name in enumerate(without)}
    rows = {row["variant"]: row for row in variants.to_dict("records")}
    levels_of = _levels(study, variants)
    levels = sorted(set(effects["level"])) or [0.95]
    if published is not None and not effects["published"].notna().any() and not published.same_data(study.data):
        published = None  # of what it reports nothing is compared
    return shown.get_template("page.html.j2").render(
        study=study,
        metric=metric,
        data=study.data,
        data_called=data_called(study.data),
        facts=facts_text(study.data),
        brief=facts_text(study.data, numbers=True),
        examples=examples_text(study.data),
        judges=judges(study.data),
        unseen=UNSEEN,
        unit=words.gains_of(metric),
        gain_head=partial(words.gain_head, metric),
        levels_of=levels_of,
        opening=opening(effects),
        sections=sections(effects, metric, members),
        effects=[
            row | {"runs": _runs(row, folders, called), "about": kind_of(row["kind"], metric)}
            for row in effects.to_dict("records")
        ],
        interactions=interactions_table(effects, metric),
        conditions=conditions,
        limits=limits(study, effects, drawn),
        gaps=gaps(study, manifests, effects),
        plans=plans(study, manifests, effects),
        variants=[row for _, row in sorted(rows.items(), key=lambda item: order.get(item[0], len(order)))],
        left_out=bool(without),
        averaged=set(effects.loc[effects["manifest"] != "", "treated"]) == {""},  # no bar shows what was planned
        hidden=len(set(study.compared["variant"])) - len(set(drawn) & set(study.compared["variant"])),
        runs=[run | {"kind": _kind(run, called)} for run in study.runs.to_dict("records")],
        pictures=pictures,
        published=published,
        other_data=published is not None and not published.same_data(study.data),
        origin=origin(study),
        levels=" and ".join(f"{100 * level:g}%" for level in levels),
        risk=" and ".join(f"{100 - 100 * level:g}%" for level in levels),
        costs=[(name, title) for name, title in COSTS.items() if variants[name].notna().any()],
        multiplied=bool(variants["multiply_adds"].notna().any()),
        averaging=bool(study.compared["averaged"].any()),
        settings=list(dict.fromkeys(one.settings for one in manifests if one.settings)),
        pooled=any(one.variances == "pooled" for one in manifests),
        outcome=partial(words.outcome, metric=metric),
        correlation=effects["correlation"].median() if len(effects) else float("nan"),
        floor=_floor(effects),
        intervals=len(effects) > 0 and bool(effects["low_alone"].notna().any()),
        of_examples=len(effects) > 0 and bool(effects["low_examples"].notna().any()),
        unscored=int((effects["low_alone"].notna() & effects["low_examples"].isna()).sum()) if len(effects) else 0,
        alike=int((effects["low_alone"].round(digits) == effects["low_examples"].round(digits)).sum()),
        any_published=bool(effects["published"].notna().any()),
        plan_text=words.plan_text,
        called=called,
        baseline=bool(variants["over_baseline"].notna().any()),
        unbeaten=len(over := variants["over_baseline"].dropna()) > 0 and bool((metric.sign * over <= 0).all()),
        many=len(levels_of) > 4,
        seeds_of=dict(zip(study.compared["folder"], study.compared["seed"], strict=True)),
    )


def _levels(study: Study, variants: pd.DataFrame) -> list[tuple[str, str, "partial[str]"]]:
    """Each column of levels: its name, its head and how a value is written; the shown metric first."""
    cropped = {f"{name}_ten_crop" for name in study.logged}
    rest = [name for name in study.logged if name != study.metric.name and name not in cropped]
    told = []
    for name in [study.metric.name, *([study.ten_crop] if study.ten_crop else []), *rest]:
        metric = study.metric if name == study.ten_crop else study.described(name)
        head = metric._replace(label="ten-crop").head if name == study.ten_crop else metric.head
        # One number of decimals a column, or numbers could not be compared by eye.
        sizes = (metric.times * variants[name]).abs()
        sizes = sizes[sizes > 0] if (sizes > 0).any() else pd.Series([1.0])
        figures = max(3 - floor(log10(sizes.median())), 1 - floor(log10(sizes.min())), 0)
        digits = 2 if metric.unit == "points" else min(figures, 6)
        told.append((name, head, partial(metric.number, digits=digits)))
    return told


def _runs(
    row: Mapping[Any, Any], folders: Mapping[tuple[str, int], str], called: Callable[[str], str]
) -> list[dict[str, Any]]:
    """The variants behind a contrast with their weights; of two of them also each seed's run, as `links`."""
    seeds = [int(seed) for seed in row["seeds_used"].split()]
    behind = []
    for name, weight in row["variants"].items():
        base = name.removesuffix(" + ten-crop")  # read off the runs of the variant itself
        links = [(seed, folders.get((base, seed), "")) for seed in seeds] if row["pair"] else []
        behind.append(
            {"variant": called(name), "base": base, "weight": f"{weight:+.3g}".replace("-", "−"), "links": links}
        )
    return behind


def _floor(effects: pd.DataFrame) -> str:
    """The least p of the sign-flip test at the most seeds that occur, in words."""
    seeds = int(effects["seeds"].max()) if len(effects) else 0
    return f"at {seeds} seeds its p cannot fall below {2 / 2**seeds:.2g}" if seeds > 1 else ""


def origin(study: Study) -> dict[str, str | bool]:
    """What the finished runs and members rest on: seeds, hardware, versions, commits, time, each in words."""
    runs = study.runs[study.runs["status"] == "finished"]
    versions: dict[str, list[str]] = {}
    for one in runs["versions"].dropna():
        for package, version in one.items():
            versions.setdefault(package, []).append(str(version))
    seeds = sorted(set(study.compared["seed"]))
    averaged = runs["members"].map(lambda members: isinstance(members, list)).astype(bool)  # told by their members
    return {
        "seeds": ", ".join(map(str, seeds)),
        "devices": _counted(runs["device"].dropna()),
        "precisions": _counted(runs["precision"].dropna()),
        "mixed": runs["precision"].nunique() > 1,
        "versions": ", ".join(f"{package} {_counted(found)}" for package, found in sorted(versions.items())),
        "commits": _counted(runs["commit"].dropna()),
        "projects": _counted(runs["project"].dropna()) if runs["project"].notna().any() else "",
        "code": _counted(one[:12] for one in runs["code"].dropna()) if runs["code"].notna().any() else "",
        "digests": _counted(digests)
        if (digests := [said[:12] for one in runs["data"] if (said := str(one.get("digest") or ""))])
        else "",
        "time": words.duration(float(runs["train_seconds"][~averaged].sum())),
        "last": max(runs["finished"].dropna(), default=""),
    }


def _counted(values: Iterable[Any]) -> str:
    """The values that occur, the most frequent first, with how often where there is more than one."""
    counts = Counter(map(str, values)).most_common()
    if len(counts) > 1:
        return ", ".join(f"{value} ({words.counted(number_of, 'run')})" for value, number_of in counts)
    return counts[0][0] if counts else "not recorded"


def _kind(run: Mapping[Any, Any], called: Callable[[str], str]) -> str:
    if run["status"] != "finished":
        return f"{run['status']}: {run['error'] or 'no reason recorded'}"
    if isinstance(run["member_of"], str):
        return f"member of the ensemble {called(run['member_of'])}; in no bar"
    if isinstance(run["members"], list):
        return f"ensemble of {len(run['members'])}: {', '.join(run['members'])}"
    return "finished"


def uri(svg: bytes) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(svg).decode()
