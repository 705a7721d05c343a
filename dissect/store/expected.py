"""What a run's result.json must hold for those who read it: a seal is no proof of who made it."""

import math
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from dissect.composing.checks import LARGEST
from dissect.errors import InputError
from dissect.store.reading import AGAIN

# What a run came to besides its metrics, None where it is not known.
COSTS = ("parameters", "multiply_adds", "epochs", "train_seconds", "judge_seconds", "examples_per_second")


def check(result: Mapping[str, Any], path: Path) -> None:
    """Refuse a result that nobody who reads results could take.

    Raises:
        InputError: naming the file and the key.
    """
    for key, types in NEEDS.items():
        if not isinstance(result.get(key), types) or isinstance(result[key], bool):
            raise InputError(f"{path}: lacks `{key}`; {AGAIN}")
    if result["status"] == "finished":  # without these nobody could compare it, nor the others beside it
        metric = str(result["metric"].get("name"))
        for part, key in (("metric", "name"), ("data", "name"), ("metrics", metric)):
            if key not in result[part] or (part != "metrics" and not isinstance(result[part][key], str)):
                raise InputError(f"{path}: lacks `{part}.{key}`; {AGAIN}")
    metrics = dict.fromkeys(result["metrics"], NUMBER)
    parts = (("", result, WHOLE), ("data.", result["data"], DATA), ("metrics.", result["metrics"], metrics))
    for part, values, kinds in parts:
        for key, (is_right, what) in kinds.items():
            value = values.get(key)
            if value is not None and not is_right(value):
                raise InputError(f"{path}: {part}{key}={value!r:.80}: must be {what}; {AGAIN}")


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) <= LARGEST if isinstance(value, int) else math.isfinite(value)


def _is_count(value: Any) -> bool:
    return _is_number(value) and isinstance(value, int) and value >= 0


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_moment(value: Any) -> bool:
    try:
        datetime.fromisoformat(value)
    except (ValueError, TypeError):
        return False
    return True


def _mapping_of(is_right: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, Mapping) and all(map(is_right, value.values()))


def _is_count_or_null(value: Any) -> bool:
    return value is None or _is_count(value)


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


def _are_folders(value: Any) -> bool:
    return isinstance(value, list) and all(_is_text(one) and Path(one).name == one for one in value)


Kind = tuple[Callable[[Any], bool], str]
NUMBER: Kind = (_is_number, f"a number, of at most {LARGEST:,}")
COUNT: Kind = (_is_count, "a whole number from 0 on")
TEXT: Kind = (_is_text, "text")
NEEDS = {"key": str, "variant": str, "components": dict, "seed": int, "status": str, "error": str | None,
         "metrics": dict, "metric": dict, "data": dict, "files": dict}  # fmt: skip
# Of what may be left out or null.
WHOLE: Mapping[str, Kind] = {
    **dict.fromkeys(("study", "settings", "member_of", "device", "precision", "commit", "project", "code"), TEXT),
    **dict.fromkeys((*COSTS, "ten_crop"), NUMBER),
    "seed": COUNT,
    "components": (_mapping_of(_is_text), "labels by name"),
    "versions": (_mapping_of(_is_text), "texts by name"),
    "predictions": (_are_texts, "names of arrays"),
    "members": (_are_folders, "names of folders beside this one"),
    "finished": (_is_moment, "a date and time, as 2026-01-31T12:00:00"),
}
DATA: Mapping[str, Kind] = {
    **dict.fromkeys(("name", "digest", "judge"), TEXT),
    **dict.fromkeys(("folds", "fold"), COUNT),
    **dict.fromkeys(("chance", "views"), NUMBER),
    "examples": (_mapping_of(_is_count_or_null), "numbers of examples by part"),
    "left_out": (_mapping_of(_mapping_of(_is_count)), "numbers of files by class and kind"),
}
