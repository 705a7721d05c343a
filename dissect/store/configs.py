"""A run's config.yaml, read as anyone may have made it."""

import io
from pathlib import Path
from typing import Any

import yaml
from omegaconf import OmegaConf

from dissect.errors import InputError
from dissect.store.reading import AGAIN, read_bytes

MOST = 1 << 20  # bytes; configs have some 2,500


def read_config(folder: Path) -> dict[str, Any]:
    """What the run's config.yaml says, nothing of it resolved or made.

    Raises:
        InputError: for a file that is missing, or is no config that dissect writes.
    """
    path = folder / "config.yaml"
    try:
        text = read_bytes(path, MOST).decode("utf-8")
        # dissect writes none, and a few of them unfold to more than memory holds.
        events = list(yaml.parse(text, Loader=_LOADER))
        if any(isinstance(event, yaml.AliasEvent) for event in events):
            raise ValueError("it refers to parts of itself")
        if not any(isinstance(event, yaml.MappingStartEvent) for event in events[2:3]):
            raise ValueError("it holds no mapping")
        said: Any = OmegaConf.to_container(OmegaConf.load(io.StringIO(text)), resolve=False)
    except InputError:
        raise
    except FileNotFoundError as problem:
        raise InputError(f"{path}: this run has no config; {AGAIN}") from problem
    except Exception as problem:  # YAML's and OmegaConf's readers raise a dozen kinds for what is damaged
        reason = (str(problem).splitlines() or [type(problem).__name__])[0]
        raise InputError(f"{path}: cannot be read ({reason:.200}); {AGAIN}") from problem
    return said  # type: ignore[no-any-return]


_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
