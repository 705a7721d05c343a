"""Components: files of the group `component`, or entries of a config's own `deltas`, known to Hydra as if they were.

Each is a delta: keys and values over a base, with a label by which it names itself.
"""

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import hydra
from hydra.core.config_store import ConfigStore
from hydra.errors import MissingConfigException
from omegaconf import DictConfig, OmegaConf
from yaml import YAMLError

from dissect.composing.overrides import first_of, key_of
from dissect.composing.plain import declared
from dissect.design import Component
from dissect.errors import InputError

ABOUT = ("label", "requires", "excludes", "derived")  # what a delta may say of itself

_registered: dict[str, DictConfig] = {}


def told_within(problem: MissingConfigException, overrides: Iterable[str]) -> bool:
    """Whether a component that Hydra misses stands in `deltas`, which it then knows."""
    missing = str(problem.missing_cfg_file or "")
    if not missing.startswith("component/"):
        return False
    # Of a sweep over models, each may have deltas of its own; the first tells whether there are such at all.
    kept = first_of([text for text in overrides if key_of(text) not in ("component", "ablation", "seed")])
    return register(hydra.compose("config", kept).deltas) and missing.removeprefix("component/") in _registered


def register(deltas: DictConfig) -> bool:
    """Let Hydra find the components that stand in `deltas`; whether any was not known before as it is now.

    Raises:
        InputError: for one that is no mapping, or has a defaults list.
    """
    new = False
    entries: Any = OmegaConf.to_container(deltas) or {}
    for name, said in entries.items():
        if not isinstance(said, dict):
            raise InputError(f"deltas.{name}={said}: must be a mapping: {{label: {name}, what it changes}}")
        if "defaults" in said:
            raise InputError(f"deltas.{name}.defaults={said['defaults']}: a delta has keys and values only")
        about = {key: said.pop(key) for key in ABOUT if key in said}
        delta = OmegaConf.create({"components": {name: about or str(name)}, **said})
        if _registered.get(str(name)) != delta:
            new = True
            _registered[str(name)] = delta
            ConfigStore.instance().store(group="component", name=str(name), node=delta, package="_global_")
    return new


def registered() -> list[str]:
    """The names of the components that stand in `deltas`."""
    return list(_registered)


def forget() -> None:
    """Forget what an earlier composition in this process has registered and read."""
    _file_delta.cache_clear()
    known: Any = ConfigStore.instance().repo.get("component", {})
    for name in _registered:
        known.pop(f"{name}.yaml", None)
    _registered.clear()


def delta_of(name: str, sources: tuple[str, ...]) -> DictConfig:
    """A component's own file, or its place in `deltas`.

    Raises:
        InputError: where there is none, or both, or it is no delta.
    """
    own = _file_delta(name, sources)
    if name in _registered:
        if own is not None:
            raise InputError(f"deltas.{name}: there is a file component/{name}.yaml too; call one of them otherwise")
        return _registered[name]
    if own is None:
        raise InputError(
            f"components.{name}: no file component/{name}.yaml in {', '.join(sources)}, and no deltas.{name}"
        )
    return own


def still_asking(component: Component, base: DictConfig, sources: tuple[str, ...]) -> Component:
    """The component with those of its requirements that the base does not meet without them.

    A base meets one whose delta would change nothing in it, or acts on settings that it does not have: residual
    connections are not to be switched on in a network that always has them.
    """
    settings: Any = OmegaConf.to_container(base, resolve=True)

    def met(needed: str) -> bool:
        sets = declared(delta_of(needed, sources), base)
        return not any(_would_change(settings, key.split("."), value) for key, value in sets.items())

    return component._replace(requires=tuple(needed for needed in component.requires if not met(needed)))


def _would_change(settings: Any, key: list[str], value: Any) -> bool:
    if not key or not isinstance(settings, dict):
        return bool(settings != value) if not key else True
    return key[0] in settings and _would_change(settings[key[0]], key[1:], value)


@cache
def _file_delta(name: str, sources: tuple[str, ...]) -> DictConfig | None:
    for folder in sources:
        path = Path(folder) / "component" / f"{name}.yaml"
        if path.is_file():
            try:
                delta = OmegaConf.load(path)
            except YAMLError as problem:
                raise InputError(f"{path}: is not valid YAML ({problem})") from problem
            if isinstance(delta, DictConfig) and "defaults" not in delta:
                return delta
            raise InputError(f"{path}: must be a delta of keys and values, without a defaults list")
    return None
