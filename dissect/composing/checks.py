"""What is refused of a composed config: wrong values, and deltas that do not do what they declare."""

import math
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

from omegaconf import DictConfig, OmegaConf

from dissect.composing.plain import declared, leaves, plain
from dissect.composing.schema import UNFELT
from dissect.design import Component
from dissect.errors import InputError
from dissect.measure.metric import Metric

# A component may change the data, and what is averaged; whatever else decides no result, it changes in vain.
_VAIN = UNFELT - {"data", "ensemble"}


LARGEST = 2**63 - 1  # of whole numbers that tables hold


def check_seed(seed: Any) -> None:
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed <= LARGEST:
        raise InputError(f"seed={seed}: must be a whole number from 0 on, such as seed=0")


def check_settings(config: DictConfig) -> None:
    for key in ("name", "runs"):
        value = str(config[key])
        # What begins with a dot is the store's own, and of a name with a slash no command would list the study; a tilde
        # is the shell's, and what cannot be printed no command could say.
        if not value.strip() or not value.isprintable() or (key == "name" and ("/" in value or value[0] in ".~")):
            raise InputError(f"{key}={value!r}: must be the name of a folder, such as {key}=mine")
    if OmegaConf.is_missing(config.metric, "name"):
        raise InputError("metric.name: nothing says what runs are compared by; metric: {name: val/loss, better: lower}")
    if OmegaConf.is_missing(config.metric, "better"):
        raise InputError(f"metric.better: nothing says which way {config.metric.name} is better: higher or lower")
    Metric.from_config({key: value for key, value in plain(config)["metric"].items() if value is not None})
    made = ("model", "module", "datamodule", "optimizer", "loss", "schedule", "init")  # by the tasks that come with it
    for key in ("task", "trainer", *(key for key in made if key in config)):
        if not (isinstance(config[key], DictConfig) and "_target_" in config[key]):
            raise InputError(f"{key}={config[key]}: must say what to make, as {key}._target_=package.Name does")
    for key, value in leaves(plain(config)).items():
        for number in value if isinstance(value, list) else [value]:
            if isinstance(number, float) and not math.isfinite(number):
                raise InputError(f"{key}={number}: must be a finite number")
    every, batches = "trainer.check_val_every_n_epoch", "trainer.accumulate_grad_batches"
    check_least(config, "train.epochs", "threads", every, batches)
    if isinstance(most := config.trainer.get("gradient_clip_val"), int | float) and most < 0:
        raise InputError(f"trainer.gradient_clip_val={most}: would turn gradients round; must be 0 or more, or null")
    if (said := config.trainer.get("deterministic")) not in (None, True, False, "warn"):
        raise InputError(f"trainer.deterministic={said}: must be true, false or warn")
    if config.keep not in ("all", "results"):
        raise InputError(f"keep={config.keep}: must be all, or results, which leaves out the weights of finished runs")
    devices = config.trainer.get("devices", 1)
    if isinstance(devices, str) and devices != "auto" and not re.fullmatch(r"-?\d+(, ?\d+)*", devices):
        raise InputError(f"trainer.devices={devices}: must be how many, or which: trainer.devices=2 or [0,1]")
    # W&B's own answer to another mode comes after torch, and from pydantic.
    mode, logger = os.environ.get("WANDB_MODE", "online"), str(config.logger.get("_target_"))
    if "wandb" in logger.lower() and mode not in WANDB_MODES:
        raise InputError(f"WANDB_MODE={mode}: W&B knows {', '.join(WANDB_MODES)}; set one of them, or none")
    for name in ("ladder", "plan.components"):
        named = list(OmegaConf.select(config, name) or ())
        if twice := [one for one in named if named.count(one) > 1]:
            raise InputError(f"{name}={named}: names {twice[0]} twice; leave one of them out")
    for key, value in config.trainer.items():
        if key in OURS or key in SHORTER:
            by_epochs = "epochs" in str(key) or "steps" in str(key) or key == "max_time"
            raise InputError(
                f"trainer.{key}={value}: is not yours to set here, as a run has train.epochs whole epochs; "
                + ("say train.epochs" if by_epochs else "leave it out")
            )


WANDB_MODES = ("online", "offline", "shared", "disabled", "dryrun", "run")

# Of Lightning's Trainer: arguments that a run sets itself, and those by which it would have other epochs than
# `train.epochs`, or be judged on less.
OURS = ("max_epochs", "callbacks", "default_root_dir", "num_sanity_val_steps", "log_every_n_steps", "logger", "plugins",
        "enable_progress_bar", "enable_model_summary", "sync_batchnorm")  # fmt: skip
SHORTER = ("val_check_interval", "min_epochs", "max_steps", "min_steps", "max_time", "fast_dev_run", "overfit_batches",
           "limit_train_batches", "limit_val_batches", "barebones", "reload_dataloaders_every_n_epochs",
           "use_distributed_sampler")  # fmt: skip


def check_least(config: DictConfig, *keys: str) -> None:
    """Refuse numbers below 1."""
    for key in keys:
        value = OmegaConf.select(config, key)
        if isinstance(value, int | float) and value < 1:
            raise InputError(f"{key}={value}: must be 1 or more")


def check_needs(components: Sequence[Component]) -> None:
    names = {component.name for component in components}
    for component in components:
        if missing := set(component.requires) - names:
            raise InputError(f"component {component.name}: requires {sorted(missing)[0]}; add it, or leave both out")
        if clashing := set(component.excludes) & names:
            raise InputError(f"component {component.name}: excludes {sorted(clashing)[0]}; choose one of them")


def check_pairs(deltas: Mapping[str, DictConfig]) -> None:
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


def check_deltas(config: DictConfig, base: DictConfig, deltas: Mapping[str, DictConfig]) -> None:
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
        felt = {key: value for key, value in sets.items() if key.split(".")[0] not in _VAIN}
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
