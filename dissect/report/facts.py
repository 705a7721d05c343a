"""What a task says of its data, in words."""

from collections.abc import Mapping, Sequence
from typing import Any

TOLD_ELSEWHERE = {"name", "folder", "digest", "judge", "examples", "folds", "fold", "chance", "bytes_known"}
UNSEEN = "Its code and its config are what it is known by: its bytes were not looked at."


def data_called(data: Mapping[str, Any]) -> str:
    """What the data are called: "photos (image_folder)" where they are somebody's folder, else their name."""
    return f"{folder} ({data['name']})" if (folder := data.get("folder")) else str(data["name"])


def facts_text(data: Mapping[str, Any], *, numbers: bool = False) -> str:
    """The task's own facts: "10 classes, size 32, mirror: yes"; what the page says in other places is left out.

    With `numbers` those alone that are one.
    """
    told = {key: value for key, value in data.items() if key not in TOLD_ELSEWHERE and value is not None}
    if numbers:
        told = {key: value for key, value in told.items() if not isinstance(value, bool | str | Mapping)}
    return ", ".join(_fact(key.replace("_", " "), value) for key, value in told.items())


def _fact(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return f"{name}: {'yes' if value else 'no'}"
    if isinstance(value, int):
        return f"{value:,} {name}" if name.endswith("s") else f"{name} {value:,}"
    return f"{name}: {_counts(value) if isinstance(value, Mapping) else value}"


def _counts(by_class: Mapping[str, Any]) -> str:
    """ "cat 2 .txt, dog 1 .nef": of many classes the first ones."""
    told = [
        f"{name} {' + '.join(f'{count} {kind}' for kind, count in sorted(kinds.items()))}"
        if isinstance(kinds, Mapping) else f"{name} {kinds}"
        for name, kinds in by_class.items()
    ]  # fmt: skip
    more = f" and of {len(told) - 10} more" if len(told) > 10 else ""
    return ", ".join(told[:10]) + more


def examples_text(data: Mapping[str, Any]) -> str:
    """ "1,000 training and 797 validation examples", "" where none are counted."""
    counts = [f"{count:,} {part}" for part, count in (data.get("examples") or {}).items() if count is not None]
    return f"{' and '.join(counts)} examples" if counts else ""


def judges(data: Mapping[str, Any]) -> str:
    """The examples that judged the runs: "797 validation examples", or without the number where that is not known."""
    counts = data.get("examples") or {}
    if data.get("judge") == "":
        return "examples"
    count = counts.get(data.get("judge"), counts.get("validation"))
    return f"{count:,} validation examples" if count is not None else "validation examples"


def shared(facts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Of what is said of several data that in which all agree, at any depth."""
    first, *others = facts
    found: dict[str, Any] = {}
    for key, value in first.items():
        values: list[Any] = [value, *(one.get(key) for one in others)]
        if all(isinstance(one, Mapping) for one in values):
            found[key] = shared(values)
        elif all(one == value for one in values):
            found[key] = value
    return found
