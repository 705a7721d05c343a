"""What a search leaves in its study's folder: `tuned/<variant>.yaml`, a config of the group `tuned`, and its trials."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from dissect.errors import InputError
from dissect.files import whole
from dissect.search.draws import Setting

COLUMNS = ["variant", "round", "trial", "learning_rate", "weight_decay", "seeds", "accuracy", "loss", "runs"]
AGAIN = "delete it and give the search's command again, which trains nothing that is finished"


@dataclass(frozen=True)
class Trial:
    """A setting that was tried: its round and its place in it, both from 0, and what came of it.

    `accuracy` (a fraction) and `loss` (nats) are means over `seeds` on the tuning split, None where a run diverged.
    `runs` are the names of its runs' folders.
    """

    variant: str
    round: int
    trial: int
    setting: Setting
    seeds: tuple[int, ...]
    accuracy: float | None
    loss: float | None
    runs: tuple[str, ...]


def best_of(trials: Sequence[Trial]) -> Trial | None:
    """The trial of the highest accuracy, of equal ones that of the lowest loss; None where all diverged.

    Equal ones are no rarity: a reduced set holds out few images.
    """
    ended = [(one.accuracy, -one.loss, one) for one in trials if one.accuracy is not None and one.loss is not None]
    return max(ended, key=lambda scored: scored[:2])[2] if ended else None


def write_trials(study: Path, variant: str, trials: Sequence[Trial]) -> Path:
    """The table that `read_trials` reads; a setting that diverged has no accuracy in it."""
    rows = [
        (one.variant, one.round + 1, one.trial + 1, *one.setting, " ".join(map(str, one.seeds)), one.accuracy, one.loss,
         " ".join(one.runs))
        for one in trials
    ]  # fmt: skip
    path = study / "tuned" / f"{variant}.csv"
    with whole(path) as file:
        pd.DataFrame(rows, columns=COLUMNS).to_csv(file, index=False, lineterminator="\n")
    return path


def read_trials(study: Path) -> pd.DataFrame:
    """The trials of every variant that was searched in a study: COLUMNS, `round` and `trial` from 1.

    Raises:
        InputError: for a study without a search, or a table that is damaged.
    """
    paths = sorted((study / "tuned").glob("*.csv"))
    if not paths:
        raise InputError(
            f"{study}: holds no search; make one: python -m dissect +study=random_search name={study.name}"
        )
    frames = []
    for path in paths:
        try:
            frame = pd.read_csv(path, dtype={"variant": str, "seeds": str, "runs": str})[COLUMNS]
            numbers = ["round", "trial", "learning_rate", "weight_decay", "accuracy", "loss"]
            frames.append(frame.astype(dict.fromkeys(numbers, float) | {"round": int, "trial": int}))
        except (OSError, ValueError, KeyError) as problem:
            raise InputError(f"{path}: cannot be read ({problem}); {AGAIN}") from problem
    return pd.concat(frames, ignore_index=True)


def write_tuned(study: Path, best: Trial, *, trials: int, data: str) -> Path:
    """The best setting as a config that `+tuned=<variant>` adds, with where it comes from.

    Args:
        data: what it was chosen on, to be read by a person.
    """
    path = study / "tuned" / f"{best.variant}.yaml"
    seeds = f"seed{'' if len(best.seeds) == 1 else 's'} {', '.join(map(str, best.seeds))}"
    with whole(path) as file:
        file.write(
            "# @package _global_\n"
            f"# {best.variant}: the best of {trials} settings by random search, {datetime.now(UTC):%Y-%m-%d}:\n"
            f"# tuning accuracy {best.accuracy or 0.0:.2%} ({seeds}) on {data}.\n"
            f"train: {{learning_rate: {best.setting.learning_rate!r}, weight_decay: {best.setting.weight_decay!r}}}\n"
        )
    return path
