"""One progress bar a run: a live line on a terminal, a plain line now and then in a log."""

import sys
import time
from types import TracebackType
from typing import Any

import pytorch_lightning as pl
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from dissect.images.module import Row

LOG_SECONDS = 30.0  # between two plain lines


class RunProgress(pl.Callback):
    """Shows epochs, training and validation accuracy and the time left, on stderr.

    Use as a context manager around `Trainer.fit`, as one of its callbacks, and call `epoch` with the metrics so far.
    """

    def __init__(self, title: str, epochs: int) -> None:
        self._title, self._epochs = title, epochs
        self._console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("{task.description}"), BarColumn(bar_width=24), MofNCompleteColumn(),
            TextColumn("epochs{task.fields[now]}"), TimeRemainingColumn(compact=True),
            console=self._console, transient=True, refresh_per_second=4,
        )  # fmt: skip
        self._task = self._bar.add_task(title, total=epochs, now="")
        self._said = time.monotonic()
        self._seen = {"train_accuracy": "-", "val_accuracy": "-"}

    def __enter__(self) -> "RunProgress":
        if self._console.is_terminal:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar.live.is_started:
            self._bar.stop()

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        done = (
            trainer.current_epoch
            + (trainer.fit_loop.epoch_loop.batch_progress.current.completed) / trainer.num_training_batches
        )
        self._bar.update(self._task, completed=round(done, 2))

    def epoch(self, rows: list[Row]) -> None:
        row = rows[-1]
        self._seen |= {part: f"{row[part]:.1%}" for part in self._seen if row[part] is not None}
        now = " · train {train_accuracy} · val {val_accuracy}".format(**self._seen)
        self._bar.update(self._task, completed=row["epoch"], now=now)
        if not self._console.is_terminal and time.monotonic() - self._said > LOG_SECONDS:
            self._said = time.monotonic()
            print(f"{self._title}: {row['epoch']}/{self._epochs} epochs{now}", file=sys.stderr, flush=True)
