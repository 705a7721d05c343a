"""A study's results as one frame, refused where its runs cannot be compared."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from dissect.elsewhere.asked import Asked, Elsewhere
from dissect.elsewhere.results import results_of
from dissect.errors import InputError
from dissect.measure.failures import collapsed
from dissect.measure.metric import DESCRIBED, Metric
from dissect.planning.manifest import Manifest, read_all
from dissect.report.configs import config, strays_of, what_differs
from dissect.report.facts import shared
from dissect.store import runs as store
from dissect.store.readers.found import Found
from dissect.store.record import kept_as
from dissect.store.scored import held_to_scores

WHO = [
    "study", "variant", "components", "seed", "status", "error", "diverged", "settings", "member_of", "members", "data",
]  # fmt: skip
DATA = ["name", "judge"]  # what every task says of its data; all else are facts of its own
COSTS = ["parameters", "multiply_adds", "epochs", "train_seconds", "examples_per_second"]
ORIGIN = ["device", "precision", "versions", "commit", "project", "code", "finished"]


@dataclass(frozen=True)
class Study:
    """The results in one folder.

    `runs` has a row for each of them, failed ones and ensemble members too: `folder` (its name), then WHO, a column for
    each metric in `logged`, as it was logged, `ten_crop`, COSTS and ORIGIN as in `result.json`. `compared` has the
    finished runs that stand for a variant, and whether each is `averaged` from others. `metric` is the one that is
    shown, `primary` the one by which the study is judged.
    `kept` tells runs that came to the same, by what their results know them by. `elsewhere` is None for runs of the
    store; others have no files in `path`.
    """

    name: str
    path: Path
    runs: pd.DataFrame
    metric: Metric
    primary: Metric
    logged: Sequence[str]
    elsewhere: Elsewhere | None = None
    left_out: Mapping[str, int] = field(default_factory=dict)  # title -> its runs, left out as was asked
    strays: Sequence[str] = ()  # folders of runs of other settings or code than the folder's plans have
    file: Path | None = None  # from which runs made elsewhere were read, where the study's name is not said

    @cached_property
    def manifests(self) -> list[Manifest]:
        """What was planned, as it was frozen; nothing for runs made elsewhere."""
        return [] if self.elsewhere else read_all(self.path)

    @property
    def conditions(self) -> list[str]:
        """Those in which the study was planned; none for most."""
        return list(dict.fromkeys(label for plan in self.manifests for label in plan.conditions))

    def config(self, folder: str) -> dict[str, Any]:
        """A run's config; empty where there is none that can be read, for it only adds to what a result says."""
        return {} if self.elsewhere else config(self.path / folder / "config.yaml")

    @property
    def compared(self) -> pd.DataFrame:
        runs = self.runs[(self.runs["status"] == "finished") & self.runs["member_of"].isna()]
        return runs.assign(averaged=[isinstance(members, list) for members in runs["members"]])

    @property
    def untrained(self) -> dict[tuple[str, int], str]:
        """The runs for a variant that did not train, and how: they diverged, or collapsed to what guessing comes to."""
        runs = self.runs[self.runs["member_of"].isna() & self.runs["diverged"].fillna(False).astype(bool)]
        found = {(str(name), int(seed)): "diverged" for name, seed in zip(runs["variant"], runs["seed"], strict=True)}
        if self.metric.name == self.primary.name:
            columns = ["variant", "seed", "data", self.metric.name]
            for name, seed, data, value in self.compared[columns].itertuples(index=False):
                if collapsed(value, data.get("chance"), self.metric):
                    found[str(name), int(seed)] = "no better than guessing"
        return found

    @property
    def data(self) -> dict[str, Any]:
        """What the runs were trained on: DATA, and what else their task says of it."""
        data = list(self.compared["data"])
        if self.conditions:
            data = [shared(data)]
        # Whether ten-crop is evaluated is no part of a run's identity: a run without it has no views.
        views = max((one.get("views") or 0 for one in data), default=0)
        return data[0] | ({"views": views} if views else {})

    @property
    def ten_crop(self) -> str | None:
        """The column of the shown metric over several crops, where any run has it and they are not all the same one."""
        column = f"{self.metric.name}_ten_crop"
        known = column in self.runs and self.runs[column].notna().any()
        return column if known and self.data.get("views") != 1 else None

    def described(self, name: str) -> Metric:
        """A logged metric; `train_x` is described by x. One that nobody described is a number without a unit."""
        known = {self.metric.name: self.metric._asdict(), **self.metric.others}
        base = re.sub("^train[_/]", "", name)
        found = known.get(name, known.get(base, {"better": "higher"}))
        told = {key: value for key, value in found.items() if key in DESCRIBED}
        if name not in known and base in known:
            told["label"] = f"training {told['label']}"
        return Metric.from_config({**told, "name": name})

    @property
    def network(self) -> str | None:
        """The network's `_target_`, None where no config says it."""
        known = (self.config(folder) for folder in self.compared["folder"])
        return next((model["_target_"] for one in known if "_target_" in (model := one.get("model") or {})), None)

    @property
    def labels(self) -> dict[str, str]:
        """Component -> its name in figures."""
        return {name: label for components in self.runs["components"] for name, label in components.items()}


def read_study(path: Path, name: str | None = None, better: str | None = None) -> Study:
    """The study in a folder, seen through its own metric, or through the one that is named.

    Args:
        better: higher or lower, for a named metric that the study's config does not describe.

    Raises:
        InputError: when it has no finished run, or finished runs that may not be compared with each other; and for a
            metric that no run logged, or of which it is not known which way is better.
    """
    results = [held_to_scores(result) for result in store.results(path)]
    if any((result.get("data") or {}).get("folds") for result in results):
        raise InputError(
            f"{path}: holds folds of a cross-validation; read it with `python -m dissect.crossval {path.name}`"
        )
    if (path / "tuned").is_dir():
        raise InputError(f"{path}: is a random search; `python -m dissect.search {path.name}` draws it")
    for result in results:
        _refuse_incomplete(result)
    plans = read_all(path)
    strays = strays_of(results, plans)
    results = [result for result in results if Path(result["folder"]).name not in strays]
    return replace(_study(path, results, primary_of(path, results, plans), name, better), strays=strays)


def study_of(found: Found, said: Asked) -> Study:
    """The study that runs made elsewhere amount to, with what the user says of them.

    Raises:
        InputError: for what is not known and was not said, and as `read_study`.
    """
    results, elsewhere = results_of(found, said)
    # A report's own runs.csv says which study's runs it holds.
    named = {Path(str(result["study"])).name for result in results if result.get("study")}
    own = named.pop() if len(named) == 1 else ""
    path = Path(said.name or (own if own.strip(".") else found.name))
    primary = primary_of(path, results, [])._replace(judge="" if results[0]["data"]["judge"] == "" else "validation")
    name = said.metric if said.metric not in (None, primary.name) else None
    return _study(path, results, primary, name, said.better, elsewhere)


def _study(
    path: Path, results: Sequence[Mapping[str, Any]], primary: Metric, name: str | None, better: str | None,
    elsewhere: Elsewhere | None = None,
) -> Study:  # fmt: skip
    ended = [result for result in results if result["status"] == "finished"]
    logged = list(dict.fromkeys(key for result in ended for key in result["metrics"]))
    metric = primary
    if ended:
        _refuse_unlogged(f"metric.name={primary.name}", primary.name, path, logged)
        if name is not None:
            _refuse_unlogged(f"metric={name}", name, path, logged)
            metric = primary.other(name, better)
    fixed = ["folder", *WHO, "ten_crop", *COSTS, *ORIGIN, "kept"]
    if metric.name in fixed:
        raise InputError(f"metric={metric.name}: so are runs described, not judged; log it under another name")
    logged = [key for key in logged if key not in fixed]
    rows = [_row(result, metric, logged) for result in results]
    # As objects at first, so that a missing number becomes NaN and a missing text stays None, whatever other rows hold.
    runs = pd.DataFrame(rows, columns=["folder", *WHO, *logged, "ten_crop", *COSTS, *ORIGIN, "kept"], dtype=object)
    floats = dict.fromkeys([*logged, "ten_crop", *COSTS[3:]], float)
    runs = runs.astype(floats | dict.fromkeys(COSTS[:3], "Int64") | {"seed": int})
    runs = runs.sort_values(["variant", "seed"], kind="stable", ignore_index=True)
    study = Study(path.name if elsewhere else path.resolve().name, path, runs, metric, primary, logged, elsewhere)
    if study.compared.empty:
        others = ", ".join(f"{count} {status}" for status, count in Counter(runs["status"]).items())
        reason = next((f"; {run['folder']}: {run['error']}" for run in rows if run["error"]), "")
        raise InputError(
            f"{path}: has no finished run to report on ({others or 'no results at all'}{reason}); "
            f"train some with `python -m dissect name={study.name} ...`"
        )
    if not study.conditions:
        refuse_mixtures(study)
    return study


def primary_of(path: Path, results: Iterable[Mapping[str, Any]], plans: Sequence[Manifest]) -> Metric:
    """The metric that was planned, else that of the latest run; what others are called is the latest run's to say."""
    told = [result for result in results if result.get("metric")]
    if not told and not plans:
        reason = next((f" ({result['error']})" for result in results if result.get("error")), "")
        raise InputError(
            f"{path}: has no run to report on{reason}; train some with `python -m dissect name={path.name} ...`"
        )
    latest = max(told, key=lambda result: str(result.get("finished") or ""))["metric"] if told else {}
    return Metric.from_config({**latest, **plans[0].metric} if plans else latest, f"{path}: metric")


def _refuse_unlogged(said: str, name: str, path: Path, logged: Sequence[str]) -> None:
    if name not in logged:
        raise InputError(f"{said}: no run of {path} logged it; logged were {', '.join(logged) or 'none'}")


def _refuse_incomplete(result: Mapping[str, Any]) -> None:
    """Refuse a result that lacks what it has to say."""
    where = f"{result['folder']}/result.json"
    missing = []
    if result["status"] == "finished":
        missing += [key for key in ("settings", "metrics", "metric") if not result.get(key)]
        missing += [f"data.{key}" for key in DATA if key not in (result.get("data") or {})]
    if missing:
        raise InputError(f"{where}: lacks `{missing[0]}`; delete this run's folder and train it again")


def _row(result: Mapping[str, Any], metric: Metric, logged: Sequence[str]) -> dict[str, Any]:
    """One result as a row; a finished run whose metric is missing or NaN counts as failed."""
    row = {key: result.get(key) for key in [*WHO, "ten_crop", *COSTS, *ORIGIN]}
    row |= {"folder": Path(result["folder"]).name, "kept": kept_as(result)}
    if row["status"] != "finished":
        return row
    value = result["metrics"].get(metric.name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        told = "nothing" if value is None else value
        lost = {"status": "failed", "error": f"finished with {told} for {metric.name}, which is no number"}
        return row | lost | {"diverged": value is not None}
    return row | {key: result["metrics"].get(key) for key in logged}


def refuse_mixtures(study: Study, keys: Sequence[str] = ("data", "settings")) -> None:
    """Raises InputError where finished runs differ in one of these, in their ten-crop or in what their names mean."""
    runs = study.compared.assign(data=[data["name"] for data in study.compared["data"]])
    for key in keys:
        counts = Counter(runs[key])
        if len(counts) > 1:
            mend = (
                "A table does not hold the plan of a study in several conditions: read the study's folder, or a table "
                "with the rows of one of them"
                if study.elsewhere
                else "Give each kind a folder of its own: train with `name=...`"
            )
            kinds = ", ".join(f"{count} with {key} {value[:16]}" for value, count in counts.items())
            raise InputError(
                f"{study.path}: these finished runs may not be compared with each other: {kinds}. "
                f"{what_differs(study.path, runs, key)} {mend}"
            )
    evaluated = study.compared[study.compared[study.ten_crop].notna()] if study.ten_crop else study.compared[:0]
    windows = [(share, one.get("views")) for share, one in zip(evaluated["ten_crop"], evaluated["data"], strict=True)]
    crops = dict(zip(map(str, windows), evaluated["folder"], strict=True))
    if len(crops) > 1:
        listed = "; ".join(f"{folder} has {window} (side, windows)" for window, folder in crops.items())
        mend = "give their command again with one evaluate.ten_crop=..., which trains nothing"
        raise InputError(f"{study.path}: these ten-crops may not be compared with each other: {listed}; {mend}")
    for variant, ours in runs.groupby("variant", sort=False):
        meanings = {frozenset(parts): folder for parts, folder in zip(ours["components"], ours["folder"], strict=True)}
        if len(meanings) > 1:
            quoted = "; ".join(f"{folder} has {sorted(parts)}" for parts, folder in meanings.items())
            raise InputError(
                f"{study.path}: `{variant}` has different components: {quoted}; move one kind to a folder of its own"
            )
        twice = ours[ours["seed"].duplicated(keep=False)].sort_values("seed")
        if len(twice):
            raise InputError(
                f"{study.path}: {variant} with seed {twice['seed'].iloc[0]} was trained twice: "
                f"{twice['folder'].iloc[0]} and {twice['folder'].iloc[1]}. Delete the one that is out of date"
            )
