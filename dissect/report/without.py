"""A study as if some of its variants had no runs."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from dissect.errors import InputError
from dissect.report.labels import caller
from dissect.report.study import Study


def without(study: Study, variants: Sequence[str]) -> Study:
    """The study as if these variants had no runs; what was planned stays as it was.

    Args:
        variants: by their names, or as pages call them: "step4", "step4 · leaky ReLU", "full − dropout 1"; a keyboard's
            hyphen does for the minus sign.

    Raises:
        InputError: for a variant that it does not have, and where none is left.
    """
    counts, called = Counter(study.runs["variant"]), caller(study)
    known = {_plain(called(name)): name for name in counts} | {name: name for name in counts}
    names = []
    for said in variants:
        if (name := known.get(said, known.get(_plain(said)))) is None:
            told = ", ".join(map(called, counts))
            raise InputError(f"--without {said}: is no variant of {study.name}; there are {told}")
        names.append(name)
    left = study.runs[~study.runs["variant"].isin(names)].reset_index(drop=True)
    found = replace(study, runs=left, left_out={called(name): counts[name] for name in names})
    if found.compared.empty:
        raise InputError(f"--without {' '.join(variants)}: leaves no finished run")
    return found


def _plain(title: str) -> str:
    return " ".join(title.replace("−", "-").replace("·", " ").split()).casefold()
