"""Where a study's runs, and what it is made of, lie near a folder from which they were asked for and are not there."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path

_UP = 3  # folders above this one
_BESIDE = 300  # folders looked into in each


def nearby(wanted: Sequence[str], study: Path, beside: Iterable[Path] = ()) -> str:
    """What is to be added to an error: "; /home/me/project has nets.py, and 6 runs in runs/mine", or "".

    Args:
        wanted: names that what is missing may have, "nets.py" and "nets"; none where only runs are looked for.
        study: the folder of runs as the call says it; below this one, it is looked for below others too.
        beside: more folders to look into, with those above them.
    """
    here, found = Path.cwd(), []
    inside = study.absolute()
    inside = inside.relative_to(here) if inside.is_relative_to(here) else inside
    for folder in dict.fromkeys(_around(here, beside)):
        with suppress(OSError):  # a folder that is nobody's business
            there = next((name for name in wanted if folder != here and (folder / name).exists()), "")
            count = 0 if inside.is_absolute() else _runs(folder / inside)
            runs = f"{count} runs in {inside}" if count else ""
            if there or runs:
                found.append(f"{folder} has {', and '.join(filter(None, (there, runs)))}")
    if inside.is_absolute() and (count := _runs(inside)):
        found.append(f"{count} runs are in {inside}")
    return "".join(f"; {one}" for one in found[:3])


def _around(here: Path, beside: Iterable[Path]) -> Iterator[Path]:
    for start in [*(one.resolve() for one in beside), here]:
        for folder in [start, *start.parents][: _UP + 1]:
            if folder != folder.parent:  # of the root there is too much
                yield folder
                with suppress(OSError):
                    inner = (one for one in sorted(folder.iterdir())[:_BESIDE] if one.name[0] != "." and one.is_dir())
                    yield from inner


def _runs(study: Path) -> int:
    return sum(1 for _ in islice(study.glob("*/result.json"), 100_000))
