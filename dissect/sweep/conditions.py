"""Sweeps over settings: a study's conditions, and what is refused before the first run as nothing could show it."""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from hydra.core.override_parser.types import Override

from dissect.composing.job import Job
from dissect.composing.overrides import key_of
from dissect.composing.plain import leaves, plain
from dissect.composing.schema import UNFELT
from dissect.errors import InputError
from dissect.planning.manifest import Manifest, read, read_all
from dissect.store import runs as store
from dissect.training.task import data_of

Conditions = dict[str, tuple[list[str], list[list[str]]]]  # label -> the overrides that make it, and all of each run
MOST = 8  # conditions; each two of them are compared


def conditions_of(overrides: Sequence[Override], lists: Iterable[list[str]]) -> Conditions:
    """A sweep's runs by their condition: the values of all keys that are swept over, but for the seed.

    A sweep over seeds alone has one condition, whose label is "".

    Raises:
        InputError: for a key that makes no condition, as no result depends on it, or as it judges on other examples.
    """
    swept = [key_of(str(one.input_line)) for one in overrides if one.is_sweep_override()]
    swept = [key for key in swept if key != "seed"]
    for key in swept:
        if key.split(".")[0] in UNFELT - {"data"} or key.startswith("hydra") or key in ("data.fold", "data.folds"):
            raise InputError(
                f"{key}: is no condition that a study is crossed with, as that is a setting by which other networks "
                "are trained; sweep over it by calls of their own"
            )
    found: Conditions = {}
    for one in lists:
        said = [text for text in one if key_of(text) in swept]
        found.setdefault(", ".join(text.lstrip("+") for text in said), (said, []))[1].append(one)
    if len(found) > MOST:
        raise InputError(f"{', '.join(swept)}: make {len(found)} conditions; {MOST} at most can be compared")
    return found if len(found) > 1 else dict(zip([""], found.values(), strict=False))


def check_conditions(jobs: Iterable[Job]) -> None:
    """Refuse conditions that cannot stand side by side.

    Raises:
        InputError: where two are the same, have other metrics, or are judged on other examples.
    """
    found: dict[str, tuple[str, dict[str, Any]]] = {}
    for job in jobs:
        if job.condition in found:
            continue
        settings, judged = job.variant.settings(job.data), _judged(job)
        for label, (others, before) in found.items():
            if settings == others:
                raise InputError(f"{label} and {job.condition}: are the same condition; leave one out")
            for key, value in judged.items():
                if value != before[key]:
                    raise InputError(
                        f"{label} and {job.condition}: are not judged alike ({key} is {before[key]}, then {value}), so "
                        "they cannot stand side by side; make each a study of its own, with name=..."
                    )
        found[job.condition] = settings, judged


def refuse_other_conditions(path: Path, now: Manifest) -> None:
    """Refuse a study in a folder where another one was planned in other conditions, as a report shows both.

    Raises:
        InputError: naming that plan.
    """
    for other in sorted(path.parent.glob("manifest-*.json")):
        before = read(other) if other.name != path.name else None
        if before is not None and list(before.conditions) != list(now.conditions):
            told = [", ".join(one.conditions) or "none" for one in (before, now)]
            raise InputError(
                f"{other}: was planned in other conditions ({told[0]}) than are asked for now "
                f"({told[1]}); begin another folder with name=..."
            )


def _judged(job: Job) -> dict[str, Any]:
    """By what, and on which examples, a run is judged, as far as that is known before."""
    config = job.variant.config
    facts = data_of(config).facts
    counts = facts.get("examples") or {}
    metric = {f"metric.{key}": config.metric[key] for key in ("name", "unit", "better", "times")}
    data = {"the data": facts.get("name"), "the judge": facts.get("judge")}
    return {**metric, **data, "the number of examples": counts.get("validation")}


def refuse_several_settings(jobs: Iterable[Job]) -> None:
    """Refuse runs of one folder that no report would compare with each other.

    Raises:
        InputError: naming the keys in which their settings differ.
    """
    first: dict[str, tuple[Job, str]] = {}
    known: dict[tuple[int, str], str] = {}
    for job in jobs:
        base = (id(job.variant.base), job.data)  # which all seeds share
        settings = known[base] if base in known else known.setdefault(base, job.variant.settings(job.data))
        other, before = first.setdefault(str(job.folder.parent), (job, settings))
        if settings != before:
            keys = differing(other, job)
            listed = ", ".join(keys) or "the data"
            one = next(iter(keys), "data.name")
            raise InputError(
                f"{listed}: runs that differ in more than components and seeds are not compared with each other, so "
                f"they do not go into one folder; give each its own: 'name={job.variant.config.name}-${{{one}}}'"
            )


def refuse_other_steps(jobs: Iterable[Job], path: Path | None = None) -> None:
    """Refuse steps that have other components than those of this name in their folder, which a report takes for one.

    Args:
        path: of a manifest that is to be written anew, and says nothing.

    Raises:
        InputError: naming both.
    """
    plans: dict[Path, list[Manifest]] = {}
    for job in {(job.folder.parent, job.variant.name): job for job in jobs}.values():
        name, ours = job.variant.name, set(job.variant.components)
        if not re.fullmatch(r"step\d+", name):  # any other name says which they are
            continue
        if job.folder.parent not in plans:
            plans[job.folder.parent] = read_all(job.folder.parent)
        for where, theirs in _steps(job.folder.parent, plans[job.folder.parent], name, path):
            if theirs != ours:
                told = [" and ".join(sorted(parts)) or "no component" for parts in (ours, theirs)]
                raise InputError(
                    f"ladder={list(job.variant.config.ladder)}: {name} has {told[0]}, and in {where} it has {told[1]}; "
                    "a folder has one ladder, which may become longer: begin another folder with name=..."
                )


def _steps(study: Path, plans: Iterable[Manifest], name: str, path: Path | None) -> Iterator[tuple[Path, set[str]]]:
    """What a study's plans and, in one of its finished runs, the store have as a step's components."""
    for plan in plans:
        other = study / f"manifest-{plan.study}.json"
        for label, entry in plan.variants.items():
            if other != path and entry.get("variant", label) == name and "components" in entry:
                yield other, set(entry["components"])
    for folder in sorted(study.glob(f"{name}-seed*")):
        with suppress(InputError):  # it is damaged, which others say
            result = store.read_result(folder)
            if result and result.get("status") == "finished" and isinstance(result.get("components"), dict):
                yield folder, set(result["components"])
                return


def stray(job: Job) -> str:
    """What is to be said before a run whose folder has plans of other settings or code; mostly nothing."""
    plans = read_all(job.folder.parent)
    planned = {one.get("settings") for plan in plans for one in plan.variants.values()} - {None}
    if not planned or (job.variant.member_of or job.variant).settings(job.data) in planned:
        return ""
    path = job.folder.parent / f"manifest-{plans[0].study}.json"
    return (
        f"note: {job}: its settings or code are not those of {path}, so the report leaves it out; name=... gives it a "
        "folder of its own"
    )


def differing(one: Job, other: Job) -> list[str]:
    """The keys in which the bases of two runs differ, "optimizer.lr"; those that name things last."""
    ours, theirs = leaves(plain(one.variant.base)), leaves(plain(other.variant.base))
    keys = [key for key in {**ours, **theirs} if ours.get(key) != theirs.get(key) and key != "seed"]
    return sorted(keys, key=lambda key: key.split(".")[0] in ("name", "runs", "deltas", "components"))[:4]
