"""Which column holds the seeds, and what they are."""

from typing import Any

import pandas as pd

from dissect.elsewhere.asked import Asked
from dissect.errors import InputError

SEEDS = ("seed", "random_seed", "rng_seed", "trainer.seed", "cfg.seed", "config.seed")


def seed_column(runs: pd.DataFrame, said: Asked) -> str | None:
    if said.seed == "none":
        return None
    if said.seed is not None and said.seed not in runs:
        raise InputError(f"seed={said.seed}: no such column; there are {', '.join(map(str, runs.columns))}")
    found = said.seed or next((name for name in SEEDS if name in runs), None)
    if found is None:
        raise InputError(
            f"seed=: say in which column the seed stands, or seed=none; there are {', '.join(map(str, runs.columns))}"
        )
    return found


def seeds_of(source: str, runs: pd.DataFrame, column: str | None) -> tuple[list[int | None], list[str]]:
    """The runs' seeds; None where there are none, to be numbered within their variant."""
    if column is None:
        return [None] * len(runs), ["There are no seeds: runs are numbered as they come, so pairing them buys nothing."]
    found: list[int | None] = []
    for place, value in enumerate(runs[column]):
        try:
            number = float(value)
            if number != int(number):
                raise ValueError
        except (TypeError, ValueError, OverflowError) as problem:
            raise InputError(f"{source}: {column}={value!r:.40} in run {place + 1}: a seed must be a whole number") \
                from problem  # fmt: skip
        found.append(int(number))
    return found, []


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
