"""A report's own runs.csv, read back as the results that it was written from."""

import json
from typing import Any

import pandas as pd

from dissect.elsewhere.asked import Asked, metric_of
from dissect.elsewhere.seeds import is_number, seeds_of
from dissect.errors import InputError
from dissect.store.expected import COSTS
from dissect.store.readers.found import Found

OWN = {"folder", "variant", "components", "seed", "status", "member_of", "members"}  # columns that no other table has
TEXTS = ("study", "variant", "status", "error", "diverged", "settings", "member_of", "ten_crop", "device", "precision",
         "commit", "project", "code", "finished")  # fmt: skip
NOTE = (
    "Read from a report's runs.csv, which holds no examples' scores, no curves, no plan and no configs; what rests on "
    "those is missing here."
)


def own_results(found: Found, said: Asked) -> list[dict[str, Any]]:
    """A report's runs.csv as the results that it was written from."""
    described: dict[str, Any] = {}
    results = []
    for place, row in enumerate(found.runs.astype(object).where(found.runs.notna(), None).to_dict("records")):
        named = {key: value for key, value in row.items() if isinstance(key, str)}
        try:
            labels = json.loads(named.get("labels") or "{}")
            described = json.loads(named.get("metric") or "{}") or described
            if not isinstance(labels, dict) or not isinstance(described, dict):
                raise ValueError("it holds no mapping")
        except ValueError as problem:
            raise InputError(
                f"{found.name}: labels or metric of row {place + 2} cannot be read ({problem})"
            ) from problem
        parts = [part for part in str(named.get("components") or "").split("+") if part]
        data: dict[str, Any] = {}
        for key, value in named.items():
            first, _, rest = key.removeprefix("data_").partition("_")
            if key.startswith("data_") and value is not None and first == "examples":
                data.setdefault("examples", {})[rest] = _scalar(value)
            elif key.startswith("data_") and value is not None:
                data[key.removeprefix("data_")] = _scalar(value)
        data.setdefault("judge", "")  # nothing, where the runs were read from a table
        versions = {key.removeprefix("version_"): str(value) for key, value in named.items()
                    if key.startswith("version_") and value is not None}  # fmt: skip
        known = {*TEXTS, "components", "labels", "metric", "seed", "members", "folder", *COSTS}
        metrics = {key: value for key, value in named.items()
                   if key not in known and not key.startswith(("data_", "version_"))
                   and (value is None or is_number(value))}  # fmt: skip
        seeds, _ = seeds_of(found.name, pd.DataFrame([named], dtype=object), "seed")
        results.append({
            **{key: named.get(key) for key in TEXTS},
            "folder": str(named["folder"]), "components": {part: str(labels.get(part, part)) for part in parts},
            "seed": seeds[0], "members": str(named["members"]).split() if named.get("members") else None,
            "metric": described or None, "metrics": metrics, "data": data, "versions": versions or None,
            **{cost: _scalar(named.get(cost)) for cost in COSTS[:3]}, **{cost: named.get(cost) for cost in COSTS[3:]},
        })  # fmt: skip
    return _described(results, said)


def _described(results: list[dict[str, Any]], said: Asked) -> list[dict[str, Any]]:
    """The results, their metric described: by the file where it says it, else as was asked."""
    if not any(result["metric"] for result in results):
        if said.metric is None:
            named = dict.fromkeys(name for result in results for name in result["metrics"])
            raise InputError(f"metric=: say by which column runs are compared; there are {', '.join(named)}")
        values = [result["metrics"].get(said.metric) for result in results]
        described = metric_of(said, values)
        return [{**result, "metric": described} for result in results]
    latest = next(result["metric"] for result in reversed(results) if result["metric"])
    return [{**result, "metric": result["metric"] or latest} for result in results]


def _scalar(value: Any) -> Any:
    """Whole numbers as such, which a CSV does not tell from others."""
    return int(value) if isinstance(value, float) and value == int(value) else value
