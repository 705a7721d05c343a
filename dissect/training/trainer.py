"""Lightning's Trainer for one run, with its loggers and the state from which a killed run goes on."""

import inspect
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from hydra.errors import HydraException
from hydra.utils import instantiate
from lightning_fabric.utilities.rank_zero import rank_zero_only
from omegaconf import DictConfig

from dissect.composing.identity import without_paths
from dissect.composing.job import Job
from dissect.composing.plain import plain
from dissect.composing.variant import Variant
from dissect.errors import InputError
from dissect.training.epochs import Epochs, Row
from dissect.training.hardware import has_bf16, warn_of_emulation
from dissect.training.resume import Plain
from dissect.training.together import OwnSignals, Place

for name in ("pytorch_lightning", "lightning_fabric"):
    logging.getLogger(name).setLevel(logging.WARNING)  # not what hardware there might be, nor tips
# Lightning 2.6 asks torch's tree specification in a way that torch 2.15 deprecates; nothing of ours.
warnings.filterwarnings("ignore", message=r"`isinstance\(treespec, LeafSpec\)` is deprecated")
warnings.filterwarnings("ignore", message="The `srun` command is available")  # it has no part in how we use Slurm


def trainer_of(
    config: DictConfig, folder: Path, callbacks: list[Any], place: Place | None = None, *, bf16_pays: bool = False
) -> pl.Trainer:
    """Lightning's Trainer as the config has it, with the run's own callbacks, its loggers yet to come.

    Args:
        place: this process's, where it is not the first of those that train together.
        bf16_pays: on a processor with units for it, as the task says.

    Raises:
        InputError: for arguments that Lightning refuses.
    """
    place = place or Place()
    # Lightning takes its rank from what another program left in RANK, LOCAL_RANK or SLURM_PROCID; above 0, loggers and
    # warnings are silent.
    rank_zero_only.rank = place.global_rank()  # type: ignore[attr-defined]
    on_gpu = torch.cuda.is_available() and config.trainer.get("accelerator") != "cpu"
    settings: dict[str, Any] = {
        "max_epochs": config.train.epochs, "callbacks": [*callbacks, OwnSignals()], "default_root_dir": folder,
        "num_sanity_val_steps": 0, "log_every_n_steps": 1, "enable_progress_bar": False, "enable_model_summary": False,
        "logger": False, "plugins": [place, Plain()], "sync_batchnorm": on_gpu,
    }  # fmt: skip
    bf16 = has_bf16(gpu=on_gpu)
    settings |= of_hardware(config.trainer, gpu=on_gpu, bf16=bf16 and (on_gpu or bf16_pays))
    if not (on_gpu or bf16) and str(config.trainer.get("precision")).startswith("bf16"):
        warn_of_emulation()
    if not on_gpu and str(config.trainer.get("precision")) in ("16", "16-mixed"):  # Lightning would take bf16 instead
        raise InputError(
            f"trainer.precision={config.trainer.precision}: needs a GPU; on a processor say 32-true or bf16-mixed"
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
    trainer: pl.Trainer, job: Job, epochs: Epochs, job_type: str = "train"
) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """Give the trainer the config's logger; ended afterwards, or the next run of a sweep would write into this one.

    Yields:
        What takes the finished run's result, for the logger to have.
    """
    variant, folder = job.variant, job.folder
    config = variant.config
    if "_target_" not in config.logger or not trainer.is_global_zero:
        yield lambda result: None
    elif config.logger._target_ == "dissect.loggers.wandb.wandb_run":
        begin = instantiate(config.logger)
        resumed = any(folder.glob("resume*.ckpt"))
        with begin(
            folder.name, job_type=job_type, group=variant.name, tags=list(variant.components),
            config={"variant": variant.name, **plain(without_paths(config))}, resumed=resumed,
        ) as log:  # fmt: skip
            trainer.callbacks.append(Told(log.epochs, epochs))  # type: ignore[attr-defined]
            yield log.result
    else:
        logger = trainer.logger = logger_of(config.logger, variant, folder.name)
        logger.log_hyperparams({"variant": variant.name, **plain(without_paths(config))})
        yield getattr(logger, "result", lambda result: None)


def logger_of(said: DictConfig, variant: Variant, name: str) -> Any:
    """Lightning's logger that the config describes, with _partial_ or without; one a run.

    It is told who the run is in what of it takes: `version` or `run_name` (the run's `name`, that of its folder) and
    `tags` (variant, components, seed), where the config does not say them.

    Raises:
        InputError: for one that cannot be made, or whose package is not installed.
    """
    tags = {"variant": variant.name, "components": "+".join(variant.components), "seed": str(variant.seed)}
    try:
        make = instantiate({**plain(said), "_partial_": True})
        takes = inspect.signature(make.func).parameters
        offered = {"version": name, "run_name": name, "tags": tags}
        # A logger for everything, as Comet's, would take any name for a setting of its own.
        return make(**{key: value for key, value in offered.items() if key in takes and key not in make.keywords})
    except (HydraException, ImportError, TypeError, ValueError) as problem:
        reason = "; ".join(str(problem.__cause__ or problem).splitlines())
        raise InputError(f"logger={said.get('_target_')}: cannot be made: {reason}") from problem


class Told(pl.Callback):
    """Tells `log` of all epochs so far, each time that another one is in the checkpoint."""

    def __init__(self, log: Callable[[list[Row]], None], epochs: Epochs) -> None:
        self._log, self._epochs = log, epochs

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        self._log(self._epochs.rows)

    def on_train_end(self, trainer: pl.Trainer, pl_module: Any) -> None:
        self._log(self._epochs.rows)
