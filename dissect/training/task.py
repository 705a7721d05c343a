"""The seam between the engine and what it trains: a task.

The engine asks a task what stands here and nothing else. `dissect.images` and `dissect.lightning` are the two that come
with it; another one is a class of these methods, named by `task._target_`. Nothing here needs torch, and a task imports
it only where a module is made.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import hydra
import numpy as np
from hydra.errors import HydraException
from omegaconf import DictConfig

from dissect.errors import InputError

if TYPE_CHECKING:
    import pytorch_lightning as pl
    from torch import nn


class Data(Protocol):
    """What runs are trained and judged on, found and read.

    `digest` says what it is, wherever it lies. `facts` stand in result.json and on the page, `digest` and `name` among
    them. `settles` holds values of keys that the config leaves to the data, such as {"data.classes": 10}.
    """

    digest: str
    facts: Mapping[str, Any]
    settles: Mapping[str, Any]


@dataclass(frozen=True)
class Judged:
    """What a finished module is worth.

    `metrics` by name, the config's own among them. `arrays` are kept in predictions.npz; `scores` (N,) is each
    example's part of the config's metric, whose mean it is, and `scores_ten_crop` likewise, where there are such.
    `facts` go into result.json beside the metrics, and `data` into its facts of the data.
    """

    metrics: Mapping[str, float | None]
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)


class Task(Protocol):
    shares_batches: bool  # whether processes that train one run together can share each of its batches

    def data(self, config: DictConfig, *, verify: bool = False) -> Data:
        """Find and read the data, and refuse settings that can be refused before torch is there.

        Args:
            verify: hold what an earlier call has kept of them against what was kept; said once a sweep.

        Raises:
            InputError: for a setting or a file that cannot be used.
        """
        ...

    def module(self, config: DictConfig, data: Any, seed: int) -> "pl.LightningModule":
        """The module that `Trainer.fit` takes, initialised from the seed's own stream.

        Raises:
            InputError: for whatever would fail in the first batch or at the very end.
        """
        ...

    def datamodule(self, config: DictConfig, data: Any, seed: int) -> "pl.LightningDataModule | None":
        """The loaders, where the module has none of its own."""
        ...

    def bf16_pays(self, config: DictConfig) -> bool:
        """Whether trainer.precision=auto means bf16 on a processor with units for it. All variants should agree."""
        ...

    def callbacks(self, config: DictConfig, seed: int) -> "list[pl.Callback]":
        """Those that the task adds to the engine's."""
        ...

    def network(self, module: Any) -> "nn.Module":
        """What is judged, and whose weights are kept."""
        ...

    def judge(self, module: Any, data: Any, config: DictConfig, trainer: "pl.Trainer") -> Judged:
        """Measure the module, trained just now or with its kept weights.

        Raises:
            TrainingError: for numbers that are not finite.
        """
        ...

    def complete(self, result: Mapping[str, Any], config: DictConfig) -> bool:
        """Whether a finished run's result has all that the config asks of evaluation; else it is judged again."""
        ...

    def passes(self, config: DictConfig) -> int:
        """Over the validation examples, when a finished run is judged; by this its time is foretold."""
        ...

    def average(self, members: Sequence[Mapping[str, np.ndarray]], config: DictConfig, data: Any) -> Judged:
        """An ensemble, from its members' arrays; with arrays of its own.

        Raises:
            InputError: where members have nothing that can be averaged.
        """
        ...


_FETCHING = ContextVar("fetching", default=True)


@contextmanager
def nothing_fetched() -> Iterator[None]:
    """Data that would have to be fetched over the network raise an AbsentError meanwhile."""
    before = _FETCHING.set(False)
    try:
        yield
    finally:
        _FETCHING.reset(before)


def may_fetch() -> bool:
    """Whether data that are not on this machine are to be fetched; a source asks before it does."""
    return _FETCHING.get()


METHODS = [name for name, held in vars(Task).items() if callable(held) and name[0] != "_"]


def task_of(config: DictConfig) -> Any:
    """The task that a config names.

    Raises:
        InputError: where it cannot be made.
    """
    try:
        task = hydra.utils.instantiate(config.task)
    except (HydraException, TypeError, ValueError) as problem:
        reason = "; ".join(str(problem.__cause__ or problem).splitlines())
        raise InputError(f"task={config.task.get('_target_')}: cannot be made: {reason}") from problem
    if missing := [name for name in METHODS if not hasattr(task, name)]:
        raise InputError(
            f"task={config.task.get('_target_')}: has no method {missing[0]}; a task has those of "
            "dissect.training.task.Task, as EXTENDING.md shows"
        )
    return task


def data_of(config: DictConfig, *, verify: bool = False) -> Any:
    """The data of a config's task: an object like `Data`."""
    return task_of(config).data(config, verify=verify)
