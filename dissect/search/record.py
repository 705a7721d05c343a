"""What a search leaves in its study's folder: `tuned/<variant>.yaml`, a config of the group `tuned`, and its trials."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isnan
from pathlib import Path
from typing import Any

import pandas as pd
from omegaconf import OmegaConf

from dissect.errors import InputError
from dissect.files import whole
from dissect.measure.metric import Metric
from dissect.search.draws import Setting
from dissect.store import runs as store
from dissect.store.reading import table

# Between them stand the keys that are searched over, dotted, and the metrics that runs logged.
COLUMNS = ["variant", "round", "trial", "seeds", "runs"]
AGAIN = "delete it and give the search's command again, which trains nothing that is finished"


@dataclass(frozen=True)
class Trial:
    """A setting that was tried: its round and its place in it, both from 0, and what came of it.

    `setting` has a value for each dotted key, `metrics` each metric as it was logged, a mean over `seeds` on what the
    search is judged on; none where a run diverged. `runs` are the names of its runs' folders.
    """

    variant: str
    round: int
    trial: int
    setting: Setting
    seeds: tuple[int, ...]
    metrics: Mapping[str, float]
    runs: tuple[str, ...]


def best_of(trials: Sequence[Trial], metric: Metric) -> Trial | None:
    """The trial of the best metric; None where all diverged.

    Of equal ones, which are no rarity where few examples are held out, that of the best among the metric's `others`,
    those in another unit first: what is counted in the same steps is as often equal. Then the first.
    """
    ended = [one for one in trials if metric.name in one.metrics]
    return max(ended, key=lambda one: worth(one.metrics, metric), default=None)


def worth(metrics: Mapping[Any, Any], metric: Metric) -> tuple[float, ...]:
    """What trials are ranked by, the highest the best; what is not there ranks as equal."""
    others = sorted(map(metric.other, metric.others), key=lambda other: other.unit == metric.unit)
    found = [one.sign * float(metrics.get(one.name) or 0.0) for one in (metric, *others)]
    return tuple(0.0 if isnan(value) else value for value in found)


def write_trials(study: Path, variant: str, trials: Sequence[Trial]) -> Path:
    """The table that `read_trials` reads; a setting that diverged has no metric in it."""
    keys = list(trials[0].setting)
    metrics = list(dict.fromkeys(name for one in trials for name in one.metrics))
    rows = [
        (one.variant, one.round + 1, one.trial + 1, *one.setting.values(), " ".join(map(str, one.seeds)),
         *(one.metrics.get(name) for name in metrics), " ".join(one.runs))
        for one in trials
    ]  # fmt: skip
    path = study / "tuned" / f"{variant}.csv"
    with whole(path) as file:
        columns = ["variant", "round", "trial", *keys, "seeds", *metrics, "runs"]
        pd.DataFrame(rows, columns=columns).to_csv(file, index=False, lineterminator="\n")
    return path


def read_trials(study: Path) -> tuple[pd.DataFrame, list[str]]:
    """The trials of every variant that was searched in a study, and the keys that were searched over.

    Returns:
        A row a trial: COLUMNS, `round` and `trial` from 1, and a column for each key and each metric.

    Raises:
        InputError: for a study without a search, or a table that is damaged.
    """
    paths = sorted((study / "tuned").glob("*.csv"))
    if not paths:
        raise InputError(
            f"{study}: holds no search; make one: python -m dissect +study=random_search name={study.name}"
        )
    frames, keys = [], dict[str, None]()
    for path in paths:
        try:
            frame = pd.read_csv(table(path, mend=AGAIN), dtype={"variant": str, "seeds": str, "runs": str})
            names = list(frame.columns)
            places = [names.index(name) for name in COLUMNS]
            if places != sorted(places):
                raise ValueError(f"its columns are {', '.join(names)}")
            ours = names[places[2] + 1 : places[3]]
            numbers = dict.fromkeys([*ours, *names[places[3] + 1 : places[4]]], float)
            frames.append(frame.astype(numbers | {"round": int, "trial": int}))
        except (OSError, ValueError, KeyError) as problem:
            raise InputError(f"{path}: cannot be read ({problem}); {AGAIN}") from problem
        keys |= dict.fromkeys(ours)
    return pd.concat(frames, ignore_index=True), list(keys)


def write_tuned(study: Path, best: Trial, metric: Metric, *, trials: int, data: str) -> Path:
    """The best setting as a config that `+tuned=<variant>` adds, with where it comes from.

    Args:
        data: what it was chosen on, to be read by a person.
    """
    path = study / "tuned" / f"{best.variant}.yaml"
    seeds = f"seed{'' if len(best.seeds) == 1 else 's'} {', '.join(map(str, best.seeds))}"
    config = OmegaConf.create()
    for key, value in best.setting.items():
        OmegaConf.update(config, key, value)
    with whole(path) as file:
        file.write(
            "# @package _global_\n"
            f"# {best.variant}: the best of {trials} settings by random search, {datetime.now(UTC):%Y-%m-%d}:\n"
            f"# tuning {metric.label} {metric.level(best.metrics[metric.name])} ({seeds}) on {data}.\n"
            f"{OmegaConf.to_yaml(config)}"
        )
    return path


def metric_of(study: Path) -> Metric:
    """The metric by which a study's runs were judged.

    Raises:
        InputError: where no run says it.
    """
    told = next((result["metric"] for result in store.results(study) if result.get("metric")), None)
    if told is None:
        raise InputError(f"{study}: none of its runs says by which metric it was judged; {AGAIN}")
    return Metric.from_config(told)
