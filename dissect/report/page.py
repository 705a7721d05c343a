"""The self-contained HTML page: the answers first, then the charts, the tables and what they rest on."""

import base64
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from dissect.report.figures import gain_text
from dissect.report.published import Published
from dissect.report.study import Study

VERDICTS = {"helps": "helps", "hurts": "hurts", "undecided": "not decided by this many seeds"}


def render(
    study: Study, gains: pd.DataFrame, variants: pd.DataFrame, pictures: dict[str, bytes], published: Published | None
) -> str:
    """The page as text; `pictures` are SVGs by name, the rest as `tables` makes them."""
    shown = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    shown.filters |= {"percent": percent, "number": number, "points": points, "duration": duration, "uri": _uri}
    return shown.get_template("page.html.j2").render(
        study=study,
        data=study.data,
        answers=[answer(row) for row in gains.to_dict("records")],
        gains=gains.to_dict("records"),
        variants=variants.to_dict("records"),
        runs=[run | {"kind": _kind(run)} for run in study.runs.to_dict("records")],
        pictures=pictures,
        published=published,
        other_data=published is not None and not published.same_data(study.data),
        origin=origin(study),
        p_text=p_text,
    )


def answer(row: dict[str, Any]) -> dict[str, str]:
    """One contrast in words: `component`, `words` (its gain, p and seeds), `verdict` and `outcome`, and a `note`."""
    seeds = int(row["seeds"])
    number_of = f"{seeds} seed{'' if seeds == 1 else 's'}"
    left_out = f"{row['left_out']} left out: not in both variants" if row["left_out"] else ""
    found = {"component": row["label"], "verdict": row["verdict"], "against": f"{row['step']} against {row['control']}"}
    if pd.isna(row["gain"]):
        return found | {"words": "no seed in common", "outcome": "not measured", "note": left_out}
    value, _, interval = gain_text(row["gain"], row["low"], row["high"]).partition(" ")
    words = f"{value} points {interval}".strip() + (f", {p_text(row['p'])}" if interval else "") + f", {number_of}"
    if len(row["components"]) > 1:
        left_out = "; ".join(filter(None, [f"{len(row['components'])} components at once", left_out]))
    return found | {"words": words, "outcome": "not decided by one seed" if seeds == 1 else VERDICTS[row["verdict"]], "note": left_out}


def origin(study: Study) -> dict[str, str]:
    """What the finished runs and members rest on: seeds, hardware, versions, commits, time, each in words."""
    runs = study.runs[study.runs["status"] == "finished"]
    versions: dict[str, list[str]] = {}
    for one in runs["versions"].dropna():
        for package, version in one.items():
            versions.setdefault(package, []).append(str(version))
    seeds = sorted(set(study.compared["seed"]))
    return {
        "seeds": ", ".join(map(str, seeds)),
        "devices": _counted(runs["device"].dropna()),
        "versions": ", ".join(f"{package} {_counted(found)}" for package, found in sorted(versions.items())),
        "commits": _counted(runs["commit"].dropna()),
        "time": duration(float(runs["train_seconds"].sum())),
        "last": max(runs["finished"].dropna(), default=""),
    }


def _counted(values: Iterable[Any]) -> str:
    """The values that occur, the most frequent first, with how often where there is more than one."""
    counts = Counter(map(str, values)).most_common()
    return "not recorded" if not counts else counts[0][0] if len(counts) == 1 else ", ".join(f"{v} ({n} runs)" for v, n in counts)


def _kind(run: dict[str, Any]) -> str:
    if run["status"] != "finished":
        return f"{run['status']}: {run['error'] or 'no reason recorded'}"
    if isinstance(run["member_of"], str):
        return f"member of the {run['member_of']} ensemble; in no bar"
    if isinstance(run["members"], list):
        return f"ensemble of {len(run['members'])}: {', '.join(run['members'])}"
    return "finished"


def p_text(p: float) -> str:
    return "" if pd.isna(p) else "p < 0.001" if p < 0.001 else f"p = {p:.3f}" if p < 0.1 else f"p = {p:.2f}"


def percent(fraction: float) -> str:
    return "–" if pd.isna(fraction) else f"{100 * fraction:.2f}"


def points(gain: float) -> str:
    return "–" if pd.isna(gain) else f"{gain:+z.2f}".replace("-", "−")


def number(value: float, digits: int = 0) -> str:
    return "–" if pd.isna(value) else f"{value:,.{digits}f}"


def duration(seconds: float) -> str:
    if pd.isna(seconds):
        return "–"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, hours = seconds / 60, seconds / 3600
    return f"{minutes:.1f} min" if hours < 1 else f"{hours:.1f} h"


def _uri(svg: bytes) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(svg).decode()
