"""Configs as plain dictionaries, and as flat ones with dotted keys."""

import re
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

from dissect.errors import InputError


def plain(config: DictConfig) -> dict[str, Any]:
    """The config as dictionaries and lists, with all interpolations resolved.

    Raises:
        InputError: naming the key that is missing or cannot be resolved.
    """
    try:
        resolved = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as problem:
        raise InputError(unresolved(problem)) from problem
    assert isinstance(resolved, dict)
    return resolved  # type: ignore[return-value]


def unresolved(problem: OmegaConfBaseException) -> str:
    """What is wrong with a key's value, in one line: the key, what it refers to, and the mend."""
    key, reason = problem.full_key or "config", str(problem).splitlines()[0]
    if found := re.search(r"Interpolation key '(.+)' not found", reason):
        return (
            f"{key}: refers to ${{{found[1]}}}, and there is no such key; name one, or write \\${{...}} for the letters"
        )
    if found := re.search(r"Environment variable '(.+)' not found", reason):
        return f"{key}: refers to the environment variable {found[1]}, which is not set; set it, or write the value"
    if isinstance(problem, MissingMandatoryValue):
        return f"{key}: has no value; say {key}=..."
    return f"{key}: {reason}"


def leaves(value: Any, prefix: str = "") -> dict[str, Any]:
    """{"model.dropout1": 0.5, ...}; lists are values, since they replace and never append."""
    if not isinstance(value, dict):
        return {prefix: value}
    found: dict[str, Any] = {}
    for key, inner in value.items():
        found |= leaves(inner, f"{prefix}.{key}" if prefix else str(key))
    return found


def targets_in(value: Any) -> set[str]:
    """What a plain config says to make, by its `_target_`s at any depth, in lists too."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    found = {target for one in inner for target in targets_in(one)}
    own = {key: one for key, one in value.items() if str(key).endswith("_target_")} if isinstance(value, dict) else {}
    return found | {str(one) for one in own.values()}


def declared(delta: DictConfig, config: DictConfig) -> dict[str, Any]:
    """What a delta sets besides its label: {"model.dropout1": 0.5}, interpolations resolved against `config`."""
    found = leaves(OmegaConf.to_container(delta))
    return {key: _resolved(value, config) for key, value in found.items() if not key.startswith("components.")}


def _resolved(value: Any, config: DictConfig) -> Any:
    if isinstance(value, str) and "${" in value:
        return OmegaConf.create({"value": value}, parent=config).value
    return value


def number_at(config: DictConfig, key: str, said: str) -> float:
    """The number that the config holds under a dotted key.

    Raises:
        InputError: quoting what was `said`, where there is no such number.
    """
    value = OmegaConf.select(config, key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"{said}: {key} is {value}, no number to be changed; set it, or name another key")
    return float(value)
