"""A sweep as it goes on: one live display on a terminal, plain lines in a log."""

import csv
import io
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from dissect.composing.job import Job
from dissect.errors import InputError
from dissect.measure.metric import Metric
from dissect.store.reading import table
from dissect.store.record import curve_of
from dissect.sweep.alike import Alike
from dissect.sweep.finish import Outcome

LOG_SECONDS = 60.0  # between two lines about those that go on, in a log


def epoch_of(folder: Path, metric: Metric | None = None) -> tuple[int, str]:
    """The last whole epoch of a run that goes on, and the metric, if any, in words where that was measured, else ""."""
    try:
        rows = list(csv.DictReader(io.TextIOWrapper(table(folder / "metrics.csv"), "utf-8", newline="")))
        column = curve_of(rows[-1], metric.name) if rows and metric else None
        seen = [float(row[column]) for row in rows if column and row.get(column)]
        return (int(rows[-1]["epoch"]), metric.level(seen[-1]) if seen and metric else "") if rows else (0, "")
    except (OSError, ValueError, KeyError, csv.Error, InputError):
        return 0, ""


class Watch:
    """Shows a sweep's runs: done, going on (with epoch and metric), failed, and the time that is left.

    A component that turns out to do nothing is told of at once, see `Alike`.

    Use as a context manager. On a terminal the runs that go on stand below the lines of those that are done.
    """

    def __init__(self, jobs: Sequence[Job], alike: Alike | None = None) -> None:
        self.jobs = jobs
        self._alike = alike or Alike(jobs)
        self.done: dict[int, Outcome] = {}
        self._since: dict[int, float] = {}
        self._before: dict[int, int] = {}  # epochs that a run had behind it when this sweep began it
        self._begun = self._said = time.monotonic()
        self._console = Console(highlight=False, soft_wrap=True)
        self._live = Live(console=self._console, transient=True, auto_refresh=False) if sys.stdout.isatty() else None

    def __enter__(self) -> "Watch":
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *problem: object) -> None:
        if self._live:
            self._live.stop()

    def started(self, number: int) -> None:
        self._since[number] = time.monotonic()
        self._before[number] = self._epoch(number)

    def ended(self, number: int, outcome: Outcome) -> None:
        self.done[number] = outcome
        self._since.pop(number, None)
        total = len(self.jobs)
        self.say(f"{len(self.done):{len(str(total))}}/{total}  {outcome.said(self.jobs[number])}")
        if remark := self._alike.remark(self.jobs[number], outcome.result):
            self.say(remark)

    def tick(self) -> None:
        if self._live:
            self._live.update(self._table(), refresh=True)
        elif time.monotonic() - self._said > LOG_SECONDS and self._since:
            going = ", ".join(self._going(number) for number in self._since)
            self.say(f"{self.summary()}; going on: {going}")

    def summary(self) -> str:
        failed = sum(bool(outcome.error) for outcome in self.done.values())
        parts = [f"{len(self.done)} of {len(self.jobs)} done", *([f"{failed} failed"] if failed else []), self._left()]
        return ", ".join(filter(None, parts))

    def _left(self) -> str:
        """The time left at the pace so far, once there is one: epochs of this sweep, of runs that ended or go on."""
        whole = [job.variant.config.train.epochs for job in self.jobs]
        now = sum(whole[number] for number in self.done) + sum(map(self._epoch, self._since))
        new, rest = now - sum(self._before.values()), sum(whole) - now
        if new <= 0 or rest <= 0:
            return ""
        seconds = (time.monotonic() - self._begun) * rest / new
        return "about " + (f"{seconds / 60:.0f} min left" if seconds > 90 else f"{seconds:.0f} s left")

    def _epoch(self, number: int) -> int:
        job = self.jobs[number]
        return int(min(epoch_of(job.folder)[0], job.variant.config.train.epochs))

    def _going(self, number: int) -> str:
        job = self.jobs[number]
        config = job.variant.config
        epoch, seen = epoch_of(job.folder, Metric.from_config(config.metric))
        return f"{job} (epoch {epoch} of {config.train.epochs}{seen and ', ' + seen})"

    def _table(self) -> Table:
        table = Table.grid(padding=(0, 2))
        for number in self._since:
            table.add_row(Text(self._going(number), overflow="ellipsis", no_wrap=True))
        table.add_row(Text(self.summary(), style="bold"))
        return table

    def say(self, text: str) -> None:
        self._said = time.monotonic()
        self._console.print(text, markup=False)
        if not self._live:
            sys.stdout.flush()
