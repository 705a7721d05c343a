"""Reading a study, whoever made its runs."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from dissect.elsewhere.asked import asked
from dissect.errors import InputError
from dissect.report.study import Study, read_study, study_of
from dissect.store.readers import find, is_elsewhere, is_study
from dissect.store.readers.found import Found


def read(source: str | Path | pd.DataFrame, runs: Path = Path("runs"), **said: Any) -> Study:
    """A study: a folder of dissect's own runs, a table of runs, or whatever a reader knows.

    Args:
        source: a study's name below `runs`, its folder, a file, `wandb:entity/project`, or a DataFrame, a row a run.
        said: `metric` and `better` for all; for runs made elsewhere also the others of `elsewhere.asked.Asked`.

    Raises:
        InputError: for what cannot be read, or may not be compared; and where something is not known and was not said.
    """
    if isinstance(source, pd.DataFrame):
        return study_of(Found("runs", source.reset_index(drop=True)), asked(said))
    text = str(source)
    path = runs / text if (runs / text).is_dir() or not Path(text).is_dir() else Path(text)
    if any(key.partition(".")[0] == "reader" for key in said) or (not is_study(path) and is_elsewhere(text)):
        own = asked(said)
        found = study_of(find(text, own.reader), own)
        return found if own.name else replace(found, file=Path(text))
    for key, value in said.items():
        if key not in ("metric", "better"):
            raise InputError(
                f"{key}={value}: no such setting of a report; say metric=NAME, and better=higher or better=lower; "
                "others are of runs made elsewhere"
            )
    if said.get("better") is not None and said.get("metric") is None:
        raise InputError(f"better={said['better']}: the study's own metric says that itself; name another: metric=NAME")
    if not path.is_dir() and (Path(text).suffix or ":" in text):
        find(text)  # says what could be read
    return read_study(path, said.get("metric"), said.get("better"))
