"""Components that do nothing: two variants of a sweep whose runs are the same in every seed."""

from collections.abc import Mapping, Sequence
from typing import Any

from dissect.composing.job import Job
from dissect.planning.conditions import at
from dissect.store.record import kept_as


class Alike:
    """Says of a variant whose runs are its control's, when the second of them is there.

    The control is the variant with the most of its components besides; one that only averages runs has none.

    Args:
        jobs: all that the sweep asks for, which tell what there is to be compared.
    """

    def __init__(self, jobs: Sequence[Job]) -> None:
        parts = {_name(job): frozenset(job.variant.components) for job in jobs if not job.averages}
        where = {_name(job): job.condition for job in jobs}
        smaller = {
            name: [one for one in parts if parts[one] < own and where[one] == where[name]]
            for name, own in parts.items()
        }
        self._control = {name: max(under, key=lambda one: len(parts[one])) for name, under in smaller.items() if under}
        self._results: dict[str, dict[int, Mapping[str, Any]]] = {}
        self._told: set[str] = set()
        self._called = {_name(job): job.called for job in jobs}

    def remark(self, job: Job, result: Mapping[str, Any] | None) -> str:
        """What is to be said now that this run is finished; mostly nothing."""
        name = _name(job)
        if result is None or job.averages or job.variant.member_of:
            return ""
        self._results.setdefault(name, {})[job.variant.seed] = result
        pairs = [(one, under) for one, under in self._control.items() if name in (one, under) and one not in self._told]
        said = [self._same(*pair) for pair in pairs]
        return "\n".join(filter(None, said))

    def _same(self, name: str, control: str) -> str:
        ours, theirs = (self._results.get(one, {}) for one in (name, control))
        seeds = sorted(ours.keys() & theirs.keys())
        if len(seeds) < 2 or any(not kept_as(ours[s]) or kept_as(ours[s]) != kept_as(theirs[s]) for s in seeds):
            return ""
        self._told.add(name)
        pair = f"{self._called[name]} is identical to {self._called[control]}"
        return f"note: {pair} {on_all(ours[seeds[0]])} in every seed: is it switched on?"


def _name(job: Job) -> str:
    return at(job.variant.name, job.condition)


def on_all(result: Mapping[str, Any]) -> str:
    examples = (result["data"].get("examples") or {}).get("validation")
    return f"on all {examples:,} examples" if examples else "in all that was measured"
