"""One progress bar a run: a live line on a terminal, a plain line now and then in a log."""

import sys
import time
from types import TracebackType
from typing import Any

import pytorch_lightning as pl
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from dissect.measure.metric import Metric
from dissect.store.record import curve_of
from dissect.training.epochs import Row

LOG_SECONDS = 30.0  # between two plain lines


class RunProgress(pl.Callback):
    """Shows epochs, the metric in training and validation, and the time left, on stderr.

    Use as a context manager around `Trainer.fit`, as one of its callbacks, and call `epoch` with the metrics so far.
    """

    def __init__(self, title: str, epochs: int, metric: Metric) -> None:
        self._title, self._epochs, self._metric = title, epochs, metric
        self._console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("{task.description}"), BarColumn(bar_width=24), MofNCompleteColumn(),
            TextColumn("epochs{task.fields[now]}"), TimeRemainingColumn(compact=True),
            console=self._console, transient=True, refresh_per_second=4,
        )  # fmt: skip
        self._task = self._bar.add_task(title, total=epochs, now="")
        self._said = time.monotonic()
        self._seen: dict[str, str] = {}

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
        if (name := curve_of(row, self._metric.name)) is not None:
            for part, column in (("train", name.replace("val", "train", 1)), ("val", name)):
                if (value := row.get(column)) is not None:
                    self._seen[part] = self._metric.level(value)
        now = "".join(f" · {part} {told}" for part, told in self._seen.items())
        self._bar.update(self._task, completed=row["epoch"], now=now)
        if not self._console.is_terminal and time.monotonic() - self._said > LOG_SECONDS:
            self._said = time.monotonic()
            print(f"{self._title}: {row['epoch']}/{self._epochs} epochs{now}", file=sys.stderr, flush=True)
