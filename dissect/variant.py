"""From a composed config to a checked identity: what the run is called, what it may be compared with, and its key."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf, flag_override
from omegaconf.errors import OmegaConfBaseException

from dissect.errors import InputError

# Raise by one when a change of the code changes what the same config trains to: old runs are then trained anew.
RECIPE = 1

# Trainer arguments that say where and how a run is watched, not what it computes.
_HARDWARE = {"_target_", "accelerator", "devices", "num_nodes", "strategy", "precision", "benchmark", "deterministic",
             "log_every_n_steps", "check_val_every_n_epoch", "profiler", "enable_progress_bar", "enable_model_summary"}  # fmt: skip


@dataclass(frozen=True)
class Variant:
    """A config with its components checked.

    `name` is "step5" for the first four components of the ladder, in whatever order they were given, else their
    names joined by "+". `base` is the config without any component.
    """

    name: str
    components: Mapping[str, str]
    seed: int
    config: DictConfig
    base: DictConfig

    def key(self, pixels: str) -> str:
        """Digest of what determines the result: the config's part in it, the seed, and the data's digest `pixels`."""
        return _digest({**_determining(self.config), "seed": self.seed, "pixels": pixels, "recipe": RECIPE})

    def settings(self, pixels: str) -> str:
        """Digest of what all variants that may be compared with each other share."""
        return _digest({**_determining(self.base), "pixels": pixels, "recipe": RECIPE})


def resolve(config: DictConfig, base: DictConfig, deltas: Mapping[str, DictConfig]) -> Variant:
    """Check a composed config against the base it was composed on, and name it.

    Args:
        config: base plus components.
        base: the same without any component.
        deltas: each component's own file, by name.

    Raises:
        InputError: a component without effect, one that is undone by an override, two that are levels of one factor,
            something changed that no component declares, a seed that is no whole number from 0.
    """
    components = dict(_plain(config).get("components") or {})
    _check_seed(config.seed)
    _check_pairs(deltas)
    for name, delta in deltas.items():
        _check_delta(name, delta, config, base, components)
    _check_undeclared(config, base, deltas)
    return Variant(
        name=variant_name(list(components), list(config.ladder)),
        components=components,
        seed=int(config.seed),
        config=config,
        base=base,
    )


def variant_name(components: Sequence[str], ladder: Sequence[str]) -> str:
    """ "step3" where the components are the first two of the ladder, else "a+b"; without a ladder, "baseline"."""
    if ladder and set(components) == set(ladder[: len(components)]):
        return f"step{len(components) + 1}"
    return "+".join(components) or "baseline"


def run_folder(variant: Variant, pixels: str) -> Path:
    """Where the store keeps this run: <runs>/<study>/<variant>-seed<k>-<the key's first 8 digits>."""
    config = variant.config
    return Path(config.runs) / config.name / f"{variant.name}-seed{variant.seed}-{variant.key(pixels)[:8]}"


def _determining(config: DictConfig) -> dict[str, Any]:
    """The part of a config that decides what is computed: no paths, loggers, hardware, evaluation or labels."""
    plain = _plain(config)
    kept: dict[str, Any] = {part: plain[part] for part in ("model", "init", "train", "augmentation")}
    if plain["ensemble"]["average"]:
        kept["ensemble"] = plain["ensemble"]
    kept["trainer"] = {key: value for key, value in plain["trainer"].items() if key not in _HARDWARE}
    return kept


def _digest(value: Any) -> str:
    return hashlib.blake2b(json.dumps(value, sort_keys=True).encode(), digest_size=16).hexdigest()


def _plain(config: DictConfig) -> dict[str, Any]:
    try:
        plain = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as problem:
        key = getattr(problem, "full_key", None)
        raise InputError(f"config: {key}: {str(problem).splitlines()[0]}") from problem
    assert isinstance(plain, dict)
    return plain  # type: ignore[return-value]


def _leaves(value: Any, prefix: str = "") -> dict[str, Any]:
    """{"model.dropout1": 0.5, ...}; lists are values, since they replace and never append."""
    if not isinstance(value, dict):
        return {prefix: value}
    found: dict[str, Any] = {}
    for key, inner in value.items():
        found |= _leaves(inner, f"{prefix}.{key}" if prefix else str(key))
    return found


def _check_seed(seed: Any) -> None:
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise InputError(f"seed={seed}: must be a whole number from 0 on, such as seed=0")


def _without_label(config: DictConfig) -> dict[str, Any]:
    return {key: value for key, value in _leaves(_plain(config)).items() if not key.startswith("components")}


def _check_delta(
    name: str, delta: DictConfig, config: DictConfig, base: DictConfig, components: dict[str, str]
) -> None:
    if name not in components:
        raise InputError(f"component/{name}.yaml: does not name itself; add `components: {{{name}: its label}}`")
    before, now = _without_label(base), _without_label(config)
    # Merged again, a delta must leave the composed config as it is: what differs was overridden after it.
    undone = {key: value for key, value in _without_label(_merge(name, config, delta)).items() if now.get(key) != value}
    for key, value in undone.items():
        raise InputError(
            f"{key}={now.get(key)}: overrides component {name}, which sets {value}; leave one of the two out"
        )
    if _without_label(_merge(name, base, delta)) == before:
        declared = ", ".join(f"{key}={value}" for key, value in _without_label(delta_values(delta, base)).items())
        raise InputError(
            f"component {name}: changes nothing here ({declared or 'it declares nothing'}, as without it); leave it out"
        )


def _merge(name: str, config: DictConfig, delta: DictConfig) -> DictConfig:
    try:
        with flag_override(config, "struct", False):  # a delta may add keys where the schema leaves a part open
            merged = OmegaConf.merge(config, delta)
    except OmegaConfBaseException as problem:
        raise InputError(f"component/{name}.yaml: {str(problem).splitlines()[0]}") from problem
    assert isinstance(merged, DictConfig)
    return merged


def delta_values(delta: DictConfig, base: DictConfig) -> DictConfig:
    """The keys a delta declares, with interpolations resolved against `base`."""
    merged = _plain(_merge("", base, delta))

    def pick(declared: Any, values: Any) -> Any:
        return (
            {key: pick(inner, values[key]) for key, inner in declared.items()} if isinstance(declared, dict) else values
        )

    return OmegaConf.create(pick(OmegaConf.to_container(delta), merged))


def _check_pairs(deltas: Mapping[str, DictConfig]) -> None:
    """Two deltas that set one key to different values are levels of one factor: only one of them can be on."""
    owner: dict[str, tuple[str, Any]] = {}
    for name, delta in deltas.items():
        for key, value in _leaves(OmegaConf.to_container(delta)).items():
            other, set_to = owner.setdefault(key, (name, value))
            if set_to != value:
                raise InputError(
                    f"components {other} and {name}: both set {key} ({set_to} and {value}), so they are levels of one "
                    "factor; choose one of them"
                )


def _check_undeclared(config: DictConfig, base: DictConfig, deltas: Mapping[str, DictConfig]) -> None:
    expected: DictConfig = base
    for name, delta in deltas.items():
        expected = _merge(name, expected, delta)
    wanted = _leaves(_plain(expected))
    for key, value in _leaves(_plain(config)).items():
        if key != "seed" and wanted.get(key) != value:
            raise InputError(
                f"{key}={value}: changed by none of the components {list(deltas)}; a step holds components only"
            )
