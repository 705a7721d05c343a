"""What a run logged, epoch by epoch: the rows of metrics.csv, and the time that training took."""

import csv
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch

from dissect.files import whole

Row = dict[str, float | None]  # one epoch of metrics.csv; None where nothing was measured


class Epochs(pl.callbacks.Checkpoint):
    """Collects what the module logged of each epoch, and writes it to `metrics.csv`.

    A kind of checkpoint, for Lightning calls those last in an epoch, when all is measured.

    Attributes:
        rows: those so far. seconds, examples: spent on training steps, and trained on, over all epochs; kept out of the
            rows, which are reproducible. cut: by epoch, after how many batches of how many it ended early.
    """

    def __init__(self, path: Path, on_epoch: Callable[[list[Row]], None]) -> None:
        self.rows: list[Row] = []
        self.cut: dict[int, tuple[int, float]] = {}
        self.seconds, self.examples = 0.0, 0
        self._path, self._on_epoch = path, on_epoch
        self._started: float | None = None
        self._earlier: dict[str, Any] = {}

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        # Lightning keeps what an earlier epoch logged: what this one does not log again are the very same objects.
        self._earlier = dict(trainer.callback_metrics)
        self._started = time.perf_counter()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self.examples += size_of(batch) * trainer.world_size

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._stop(pl_module.device)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._stop(pl_module.device)
        done, of = trainer.fit_loop.epoch_loop.batch_progress, trainer.num_training_batches
        # A module that ends an epoch by -1 leaves a batch begun; a callback that stops leaves some that were not.
        complete = done.current.completed
        if complete < done.current.ready or (complete < of and not done.is_last_batch):
            self.cut[trainer.current_epoch + 1] = (complete, of)
        logged = {n: float(value) for n, value in trainer.callback_metrics.items() if value is not self._earlier.get(n)}
        # What is measured in some epochs alone has its column from the first row on.
        for row in self.rows:
            row.update((name, None) for name in logged if name not in row)
        columns = dict.fromkeys(self.rows[0]) if self.rows else {}
        self.rows.append({**columns, "epoch": trainer.current_epoch + 1, **logged})
        if trainer.is_global_zero:
            write_metrics(self._path, self.rows)
            self._on_epoch(self.rows)

    @property
    def last(self) -> dict[str, float]:
        """What the last epoch logged."""
        return {name: value for name, value in self.rows[-1].items() if name != "epoch" and value is not None}

    def state_dict(self) -> dict[str, Any]:
        return {"rows": self.rows, "cut": self.cut, "seconds": self.seconds, "examples": self.examples}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.rows, self.seconds, self.examples = (state_dict[name] for name in ("rows", "seconds", "examples"))
        self.cut = state_dict.get("cut", {})

    def _stop(self, device: torch.device) -> None:
        """The clock, at the end of an epoch's training part; once an epoch."""
        if self._started is None:
            return
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        self.seconds += time.perf_counter() - self._started
        self._started = None


def size_of(batch: Any) -> int:
    """How many examples a batch has: the length of the first tensor in it, 0 where there is none."""
    if isinstance(batch, torch.Tensor):
        return len(batch) if batch.ndim else 0
    inside = batch.values() if isinstance(batch, Mapping) else batch if isinstance(batch, list | tuple) else ()
    return next((size for one in inside if (size := size_of(one))), 0)


def write_metrics(path: Path, rows: list[Row]) -> None:
    with whole(path) as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
