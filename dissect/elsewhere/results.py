"""Runs made elsewhere as results of the store's form: what is not known of them is asked for, or said on the page."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from dissect.elsewhere.asked import Asked, Elsewhere, metric_of
from dissect.elsewhere.factors import Variants, as_list, flags, from_columns, from_names, varying
from dissect.elsewhere.own import NOTE, OWN, own_results
from dissect.elsewhere.seeds import is_number, seed_column, seeds_of
from dissect.errors import InputError
from dissect.store.expected import COSTS
from dissect.store.readers.found import Found

LOWER = re.compile("loss|error|rmse|mae|mse|perplexity|nll", re.IGNORECASE)


def results_of(found: Found, said: Asked) -> tuple[list[dict[str, Any]], Elsewhere]:
    """The runs as results, and what else is known of them.

    Raises:
        InputError: for what has to be said and was not, and for runs that cannot be what it says.
    """
    if set(found.runs.columns) >= OWN:
        return own_results(found, said), Elsewhere(
            [*found.notes, NOTE], ladder=said.ladder, ordered=True, planned=said.planned
        )
    runs = found.runs.reset_index(drop=True)
    seed = seed_column(runs, said)
    if said.metric is None:
        raise InputError(f"metric=: say by which column runs are compared; there are {_columns(found, runs)}")
    names = [str(one) if one else f"row {place + 2}" for place, one in enumerate(_column(runs, "run"))]
    if said.metric in runs:
        runs[said.metric] = pd.Series(_numbers(said.metric, runs[said.metric], names), dtype=object)
    told = _variants(found, runs, said, seed)
    seeds, notes = seeds_of(found.name, runs, seed)
    frame = pd.DataFrame({"variant": told.names, "seed": seeds, "run": names}, dtype=object)
    frame["parts"] = pd.Series(told.parts, dtype=object)
    errors = [None if one is None or one != one or one == "" else str(one) for one in _column(runs, "error")]
    frame["error"] = pd.Series(errors, dtype=object)
    values, more = _values(found, runs, frame, said)
    rows, twice = _once(frame.assign(values=pd.Series(values, dtype=object)), said.metric)
    if not any(said.metric in one["values"] for one in rows):
        raise InputError(f"metric={said.metric}: no run has a number for it; there are {_columns(found, runs)}")
    metric = metric_of(said, [one["values"].get(said.metric) for one in rows])
    notes = [*told.notes, *found.notes, *notes, *more, *twice, *_uneven(rows)]
    if said.unit == "points" and said.times is None:
        none = "no" if metric["times"] > 1 else "some"
        notes.append(f"Points are {metric['times']:g} times what was logged, as {none} value lies outside 0 to 1.")
    if found.settings is None:
        notes.append("Whether the runs had equal settings but for their components is not known from here.")
    notes.append("Nor is it known whether runs were left out." if found.settings is None else
                 "Whether runs were left out is not known from here.")  # fmt: skip
    results = [_result(found.name, row, metric) for row in rows]
    return results, Elsewhere(notes, told.declared, said.ladder, bool(said.ladder), found.curves, said.planned)


def _variants(found: Found, runs: pd.DataFrame, said: Asked, seed: str | None) -> Variants:
    for key, names in (("variant", [said.variant] if said.variant else []), ("components", said.components)):
        for name in names:
            if name not in runs:
                raise InputError(f"{key}={name}: no such column; there are {_columns(found, runs)}")
    if said.components and len(said.components) > 1:
        return from_columns(runs[list(said.components)], said.control, said.ladder)
    listed = next((name for name in (*said.components, "components") if name in runs), None)
    if said.variant is None and listed is not None:
        lists = [any(isinstance(one, list | tuple) or "+" in str(one) for one in runs[listed])]
        if said.components and not any(lists):
            return from_columns(runs[[listed]], said.control, said.ladder)
        parts = pd.Series([as_list(one) for one in runs[listed]], dtype=object)
        return from_columns(pd.DataFrame({listed: parts}), said.control, said.ladder)
    if (column := said.variant or next((name for name in ("variant",) if name in runs), None)) is not None:
        names = ["" if one is None or one != one else str(one).strip() for one in runs[column]]
        return from_names([name or "baseline" for name in names], said.control, said.ladder)
    others = [name for name in runs.columns if name not in (seed, said.metric, "run", "error", "epoch", "step")]
    if found.settings is not None:
        factors = varying(runs[[name for name in found.settings if name in others]])
    else:
        factors = flags(runs[others])
    if not factors and len(runs) and found.settings is None:
        raise InputError(
            f"{found.name}: which runs are of one variant is not said; give variant=COLUMN, or components=COLUMNS that "
            f"were switched; there are {_columns(found, runs)}"
        )
    if not factors:
        return Variants(["baseline"] * len(runs), [()] * len(runs), {}, ["Nothing but the seed varies."])
    told = from_columns(runs[factors], said.control, said.ladder)
    what = (
        "Factors are what varies among the settings" if found.settings else "Factors are the columns of true and false"
    )
    return told._replace(notes=[f"{what}: {', '.join(factors)}.", *told.notes])


def _columns(found: Found, runs: pd.DataFrame) -> str:
    curves = dict.fromkeys(name for one in found.curves.values() for name in one.columns if name != "epoch")
    known = [name for name in dict.fromkeys([*map(str, runs.columns), *curves]) if name not in ("run", "error")]
    return ", ".join(known[:40]) + (f" and {len(known) - 40} more" if len(known) > 40 else "")


def _numbers(metric: str, values: Iterable[Any], names: Sequence[str]) -> list[Any]:
    """A column with numbers where it has them as text, as all of it is where one entry is a word.

    Raises:
        InputError: naming the run that has a word there.
    """
    found = []
    for value, name in zip(values, names, strict=True):
        try:
            found.append(float(value) if isinstance(value, str) and value.strip() else value)
        except ValueError as problem:
            raise InputError(
                f"metric={metric}: {name} has {value!r:.60}, which is no number; leave it empty where a run has none"
            ) from problem
    return found


def _column(runs: pd.DataFrame, name: str) -> list[Any]:
    return list(runs[name]) if name in runs else [None] * len(runs)


def _values(
    found: Found, runs: pd.DataFrame, frame: pd.DataFrame, said: Asked
) -> tuple[list[dict[str, Any]], list[str]]:
    """Of each run the metrics of the epoch that counts, by name."""
    rule, _, rest = said.epoch.partition(":")
    if rule not in ("last", "best") or (rule == "best") != bool(rest):
        raise InputError(f"epoch={said.epoch}: must be last, or best:METRIC, such as best:val/loss")
    curves = found.later() if rule == "best" and found.later else found.curves
    measured = [name for name in runs.columns if name not in {*(found.settings or ()), "run", "error"}]
    values = [
        {
            str(name): float(value)
            for name, value in zip(measured, row, strict=True)
            if is_number(value) and value == value
        }
        for row in runs[measured].astype(object).to_numpy().tolist()
    ]
    if "epoch" in measured and frame.assign(seed=frame["seed"].fillna(-1)).duplicated(["variant", "seed"]).any():
        if rule == "best":
            raise InputError(f"epoch={said.epoch}: of a table with a row an epoch the last epoch counts alone")
        return values, ["Of a run with several rows the one of its last epoch counts."]
    by_run = [curves.get(run) for run in frame["run"]]
    if rule == "best":
        watched, _, way = rest.partition(":")
        better = way or (said.better if watched == said.metric else None) or ("lower" if LOWER.search(watched) else "")
        if better not in ("lower", "higher"):
            raise InputError(f"epoch={said.epoch}: which way is better is not known; say epoch=best:{watched}:higher")
        if all(curve is None or watched not in curve for curve in by_run):
            raise InputError(f"epoch={said.epoch}: no run has {watched} by epoch; there are {_columns(found, runs)}")
        for own, curve in zip(values, by_run, strict=True):
            if curve is not None and watched in curve and curve[watched].notna().any():
                chosen = curve[watched].argmin() if better == "lower" else curve[watched].argmax()
                own |= {str(name): float(curve[name].iloc[chosen]) for name in curve if name != "epoch"}
        return values, [
            f"Warning: of each run the epoch with the {'lowest' if better == 'lower' else 'highest'} {watched} counts. "
            "What is picked by the examples that judge it is too good, the more so the more it varies over epochs."
        ]
    for own, curve in zip(values, by_run, strict=True):
        logged = {} if curve is None else {str(name): curve[name].dropna() for name in curve if name != "epoch"}
        own |= {name: float(column.iloc[-1]) for name, column in logged.items() if len(column)}
    known = any(curve is not None and said.metric in curve for curve in by_run)
    unknown = f"Of which epoch a run's {said.metric} is, the last or the best, is not known from here."
    return values, [f"Of each run the last {said.metric} that was logged counts." if known else unknown]


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]


def _once(frame: pd.DataFrame, metric: str) -> tuple[list[dict[str, Any]], list[str]]:
    """One row a variant and seed, the last that there is; those without a seed are numbered."""
    if frame["seed"].isna().any():
        frame["seed"] = frame.groupby("variant").cumcount()
        return _rows(frame), []
    last: dict[tuple[str, int], dict[str, Any]] = {}
    twice: dict[tuple[str, int], list[str]] = {}
    for row in _rows(frame):
        key = row["variant"], int(row["seed"])
        before = last.get(key)
        if before is not None:
            if "epoch" in row["values"] and row["values"]["epoch"] != before["values"].get("epoch"):
                later = row["values"]["epoch"] > before["values"].get("epoch", -1)
                last[key] = row if later else before
                continue
            if row["error"] and not before["error"]:  # a later try that failed takes nothing away
                continue
            twice.setdefault(key, [_said(before, metric)]).append(_said(row, metric))
        last[key] = row
    told = [f"{variant} seed {seed} ({', '.join(values)})" for (variant, seed), values in twice.items()]
    more = f" and {len(told) - 6} more" if len(told) > 6 else ""
    return list(last.values()), [
        f"Runs that are there twice, of which the last counts: {', '.join(told[:6])}{more}."
    ] if told else []


def _said(row: Mapping[str, Any], metric: str) -> str:
    value = row["values"].get(metric)
    return "no result" if value is None else f"{value:.6g}"


def _uneven(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Seeds that not all variants have."""
    by_variant: dict[str, set[int]] = {}
    for row in rows:
        by_variant.setdefault(row["variant"], set()).add(int(row["seed"]))
    everywhere = set.union(*by_variant.values())
    fewer = [
        f"{name} lacks {', '.join(map(str, sorted(everywhere - own)[:8]))}"
        for name, own in by_variant.items()
        if own < everywhere
    ]
    if not fewer:
        return []
    more = f" and {len(fewer) - 6} more" if len(fewer) > 6 else ""
    return [
        f"Not all variants have all seeds: {'; '.join(fewer[:6])}{more}. A gain takes the seeds that both sides have."
    ]


def _result(source: str, row: Mapping[str, Any], metric: Mapping[str, Any]) -> dict[str, Any]:
    values = {name: value for name, value in row["values"].items() if name not in (*COSTS, "epoch", "step")}
    costs = {name: row["values"].get(name) for name in COSTS}
    whole = {
        name: None if costs[name] is None or costs[name] != costs[name] else int(costs[name]) for name in COSTS[:3]
    }
    return {
        "folder": row["run"], "study": source, "variant": row["variant"],
        "components": {part: part for part in row["parts"]}, "seed": int(row["seed"]), "error": row["error"],
        "status": "failed" if row["error"] else "finished", "settings": "unknown", "member_of": None, "members": None,
        "metric": dict(metric), "metrics": values, "ten_crop": None, "data": {"name": source, "judge": ""},
        **costs, **whole, "device": None, "versions": None, "commit": None,
        "project": None, "code": None, "finished": None,
    }  # fmt: skip
