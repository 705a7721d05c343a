"""What one run is, worked out once and carried through sweep, training and store."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from dissect.composing.variant import Variant

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
    return (variant, int(seed)) if variant and seed.isascii() and seed.isdigit() else (folder.name, 0)


@dataclass(frozen=True)
class Job:
    """One run: its variant, its data's digest, its key, and its folder <runs>/<study>/<variant>-seed<k>-<8 digits>.

    `overrides` compose it on a command line; a member of an ensemble has none. `condition` is the label of that in
    which a study asks for it, "" where it has none.
    """

    variant: Variant
    data: str
    key: str
    folder: Path
    overrides: tuple[str, ...] = ()
    condition: str = ""

    @property
    def averages(self) -> bool:
        """Whether it is read off other runs."""
        return bool(self.variant.config.ensemble.average)

    def __str__(self) -> str:
        where = f" @ {self.condition}" if self.condition else ""
        return f"{self.variant.name}{where} seed {self.variant.seed}"


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
    key, config = variant.key(data.digest), variant.config
    folder = Path(config.runs) / config.name / folder_name(variant.name, variant.seed, key)
    return Job(variant, data.digest, key, folder, overrides)
