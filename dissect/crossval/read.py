"""From the store to the runs of a cross-validation and those that the validation examples judged."""

import math
import sys
from pathlib import Path
from typing import Any

import pandas as pd
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from dissect.composing.identity import determining
from dissect.composing.plain import leaves
from dissect.errors import InputError
from dissect.measure.metric import Metric
from dissect.store import runs as store
from dissect.store.configs import read_config
from dissect.store.scored import held_to_scores

COLUMNS = ["variant", "seed", "fold", "error", "trained", "digest", "folder"]  # and the metric by its name
# What folds and validation differ in, and what only says how a finished run was looked at.
SPLIT = {"digest", "judge", "examples", "folds", "fold", "views"}


def read_runs(study: Path, against: Path) -> tuple[pd.DataFrame, pd.DataFrame, Metric]:
    """The runs of a study's cross-validation, and those of `against` that the validation examples judged.

    Of the latter only those of the same variants. A seed of which a fold is missing is left out, and stderr says so.

    Returns:
        Two frames of COLUMNS and the metric, and what that is: `fold` is 0 where there is none, `error` is the metric's
        for other examples (NaN where the run kept no scores), and so many examples `trained` it (NaN: not known).

    Raises:
        InputError: for a study without a cross-validation, and for runs that may not be compared.
    """
    found = [one for one in _finished(study) if one["data"].get("folds") is not None]
    if not found:
        example = f"python -m dissect -m +ablation=step7 data.folds=5 'data.fold=range(5)' name={study.name}"
        raise InputError(f"{study}: holds no finished run with data.folds; make some: {example}")
    if len(counts := sorted({one["data"]["folds"] for one in found})) > 1:
        mend = "give each a name=... of its own"
        raise InputError(f"{study}: has runs with data.folds={counts[0]} and {counts[1]}; {mend}")
    variants = {one["variant"] for one in found}
    beside = [
        one
        for one in _finished(against)
        if one["data"].get("folds") is None and one["data"].get("judge") == "validation" and one["variant"] in variants
    ]
    _refuse_other_recipes([*found, *beside])
    metric = Metric.from_config(found[0]["metric"])
    folds, validation = _frame(found, metric), _frame(beside, metric)
    for where, runs in ((study, folds), (against, validation)):
        _refuse_mixtures(where, runs)
    return _whole(study, folds, counts[0]), validation, metric


def _finished(study: Path) -> list[dict[str, Any]]:
    results = [held_to_scores(one) for one in store.results(study)]
    for one in results:
        if one["status"] == store.DAMAGED:
            print(f"warning: left out: {one['error']}", file=sys.stderr)
    found = [one for one in results if one["status"] == "finished" and not one.get("member_of")]
    return [one for one in found if isinstance(one.get("data"), dict)]


def _frame(results: list[dict[str, Any]], metric: Metric) -> pd.DataFrame:
    rows = []
    for one in results:
        data, value = one["data"], (one.get("metrics") or {}).get(metric.name)
        if value is None:
            logged = ", ".join(one.get("metrics") or {}) or "none"
            raise InputError(f"{one['folder']}/result.json: has no {metric.name}; logged were {logged}")
        trained = (data.get("examples") or {}).get("training")
        about = (one["variant"], one["seed"], data.get("fold") or 0, _error(Path(one["folder"])), trained)
        rows.append((*about, data["digest"], Path(one["folder"]).name, value))
    return pd.DataFrame(rows, columns=[*COLUMNS, metric.name]).sort_values(
        ["variant", "seed", "fold"], ignore_index=True
    )


def _error(folder: Path) -> float:
    """By how much the mean of a run's scores may err for other examples: their sd by the root of their number."""
    if not (folder / "predictions.npz").is_file():
        return math.nan
    scores = store.read_scores(folder).get("scores")
    return math.nan if scores is None else float(scores.std(dtype=float) / math.sqrt(scores.size))


def _refuse_mixtures(study: Path, runs: pd.DataFrame) -> None:
    for _, ours in runs.groupby("fold"):
        if ours["digest"].nunique() > 1:
            first, second = ours.drop_duplicates("digest")["folder"].iloc[:2]
            raise InputError(
                f"{study}: {first} and {second} were trained or judged on other examples; "
                "give each kind a name=... of its own"
            )
    twice = runs[runs.duplicated(["variant", "seed", "fold"], keep=False)]
    if len(twice):
        first, second = twice["folder"].iloc[:2]
        raise InputError(f"{study}: {first} and {second} are one run trained twice; delete the one that is out of date")


def _whole(study: Path, runs: pd.DataFrame, count: int) -> pd.DataFrame:
    """The runs of those seeds that have every fold."""
    missing = []
    for (variant, seed), ours in runs.groupby(["variant", "seed"]):
        if lacking := sorted(set(range(count)) - set(ours["fold"])):
            missing.append((variant, seed))
            text = f"{variant} with seed {seed} is left out: fold {', '.join(map(str, lacking))} is not finished"
            print(f"warning: {text}", file=sys.stderr)
    kept = [pair not in missing for pair in zip(runs["variant"], runs["seed"], strict=True)]
    if not any(kept):
        raise InputError(f"{study}: no variant has all {count} folds of a seed; give its command again")
    return runs[kept].reset_index(drop=True)


def _refuse_other_recipes(results: list[dict[str, Any]]) -> None:
    """Refuse runs of one variant that differ in more than their seed and the examples that train and judge."""
    first: dict[str, tuple[str, dict[str, Any]]] = {}
    for result in results:
        recipe = _recipe(result)
        folder, before = first.setdefault(result["variant"], (result["folder"], recipe))
        if differing := [key for key in {**before, **recipe} if before.get(key) != recipe.get(key)]:
            listed = "; ".join(f"{key}: {before.get(key)!r} or {recipe.get(key)!r}" for key in differing[:6])
            raise InputError(
                f"{folder} and {result['folder']}: differ in their recipe, so neither tells of the other: {listed}"
            )


def _recipe(result: dict[str, Any]) -> dict[str, Any]:
    """What a run's result depends on, as dotted key -> value, but for its seed and which examples train and judge.

    An ensemble keeps no config; its first member, which is the model itself, tells.
    """
    names, folder = result.get("members"), Path(result["folder"])
    path = (folder.parent / names[0] if names else folder) / "config.yaml"
    try:
        recipe = determining(OmegaConf.create(read_config(path.parent)))
    except (OmegaConfBaseException, KeyError, TypeError, AttributeError) as problem:
        raise InputError(
            f"{path}: cannot be read ({problem}); delete this run's folder and train it again"
        ) from problem
    data = {key: value for key, value in result["data"].items() if key not in SPLIT}
    return leaves(recipe | {"data": data, "members": len(names or [])})
