"""What a run will take, from a few of its steps."""

import tempfile
import time
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import pytorch_lightning as pl
import torch
from omegaconf import DictConfig, OmegaConf

from dissect.composing.job import Job
from dissect.training.epochs import Epochs
from dissect.training.memory import keep_freed_memory
from dissect.training.resume import Resume
from dissect.training.task import Data, Task
from dissect.training.trainer import trainer_of


def cost_of(job: Job, data: Data, task: Task, *, threads: int, budget: float = 3.0) -> tuple[float, int]:
    """How long one run takes from making the module to its judgement, in seconds, and the bytes of its weights.

    A few batches of training and of validation are timed in a folder that is removed again, and scaled to the epochs:
    medians of a batch, the first one left out, the end of an epoch with its state on disk, and what comes before the
    first batch. Judging counts as the passes over the validation examples that the task says.

    Args:
        threads: of the processor, as a worker of the sweep will have; budget: seconds of training steps that are timed.

    Raises:
        InputError: for a config that cannot be trained.
        TrainingError: where the first steps fail.
    """
    keep_freed_memory()
    before = torch.get_num_threads()
    torch.set_num_threads(job.variant.config.threads or threads)
    try:
        few = _timed(job, data, task, batches=3)
        more = min(few.of_training, 60, int(budget / max(few.train, 1e-4)))
        clock = _timed(job, data, task, batches=more) if more > 6 else few
    finally:
        torch.set_num_threads(before)
    config = job.variant.config
    validations = config.train.epochs // config.trainer.get("check_val_every_n_epoch", 1)
    epochs = config.train.epochs * (clock.of_training * clock.train + clock.epoch_end)
    judging = (validations + task.passes(config)) * clock.of_validation * clock.validate
    return clock.begin + epochs + judging, clock.weights


class Clock(pl.Callback):
    """Times the batches of one epoch.

    Attributes:
        begin: seconds until the first batch; train, validate: of a batch; epoch_end: after the last one; of_training,
            of_validation: how many batches a whole epoch has; weights: bytes of the network's.
    """

    def __init__(self) -> None:
        self._made = time.perf_counter()
        self._ends: dict[str, list[float]] = {"train": [], "validate": []}
        self.begin = self.train = self.validate = self.epoch_end = 0.0
        self.of_training = self.of_validation = self.weights = 0

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._mark("train")
        self.begin = self._ends["train"][0] - self._made

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any) -> None:
        self.of_training = _length(trainer.train_dataloader)
        self._mark("train")

    def on_validation_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._mark("validate")

    def on_validation_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any) -> None:
        self.of_validation = _length(trainer.val_dataloaders)
        self._mark("validate")

    def ended(self) -> None:
        """To be called when all has ended."""
        now = time.perf_counter()
        last = max(ends[-1] for ends in self._ends.values() if ends)
        self.epoch_end = now - last
        self.train, self.validate = (_between(self._ends[part]) for part in ("train", "validate"))

    def _mark(self, part: str) -> None:
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self._ends[part].append(time.perf_counter())


def _length(loaders: Any) -> int:
    return sum(map(len, loaders)) if isinstance(loaders, list | tuple) else len(loaders)


def _between(ends: list[float]) -> float:
    """The median time of a batch; the first one, which warms up, counts only where it is alone."""
    times = [after - before for before, after in pairwise(ends)]
    return median(times[1:] or times or [0.0])


def _timed(job: Job, data: Data, task: Task, *, batches: int) -> Clock:
    config, seed = job.variant.config, job.variant.seed
    clock = Clock()
    module = task.module(config, data, seed)
    short = _shortened(config, batches)
    with tempfile.TemporaryDirectory(prefix="dissect-") as folder:
        epochs = Epochs(Path(folder) / "metrics.csv", lambda rows: None)
        callbacks = [*task.callbacks(config, seed), clock, epochs, Resume(Path(folder), job.key)]
        trainer = trainer_of(short, Path(folder), callbacks, bf16_pays=task.bf16_pays(config))
        trainer.fit(module, datamodule=task.datamodule(config, data, seed))
        clock.ended()
        state = task.network(module).state_dict().values()
        clock.weights = sum(one.nbytes for one in state if isinstance(one, torch.Tensor))
    return clock


def _shortened(config: DictConfig, batches: int) -> DictConfig:
    limits = {"limit_train_batches": batches, "limit_val_batches": 3, "check_val_every_n_epoch": 1, "devices": 1}
    return OmegaConf.create({**config, "train": {**config.train, "epochs": 1}, "trainer": {**config.trainer, **limits}})
