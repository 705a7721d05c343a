"""The task `lightning`: what a user's LightningModule logs in validation is what runs are compared by.

Nothing of the module or the datamodule is changed. Beyond the metric a module may give, as what `validation_step`
returns, a mapping with

- `scores` (B,): each example's part of the metric, whose mean over all examples it is. With them the report's second
  interval speaks of new examples too.
- `predictions` (B, ...) and `targets` (B, ...): kept for ensembles, whose members' predictions are averaged. The
  module's class then judges the average by a static method `scores(predictions, targets)` that gives such scores, (N,).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from hydra.utils import get_class
from omegaconf import DictConfig

from dissect.composing.identity import code_in, digest_of
from dissect.composing.imported import as_imported
from dissect.composing.plain import plain
from dissect.errors import InputError
from dissect.training.making import made
from dissect.training.task import Judged

if TYPE_CHECKING:
    import pytorch_lightning as pl
    from torch import nn


@dataclass(frozen=True)
class Found:
    """The data of a datamodule, as far as they are known before it is made."""

    facts: Mapping[str, Any]
    settles: Mapping[str, Any] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        return str(self.facts["digest"])


class Lightning:
    """A LightningModule and a LightningDataModule, as `dissect.training.task.Task` has them."""

    shares_batches = False  # with several devices, each process would have batches of its own

    def data(self, config: DictConfig, *, verify: bool = False) -> Found:
        """Known by the datamodule's `fingerprint()` where it has one, else by its code; its config is in the key."""
        _check(config)
        described = plain(config.datamodule)
        target = str(described["_target_"])
        fingerprint = _fingerprint(config)
        known = {"fingerprint": fingerprint} if fingerprint is not None else {"code": as_imported(code_in(described))}
        digest = digest_of({"datamodule": target, **known})
        facts = {"name": target.rpartition(".")[2], "digest": digest, "judge": "validation"}
        return Found({**facts, "bytes_known": fingerprint is not None})

    def module(self, config: DictConfig, data: Found, seed: int) -> "pl.LightningModule":
        from dissect.lightning.fitting import check_module, seed_all

        seed_all(seed, "initialisation")
        module = made(config, "module")
        check_module(module, config)
        return module

    def datamodule(self, config: DictConfig, data: Found, seed: int) -> "pl.LightningDataModule":
        from dissect.lightning.fitting import prepared

        return prepared(config, seed)

    def bf16_pays(self, config: DictConfig) -> bool:
        """Who says `auto`, where Lightning's own 32-true stands, asks for it."""
        return True

    def callbacks(self, config: DictConfig, seed: int) -> "list[pl.Callback]":
        from dissect.lightning.fitting import Examples, Metrics, Seeding

        own = [made(config, f"callbacks.{name}") for name, said in config.callbacks.items() if said is not None]
        return [Seeding(seed), Metrics(), Examples(config.metric.name), *own]

    def network(self, module: "pl.LightningModule") -> "nn.Module":
        return module

    def judge(self, module: "pl.LightningModule", data: Found, config: DictConfig, trainer: "pl.Trainer") -> Judged:
        from dissect.lightning.fitting import Examples
        from dissect.training.epochs import Epochs

        callbacks: list[pl.Callback] = trainer.callbacks  # type: ignore[attr-defined]
        # Not Lightning's own dictionary, which keeps what an earlier epoch logged.
        logged = next(one for one in callbacks if isinstance(one, Epochs)).last
        seen = next(one for one in callbacks if isinstance(one, Examples))
        return Judged(logged, seen.arrays(logged), data={"examples": seen.counts})

    def complete(self, result: Mapping[str, Any], config: DictConfig) -> bool:
        return True

    def passes(self, config: DictConfig) -> int:
        return 0  # what the last validation logged is the judgement

    def average(self, members: Sequence[Mapping[str, np.ndarray]], config: DictConfig, data: Found) -> Judged:
        import torch

        judge = getattr(get_class(config.module._target_), "scores", None)
        if judge is None or not all({"predictions", "targets"} <= one.keys() for one in members):
            raise InputError(
                f"ensemble.average=true: {config.module._target_} gives nothing to average: let validation_step return "
                "{'predictions': ..., 'targets': ...}, and the class have a static method scores(predictions, targets)"
            )
        total = np.sum([one["predictions"].astype(np.float64) for one in members], axis=0)
        mean: np.ndarray = np.asarray(total / len(members), dtype=np.float32)
        targets = members[0]["targets"]
        scores = np.asarray(judge(torch.from_numpy(mean), torch.from_numpy(targets)))
        if scores.shape != (len(mean),):
            raise InputError(
                f"module={config.module._target_}: scores(predictions, targets) gives shape {scores.shape} for "
                f"{len(mean)} examples; it must be {(len(mean),)}"
            )
        metrics = {config.metric.name: float(scores.mean(dtype=np.float64))}
        return Judged(metrics, {"predictions": mean, "targets": targets, "scores": scores})


def _check(config: DictConfig) -> None:
    for key in ("module", "datamodule"):
        described = config.get(key)
        if not isinstance(described, DictConfig) or "_target_" not in described:
            raise InputError(f"{key}={described}: must say what to make, as {key}={{_target_: mine.Name, ...}}")
    every = config.trainer.get("check_val_every_n_epoch", 1)
    if config.train.epochs % (every or 1):
        raise InputError(
            f"trainer.check_val_every_n_epoch={every}: the last of {config.train.epochs} epochs would not be "
            "validated, and what it logs is the result; choose a divisor"
        )


def _fingerprint(config: DictConfig) -> str | None:
    """What the datamodule says of its data; None where it says nothing."""
    kind = _class_of(config)
    if kind is None or not hasattr(kind, "fingerprint"):
        return None
    return str(made(config, "datamodule").fingerprint())


def _class_of(config: DictConfig) -> Any:
    try:
        return get_class(config.datamodule._target_)
    except Exception as problem:  # a module is anybody's code, so anything may come of importing it
        reason = "; ".join(str(problem.__cause__ or problem).splitlines())
        raise InputError(f"datamodule={config.datamodule._target_}: cannot be imported: {reason}") from problem
