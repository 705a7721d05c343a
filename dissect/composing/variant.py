"""From a composed config to a checked identity: what the run is called, what it may be compared with, and its key."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from sysconfig import get_paths
from typing import Any, cast

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from dissect.design import Component
from dissect.errors import InputError

# Raise by one when a change of the code changes what the same config trains to: old runs are then trained anew.
RECIPE = 1

# The parts of a config that a result can depend on.
_FELT = {"model", "init", "data", "train", "augmentation", "ensemble", "trainer"}

# Trainer arguments that say where and how a run is watched, not what it computes.
HARDWARE = {"_target_", "accelerator", "devices", "num_nodes", "strategy", "benchmark", "deterministic",
             "check_val_every_n_epoch", "profiler"}  # fmt: skip

COMPILE = ("default", "reduce-overhead", "max-autotune", "max-autotune-no-cudagraphs")  # torch.compile's modes


@dataclass(frozen=True)
class Variant:
    """A config with its components checked.

    `name` is "step5" for the first four components of the ladder, in whatever order they were given, else their
    names joined by "+". `base` is the config without any component; `member_of` the ensemble that the run is trained
    for, if any.
    """

    name: str
    components: Mapping[str, str]
    seed: int
    config: DictConfig
    base: DictConfig
    member_of: "Variant | None" = None

    def with_seed(self, seed: int) -> "Variant":
        config = self.config.copy()
        config.seed = seed
        return replace(self, seed=seed, config=config)

    def with_classes(self, count: int) -> "Variant":
        """The same with `data.classes` filled in, where the config leaves it to the images that were found."""
        if self.config.data.classes is not None:
            return self
        config, base = self.config.copy(), self.base.copy()
        config.data.classes = base.data.classes = count
        return replace(self, config=config, base=base)

    def key(self, pixels: str) -> str:
        """Digest of what determines the result: the config's part in it, the seed, and the data's digest `pixels`."""
        return _digest({**determining(self.config), "seed": self.seed, "pixels": pixels, "recipe": RECIPE})

    def settings(self, pixels: str) -> str:
        """Digest of what all variants that may be compared with each other share."""
        return _digest({**determining(self.base), "pixels": pixels, "recipe": RECIPE})


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
    ladder = list(config.ladder)
    # In the ladder's order, whichever way they were named, so that one variant has one description.
    place = {name: number for number, name in enumerate(ladder)}
    given = plain(config)["components"]
    ordered = sorted(given, key=lambda name: (place.get(name, len(place)), name))
    components = {name: declaration(name, given[name])[0] for name in ordered}
    _check_seed(config.seed)
    _check_settings(config)
    _check_needs([declaration(name, given[name])[1] for name in ordered])
    _check_pairs(deltas)
    _check_deltas(config, base, deltas)
    return Variant(
        name=variant_name(list(components), ladder),
        components=components,
        seed=int(config.seed),
        config=config,
        base=base,
    )


def declaration(name: str, said: Any) -> tuple[str, Component]:
    """What a component's file says of itself: its label, or a mapping with `label` and what it needs.

    Raises:
        InputError: for anything else than `label`, `requires`, `excludes` (lists of components) and `derived` (true for
            one that is read off other runs).
    """
    if isinstance(said, str):
        return said, Component(name)
    known = {"label": str, "requires": list, "excludes": list, "derived": bool}
    for key, value in said.items() if isinstance(said, dict) else [(None, said)]:
        if key not in known or not isinstance(value, known[key]):
            forms = "its label, or {label: ..., requires: [...], excludes: [...], derived: true}"
            raise InputError(f"component/{name}.yaml: components.{name} says {key}: {value!r}; it is {forms}")
    needs = {key: tuple(said.get(key, ())) for key in ("requires", "excludes")}
    return said.get("label", name), Component(name, **needs, derived=said.get("derived", False))


def variant_name(components: Sequence[str], ladder: Sequence[str]) -> str:
    """ "step3" where the components are the first two of the ladder, else "a+b"; without a ladder, "baseline"."""
    if ladder and set(components) == set(ladder[: len(components)]):
        return f"step{len(components) + 1}"
    return "+".join(components) or "baseline"


def run_folder(variant: Variant, pixels: str) -> Path:
    """Where the store keeps this run: <runs>/<study>/<variant>-seed<k>-<the key's first 8 digits>."""
    config = variant.config
    return Path(config.runs) / config.name / f"{variant.name}-seed{variant.seed}-{variant.key(pixels)[:8]}"


def has_ten_crop(result: Mapping[str, Any], config: DictConfig) -> bool:
    """Whether a finished run's result has the ten-crop that the config asks for, if it asks for any."""
    if config.evaluate.ten_crop is None:
        return True
    return (result.get("ten_crop"), result["data"]["mirror"]) == (config.evaluate.ten_crop, config.data.mirror)


def determining(config: DictConfig) -> dict[str, Any]:
    """The part of a config that decides what is computed: no paths, loggers, hardware, evaluation or labels."""
    given = plain(config)
    kept: dict[str, Any] = {part: given[part] for part in ("model", "init", "train", "augmentation")}
    if not kept["augmentation"].get("offline"):  # runs made before there was such a thing keep their keys
        kept["augmentation"].pop("offline", None)
    if given["ensemble"]["average"]:
        kept["ensemble"] = given["ensemble"]
    kept["trainer"] = {key: value for key, value in given["trainer"].items() if key not in HARDWARE}
    if kept["trainer"].get("precision") == "auto":  # what the hardware has
        del kept["trainer"]["precision"]
    if code := own_code(str(value) for key, value in leaves(kept).items() if key.endswith("_target_")):
        kept["code"] = code
    return kept


def without_paths(config: DictConfig) -> DictConfig:
    """The config without folders of this machine, which say nothing about the result."""
    kept = cast(DictConfig, OmegaConf.create(OmegaConf.to_container(config, resolve=True)))
    for key in ("runs", "data.root", "data.cache", "data.source.root", "logger.save_dir", "trainer.default_root_dir"):
        if OmegaConf.select(kept, key) is not None:
            OmegaConf.update(kept, key, None)
    return kept


def own_code(targets: Iterable[str]) -> dict[str, str]:
    """Digests of the user's modules that targets name: a network that was edited is another network.

    Installed packages are left to `versions` in the result, this one to RECIPE. Nothing is imported.
    """
    found: dict[str, str] = {}
    for top in sorted({target.split(".")[0] for target in targets} - {"dissect", "torch", "torchvision"}):
        try:
            spec = find_spec(top)
        except (ImportError, ValueError):  # nothing that can be found; making it will say so
            continue
        if spec is None or spec.origin is None or not spec.has_location or "site-packages" in spec.origin:
            continue
        file = Path(spec.origin)
        if file.is_relative_to(get_paths()["stdlib"]):
            continue
        sources = sorted(file.parent.rglob("*.py")) if file.name == "__init__.py" else [file]
        digest = hashlib.blake2b(digest_size=16)
        for source in sources:
            digest.update(source.read_bytes())
        found[top] = digest.hexdigest()
    return found


def _digest(value: Any) -> str:
    return hashlib.blake2b(json.dumps(value, sort_keys=True).encode(), digest_size=16).hexdigest()


def plain(config: DictConfig) -> dict[str, Any]:
    """The config as dictionaries and lists, with all interpolations resolved.

    Raises:
        InputError: naming the key that is missing or cannot be resolved.
    """
    try:
        resolved = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as problem:
        key = getattr(problem, "full_key", None)
        raise InputError(f"config: {key}: {str(problem).splitlines()[0]}") from problem
    assert isinstance(resolved, dict)
    return resolved  # type: ignore[return-value]


def leaves(value: Any, prefix: str = "") -> dict[str, Any]:
    """{"model.dropout1": 0.5, ...}; lists are values, since they replace and never append."""
    if not isinstance(value, dict):
        return {prefix: value}
    found: dict[str, Any] = {}
    for key, inner in value.items():
        found |= leaves(inner, f"{prefix}.{key}" if prefix else str(key))
    return found


def declared(delta: DictConfig, config: DictConfig) -> dict[str, Any]:
    """What a delta sets besides its label: {"model.dropout1": 0.5}, interpolations resolved against `config`."""
    found = leaves(OmegaConf.to_container(delta))
    return {key: _resolved(value, config) for key, value in found.items() if not key.startswith("components.")}


def _resolved(value: Any, config: DictConfig) -> Any:
    if isinstance(value, str) and "${" in value:
        return OmegaConf.create({"value": value}, parent=config).value
    return value


def _check_seed(seed: Any) -> None:
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise InputError(f"seed={seed}: must be a whole number from 0 on, such as seed=0")


def _check_settings(config: DictConfig) -> None:
    for key in ("name", "runs", "data.cache"):
        value = str(OmegaConf.select(config, key))
        if not value.strip() or (key == "name" and (value.startswith("/") or ".." in Path(value).parts)):
            raise InputError(f"{key}={value!r}: must be the name of a folder, such as {key}=mine")
    if config.data.root is not None and "root" not in config.data.source:
        raise InputError(
            f"data.root={config.data.root}: data={config.data.name} comes without a folder; name another data="
        )
    if config.compile not in (None, *COMPILE):
        raise InputError(
            f"compile={config.compile}: must be null or one of torch.compile's modes, {', '.join(COMPILE)}"
        )
    if config.augmentation.mirror and not config.data.mirror:
        raise InputError("augmentation.mirror=true: these labels do not survive a mirror (data.mirror=false)")


def _check_needs(components: Sequence[Component]) -> None:
    names = {component.name for component in components}
    for component in components:
        if missing := set(component.requires) - names:
            raise InputError(f"component {component.name}: requires {sorted(missing)[0]}; add it, or leave both out")
        if clashing := set(component.excludes) & names:
            raise InputError(f"component {component.name}: excludes {sorted(clashing)[0]}; choose one of them")


def _check_pairs(deltas: Mapping[str, DictConfig]) -> None:
    """Two deltas that set one key to different values are levels of one factor: only one of them can be on."""
    owner: dict[str, tuple[str, Any]] = {}
    for name, delta in deltas.items():
        for key, value in leaves(OmegaConf.to_container(delta)).items():
            other, set_to = owner.setdefault(key, (name, value))
            if set_to != value:
                raise InputError(
                    f"components {other} and {name}: both set {key} ({set_to} and {value}), so they are levels of one "
                    "factor; choose one of them"
                )


def _check_deltas(config: DictConfig, base: DictConfig, deltas: Mapping[str, DictConfig]) -> None:
    """Each component must do what it declares, all of it, and nothing else may have changed."""
    now, before = leaves(plain(config)), leaves(plain(base))
    explained = {key for key in now if key == "seed" or key.startswith("components")}
    for name, delta in deltas.items():
        if not any(key == f"components.{name}" or key.startswith(f"components.{name}.") for key in now):
            raise InputError(f"component/{name}.yaml: does not name itself; add `components: {{{name}: its label}}`")
        sets = declared(delta, config)
        for key, value in sets.items():
            if now.get(key) != value:
                mend = "leave one of the two out"
                raise InputError(f"{key}={now.get(key)}: overrides component {name}, which sets {value}; {mend}")
        # A delta of settings that no result depends on, such as the number of threads, changes nothing either.
        felt = {key: value for key, value in sets.items() if key.split(".")[0] in _FELT}
        without = before | {
            k: v for other in deltas if other != name for k, v in declared(deltas[other], config).items()
        }
        if all(key in without and without[key] == value for key, value in felt.items()):
            listed = ", ".join(f"{key}={value}" for key, value in sets.items()) or "it declares nothing"
            raise InputError(f"component {name}: changes nothing here ({listed}, as without it); leave it out")
        explained |= sets.keys()
    for key, value in now.items():
        if key not in explained and not (key in before and before[key] == value):
            raise InputError(
                f"{key}={value}: set by none of the components {list(deltas)}, and a step holds only "
                "those; a component's file says its name: `components: {name: label}`"
            )
