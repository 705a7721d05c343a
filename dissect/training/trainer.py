"""Lightning's Trainer for one run, with its loggers and the state from which a killed run goes on."""

import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from hydra.errors import HydraException
from hydra.utils import instantiate
from omegaconf import DictConfig

from dissect.composing.variant import Variant, plain, without_paths
from dissect.errors import InputError
from dissect.files import unwritable
from dissect.images.module import Row
from dissect.store import runs as store
from dissect.training.together import OwnSignals, Place

for name in ("pytorch_lightning", "lightning_fabric"):
    logging.getLogger(name).setLevel(logging.WARNING)  # not what hardware there might be, nor tips
# Lightning 2.6 asks torch's tree specification in a way that torch 2.15 deprecates; nothing of ours.
warnings.filterwarnings("ignore", message=r"`isinstance\(treespec, LeafSpec\)` is deprecated")
warnings.filterwarnings("ignore", message="The `srun` command is available")  # it has no part in how we use Slurm


class Resume(pl.callbacks.Checkpoint):
    """Keeps the state after each of the last two epochs, so that a run that is killed goes on from there."""

    def __init__(self, folder: Path) -> None:
        self._path, self._before = folder / "resume.ckpt", folder / "resume-before.ckpt"

    def newest(self) -> Path | None:
        """The state to go on from: the last epoch's or, where that was cut short, the one before; None to begin."""
        for path in (self._path, self._before):
            if path.exists() and _readable(path):
                return path
            if path.exists():
                print(f"{path}: was cut short; the one before it is used", file=sys.stderr, flush=True)
        return None

    def remove(self) -> None:
        store.remove_states(self._path.parent)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        half = self._path.with_name(f".{self._path.name}")
        try:
            trainer.save_checkpoint(half)
            if trainer.is_global_zero:
                if self._path.exists():
                    os.replace(self._path, self._before)
                os.replace(half, self._path)
        except OSError as problem:
            half.unlink(missing_ok=True)
            raise unwritable(self._path, problem) from problem


def _readable(checkpoint: Path) -> bool:
    try:
        torch.load(checkpoint, weights_only=True, mmap=True, map_location="cpu")
    except Exception:  # torch raises what its unpickler and its zip reader raise
        return False
    return True


def trainer_of(config: DictConfig, folder: Path, callbacks: list[Any], place: Place | None = None) -> pl.Trainer:
    """Lightning's Trainer as the config has it, with the run's own callbacks, its loggers yet to come.

    Args:
        place: this process's, where it is not the first of those that train together.

    Raises:
        InputError: for arguments that Lightning refuses.
    """
    on_gpu = torch.cuda.is_available() and config.trainer.get("accelerator") != "cpu"
    settings: dict[str, Any] = {
        "max_epochs": config.train.epochs, "callbacks": [*callbacks, OwnSignals()], "default_root_dir": folder,
        "num_sanity_val_steps": 0, "log_every_n_steps": 1, "enable_progress_bar": False, "enable_model_summary": False,
        "logger": False, "plugins": [place or Place()], "sync_batchnorm": on_gpu,
    }  # fmt: skip
    owned = {**settings, "val_check_interval": None, "min_epochs": None, "max_steps": None, "min_steps": None}
    for key in config.trainer:
        if key in owned:
            mend = "say train.epochs" if "epochs" in str(key) or "steps" in str(key) else "leave it out"
            raise InputError(f"trainer.{key}={config.trainer[key]}: is not yours to set here; {mend}")
    settings |= of_hardware(
        config.trainer, gpu=on_gpu, bf16=on_gpu and torch.cuda.is_bf16_supported(including_emulation=False)
    )
    try:
        return instantiate(config.trainer, **settings)
    except HydraException as problem:
        raise InputError(f"trainer: {problem.__cause__ or problem}") from problem


def of_hardware(said: Mapping[str, Any], *, gpu: bool, bf16: bool) -> dict[str, Any]:
    """What follows from the hardware where the config's `trainer` leaves it open.

    Training batches have one shape, so on a GPU cuDNN may try its convolutions once and take the fastest ("benchmark").
    """
    settings: dict[str, Any] = {}
    if said.get("precision") == "auto":
        settings["precision"] = "bf16-mixed" if bf16 else "32-true"
    if gpu and said.get("benchmark") is None and not said.get("deterministic"):
        settings["benchmark"] = True
    return settings


@contextmanager
def logging_to(
    trainer: pl.Trainer, variant: Variant, job_type: str = "train"
) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """Give the trainer the config's logger; ended afterwards, or the next run of a sweep would write into this one.

    Yields:
        What takes the finished run's result, for the logger to have.
    """
    config, folder = variant.config, Path(trainer.default_root_dir)
    if "_target_" not in config.logger or not trainer.is_global_zero:
        yield lambda result: None
    elif config.logger._target_.startswith("dissect."):
        begin = instantiate(config.logger)
        resumed = any(folder.glob("resume*.ckpt"))
        with begin(
            folder.name, job_type=job_type, group=variant.name, tags=list(variant.components),
            config={"variant": variant.name, **plain(without_paths(config))}, resumed=resumed,
        ) as log:  # fmt: skip
            trainer.callbacks.append(Epochs(log.epochs))  # type: ignore[attr-defined]
            yield log.result
    else:
        trainer.logger = instantiate(config.logger, version=f"{variant.name}-seed{variant.seed}")
        trainer.logger.log_hyperparams(plain(without_paths(config)))
        yield lambda result: None


class Epochs(pl.Callback):
    """Tells `log` of all epochs so far, each time that another one is in the checkpoint."""

    def __init__(self, log: Callable[[list[Row]], None]) -> None:
        self._log = log

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        self._log(pl_module.rows)

    def on_train_end(self, trainer: pl.Trainer, pl_module: Any) -> None:
        self._log(pl_module.rows)
