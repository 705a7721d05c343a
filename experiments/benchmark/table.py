"""A row of the benchmark: what was measured, how often, and whether it reaches what was asked of it."""

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from statistics import median
from typing import NamedTuple

from rich.console import Console
from rich.table import Table


class Pair(NamedTuple):
    """One repeat: ours and the yardstick's, in the row's unit, taken right after one another."""

    ours: float
    yardstick: float


@dataclass(frozen=True)
class Row:
    """Figures of one measure.

    Args:
        figure: what two measurements give: their ratio, or their difference.
        reach: the lowest or the highest figure asked for, as `at_least` says; None where it is only reported.
        absolute: the highest value of ours asked for besides, None where there is none.
    """

    what: str
    yardstick: str
    unit: str
    pairs: Sequence[Pair]
    figure: Callable[[Pair], float]
    figure_unit: str
    reach: float | None
    at_least: bool = True
    absolute: float | None = None

    @property
    def figures(self) -> list[float]:
        return [self.figure(pair) for pair in self.pairs]

    @property
    def met(self) -> bool | None:
        if self.reach is None:
            return None
        middle = median(self.figures)
        relative = middle >= self.reach if self.at_least else middle <= self.reach
        return relative and (self.absolute is None or median(pair.ours for pair in self.pairs) <= self.absolute)

    def cells(self) -> list[str]:
        """What, yardstick, ours, the yardstick's, figure, reach, met."""
        reach = "reported"
        if self.reach is not None:
            reach = f"{'at least' if self.at_least else 'at most'} {self.reach:g} {self.figure_unit}".strip()
        if self.absolute is not None:
            reach += f", ours at most {self.absolute:g} {self.unit}"
        return [
            self.what,
            self.yardstick,
            f"{spread([pair.ours for pair in self.pairs])} {self.unit}",
            f"{spread([pair.yardstick for pair in self.pairs])} {self.unit}",
            f"{spread(self.figures)} {self.figure_unit}".strip(),
            reach,
            {True: "met", False: "missed", None: "-"}[self.met],
        ]


HEADINGS = ["what", "yardstick", "ours", "yardstick's", "figure", "reach", ""]


def ratio(pair: Pair) -> float:
    return pair.ours / pair.yardstick


def speedup(pair: Pair) -> float:
    """How often ours fits into the yardstick's time."""
    return pair.yardstick / pair.ours


def difference(pair: Pair) -> float:
    return pair.ours - pair.yardstick


def spread(values: Sequence[float]) -> str:
    """The median, and from where to where the values go."""
    return f"{median(values):.4g}" + (f" [{min(values):.4g}, {max(values):.4g}]" if len(values) > 1 else "")


def interleaved(repeats: int, ours: Callable[[int], float], yardstick: Callable[[int], float]) -> list[Pair]:
    """`repeats` pairs; which of the two comes first alternates, so that a drift of the machine favours neither."""

    def pair(number: int) -> Pair:
        if number % 2:
            theirs = yardstick(number)
            return Pair(ours(number), theirs)
        return Pair(ours(number), yardstick(number))

    return [pair(number) for number in range(repeats)]


def show(rows: Sequence[Row]) -> None:
    table = Table(*HEADINGS, pad_edge=False)
    for row in rows:
        table.add_row(*row.cells())
    Console(width=None if Console().is_terminal else 200).print(table)


COLUMNS = ["rows", "what", "yardstick", "repeat", "unit", "ours", "yardsticks", "figure", "figure_unit", "reach", "met",
           "measured"]  # fmt: skip


def records(name: str, rows: Sequence[Row], measured: str) -> list[dict[str, str]]:
    """Every repeat of every row of the group `name`; `measured` says on what and at which commit."""
    found = []
    for row in rows:
        *_, reach, met = row.cells()
        for number, pair in enumerate(row.pairs):
            ours, yardsticks, figure = (f"{value:.6g}" for value in (*pair, row.figure(pair)))
            values = [name, row.what, row.yardstick, str(number), row.unit, ours, yardsticks, figure, row.figure_unit]
            found.append(dict(zip(COLUMNS, [*values, reach, met, measured], strict=True)))
    return found


def read(path: Path) -> list[dict[str, str]]:
    """What was measured before, one record a repeat; none where there is no such file."""
    if not path.exists():
        return []
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write(path: Path, found: Sequence[dict[str, str]]) -> None:
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(found)


def markdown(found: Sequence[dict[str, str]]) -> Iterator[str]:
    """The table of what the records hold, a line a row, and on what each group of rows was measured."""
    yield f"| {' | '.join([*HEADINGS, 'n'])} |"
    yield "|" + "---|" * (len(HEADINGS) + 1)
    for (what, yardstick), repeats in groupby(found, itemgetter("what", "yardstick")):
        taken = list(repeats)
        first = taken[0]
        ours, theirs, figure = (spread([float(one[key]) for one in taken]) for key in ("ours", "yardsticks", "figure"))
        cells = [what, yardstick, f"{ours} {first['unit']}", f"{theirs} {first['unit']}",
                 f"{figure} {first['figure_unit']}".strip(), first["reach"], first["met"], str(len(taken))]  # fmt: skip
        yield f"| {' | '.join(cells)} |"
    yield ""
    groups = {one["rows"]: one["measured"] for one in found}
    for measured in dict.fromkeys(groups.values()):
        yield f"- {', '.join(f'`{name}`' for name, said in groups.items() if said == measured)}: {measured}."
