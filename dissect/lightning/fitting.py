"""What makes any LightningModule's run one that can be repeated and gone on from, and gathers what it measured."""

import random
from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from lightning_utilities.core.apply_func import apply_to_collection
from lightning_utilities.core.overrides import is_overridden
from omegaconf import DictConfig
from pytorch_lightning.utilities import CombinedLoader
from torch.utils.data import DataLoader
from torchmetrics import Metric

from dissect.errors import InputError
from dissect.streams import stream
from dissect.training.making import made


def seed_all(seed: int, *name: str | int) -> None:
    """Seed torch, numpy and Python's random from a stream; workers of a loader are seeded from torch's."""
    value = stream(seed, *name)
    torch.manual_seed(value)
    np.random.seed(value % 2**32)
    random.seed(value)


class Seeding(pl.Callback):
    """Seeds whatever draws, where each epoch begins, so that a killed run goes on to the same bits."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        seed_all(self._seed, "initialisation", "setup")  # a module may make layers in its own `setup`

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        seed_all(self._seed, "epoch", trainer.current_epoch)


class Metrics(pl.Callback):
    """Keeps what torchmetrics hold over epochs, such as the best value so far, in the state that a run goes on from.

    It is given back behind `on_train_start`, where public templates reset it. A metric that is logged as an object is
    left to Lightning, which resets it when an epoch's value is taken.
    """

    def __init__(self) -> None:
        self._kept: dict[str, dict[str, Any]] = {}

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        loop = trainer.fit_loop.epoch_loop
        logged = {id(one.value) for results in (loop._results, loop.val_loop._results) for one in results.values()}
        checkpoint["metrics"] = {
            name: {"updates": part._update_count, **{key: getattr(part, key) for key in part._defaults}}
            for name, part in _metrics_in(pl_module)
            if id(part) not in logged
        }

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        self._kept = checkpoint.get("metrics", {})

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        for name, part in _metrics_in(pl_module) if self._kept else ():
            for key, value in self._kept.get(name, {}).items():
                setattr(part, "_update_count" if key == "updates" else key, value)
        self._kept = {}


def _metrics_in(module: pl.LightningModule) -> list[tuple[str, Metric]]:
    return [(name, part) for name, part in module.named_modules() if isinstance(part, Metric)]


class Seeded:
    """A loader whose every pass is seeded where its first batch is fetched.

    Lightning begins a pass before an epoch's hooks when it goes on from a checkpoint, and after them otherwise; what is
    drawn must not depend on it. Workers that outlive a pass would carry their random state on, so none does.
    """

    def __init__(self, loader: Any, begin: Callable[[], None]) -> None:
        self._loader, self._begin = loader, begin
        if isinstance(loader, DataLoader):
            loader.__dict__["persistent_workers"] = False  # torch refuses to set it by the usual way

    def __len__(self) -> int:
        return len(self._loader)

    def __iter__(self) -> Iterator[Any]:
        self._begin()
        yield from self._loader

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_loader"], name)


def prepared(config: DictConfig, seed: int) -> pl.LightningDataModule:
    """The datamodule, its loaders seeded, what it draws before the first epoch drawn alike for every run.

    Raises:
        InputError: for what is no LightningDataModule, or one without loaders for training and validation.
    """
    seed_all(0, "data")
    name = config.datamodule._target_
    found = made(config, "datamodule")
    if not isinstance(found, pl.LightningDataModule):
        raise InputError(f"datamodule={name}: makes a {type(found).__name__}, not a LightningDataModule")
    for part, what in (("train", "trains"), ("val", "judges")):
        hook = f"{part}_dataloader"
        if not is_overridden(hook, found, pl.LightningDataModule):
            raise InputError(f"datamodule={name}: has no {hook}, so nothing {what}; add one")
        setattr(found, hook, _seeding(getattr(found, hook), found, part, seed, name))
    return found


def _seeding(hook: Callable[[], Any], owner: pl.LightningDataModule, part: str, seed: int, name: str) -> Any:
    @wraps(hook)
    def seeded() -> Any:
        loaders = hook()
        if isinstance(loaders, CombinedLoader):
            return CombinedLoader(_each(loaders.iterables, one), loaders._mode)
        return _each(loaders, one)

    def one(loader: Any) -> Seeded:
        try:
            len(loader)
        except TypeError as problem:
            raise InputError(
                f"datamodule={name}: its {part}_dataloader has no length, so that nobody knows where an epoch "
                "ends; give its dataset a __len__"
            ) from problem

        def begin() -> None:
            assert owner.trainer is not None
            seed_all(seed, "batches", part, owner.trainer.current_epoch)

        return Seeded(loader, begin)

    return seeded


def _each(loaders: Any, one: Callable[[Any], Any]) -> Any:
    if isinstance(loaders, list | tuple):
        return [_each(inner, one) for inner in loaders]
    if isinstance(loaders, Mapping):
        return {key: _each(inner, one) for key, inner in loaders.items()}
    return one(loaders)


def check_module(module: Any, config: DictConfig) -> None:
    """Refuse what would fail in the first epoch, or at the very end.

    Raises:
        InputError: naming the key and the mend.
    """
    name = config.module._target_
    if not isinstance(module, pl.LightningModule):
        kind = type(module).__name__
        raise InputError(f"module={name}: makes a {kind}, not a LightningModule; a network alone is model=... of the "
                         "task images")  # fmt: skip
    for hook, what in (("training_step", "nothing is trained"), ("validation_step", "nothing is judged")):
        if not is_overridden(hook, module, pl.LightningModule):
            raise InputError(f"module={name}: has no {hook}, so {what}; add one that logs {config.metric.name}")
    if not module.automatic_optimization and config.trainer.get("gradient_clip_val"):
        raise InputError(
            f"trainer.gradient_clip_val={config.trainer.gradient_clip_val}: {name} optimises by itself "
            "(automatic_optimization=False), so it has to clip in its training_step; leave it out here"
        )


class Examples(pl.Callback):
    """Gathers what `validation_step` returns of each example in the last epoch, and how many there are.

    Args:
        metric: the name of the config's metric.
    """

    def __init__(self, metric: str) -> None:
        self._metric = metric
        self._found: dict[str, list[np.ndarray]] = {}
        self.counts: dict[str, int] = {}

    def on_validation_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._found = {}

    def on_validation_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:  # fmt: skip
        if not isinstance(outputs, Mapping) or trainer.current_epoch + 1 != trainer.max_epochs:
            return
        for name in {"scores", "predictions", "targets"} & outputs.keys():
            value = apply_to_collection(outputs[name], torch.Tensor, lambda one: one.detach().float().cpu().numpy())
            self._found.setdefault(name, []).append(np.asarray(value))

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        for one in trainer._results.values() if trainer._results else ():
            meta = one.meta
            if meta.name == self._metric and not meta.on_epoch:
                raise InputError(
                    f"metric.name={self._metric}: is logged for each step of validation, not for the epoch; say "
                    f"self.log('{self._metric}', ..., on_epoch=True)"
                )

    def arrays(self, logged: Mapping[str, float]) -> dict[str, np.ndarray]:
        """Of `scores`, `predictions` and `targets` (N, ...) those that there are.

        Raises:
            InputError: for scores whose mean is not the metric.
        """
        found = {name: np.concatenate(parts) for name, parts in self._found.items()}
        metric = logged.get(self._metric)
        if "scores" in found and metric is not None:
            mean = float(found["scores"].mean(dtype=np.float64))
            if found["scores"].ndim != 1 or abs(mean - metric) > 1e-4 * max(abs(metric), abs(mean), 1e-6):
                raise InputError(
                    f"metric.name={self._metric}: is {metric:.6g}, and the mean of the scores that validation_step "
                    f"returns is {mean:.6g}, of shape {found['scores'].shape}; they must be (B,), and their mean it"
                )
            self.counts = {"validation": len(found["scores"])}
        return found
