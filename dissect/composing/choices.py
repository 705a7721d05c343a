"""The choices that there are, of dissect's own configs and the user's, as `python -m dissect --help` lists them."""

import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from textwrap import fill
from typing import Any

import yaml
from omegaconf import OmegaConf

from dissect.composing.line import config_dirs
from dissect.composing.schema import CONF

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # in C where there is one, for an answer at once


def files_of(group: str, arguments: Iterable[str]) -> list[Path]:
    """The files of a group by name, dissect's own and those of the command line's folders."""
    folders = (str(CONF), *config_dirs(arguments))
    return sorted((path for one in folders for path in (Path(one) / group).glob("*.yaml")), key=lambda path: path.stem)


def listed(arguments: Iterable[str]) -> str:
    """A line a group, its names after it; components by the part of the config that they change."""
    arguments = list(arguments)
    folders = [Path(one) for one in (str(CONF), *config_dirs(arguments))]
    groups = {path.name for one in folders if one.is_dir() for path in one.iterdir() if path.is_dir()}
    lines = [
        _line(group, [path.stem for path in files])
        for group in sorted(groups - {"component", "hydra"})
        if (files := files_of(group, arguments))
    ]
    lines.append("component, by what it changes:")
    return "\n".join([*lines, *(_line(f"  {part}", names) for part, names in _by_part(arguments))])


def _line(title: str, names: list[str]) -> str:
    indent = " " * (4 if title.startswith(" ") else 2)
    return fill(f"{title}: {', '.join(dict.fromkeys(names))}", 120, subsequent_indent=indent, break_on_hyphens=False)


def _by_part(arguments: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Each part of the config, of `model` each network that has what is set, and the components that change it."""
    networks = {path.stem: set(read(path).get("model") or ()) for path in files_of("model", arguments)}
    found = defaultdict(list)
    for path in files_of("component", arguments):
        delta = read(path)
        part = next((key for key in delta if key != "components"), "nothing")
        if part == "model" and isinstance(delta["model"], dict):
            fitting = [name for name, keys in networks.items() if keys >= {*delta["model"]}]
            part = f"model={','.join(fitting)}" if fitting else "model"
        found[part].append(path.stem)
    yield from sorted(found.items())


def read(path: Path) -> dict[str, Any]:
    """What a config file holds; nothing where it cannot be read, which is said where the file is chosen."""
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _LOADER)
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    return content if isinstance(content, dict) else {}


def help_text() -> str:
    """What `--help` says, at once: Hydra reads every group twice before it shows the same."""
    config: Any = OmegaConf.load(CONF / "config.yaml")
    return str(config.hydra.help.template)


OmegaConf.register_new_resolver("dissect_choices", lambda: listed(sys.argv[1:]), replace=True)
