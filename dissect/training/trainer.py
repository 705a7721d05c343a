"""Lightning's Trainer for one run, with its loggers and the state from which a killed run goes on."""

import logging
import os
import warnings
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from hydra.errors import HydraException
from hydra.utils import instantiate
from omegaconf import OmegaConf

from dissect import store
from dissect.errors import InputError
from dissect.training.result import without_paths
from dissect.variant import Variant

logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)  # not what hardware there might be, nor tips
# Lightning 2.6 asks torch's tree specification in a way that torch 2.15 deprecates; nothing of ours.
warnings.filterwarnings("ignore", message=r"`isinstance\(treespec, LeafSpec\)` is deprecated")


class Resume(pl.callbacks.Checkpoint):
    """Keeps the state after each epoch, so that a run that is killed goes on from there."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        half = self._path.with_name(f".{self._path.name}")
        try:
            trainer.save_checkpoint(half)
            if trainer.is_global_zero:
                os.replace(half, self._path)
        except OSError as problem:
            half.unlink(missing_ok=True)
            raise store.unwritable(self._path, problem) from problem


def trainer_of(variant: Variant, folder: Path, callbacks: list[Any]) -> pl.Trainer:
    """Lightning's Trainer as the config has it, with the run's own callbacks and loggers.

    Raises:
        InputError: for arguments that Lightning refuses.
    """
    config = variant.config
    settings: dict[str, Any] = {
        "max_epochs": config.train.epochs, "callbacks": callbacks, "default_root_dir": folder,
        "num_sanity_val_steps": 0, "log_every_n_steps": 1, "enable_progress_bar": False, "enable_model_summary": False,
    }  # fmt: skip
    if config.trainer.get("precision") == "auto":
        bf16 = (
            torch.cuda.is_available() and torch.cuda.is_bf16_supported() and config.trainer.get("accelerator") != "cpu"
        )
        settings["precision"] = "bf16-mixed" if bf16 else "32-true"
    try:
        return instantiate(config.trainer, **settings, logger=_logger(variant))
    except HydraException as problem:
        raise InputError(f"trainer: {problem.__cause__ or problem}") from problem


def _logger(variant: Variant) -> Any:
    config = variant.config
    if "_target_" not in config.logger:
        return False
    extra: dict[str, Any] = {}
    title = f"{variant.name}-seed{variant.seed}"
    if config.logger._target_.endswith("WandbLogger"):
        import wandb

        extra = {"name": title, "group": variant.name, "tags": list(variant.components)}
        # Without a key W&B would ask for one; offline it keeps all that `wandb sync` needs.
        if "WANDB_MODE" not in os.environ and not wandb.login(prompt=False):
            extra["mode"] = "offline"
        Path(config.logger.save_dir).mkdir(parents=True, exist_ok=True)
    else:
        extra = {"version": title}
    logger = instantiate(config.logger, **extra)
    logger.log_hyperparams(OmegaConf.to_container(without_paths(config), resolve=True))
    return logger


def close(logger: Any) -> None:
    """End a run's logger, so that the next run of a sweep does not write into this one."""
    logger.finalize("success")
    if type(logger).__name__ == "WandbLogger":
        import wandb

        wandb.finish()
