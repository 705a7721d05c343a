"""What a run is known by: the part of its config that decides its result, and the code that this names."""

import hashlib
import json
from typing import Any, cast

from omegaconf import DictConfig, OmegaConf

from dissect.composing.code import Code, code_of
from dissect.composing.plain import plain, targets_in
from dissect.composing.schema import UNFELT

# Raise by one when a change of the code changes what the same config trains to: old runs are then trained anew.
RECIPE = 2

TRAINER = "pytorch_lightning.Trainer"

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
    trainer = given["trainer"]
    kept["trainer"] = {key: value for key, value in trainer.items() if key not in HARDWARE}
    if trainer.get("_target_") != TRAINER:
        kept["trainer"]["_target_"] = trainer.get("_target_")
    if kept["trainer"].get("precision") == "auto":  # what the hardware has
        del kept["trainer"]["precision"]
    for part in ("augmentation", "callbacks"):  # what is off by name is as what is not named
        if part in kept:
            kept[part] = {name: value for name, value in kept[part].items() if value is not None}
    if code := code_in(kept).digests:
        kept["code"] = dict(code)
    return kept


def without_paths(config: DictConfig) -> DictConfig:
    """The config without folders of this machine, which say nothing about the result."""
    kept = cast(DictConfig, OmegaConf.create(OmegaConf.to_container(config, resolve=True)))
    for key in ("runs", "data.root", "data.cache", "data.source.root", "logger.save_dir", "trainer.default_root_dir"):
        if OmegaConf.select(kept, key) is not None:
            OmegaConf.update(kept, key, None)
    return kept


def code_in(config: Any, *keys: str) -> Code:
    """The code that `_target_`s name in a config or some of its parts: the user's own, and packages' versions."""
    parts = [config] if not keys else [config[key] for key in keys if key in config]
    return code_of(target for part in parts for target in targets_in(part))
