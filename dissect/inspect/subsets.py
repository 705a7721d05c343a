"""The accuracy of every subset of an ensemble's members, from what they predicted."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from dissect.errors import InputError
from dissect.inspect.every_subset import LIMIT, Subset, best, full, sizes, subset_accuracies
from dissect.inspect.runs import AGAIN, Run
from dissect.store import runs as store

VIEWS = {"single view": "probabilities", "ten-crop": "probabilities_ten_crop"}
SHOWN = 400  # dots of one number of members; of more subsets, so many evenly spaced in rank, the extremes among them


class Subsets(NamedTuple):
    """The accuracies (2^M,) of every subset, by its mask; the best one and the whole; and the members' own (M,)."""

    accuracies: np.ndarray
    best: Subset
    full: Subset

    @property
    def single(self) -> np.ndarray:
        return self.accuracies[2 ** np.arange(len(self.full.members))]


def subsets_of(run: Run) -> dict[str, Subsets]:
    """Every subset of an ensemble's members, by "single view" and, where all were evaluated so, by "ten-crop".

    Raises:
        InputError: for a run that is no ensemble, too many members, or members that were judged on different images.
    """
    if not run.result.get("members"):
        raise InputError(f"{run.folder}: is one network, which has no subsets; name an ensemble's run")
    if (count := len(run.result["members"])) > LIMIT:
        raise InputError(
            f"{run.folder}: has {count} members, of which there are 2^{count} - 1 subsets; {LIMIT} is the most"
        )
    members = run.members
    kept = [store.read_predictions(member.folder) for member in members]
    for member, predictions in zip(members, kept, strict=True):
        if not {"labels", "probabilities"} <= predictions.keys():
            raise InputError(f"{member.folder}/predictions.npz: lacks labels or probabilities; {AGAIN}")
        if not np.array_equal(predictions["labels"], kept[0]["labels"]):
            raise InputError(
                f"{member.folder}: was judged on other images than {members[0].folder.name} (their labels differ), "
                "so their probabilities may not be averaged; train the ensemble again"
            )
    found = {}
    for view, name in VIEWS.items():
        if all(name in predictions for predictions in kept):
            try:
                accuracies = subset_accuracies(np.stack([one[name] for one in kept]), kept[0]["labels"])
            except ValueError as problem:
                raise InputError(
                    f"{run.folder}: its members' {name} cannot be averaged: {problem}; {AGAIN}"
                ) from problem
            found[view] = Subsets(accuracies, best(accuracies), full(accuracies))
    return found


def caption(found: dict[str, Subsets], seeds: list[int]) -> str:
    """What the figure shows, in words and numbers; `seeds` are the members'."""
    members = len(seeds)
    said = [
        f"Accuracy of the averaged probabilities of every subset of {members} members ({2**members - 1:,} subsets)."
    ]
    for view, ours in found.items():
        best, single = ours.best, 100 * ours.single
        which = f" (seeds {', '.join(str(seeds[m]) for m in best.members)})" if len(best.members) < members else ""
        said.append(
            f"{view.capitalize()}: the best subset has {len(best.members)}{which} and {100 * best.accuracy:.2f}%, all "
            f"{members} have {100 * ours.full.accuracy:.2f}%; single members from {single.min():.2f} to "
            f"{single.max():.2f}%, mean {single.mean():.2f}, sd {single.std(ddof=1):.2f} points."
        )
    said.append("The best subset was chosen on the very images that judge it, which flatters it.")
    if members > 10:  # 11 members have 462 subsets of 5
        said.append(f"Of each number of members, {SHOWN} subsets at most are drawn, evenly spaced in rank.")
    return " ".join(said)


def dots(accuracies: np.ndarray) -> pd.DataFrame:
    """What is drawn of the subsets: `members` (how many) and `accuracy`, at most SHOWN of each number of members."""
    numbers = sizes(accuracies)
    frames = []
    for count in range(1, int(numbers.max()) + 1):
        ours = np.sort(accuracies[numbers == count])
        chosen = np.linspace(0, len(ours) - 1, min(SHOWN, len(ours))).round().astype(int)
        frames.append(pd.DataFrame({"members": count, "accuracy": ours[chosen]}))
    return pd.concat(frames, ignore_index=True)
