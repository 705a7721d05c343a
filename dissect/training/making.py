"""Objects that a config describes."""

from typing import Any

from hydra.errors import HydraException
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from dissect.errors import InputError


def made(config: DictConfig, key: str, *arguments: Any, partial: bool = False) -> Any:
    """The object that the config describes under `key`.

    Args:
        arguments: given to it besides what the config says.
        partial: a function that makes it, which is given the rest later.

    Raises:
        InputError: naming the key and what was wrong, where it cannot be made.
    """
    described = OmegaConf.select(config, key)
    if not isinstance(described, DictConfig) or described.get("_target_") is None:
        raise InputError(f"{key}={described}: must say what to make, as {key}._target_=package.Name does")
    try:
        return instantiate(described, *arguments, **({"_partial_": True} if partial else {}))
    except (HydraException, TypeError, ValueError) as problem:
        reason = "; ".join(str(problem.__cause__ or problem).splitlines())
        given = ", ".join(f"{name!s}={value!r}" for name, value in described.items() if str(name)[0] != "_")
        with_these = f" with {given:.200}" if given else ""
        raise InputError(f"{key}={described.get('_target_')}: cannot be made{with_these}: {reason}") from problem
