"""From what the command line says to a checked variant, through Hydra."""

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf
from yaml import YAMLError

from dissect.composing.complaints import refuse_unknown
from dissect.composing.schema import CONF
from dissect.composing.variant import Variant, resolve
from dissect.errors import InputError


def compose(overrides: Iterable[str], *, config_dirs: Iterable[Path] = ()) -> Variant:
    """The variant that `python -m dissect OVERRIDES` would run, for use from Python.

    Args:
        config_dirs: folders with configs of your own, as --config-dir takes them.

    Raises:
        InputError: for what `resolve` refuses; Hydra's own errors for what it cannot compose.
    """
    dirs = [str(Path(folder).resolve()) for folder in config_dirs]
    search = [f"hydra.searchpath=[{','.join('file://' + folder for folder in dirs)}]"] if dirs else []
    with hydra.initialize_config_dir(version_base="1.3", config_dir=str(CONF)):
        _base.cache_clear()
        delta_of.cache_clear()
        config = hydra.compose("config", [*search, *overrides], return_hydra_config=True)
        HydraConfig.instance().set_config(config)
        return identify(without_hydra(config))


def identify(config: DictConfig) -> Variant:
    """Check a composed config against its base, which is composed anew from the same overrides without components."""
    refuse_unknown(config)
    if "model" in config.model and "_target_" not in config.model:
        choice = HydraConfig.get().runtime.choices.get("model")
        raise InputError(f"model/{choice}.yaml: its first line must be `# @package _global_`")
    settings = HydraConfig.get()
    said = {key_of(text): text for text in settings.overrides.task}
    if {"component", "ablation"} <= said.keys():
        raise InputError(
            f"{said['component']} and {said['ablation']}: both choose the components; leave one of them out"
        )
    chosen = [text for text in settings.overrides.task if key_of(text) not in ("component", "ablation", "seed")]
    search = [text for text in settings.overrides.hydra if text.startswith("hydra.searchpath=")]
    deltas = {name: delta_of(name, sources_of(settings)) for name in config.components}
    return resolve(config, _base((*search, *chosen)), deltas)


def sources_of(hydra: Any) -> tuple[str, ...]:
    """The folders in which configs are looked for, the nearest first."""
    return tuple(source.path for source in hydra.runtime.config_sources if source.schema == "file")


def key_of(override: str) -> str:
    return override.lstrip("+~").split("=")[0].split("@")[0]


def without_hydra(config: DictConfig) -> DictConfig:
    kept = config.copy()
    OmegaConf.set_struct(kept, False)
    del kept["hydra"]
    OmegaConf.set_struct(kept, True)
    return kept


@cache
def _base(overrides: tuple[str, ...]) -> DictConfig:
    return hydra.compose("config", list(overrides))


@cache
def delta_of(name: str, sources: tuple[str, ...]) -> DictConfig:
    """A component's own file.

    Raises:
        InputError: where there is none, or it is no delta.
    """
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
    raise InputError(f"components.{name}: no file component/{name}.yaml in {', '.join(sources)}; a component is a file")
