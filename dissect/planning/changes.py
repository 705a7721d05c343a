"""What was frozen beside what is asked for now: what differs, and what may be done about it.

The user's own code is kept as it was, `manifest-<study>.code/mine.py`, so that its changes are told by file and line.
"""

import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dissect.composing.identity import code_in, differing
from dissect.composing.syntax import what_changed
from dissect.errors import InputError
from dissect.files import whole
from dissect.planning.manifest import Manifest, read

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
    called = {"looks": "plan.looks or seeds"}
    terms = [f"{called.get(name, f'plan.{name}')} ({getattr(frozen, name)}, now {getattr(now, name)})"
             for name in KINDS if getattr(frozen, name) != getattr(now, name)]  # fmt: skip
    terms += [f"metric.{key} ({frozen.metric.get(key)}, now {now.metric[key]})"
              for key in ("name", "unit", "better", "times")  # a label is but a word
              if frozen.metric.get(key) != now.metric[key]]  # fmt: skip
    runs = [f"plan.search.{key} ({frozen.tuned.get(key)}, now {now.tuned.get(key)})" for key in frozen.tuned | now.tuned
            if key != "chosen" and frozen.tuned.get(key) != now.tuned.get(key)]  # fmt: skip
    runs += [f"the data ({frozen.pixels}, now {now.pixels})"] if frozen.pixels != now.pixels else []
    moved = [name for name in {**frozen.variants, **now.variants} if _key(frozen, name) != _key(now, name)]
    for name in moved:
        before, after = frozen.variants.get(name), now.variants.get(name)
        if before is None or after is None:
            terms.append(f"the variant {name} ({'not ' if before is None else ''}planned)")
        else:
            runs += differing(before["config"], after["config"])
    common = [name for name in moved if name in frozen.variants and name in now.variants]
    code = _code(path, now, known=bool(runs)) if common else ""
    if (
        not code
        and not runs
        and not terms
        and [asdict(one) for one in frozen.contrasts] != [asdict(one) for one in now.contrasts]
    ):
        terms.append("the planned contrasts")
    told = list(dict.fromkeys([*([code] if code else []), *runs, *terms]))
    if not told:
        return
    more = f"; and {len(told) - 4} more" if len(told) > 4 else ""
    if code:
        there = f" (as it was: {kept_sources(path)})" if kept_sources(path).is_dir() else ""
        mend = (
            f"Undo that{there}, or begin another with name=...; a new idea in a module of its own, which its component "
            "alone names, leaves these runs as they are"
        )
    elif runs:
        mend = "Go on as frozen with plan.frozen=true, or begin another with name=..."
    else:
        mend = f"Go on as frozen with plan.frozen=true; or ask this too, of the same runs, as a plan beside it: " \
               f"plan.name={_another(path, now)}"  # fmt: skip
    raise InputError(
        f"{path}: this study was frozen on {frozen.frozen[:10]} and differs from what is asked for now in "
        f"{'; '.join(told[:4])}{more}. {mend}"
    )


def refuse_other_settings(path: Path, now: Manifest) -> None:
    """Refuse a plan in a folder whose other plans have none of its settings: no report would show them together.

    Raises:
        InputError: naming that plan, and what differs.
    """
    ours = {one["settings"]: one for one in now.variants.values()}
    for other in sorted(path.parent.glob("manifest-*.json")):
        before = read(other) if other.name != path.name else None
        if before is None or ours.keys() & {one.get("settings") for one in before.variants.values()}:
            continue
        theirs, mine = next(iter(before.variants.values())), next(iter(ours.values()))
        keys = differing(theirs["base"], mine["base"])
        data = [f"the data ({before.pixels}, now {now.pixels})"] if before.pixels != now.pixels else []
        code = _code(other, now, known=bool(keys or data))
        listed = "; ".join([*filter(None, [code]), *keys, *data][:4])
        raise InputError(
            f"{other}: was planned with other settings or code than are asked for now, in {listed}; begin another "
            "folder with name=..., as runs of both are not compared with each other"
        )


def _key(plan: Manifest, name: str) -> str | None:
    return plan.variants[name]["key"] if name in plan.variants else None


def _code(path: Path, now: Manifest, *, known: bool) -> str:
    """In what the code differs from that of a plan; "" where it does not, which nobody can tell but for what is kept.

    Args:
        known: whether something else has been found to differ.
    """
    if changes := changed_sources(path, [one["config"] for one in now.variants.values()]):
        return f"the code ({'; '.join(changes[:4])})"
    return "" if known else "the code of its network, data or recipe"


def _another(path: Path, now: Manifest) -> str:
    """A name that no plan of the folder has, or that of the one that asks just this."""
    name, asked = path.stem.removeprefix("manifest-"), {one["key"] for one in now.variants.values()}
    number = 2
    while (other := path.with_name(f"manifest-{name}{number}.json")).exists():
        before = read(other)
        if before is not None and {one["key"] for one in before.variants.values()} == asked:
            break
        number += 1
    return f"{name}{number}"
