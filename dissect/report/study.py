"""A study's results as one frame, refused where its runs cannot be compared."""

import math
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from omegaconf import OmegaConf

from dissect.composing.plain import leaves
from dissect.errors import InputError
from dissect.store import runs as store

WHO = ["study", "variant", "components", "seed", "status", "error", "settings", "member_of", "members", "data"]
DATA = ["name", "classes", "image_size", "train_images", "val_images", "mirror", "views", "judge"]
METRICS = ["accuracy", "accuracy_ten_crop", "ten_crop", "top5", "loss", "train_accuracy"]
COSTS = ["parameters", "multiply_adds", "epochs", "train_seconds", "images_per_second"]
ORIGIN = ["device", "versions", "commit", "finished"]


@dataclass(frozen=True)
class Study:
    """The results in one folder.

    `runs` has a row for each of them, failed ones and ensemble members too: `folder` (its name), then WHO, METRICS,
    COSTS and ORIGIN as in `result.json`. `compared` has the finished runs that stand for a variant, and whether each
    is `averaged` from others.
    """

    name: str
    path: Path
    runs: pd.DataFrame

    @property
    def compared(self) -> pd.DataFrame:
        runs = self.runs[(self.runs["status"] == "finished") & self.runs["member_of"].isna()]
        return runs.assign(averaged=[isinstance(members, list) for members in runs["members"]])

    @property
    def data(self) -> dict[str, Any]:
        """What the runs were trained on: `name`, `classes`, `image_size`, ..."""
        data = list(self.compared["data"])
        # Whether ten-crop is evaluated is no part of a run's identity: a run without it has no views.
        return {**data[0], "views": max((one["views"] or 0 for one in data), default=0)}

    @property
    def network(self) -> str | None:
        """The network's `_target_`, None where no config says it."""
        known = (config(self.path / folder / "config.yaml") for folder in self.compared["folder"])
        return next((model["_target_"] for one in known if "_target_" in (model := one.get("model") or {})), None)

    @property
    def labels(self) -> dict[str, str]:
        """Component -> its name in figures."""
        return {name: label for components in self.runs["components"] for name, label in components.items()}


def read_study(path: Path) -> Study:
    """The study in a folder.

    Raises:
        InputError: when it has no finished run, or finished runs that may not be compared with each other.
    """
    results = store.results(path)
    if any((result.get("data") or {}).get("folds") for result in results):
        raise InputError(
            f"{path}: holds folds of a cross-validation; read it with `python -m dissect.crossval {path.name}`"
        )
    if (path / "tuned").is_dir():
        raise InputError(f"{path}: is a random search; `python -m dissect.search {path.name}` draws it")
    rows = [_row(result) for result in results]
    # As objects at first, so that a missing number becomes NaN and a missing text stays None, whatever other rows hold.
    runs = pd.DataFrame(rows, columns=["folder", *WHO, *METRICS, *COSTS, *ORIGIN], dtype=object)
    runs = runs.astype(dict.fromkeys(METRICS + COSTS[3:], float) | dict.fromkeys(COSTS[:3], "Int64") | {"seed": int})
    study = Study(path.resolve().name, path, runs.sort_values(["variant", "seed"], kind="stable", ignore_index=True))
    if study.compared.empty:
        others = ", ".join(f"{count} {status}" for status, count in Counter(runs["status"]).items())
        raise InputError(
            f"{path}: has no finished run to report on ({others or 'no results at all'}); "
            f"train some with `python -m dissect name={study.name} ...`"
        )
    _refuse_mixtures(study)
    return study


def _row(result: dict[str, Any]) -> dict[str, Any]:
    """One result as a row; a finished run whose accuracy is missing or NaN counts as failed."""
    where = f"{result['folder']}/result.json"
    missing = [key for key in ("variant", "components", "seed", "status") if result.get(key) is None]
    if result.get("status") == "finished":
        missing += [] if result.get("settings") else ["settings"]
        missing += [f"data.{key}" for key in DATA if key not in (result.get("data") or {})]
    if missing:
        raise InputError(f"{where}: lacks `{missing[0]}`; delete this run's folder and train it again")
    row = {key: result.get(key) for key in [*WHO, *METRICS, *COSTS, *ORIGIN]} | {"folder": Path(result["folder"]).name}
    if row["status"] != "finished":
        return row
    accuracy = row["accuracy"]
    if not isinstance(accuracy, int | float) or math.isnan(accuracy):
        reason = f"finished with accuracy {accuracy}, which is no number"
        return row | dict.fromkeys(METRICS) | {"status": "failed", "error": reason}
    if not 0 <= accuracy <= 1:
        raise InputError(f"{where}: `accuracy` is {accuracy!r}, not a fraction from 0 to 1")
    return row


def _refuse_mixtures(study: Study) -> None:
    runs = study.compared.assign(data=[data["name"] for data in study.compared["data"]])
    for key in ("data", "settings"):
        counts = Counter(runs[key])
        if len(counts) > 1:
            kinds = ", ".join(f"{count} with {key} {value[:16]}" for value, count in counts.items())
            raise InputError(
                f"{study.path}: these finished runs may not be compared with each other: {kinds}. "
                f"{_what_differs(study.path, runs, key)} Give each kind a folder of its own: train with `name=...`"
            )
    evaluated = study.compared[study.compared["accuracy_ten_crop"].notna()]
    windows = [(share, one["views"]) for share, one in zip(evaluated["ten_crop"], evaluated["data"], strict=True)]
    crops = dict(zip(map(str, windows), evaluated["folder"], strict=True))
    if len(crops) > 1:
        listed = "; ".join(f"{folder} has {window} (side, windows)" for window, folder in crops.items())
        mend = "give their command again with one evaluate.ten_crop=..., which trains nothing"
        raise InputError(f"{study.path}: these ten-crops may not be compared with each other: {listed}; {mend}")
    for variant, ours in runs.groupby("variant", sort=False):
        meanings = {frozenset(parts): folder for parts, folder in zip(ours["components"], ours["folder"], strict=True)}
        if len(meanings) > 1:
            quoted = "; ".join(f"{folder} has {sorted(parts)}" for parts, folder in meanings.items())
            raise InputError(f"{study.path}: `{variant}` has different components: {quoted}. Delete the outdated")
        twice = ours[ours["seed"].duplicated(keep=False)].sort_values("seed")
        if len(twice):
            raise InputError(
                f"{study.path}: {variant} with seed {twice['seed'].iloc[0]} was trained twice: "
                f"{twice['folder'].iloc[0]} and {twice['folder'].iloc[1]}. Delete the one that is out of date"
            )


def _what_differs(path: Path, runs: pd.DataFrame, key: str) -> str:
    """The config keys in which two runs of different kinds differ; two of one variant, if there are such."""
    mixed = [group for _, group in runs.groupby("variant", sort=False) if group[key].nunique() > 1]
    first, second = (mixed[0] if mixed else runs).drop_duplicates(key)["folder"].iloc[:2]
    ours, theirs = (_flat_config(path / folder / "config.yaml") for folder in (first, second))
    differing = [name for name in {**ours, **theirs} if ours.get(name) != theirs.get(name) and name != "seed"]
    listed = "; ".join(f"{name}: {ours.get(name)!r} or {theirs.get(name)!r}" for name in differing[:8])
    more = f"; and {len(differing) - 8} more" if len(differing) > 8 else ""
    what = listed + more if differing else "their images alone"
    return f"{first} and {second} differ in {what}."


def _flat_config(path: Path) -> dict[str, Any]:
    return leaves(config(path))


def config(path: Path) -> dict[str, Any]:
    """A run's config; empty where it cannot be read, for it only adds to what a result says."""
    try:
        read = OmegaConf.to_container(OmegaConf.load(path), resolve=False)
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    return read if isinstance(read, dict) else {}  # type: ignore[return-value]


def read_curves(study: Study, chosen: Collection[str]) -> pd.DataFrame:
    """Accuracy by epoch of the chosen variants: `variant`, `seed`, `epoch`, `part` (training, validation), `accuracy`.

    Raises:
        InputError: for a `metrics.csv` that is damaged. A run without one (an ensemble) has no curve.
    """
    frames = []
    parts = {"train_accuracy": "training", "val_accuracy": "validation"}
    runs = study.compared[study.compared["variant"].isin(list(chosen))]
    for folder, variant, seed in zip(runs["folder"], runs["variant"], runs["seed"], strict=True):
        path = study.path / folder / "metrics.csv"
        try:
            epochs = pd.read_csv(path)[["epoch", *parts]].astype(float)
        except FileNotFoundError:
            continue
        except (ValueError, KeyError) as problem:
            mend = "delete this run's folder and train it again"
            raise InputError(f"{path}: cannot be read ({problem}); {mend}") from problem
        long = epochs.rename(columns=parts).melt("epoch", var_name="part", value_name="accuracy").dropna()
        frames.append(long.assign(variant=variant, seed=seed))
    columns = ["variant", "seed", "epoch", "part", "accuracy"]
    return pd.concat(frames, ignore_index=True)[columns] if frames else pd.DataFrame(columns=columns)
