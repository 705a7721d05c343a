"""The self-contained HTML page: the answers first, then the charts, the tables and what they rest on."""

import base64
from collections import Counter
from collections.abc import Iterable, Mapping
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
    here = FileSystemLoader(Path(__file__).parent)
    shown = Environment(loader=here, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
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


def answer(row: Mapping[Any, Any]) -> dict[str, str]:
    """One contrast in words: `component`, `words` (its gain, p and seeds), `verdict`, `outcome` and a `note`."""
    seeds, added = int(row["seeds"]), len(row["components"])
    notes = [
        f"{row['step']} against {row['control']}",
        f"{added} components at once" if added > 1 else "",
        f"{row['left_out']} left out of the seeds, in only one of the two" if row["left_out"] else "",
        "the same difference for every seed, so its interval tells little" if row["low"] == row["high"] else "",
    ]
    found = {"component": row["label"], "verdict": row["verdict"], "note": "; ".join(filter(None, notes))}
    if seeds == 0:
        return found | {"words": "no seed in common", "outcome": "not measured"}
    value, _, interval = gain_text(row["gain"], row["low"], row["high"]).partition(" ")
    if seeds == 1:
        return found | {"words": f"{value} points, 1 seed", "outcome": "not decided by one seed"}
    words = f"{value} points {interval}, {p_text(row['p'])}, {seeds} seeds"
    return found | {"words": words, "outcome": VERDICTS[row["verdict"]]}


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
    if len(counts) > 1:
        return ", ".join(f"{value} ({number_of} run{'s' * (number_of > 1)})" for value, number_of in counts)
    return counts[0][0] if counts else "not recorded"


def _kind(run: Mapping[Any, Any]) -> str:
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
    return "–" if pd.isna(value) else f"{value:,.{digits}f}".replace("-", "−")


def duration(seconds: float) -> str:
    if pd.isna(seconds):
        return "–"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, hours = seconds / 60, seconds / 3600
    return f"{minutes:.1f} min" if hours < 1 else f"{hours:.1f} h"


def _uri(svg: bytes) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(svg).decode()
