"""What one run is, worked out once and carried through sweep, training and store."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

from dissect.composing.imported import check_imported
from dissect.composing.variant import Variant
from dissect.design import titles

MOST = 180  # bytes of a folder's name; file systems take 255, and names of locks and half-written files are longer


def folder_name(variant: str, seed: int, key: str) -> str:
    """<variant>-seed<k>-<8 digits>; of a long variant's name its first bytes, as the key tells variants apart."""
    rest = f"-seed{seed}-{key[:8]}"
    return cut(variant, MOST - len(rest)) + rest


def cut(text: str, most: int) -> str:
    """The text, or as many of its first characters as `most` bytes hold: a file system counts those."""
    return text.encode()[:most].decode(errors="ignore")


def who(folder: Path) -> tuple[str, int]:
    """The variant and the seed that a run's folder is named after; its whole name and 0 for another folder."""
    variant, _, rest = folder.name.rpartition("-seed")
    seed = rest.partition("-")[0]
    is_seed = seed.isascii() and seed.isdigit() and len(seed) < 19  # what tables hold
    return (variant, int(seed)) if variant and is_seed else (folder.name, 0)


@dataclass(frozen=True)
class Job:
    """One run: its variant, its data's digest, its key, and its folder <runs>/<study>/<variant>-seed<k>-<8 digits>.

    `overrides` compose it on a command line; a member of an ensemble has none. `condition` is the label of that in
    which a study asks for it, "" where it has none. `title` is what its variant is called among those of its sweep.
    """

    variant: Variant
    data: str
    key: str
    folder: Path
    overrides: tuple[str, ...] = ()
    condition: str = ""
    title: str = field(default="", compare=False)

    @property
    def averages(self) -> bool:
        """Whether it is read off other runs."""
        return bool(self.variant.config.ensemble.average)

    def __str__(self) -> str:
        return f"{self.called} seed {self.variant.seed}"

    @property
    def called(self) -> str:
        """Its variant as people read it, with the condition."""
        title = self.title or titles_of([self.variant])[self.variant.name]
        return f"{title} @ {self.condition}" if self.condition else title


def titled(jobs: Sequence[Job]) -> list[Job]:
    """The same runs, each called by what tells its variant from the others'."""
    known = titles_of([job.variant for job in jobs])
    return [replace(job, title=known[job.variant.name]) for job in jobs]


def titles_of(variants: Sequence[Variant]) -> dict[str, str]:
    """How each is called among the others, by its name."""
    known = {one.name: tuple(one.components) for one in variants}
    labels = {part: label for one in variants for part, label in one.components.items()}
    return titles(known, labels, {one.name for one in variants if one.config.ensemble.average})


class Digest:
    """Data of which the digest alone is known; configs that were settled before leave nothing else to them."""

    settles: ClassVar[dict[str, Any]] = {}

    def __init__(self, digest: str) -> None:
        self.digest = digest


def job_of(variant: Variant, data: Any, overrides: tuple[str, ...] = ()) -> Job:
    """The run of a variant on the data that its task found.

    Args:
        data: has a `digest`, and `settles`: values of keys that the config leaves to the data.
    """
    variant = variant.settled(data.settles)
    _ = (variant.member_of or variant).shared  # as of now, like the key: code may be edited while the run goes on
    key, config = variant.key(data.digest), variant.config
    folder = Path(config.runs) / config.name / folder_name(variant.name, variant.seed, key)
    return Job(variant, data.digest, key, folder, overrides)


def check_code(job: Job) -> None:
    """Refuse a run whose code is not what this process has imported, or would now.

    Raises:
        InputError: naming the file.
    """
    determined = job.variant.determined
    check_imported(determined.get("code", {}), {key: value for key, value in determined.items() if key != "code"})
