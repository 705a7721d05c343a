"""What a run is known by: the part of its config that decides its result, and the code that this names."""

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from typing import Any, cast

from omegaconf import DictConfig, OmegaConf

from dissect.composing.code import Code, code_of
from dissect.composing.plain import leaves, plain, targets_in
from dissect.composing.schema import CONF, UNFELT

# Raise by one when a change of the code changes what the same config trains to: old runs are then trained anew.
RECIPE = 2

TRAINER = "pytorch_lightning.Trainer"

# Trainer arguments that say where and how a run is watched, not what it computes.
HARDWARE = {"_target_", "accelerator", "devices", "num_nodes", "strategy", "benchmark", "deterministic",
             "check_val_every_n_epoch", "profiler"}  # fmt: skip


# What Lightning also calls its precisions.
SHORT_PRECISION = {"64": "64-true", "32": "32-true", "16": "16-mixed", "bf16": "bf16-mixed"}


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
    if (precision := kept["trainer"].pop("precision", None)) not in (None, "auto"):  # auto is what the hardware has
        kept["trainer"]["precision"] = SHORT_PRECISION.get(str(precision), precision)
    for part in ("augmentation", "callbacks"):  # what is off by name is as what is not named
        if part in kept:
            kept[part] = {name: value for name, value in kept[part].items() if value is not None}
            # They are done in their order, which a digest does not see. That of the names that come with dissect is
            # always the same; the user's come behind them, and in alphabetical order need no word.
            own = [name for name in kept[part] if name not in _shipped(part)]
            if own != sorted(own):
                kept[part]["_order_"] = own
    if code := code_in(kept).digests:
        kept["code"] = dict(code)
    return kept


def felt(config: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a plain config in which runs are said to differ: what decides results, and the data's settings."""
    kept = {part: value for part, value in config.items() if part not in UNFELT - {"data"}}
    if (config.get("ensemble") or {}).get("average"):
        kept["ensemble"] = config["ensemble"]
    if isinstance(trainer := config.get("trainer"), Mapping):
        kept["trainer"] = {key: value for key, value in trainer.items() if key not in HARDWARE}
    return kept


def differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """In which keys two plain configs differ that decide results: ["train.epochs (20, now 3)"]."""
    ours, theirs = leaves(felt(before)), leaves(felt(after))
    keys = [key for key in {**ours, **theirs} if ours.get(key) != theirs.get(key)]
    return [f"{key} ({ours.get(key)}, now {theirs.get(key)})" for key in keys]


@cache
def _shipped(part: str) -> set[str]:
    """The names that the tasks which come with dissect have in a part of the config."""
    tasks = [OmegaConf.load(path) for path in (CONF / "task").glob("*.yaml")]
    return {str(name) for task in tasks for name in OmegaConf.select(task, part) or ()}


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
