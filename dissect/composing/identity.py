"""What a run is known by: the part of its config that decides its result, and the code that this names."""

import hashlib
import json
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from sysconfig import get_paths
from typing import Any, cast

from omegaconf import DictConfig, OmegaConf

from dissect.composing.plain import leaves, plain
from dissect.composing.schema import UNFELT

# Raise by one when a change of the code changes what the same config trains to: old runs are then trained anew.
RECIPE = 2

# Trainer arguments that say where and how a run is watched, not what it computes.
HARDWARE = {"_target_", "accelerator", "devices", "num_nodes", "strategy", "benchmark", "deterministic",
             "check_val_every_n_epoch", "profiler"}  # fmt: skip


def digest_of(value: Any) -> str:
    return hashlib.blake2b(json.dumps(value, sort_keys=True).encode(), digest_size=16).hexdigest()


def determining(config: DictConfig) -> dict[str, Any]:
    """The part of a config that decides what is computed: no paths, loggers, hardware, evaluation or labels."""
    given = plain(config)
    kept: dict[str, Any] = {part: value for part, value in given.items() if part not in UNFELT}
    if given["ensemble"]["average"]:
        kept["ensemble"] = given["ensemble"]
    kept["trainer"] = {key: value for key, value in given["trainer"].items() if key not in HARDWARE}
    if kept["trainer"].get("precision") == "auto":  # what the hardware has
        del kept["trainer"]["precision"]
    for part in ("augmentation", "callbacks"):  # what is off by name is as what is not named
        if part in kept:
            kept[part] = {name: value for name, value in kept[part].items() if value is not None}
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
