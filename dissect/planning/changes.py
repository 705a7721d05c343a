"""What was frozen beside what is asked for now: what differs, and what may be done about it.

The user's own code is kept as it was, `manifest-<study>.code/mine.py`, so that its changes are told by file and line.
"""

import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dissect.composing.identity import code_in
from dissect.composing.plain import leaves
from dissect.composing.syntax import what_changed
from dissect.errors import InputError
from dissect.files import whole
from dissect.planning.manifest import Manifest

KINDS = ("level", "smallest", "power", "looks", "variances")  # terms of the plan, on which no run depends


def kept_sources(path: Path) -> Path:
    """The folder of a manifest's own code."""
    return path.with_suffix(".code")


def keep_sources(path: Path, plan: Manifest) -> None:
    """Keep the own code of a plan's variants beside its manifest, in the place of an earlier plan's."""
    with suppress(FileNotFoundError):
        shutil.rmtree(kept_sources(path))
    for name, text in _texts(one["config"] for one in plan.variants.values()).items():
        with whole(kept_sources(path) / name) as file:
            file.write(text)


def changed_sources(path: Path, configs: Iterable[Mapping[str, Any]]) -> list[str]:
    """The files and lines in which own code differs from what was kept; nothing where none was."""
    folder = kept_sources(path)
    if not folder.is_dir():
        return []
    files = (file for file in sorted(folder.rglob("*")) if file.is_file())
    kept = {str(file.relative_to(folder)): file.read_text(encoding="utf-8") for file in files}
    return what_changed(kept, _texts(configs))


def _texts(configs: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for config in configs:
        found |= code_in({key: value for key, value in config.items() if key not in ("plan", "logger")}).texts()
    return found


def refuse_other_code(path: Path, frozen: Manifest) -> None:
    """Refuse to go on as frozen with code that is another by now.

    Raises:
        InputError: naming the file and its lines.
    """
    if changes := changed_sources(path, [one["config"] for one in frozen.variants.values()]):
        raise InputError(
            f"{path}: code has changed since this study was frozen on {frozen.frozen[:10]}: {'; '.join(changes[:4])}. "
            f"Undo that (as it was: {kept_sources(path)}), or begin another study with name=..."
        )


def refuse_changes(path: Path, frozen: Manifest, now: Manifest) -> None:
    """Refuse to mix what was frozen with what the YAML files and the command line say now.

    Raises:
        InputError: naming what differs, and what to do. More seeds are no difference.
    """
    told = {"looks": "plan.looks or seeds"}
    terms = [f"{told.get(name, f'plan.{name}')} ({getattr(frozen, name)}, now {getattr(now, name)})"
             for name in KINDS if getattr(frozen, name) != getattr(now, name)]  # fmt: skip
    terms += [f"metric.{key} ({frozen.metric.get(key)}, now {now.metric[key]})"
              for key in ("name", "unit", "better", "times")  # a label is but a word
              if frozen.metric.get(key) != now.metric[key]]  # fmt: skip
    runs = [f"plan.search.{key} ({frozen.tuned.get(key)}, now {now.tuned.get(key)})" for key in frozen.tuned | now.tuned
            if key != "chosen" and frozen.tuned.get(key) != now.tuned.get(key)]  # fmt: skip
    runs += [f"the data ({frozen.pixels}, now {now.pixels})"] if frozen.pixels != now.pixels else []
    code = False
    for name in {**frozen.variants, **now.variants}:
        before, after = frozen.variants.get(name), now.variants.get(name)
        if before is None or after is None:
            terms.append(f"the variant {name} ({'not ' if before is None else ''}planned)")
        elif before["key"] != after["key"]:
            ours, theirs = leaves(before["config"]), leaves(after["config"])
            keys = [key for key in {**ours, **theirs} if not key.startswith("plan.")]
            felt = [key for key in keys if ours.get(key) != theirs.get(key)]
            runs += [f"{key} ({ours.get(key)}, now {theirs.get(key)})" for key in felt]
            code = code or not felt
    if code:
        changes = changed_sources(path, [one["config"] for one in now.variants.values()])
        runs.append(f"the code ({'; '.join(changes[:4])})" if changes else "the code of its network, data or recipe")
    if not runs and not terms and [asdict(one) for one in frozen.contrasts] != [asdict(one) for one in now.contrasts]:
        terms.append("the planned contrasts")
    differing = list(dict.fromkeys([*runs, *terms]))
    if not differing:
        return
    more = f"; and {len(differing) - 4} more" if len(differing) > 4 else ""
    if code:
        there = f" (as it was: {kept_sources(path)})" if kept_sources(path).is_dir() else ""
        mend = f"Undo that{there}, or begin another with name=..."
    elif runs:
        mend = "Go on as frozen with plan.frozen=true, or begin another with name=..."
    else:
        mend = f"Go on as frozen with plan.frozen=true; or ask this too, of the same runs, as a plan beside it: " \
               f"plan.name={_another(path)}"  # fmt: skip
    raise InputError(
        f"{path}: this study was frozen on {frozen.frozen[:10]} and differs from what is asked for now in "
        f"{'; '.join(differing[:4])}{more}. {mend}"
    )


def _another(path: Path) -> str:
    """A name that no plan of the folder has."""
    name = path.stem.removeprefix("manifest-")
    number = 2
    while path.with_name(f"manifest-{name}{number}.json").exists():
        number += 1
    return f"{name}{number}"
