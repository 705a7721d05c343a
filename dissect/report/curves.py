"""A metric by epoch, as each run's `metrics.csv` has it."""

from collections.abc import Collection, Iterable
from pathlib import Path

import pandas as pd

from dissect.errors import InputError
from dissect.report.study import Study
from dissect.store.reading import table
from dissect.store.record import curve_of

COLUMNS = ["variant", "seed", "epoch", "part", "value"]


def curve_columns(columns: Iterable[str], name: str) -> dict[str, str]:
    """The columns of `metrics.csv` that a metric's curves are in, with the part that each is of.

    {"val/loss": "validation", "train/loss": "training"}: the first of loss, val_loss and val/loss, and the same with
    train for val, where there are such.
    """
    known = list(columns)
    found = curve_of(dict.fromkeys(known), name)
    if found is None:
        return {}
    parts = {found: "training" if found.startswith("train") else "validation"}
    trained = found.replace("val", "train", 1)
    return parts | ({trained: "training"} if trained != found and trained in known else {})


def _epochs(study: Study, path: Path) -> pd.DataFrame:
    if study.elsewhere is None:
        return pd.read_csv(table(path))
    if (curve := study.elsewhere.curves.get(path.parent.name)) is None:
        raise FileNotFoundError
    return curve


def read_curves(study: Study, chosen: Collection[str]) -> pd.DataFrame:
    """The shown metric by epoch of the chosen variants: COLUMNS, `part` being training or validation.

    A run without `metrics.csv` (an ensemble), or without this metric in it, has no curve.

    Raises:
        InputError: for a `metrics.csv` that is damaged.
    """
    frames = []
    runs = study.compared[study.compared["variant"].isin(list(chosen))]
    for folder, variant, seed in zip(runs["folder"], runs["variant"], runs["seed"], strict=True):
        path = study.path / folder / "metrics.csv"
        try:
            epochs = _epochs(study, path)
            parts = curve_columns(epochs.columns, study.metric.name)
            epochs = epochs[["epoch", *parts]].astype(float)
        except FileNotFoundError:
            continue
        except (ValueError, KeyError) as problem:
            mend = "delete this run's folder and train it again"
            raise InputError(f"{path}: cannot be read ({problem}); {mend}") from problem
        long = epochs.rename(columns=parts).melt("epoch", var_name="part", value_name="value").dropna()
        frames.append(long.assign(variant=variant, seed=seed))
    frames = [frame for frame in frames if len(frame)]
    return pd.concat(frames, ignore_index=True)[COLUMNS] if frames else pd.DataFrame(columns=COLUMNS)
