"""Lightning's Trainer for one run, with its loggers and the state from which a killed run goes on."""

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from hydra.errors import HydraException
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from dissect.errors import InputError
from dissect.files import unwritable
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
            raise unwritable(self._path, problem) from problem


def trainer_of(config: DictConfig, folder: Path, callbacks: list[Any]) -> pl.Trainer:
    """Lightning's Trainer as the config has it, with the run's own callbacks, its loggers yet to come.

    Raises:
        InputError: for arguments that Lightning refuses.
    """
    settings: dict[str, Any] = {
        "max_epochs": config.train.epochs, "callbacks": callbacks, "default_root_dir": folder, "logger": False,
        "num_sanity_val_steps": 0, "log_every_n_steps": 1, "enable_progress_bar": False, "enable_model_summary": False,
    }  # fmt: skip
    owned = {**settings, "val_check_interval": None, "min_epochs": None, "max_steps": None, "min_steps": None}
    for key in config.trainer:
        if key in owned:
            mend = "say train.epochs" if "epochs" in str(key) or "steps" in str(key) else "leave it out"
            raise InputError(f"trainer.{key}={config.trainer[key]}: is not yours to set here; {mend}")
    if config.trainer.get("precision") == "auto":
        on_gpu = torch.cuda.is_available() and config.trainer.get("accelerator") != "cpu"
        settings["precision"] = (
            "bf16-mixed" if on_gpu and torch.cuda.is_bf16_supported(including_emulation=False) else "32-true"
        )
    try:
        return instantiate(config.trainer, **settings)
    except HydraException as problem:
        raise InputError(f"trainer: {problem.__cause__ or problem}") from problem


@contextmanager
def logging_to(trainer: pl.Trainer, variant: Variant) -> Iterator[None]:
    """Give the trainer the config's logger; ended afterwards, or the next run of a sweep would write into this one."""
    config = variant.config
    if "_target_" not in config.logger:
        yield
        return
    title = f"{variant.name}-seed{variant.seed}"
    if not config.logger._target_.endswith("WandbLogger"):
        trainer.logger = instantiate(config.logger, version=title)
        trainer.logger.log_hyperparams(_plain(config))
        yield
        return

    import wandb

    # Without a key W&B would ask for one; offline it keeps all that `wandb sync` needs.
    mode = {} if "WANDB_MODE" in os.environ or wandb.login(prompt=False) else {"mode": "offline"}
    Path(config.logger.save_dir).mkdir(parents=True, exist_ok=True)
    tags = list(variant.components)
    trainer.logger = instantiate(config.logger, name=title, group=variant.name, tags=tags, **mode)
    trainer.logger.log_hyperparams(_plain(config))
    failed = True
    try:
        yield
        failed = False
    finally:
        wandb.finish(exit_code=int(failed))


def _plain(config: DictConfig) -> dict[str, Any]:
    plain = OmegaConf.to_container(without_paths(config), resolve=True)
    assert isinstance(plain, dict)
    return {str(key): value for key, value in plain.items()}
