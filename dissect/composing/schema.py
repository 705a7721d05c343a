"""What may stand in a config, whatever the task: a misspelt key or a wrong type is refused.

Each task adds its own parts in a schema of its own, registered as `schema/<task>`; conf/task/<task>.yaml names it.
A task of the user's own that adds none is content with `schema/common`: what is its own stands under `task`.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING

_HERE = Path(__file__).resolve().parents[1]
# In a wheel conf/ lies inside the package, in a checkout beside it.
CONF = _HERE / "conf" if (_HERE / "conf").is_dir() else _HERE.parent / "conf"

# Parts that say how runs are asked for, watched and read: no result depends on them. `data` is known by its digest.
UNFELT = {"name", "runs", "seed", "ladder", "components", "deltas", "metric", "data", "logger", "plan", "seeds",
          "parallel", "on_failure", "threads", "keep", "compile", "evaluate", "ensemble"}  # fmt: skip


@dataclass
class Metric:
    """What variants are compared by, one of those that the task measures."""

    name: str = MISSING  # as the task logs it
    label: str | None = None  # in figures and sentences; null = the name
    unit: str = ""  # of gains
    better: str = MISSING  # higher or lower
    times: float = 1.0  # from what was logged to the unit: 100 for fractions in points
    others: dict[str, Any] = field(default_factory=dict)  # more metrics by name, each with label, unit, better, times


@dataclass
class Train:
    epochs: int = MISSING


@dataclass
class Ensemble:
    average: bool = False
    members: int = MISSING
    jitter: float = MISSING  # members' settings times 1 / (1 + jitter) to 1 + jitter
    over: list[str] = field(default_factory=list)  # those settings, by their keys


@dataclass
class Search:
    """A random search over settings, `+study=random_search`: what it costs and where it looks."""

    trials: int | None = None  # settings, all rounds together; null = no search
    rounds: int = MISSING  # 1 = coarse only; each further one looks closer around the best so far
    over: dict[str, Any] = field(default_factory=dict)  # key -> lowest and highest, drawn log-uniformly
    seed: int = MISSING  # of the draws, not of the runs


@dataclass
class Plan:
    """What is asked before anything is trained; frozen in the study's manifest. Never part of a run's key."""

    name: str | None = None  # of the manifest; null = the study file's
    design: Any = None  # a function of `dissect.design`, which turns components into variants; null = a plain sweep
    # Those to which it applies; null = the ladder's. A list among them is one factor: of its levels one at most is on.
    components: list[Any] | None = None
    search: Search = field(default_factory=Search)
    # Of intervals; 1 - level: the chance of any false "helps" or "hurts" in a family, and of any false "by less than".
    level: float = 0.95
    # The smallest gain of interest, in the metric's unit; what is surely below counts as equal. null: nothing does.
    smallest: float | None = None
    power: float = 0.8
    looks: list[int] = field(default_factory=lambda: [5, 8, 12])  # seeds=auto: numbers of seeds at which to decide
    probe: bool = True  # `python -m dissect.plan` times a few steps of variants that have no run yet
    variances: str = "own"  # or pooled over the study's contrasts: fewer seeds, at a price (experiments/audit)
    settings: str = ""  # how they were chosen, where the page should say it: "picked on these validation images"
    only: bool = False  # freeze the manifest and train nothing: for plans that share a folder, before its first run
    frozen: bool = False  # go on with the manifest's configs, whatever the YAML files say by now


@dataclass
class Config:
    name: str = MISSING
    runs: str = MISSING
    seed: int = MISSING
    ladder: list[str] = field(default_factory=list)
    components: dict[str, Any] = field(default_factory=dict)
    deltas: dict[str, Any] = field(default_factory=dict)  # components that are no files of their own, by name
    task: Any = MISSING
    metric: Metric = field(default_factory=Metric)
    train: Train = field(default_factory=Train)
    ensemble: Ensemble = field(default_factory=Ensemble)
    trainer: Any = MISSING
    logger: Any = MISSING
    plan: Plan = field(default_factory=Plan)
    seeds: Any = None  # auto: as many as `plan.looks` allows, until every planned contrast is decided
    parallel: Any = "auto"  # runs of a sweep at once
    on_failure: str = "continue"  # or stop: a sweep starts no further run after a failure
    threads: int | None = None
    keep: str = "all"  # or results: a finished run leaves its network's weights out


ConfigStore.instance().store(group="schema", name="common", node=Config, package="_global_")
