"""What is said of runs made elsewhere, as key=value, and what their study keeps of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import pandas as pd
import yaml

from dissect.design import Component
from dissect.errors import InputError
from dissect.measure.metric import Metric


@dataclass(frozen=True)
class Asked:
    """What the user says of the runs; see EXTENDING.md, "Runs made elsewhere"."""

    metric: str | None = None
    better: str | None = None
    unit: str | None = None
    times: float | None = None
    label: str | None = None
    control: str | None = None
    ladder: tuple[str, ...] = ()
    variant: str | None = None
    seed: str | None = None
    components: tuple[str, ...] = ()
    planned: tuple[str, ...] = ()
    epoch: str = "last"
    name: str | None = None
    reader: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Elsewhere:
    """What is kept of runs made elsewhere: `notes` for the page, what components say of themselves, the order of a
    ladder where there is one (`ordered`), curves by run, and kinds of contrasts that are said to have been planned."""

    notes: Sequence[str]
    declared: Mapping[str, Component] = field(default_factory=dict)
    ladder: Sequence[str] = ()
    ordered: bool = False
    curves: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    planned: Sequence[str] = ()


def asked(said: Mapping[str, Any]) -> Asked:
    """What was said as key=value.

    Raises:
        InputError: for a key that is none, and a value that cannot be one.
    """
    known = [one.name for one in fields(Asked)]
    found: dict[str, Any] = {}
    reader: dict[str, Any] = {}
    for key, value in said.items():
        first, _, rest = key.partition(".")
        if first == "reader":
            reader |= {rest or "_target_": yaml.safe_load(value) if rest and isinstance(value, str) else value}
        elif key not in known:
            raise InputError(f"{key}={value}: no such setting of a report; there are {', '.join(known)}")
        elif key in ("ladder", "components", "planned"):
            found[key] = tuple(part.strip() for part in value.split(",")) if isinstance(value, str) else tuple(value)
        elif key == "times":
            try:
                found[key] = float(value)
            except ValueError as problem:
                raise InputError(f"times={value}: must be a number, such as 100 for fractions as points") from problem
        elif value is not None:
            found[key] = value if isinstance(value, str) else str(value)
    return Asked(**found, reader=reader or None)


def metric_of(said: Asked, values: Sequence[Any]) -> dict[str, Any]:
    """The metric as results describe it."""
    if said.better is None:
        raise InputError(f"metric={said.metric}: which way is better is not known; give better=higher or better=lower")
    finite = [value for value in values if value is not None]
    if not finite:
        raise InputError(f"metric={said.metric}: no run has a number for it")
    shares = said.unit == "points" and all(0 <= value <= 1 for value in finite if value == value)
    times = said.times if said.times is not None else 100.0 if shares else 1.0
    described = {"label": said.label or said.metric, "unit": said.unit or "", "better": said.better, "times": times}
    Metric.from_config({"name": said.metric, **described})
    return {"name": said.metric, **described}
