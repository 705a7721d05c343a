"""A study in Python: its runs, what they say, and the report.

>>> import pandas as pd
>>> runs = pd.DataFrame({
...     "variant": ["base", "ours"] * 4, "seed": [0, 0, 1, 1, 2, 2, 3, 3],
...     "acc": [0.50, 0.53, 0.52, 0.56, 0.51, 0.53, 0.52, 0.55],
... })
>>> study = read(runs, metric="acc", better="higher", unit="points")
>>> study.gains()[["component", "gain", "low", "high", "seeds", "verdict"]].round(1)
  component  gain  low  high  seeds verdict
0      ours   3.0  1.7   4.3      4   helps
"""

from collections.abc import Sequence
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd

from dissect.measure.metric import Metric
from dissect.measure.planning import sd_bound, seeds_needed
from dissect.planning.manifest import Manifest
from dissect.report import study as studies
from dissect.report.analysis import Analysis, analyse
from dissect.report.build import write_report
from dissect.report.paper import FORMATS, as_text, paper_table
from dissect.report.read import read as read_source
from dissect.report.sections import spoken

GAINS = ["kind", "component", "label", "treated", "control", "manifest", "gain", "low", "high", "p", "p_holm", "seeds",
         "verdict"]  # fmt: skip


class Study:
    """A study as `read` gives it. In a notebook it shows itself: its gains, and what they rest on."""

    def __init__(self, source: studies.Study) -> None:
        self._source = source

    @property
    def name(self) -> str:
        return self._source.name

    @property
    def metric(self) -> Metric:
        """What is compared: its name, label, unit, and which way is better."""
        return self._source.metric

    @property
    def runs(self) -> pd.DataFrame:
        """A row a run, failed ones too: `variant`, `components` (name -> label), `seed`, `status`, `error`, and a
        column for each metric, as it was logged."""
        return self._source.runs.copy()

    @property
    def manifests(self) -> list[Manifest]:
        """What was planned before the runs, as it was frozen; none of runs made elsewhere."""
        return list(self._source.manifests)

    @property
    def notes(self) -> list[str]:
        """Of runs made elsewhere: what was assumed of them and said, a sentence each."""
        return list(self._source.elsewhere.notes) if self._source.elsewhere else []

    @cached_property
    def analysis(self) -> Analysis:
        """All that a report is made of."""
        return analyse(self._source)

    def effects(self) -> pd.DataFrame:
        """Every contrast that was planned or that the runs allow, a row each, with all that was measured.

        Columns as of `effects.csv` and of `measure.effects.effects`; `gain`, `low`, `high` and `sd` are in the metric's
        unit, treated minus control, whichever way is better.
        """
        return self.analysis.effects.copy()

    def gains(self) -> pd.DataFrame:
        """The effects that a page tells of, with the columns that are read first (GAINS)."""
        return spoken(self.analysis.effects)[GAINS].reset_index(drop=True)

    def _repr_html_(self) -> str:
        shown = self.gains().drop(columns=["manifest"])
        html = shown.to_html(index=False, float_format=lambda value: f"{value:.3g}", na_rep="", border=0)
        seeds = self._source.compared["seed"].nunique()
        unit = f" in {self.metric.unit}" if self.metric.unit else ""
        told = f"gains of {self.metric.held_out}{unit}, paired by seed ({seeds} seeds); {self.metric.better} is better"
        return f"<b>{escape(self.name)}</b>: {escape(told)}{html}" + "".join(
            f"<div>{escape(n)}</div>" for n in self.notes
        )

    def __repr__(self) -> str:
        compared = self._source.compared
        return f"<Study {self.name}: {len(compared)} runs of {compared['variant'].nunique()} variants>"


def read(source: str | Path | pd.DataFrame, *, runs: str | Path = "runs", **said: Any) -> Study:
    """A study, whoever made its runs.

    Args:
        source: the name of a study below `runs`, its folder, a CSV or Parquet file, a Hydra multirun folder,
            `wandb:entity/project`, offline W&B runs, or a DataFrame with a row a run.
        said: `metric` and `better`; for runs made elsewhere also `unit`, `times`, `label`, `control`, `ladder`,
            `variant`, `seed`, `components`, `planned`, `epoch`, `name`, `reader`, as on the command line.

    Raises:
        InputError: for what cannot be read, or may not be compared; and where something is not known and was not said.
    """
    return Study(read_source(source, Path(runs), **said))


def gains(frame: pd.DataFrame, *, metric: str, better: str, **said: Any) -> pd.DataFrame:
    """What each component gains, from any table of runs.

    Args:
        frame: one row a run: `seed`, the metric, and `variant`, `components` ("a+b", or lists) or columns of true and
            false; others are named by `said`, as of `read`.
        better: "higher" or "lower".

    Returns:
        A row a contrast: GAINS; `gain` with its interval, `low` to `high`, in the metric's unit; `p_holm` is corrected
        for the contrasts asked together.

    Raises:
        InputError: as of `read`.

    >>> drop, seed, loss = [False, True] * 3, [0, 0, 1, 1, 2, 2], [2.0, 1.8, 2.1, 1.8, 2.2, 1.9]
    >>> runs = pd.DataFrame({"drop": drop, "seed": seed, "loss": loss})
    >>> gains(runs, metric="loss", better="lower")[["component", "gain", "verdict"]].round(2)
      component  gain verdict
    0      drop -0.27   helps
    """
    return read(frame, metric=metric, better=better, **said).gains()


def table(study: Study, kind: str | None = None) -> pd.DataFrame | str:
    """The paper's table, a row a variant: which components it has, mean and sd over seeds, gain with interval, cost.

    Args:
        kind: "latex", "markdown", "csv" or "html" for a text; None for a DataFrame (`report.paper.paper_table`).

    Raises:
        ValueError: for another kind.
    """
    if kind is not None and kind not in FORMATS:
        raise ValueError(f"kind={kind!r}: must be one of {', '.join(FORMATS)}, or None for a DataFrame")
    return paper_table(study.analysis) if kind is None else as_text(study.analysis, kind)


def report(study: Study, out: str | Path = "reports", *, width: float | None = None, paper: bool = False) -> Path:
    """Write the study's page, tables and figures to a folder of its name below `out`; returns the page.

    Args:
        width: of the figures, in inches: 3.4 for a paper's column.
        paper: also a folder `paper`, with what a LaTeX document takes in.
    """
    return write_report(study._source, Path(out), width=width, paper=paper).page


def plan(pilot: Study, gain: float, *, power: float = 0.8, level: float = 0.95) -> pd.DataFrame:
    """How many seeds each contrast needs to show a true `gain`, from the spread that a pilot's runs have.

    Args:
        gain: in the metric's unit.

    Returns:
        A row a contrast with two seeds or more: `label`, `kind`, `pilot` (seeds), `sd` of its differences, `seeds` for
        one contrast alone, `seeds_holm` at the first step of Holm's correction over all of them, and `seeds_most`, the
        same if the sd is at its upper 80% limit; None where a thousand do not do.

    >>> runs = pd.DataFrame({"drop": [False, True] * 3, "seed": [0, 0, 1, 1, 2, 2], "acc": [50.0, 52, 51, 54, 52, 53]})
    >>> plan(read(runs, metric="acc", better="higher"), gain=1)[["label", "pilot", "sd", "seeds"]].round(2)
      label  pilot   sd  seeds
    0  drop      3  1.0     10
    """
    effects = spoken(pilot.analysis.effects)
    known = effects[(effects["seeds"] > 1) & (effects["sd"] > 0)].drop_duplicates(["label", "treated", "control"])
    alpha = 1 - level
    rows = []
    for label, kind, seeds, sd in known[["label", "kind", "seeds", "sd"]].itertuples(index=False):
        first = alpha / len(known)
        needed: Sequence[int | None] = [
            seeds_needed(gain, spread, power=power, alpha=one)
            for spread, one in ((sd, alpha), (sd, first), (sd_bound(sd, int(seeds)), first))
        ]
        rows.append([label, kind, int(seeds), float(sd), *needed])
    return pd.DataFrame(rows, columns=["label", "kind", "pilot", "sd", "seeds", "seeds_holm", "seeds_most"])
