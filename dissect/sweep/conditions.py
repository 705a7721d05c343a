"""Sweeps over settings: what may lie in one folder, and is refused before the first run where it may not."""

from collections.abc import Iterable

from dissect.composing.job import Job
from dissect.composing.plain import leaves, plain
from dissect.errors import InputError


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


def differing(one: Job, other: Job) -> list[str]:
    """The keys in which the bases of two runs differ, "optimizer.lr"; those that name things last."""
    ours, theirs = leaves(plain(one.variant.base)), leaves(plain(other.variant.base))
    keys = [key for key in {**ours, **theirs} if ours.get(key) != theirs.get(key) and key != "seed"]
    return sorted(keys, key=lambda key: key.split(".")[0] in ("name", "runs", "deltas", "components"))[:4]
