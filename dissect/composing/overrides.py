"""What single overrides of a command line say."""

import re
from collections.abc import Iterable
from pathlib import Path

from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException


def key_of(override: str) -> str:
    """ "optimizer.lr" of "+optimizer.lr=0.1"; of a group with its package, the group."""
    return override.lstrip("+~").split("=")[0].split("@")[0]


def searchpath(folders: Iterable[str | Path]) -> list[str]:
    """The override by which Hydra looks in further folders, whatever they are called; none for none."""
    # Within quotes Hydra takes a backslash for itself, but before a quote.
    paths = [re.sub(r'(\\*)("|$)', r"\1\1\\\2", str(Path(folder).resolve())).removesuffix("\\") for folder in folders]
    quoted = [f'"file://{path}"' for path in paths]
    return [f"hydra.searchpath=[{','.join(quoted)}]"] if quoted else []


def sweeps(override: str) -> bool:
    """Whether it asks for several values, which only a sweep can give."""
    try:
        return OverridesParser.create().parse_override(override).is_sweep_override()
    except HydraException:  # whoever composes it says what is wrong
        return False


def first_of(overrides: list[str]) -> list[str]:
    """The overrides of the first run of a sweep; needs Hydra begun, to know the groups that a glob names."""
    # Imported late: Hydra finds it as a plugin too.
    from hydra._internal.core_plugins.basic_sweeper import BasicSweeper

    parser = OverridesParser.create(config_loader=GlobalHydra.instance().config_loader())
    every = BasicSweeper.split_arguments(parser.parse_overrides(overrides), None)[0]
    return list(every[0]) if every else []


def chooses(override: str) -> bool:
    """Whether its value may be a choice of a group: no mapping, which sets the group's own keys."""
    return not override.partition("=")[2].lstrip().startswith("{")
