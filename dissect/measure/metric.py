"""What runs are compared by: its name, its unit, and which way is better."""

import re
from collections.abc import Iterable, Mapping
from math import floor, isfinite, log10
from typing import Any, NamedTuple

from dissect.errors import InputError

WAYS = {"higher": 1, "lower": -1}
DESCRIBED = ("label", "unit", "better", "times")


def ten_crop_called(views: float | None) -> str:
    """Where labels do not survive a mirror fewer of the ten crops are left: the word stays, the number is said."""
    return "ten-crop" if views in (None, 10) else f"ten-crop ({views:g} views)"


class Metric(NamedTuple):
    """A metric as the config describes it.

    A value is kept everywhere as it was logged (accuracy as a fraction). A gain, treated minus control, is `times` the
    difference, in `unit`; so is a level, with "%" for a unit of points. `others` describes further metrics: name ->
    `label`, `unit`, `better`, `times`.
    """

    name: str
    label: str
    unit: str
    better: str
    times: float = 1.0
    others: Mapping[str, Mapping[str, Any]] = {}
    judge: str = "validation"  # on which examples, "" where that is not known

    @classmethod
    def from_config(cls, said: Mapping[str, Any], where: str = "metric") -> "Metric":
        """The metric that the config's `metric`, or that of `result.json`, describes; a label left out is the name.

        Raises:
            InputError: naming the key below `where`, its value and what it must be.
        """
        name = said.get("name")
        if not isinstance(name, str) or not name:
            raise InputError(f"{where}.name={_quoted(name)}: must be a name under which runs log it: val/loss")
        others = said.get("others") or {}
        if not isinstance(others, Mapping) or not all(isinstance(one, Mapping) for one in others.values()):
            raise InputError(f"{where}.others={others}: must map names to descriptions: {{loss: {{better: lower}}}}")
        own = {key: value for key, value in said.items() if key not in ("name", "others", "judge")}
        described = {
            other: _described(other, one, f"{where}.others.{other}") for other, one in others.items() if other != name
        }  # a config that makes another one primary leaves it among them
        return cls(name, **_described(name, own, where), others=described, judge=str(said.get("judge", "validation")))

    @property
    def sign(self) -> int:
        """+1 where higher is better, -1 where lower is: what a gain is multiplied by to see whether it helps."""
        return WAYS[self.better]

    def other(self, name: str, better: str | None = None) -> "Metric":
        """The metric `name` of the same runs: this one, one of `others`, or, where `better` is said, any other.

        Raises:
            InputError: for one that is not described while `better` does not say which way is better.
        """
        described = self._asdict() if name == self.name else self.others.get(name)
        if described is None and better is None:
            raise InputError(f"metric={name}: which way is better is not known; give better=higher or better=lower")
        said = {key: value for key, value in (described or {}).items() if key in DESCRIBED}
        mine = {key: getattr(self, key) for key in DESCRIBED}
        others = {key: one for key, one in {**self.others, self.name: mine}.items() if key != name}
        found = _described(name, {**said, "better": better or said["better"]}, "" if better else "metric")
        return Metric(name, **found, others=others, judge=self.judge)

    @property
    def symbol(self) -> str:
        """The unit of a level: "%" for points, which are of differences alone."""
        return "%" if self.unit == "points" else self.unit

    @property
    def head(self) -> str:
        """A column of levels: "accuracy, %", "loss, nats"."""
        return f"{self.label}, {self.symbol}" if self.symbol else self.label

    @property
    def axis(self) -> str:
        """An axis of levels: "accuracy, %", "loss, nats (lower is better)"."""
        return self.head if self.better == "higher" else f"{self.head} (lower is better)"

    @property
    def held_out(self) -> str:
        """What it is called where it stands beside that of training: "validation accuracy"."""
        told = re.search("val|train|test|tuning", self.label, re.IGNORECASE)
        return self.label if told or not self.judge else f"{self.judge} {self.label}"

    @property
    def gain_axis(self) -> str:
        """An axis of gains: "gain, percentage points", "gain in loss, nats (lower is better)"."""
        unit = {"": "", "points": ", percentage points"}.get(self.unit, f", {self.unit}")
        return f"gain{unit}" if self.better == "higher" else f"gain in {self.label}{unit} (lower is better)"

    def digits(self, gains: Iterable[float]) -> int:
        """Decimals with which such gains are written: one for points, else two figures of the middle one."""
        if self.unit == "points":
            return 1
        sizes = sorted(abs(gain) for gain in gains if isfinite(gain) and gain)
        return min(max(1 - floor(log10(sizes[len(sizes) // 2])), 0), 9) if sizes else 2

    def level(self, value: float, digits: int | None = None) -> str:
        """A value as it was logged, in words: "44.90%", "1.234 nats"; a dash for NaN.

        Without `digits`: two for points, else four figures.
        """
        number = self.number(value, digits)
        return number if number == "–" or not self.unit else f"{number}{'%' if self.symbol == '%' else ' ' + self.unit}"

    def number(self, value: float, digits: int | None = None) -> str:
        """`level` without the unit."""
        if not isfinite(value):
            return "–"
        scaled = value * self.times
        if digits is None:
            digits = 2 if self.unit == "points" or not scaled else min(max(3 - floor(log10(abs(scaled))), 0), 9)
        return f"{scaled:z.{digits}f}".replace("-", "−")

    def gain(self, value: float, digits: int = 1) -> str:
        """A gain in `unit`, in words: "+4.4 points", "−0.12 nats"; a dash for NaN."""
        return self.with_unit(f"{value:+z.{digits}f}".replace("-", "−")) if isfinite(value) else "–"

    def with_unit(self, number: str) -> str:
        return f"{number} {self.unit}".strip()


def _described(name: str, said: Mapping[str, Any], where: str) -> dict[str, Any]:
    """`label`, `unit`, `better` and `times` of one metric, checked."""
    dot = f"{where}." if where else ""
    if unknown := [key for key in said if key not in DESCRIBED]:
        raise InputError(f"{dot}{unknown[0]}={said[unknown[0]]}: no such key; a metric has {', '.join(DESCRIBED)}")
    better, times = said.get("better"), said.get("times", 1)
    if better not in WAYS:
        raise InputError(f"{dot}better={_quoted(better)}: must be higher or lower, whichever is better of {name}")
    if isinstance(times, bool) or not isinstance(times, int | float) or not 0 < times < float("inf"):
        raise InputError(f"{dot}times={_quoted(times)}: must be a number above 0, such as 100 for fractions as points")
    # No unit is one, as of R squared.
    return {"label": str(said.get("label") or name), "unit": str(said.get("unit") or ""), "better": better,
            "times": float(times)}  # fmt: skip


def _quoted(value: object) -> str:
    return "null" if value is None else str(value) or "''"
