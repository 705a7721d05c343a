"""Train one variant with one seed, and keep all that came of it in the store."""

import csv
import logging
import os
import platform
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytorch_lightning as pl
import torch
from filelock import FileLock
from hydra.errors import HydraException
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from torch import nn

from dissect import store
from dissect.config import Train
from dissect.data.arrays import ImageSet
from dissect.data.batches import Pixels, TrainBatches, ViewBatches, ten_crop_views, window_side
from dissect.errors import InputError, TrainingError
from dissect.streams import stream
from dissect.training.module import Classification, Row, probabilities
from dissect.training.progress import RunProgress
from dissect.training.result import describe, scores
from dissect.variant import Variant, run_folder

logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)  # not what hardware there might be, nor tips


def run(variant: Variant, images: ImageSet, *, member_of: Variant | None = None) -> dict[str, Any]:
    """The finished run's result, from the store if it is there, else trained now.

    A second process that wants the same run waits for the first and then finds it finished.

    Args:
        member_of: the ensemble that this run is trained for, if any.

    Raises:
        InputError: for a config that cannot be trained, or a store that cannot be written.
        TrainingError: when training itself fails; the store then says so.
    """
    folder = run_folder(variant, images.digest)
    lock = folder.parent / ".locks" / f"{folder.name}.lock"
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise store.unwritable(lock.parent, problem) from problem
    with FileLock(lock):
        if (result := store.finished(folder)) is not None:
            return result
        identity: dict[str, Any] = {}
        if member_of is not None:
            identity = {"member_of": member_of.name, "settings": member_of.settings(images.digest)}
        try:
            result = _train(variant, images, folder, identity)
        except TrainingError as problem:
            failed = describe(variant, images, views=0, **identity, status="failed", error=str(problem))
            store.write_result(folder, failed)
            raise
        store.write_result(folder, result)
        (folder / RESUME).unlink(missing_ok=True)
        return {**result, "folder": str(folder)}


RESUME = "resume.ckpt"  # the state after the last whole epoch, while a run is unfinished


def _train(variant: Variant, images: ImageSet, folder: Path, identity: dict[str, Any]) -> dict[str, Any]:
    config = variant.config
    if config.threads:
        torch.set_num_threads(config.threads)
    network = build(config, seed=variant.seed)
    mirror = config.data.mirror
    views = ten_crop_views(mirror) if config.evaluate.ten_crop else []
    check_fits(network, config, images)

    with store.whole(folder / "config.yaml") as file:
        file.write(OmegaConf.to_yaml(without_paths(config), resolve=True))

    title = f"{variant.name} seed {variant.seed}"
    with RunProgress(title, config.train.epochs) as progress:

        def on_epoch(rows: list[Row]) -> None:
            write_metrics(folder / "metrics.csv", rows)
            progress.epoch(rows)

        module = Classification(
            network, batches=lambda device: batches(images, config, variant.seed, device), train=cast(Train, config.train),
            schedule=instantiate(config.train.schedule), seed=variant.seed, on_epoch=on_epoch,
        )  # fmt: skip
        trainer = _trainer(config, folder, variant, [progress, Resume(folder / RESUME)])
        resume = folder / RESUME
        try:
            trainer.fit(module, ckpt_path=str(resume) if resume.exists() else None, weights_only=True)
        finally:
            for logger in trainer.loggers:
                _close(logger)

    device = trainer.strategy.root_device
    network.to(device)
    # The module's own arrays are reused, so that a device holds the images once.
    training, validation = module.train_dataloader(), module.val_dataloader()
    assert isinstance(training, TrainBatches) and isinstance(validation, ViewBatches)

    def predict(pixels: Pixels, share: float, view: Any = None) -> np.ndarray:
        kept = {} if view is None else {"view": view}
        cut = ViewBatches(pixels, batch_size=config.evaluate.batch_size, crop=share, **kept)
        bf16 = str(trainer.precision).startswith("bf16")
        return probabilities(network, cut, torch.autocast(device.type, torch.bfloat16, enabled=bf16)).numpy()

    predictions = {"labels": images.val_labels, "probabilities": predict(validation.pixels, config.augmentation.crop)}
    metrics: dict[str, Any] = scores(predictions["probabilities"], images.val_labels)
    if views:
        crops = (predict(validation.pixels, config.evaluate.ten_crop, view) for view in views)
        predictions["probabilities_ten_crop"] = mean(crops)
        metrics["accuracy_ten_crop"] = scores(predictions["probabilities_ten_crop"], images.val_labels)["accuracy"]
    train_probabilities = predict(training.pixels, config.augmentation.crop)
    metrics["train_accuracy"] = scores(train_probabilities, images.train_labels)["accuracy"]

    store.write_predictions(folder, **predictions)
    with store.whole(folder / "checkpoint.pt", "wb") as file:
        torch.save(network.state_dict(), file)
    seen = len(module.rows) * len(training) * training.batch_size
    return describe(
        variant, images, views=len(views), **identity, **metrics,
        parameters=sum(weights.numel() for weights in network.parameters()),
        epochs=len(module.rows), train_seconds=round(module.seconds, 3),
        images_per_second=round(seen / module.seconds, 1), device=device_name(device),
    )  # fmt: skip


def build(config: DictConfig, *, seed: int) -> nn.Module:
    """The network of a config, initialised from the seed's own stream.

    Raises:
        InputError: naming the model, for arguments that it refuses.
    """
    torch.manual_seed(stream(seed, "initialisation"))  # for networks that initialise themselves
    try:
        network = instantiate(config.model)
        instantiate(config.init)(network, layer_seed=lambda name: stream(seed, "initialisation", name))
    except (HydraException, TypeError, ValueError) as problem:
        reason = str(problem.__cause__ or problem)
        raise InputError(f"model={config.model.get('_target_')}: cannot be built: {reason}") from problem
    if not isinstance(network, nn.Module):
        raise InputError(f"model={config.model.get('_target_')}: makes a {type(network).__name__}, not a torch.nn.Module")
    return network


def check_fits(network: nn.Module, config: DictConfig, images: ImageSet) -> None:
    """Refuse, before anything is written, what would fail in the first batch or at the very end.

    Raises:
        InputError: fewer images than a batch, a window that the network cannot take, a wrong number of classes.
    """
    if len(images.train_labels) < config.train.batch_size:
        raise InputError(
            f"train.batch_size={config.train.batch_size}: the training part has only {len(images.train_labels)} images; "
            f"choose train.batch_size={len(images.train_labels)} or less"
        )
    for key, least in (("train.epochs", 1), ("train.batch_size", 1), ("evaluate.batch_size", 1)):
        if OmegaConf.select(config, key) < least:
            raise InputError(f"{key}={OmegaConf.select(config, key)}: must be {least} or more")
    size = images.train_images.shape[1]
    for key in ("augmentation.crop", "evaluate.ten_crop"):
        share = OmegaConf.select(config, key)
        if share is None:
            continue
        if not 0 < share <= 1:
            raise InputError(f"{key}={share}: must be a share of the image's side, above 0 and at most 1")
        side = window_side(size, share)
        try:
            with torch.inference_mode():
                shape = tuple(network.eval()(torch.zeros(2, 3, side, side)).shape)
        except RuntimeError as problem:
            raise InputError(
                f"{key}={share}: the network, built for images of {size}x{size}, cannot take windows of {side}x{side} "
                f"({problem}); choose a share nearer to 1"
            ) from problem
        if shape != (2, len(images.classes)):
            raise InputError(
                f"model.classes: the network gives {shape[1:]} outputs an image for {len(images.classes)} classes; "
                f"set model.classes={len(images.classes)}"
            )
    network.train()


def batches(images: ImageSet, config: DictConfig, seed: int, device: torch.device) -> tuple[TrainBatches, ViewBatches]:
    """Training and validation batches that are cut on `device`."""

    def on_device(pixels: np.ndarray, labels: np.ndarray) -> Pixels:
        statistics = {"mean": torch.from_numpy(images.mean), "std": torch.from_numpy(images.std)}
        return Pixels(torch.from_numpy(pixels).to(device), torch.from_numpy(labels).to(device), **statistics)

    training = TrainBatches(
        on_device(images.train_images, images.train_labels), batch_size=config.train.batch_size,
        crop=config.augmentation.crop, mirror=config.augmentation.mirror, seed=seed,
    )  # fmt: skip
    validation = ViewBatches(
        on_device(images.val_images, images.val_labels), batch_size=config.evaluate.batch_size, crop=config.augmentation.crop
    )
    return training, validation


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


def _trainer(config: DictConfig, folder: Path, variant: Variant, callbacks: list[Any]) -> pl.Trainer:
    settings: dict[str, Any] = {
        "max_epochs": config.train.epochs, "callbacks": callbacks, "default_root_dir": folder,
        "num_sanity_val_steps": 0, "log_every_n_steps": 1, "enable_progress_bar": False, "enable_model_summary": False,
    }  # fmt: skip
    if config.trainer.get("precision") == "auto":
        bf16 = torch.cuda.is_available() and torch.cuda.is_bf16_supported() and config.trainer.get("accelerator") != "cpu"
        settings["precision"] = "bf16-mixed" if bf16 else "32-true"
    try:
        return instantiate(config.trainer, **settings, logger=_logger(config, variant))
    except HydraException as problem:
        raise InputError(f"trainer: {problem.__cause__ or problem}") from problem


def _logger(config: DictConfig, variant: Variant) -> Any:
    if "_target_" not in config.logger:
        return False
    extra: dict[str, Any] = {}
    title = f"{variant.name}-seed{variant.seed}"
    if config.logger._target_.endswith("WandbLogger"):
        import wandb

        # Without a key W&B would ask for one; offline it keeps all that `wandb sync` needs.
        offline = os.environ.get("WANDB_MODE", "") in ("", "offline") and not wandb.api.api_key
        extra = {"name": title, "group": variant.name, "tags": list(variant.components), "offline": offline}
        Path(config.logger.save_dir).mkdir(parents=True, exist_ok=True)
    else:
        extra = {"version": title}
    logger = instantiate(config.logger, **extra)
    logger.log_hyperparams(OmegaConf.to_container(without_paths(config), resolve=True))
    return logger


def _close(logger: Any) -> None:
    logger.finalize("success")
    if type(logger).__name__ == "WandbLogger":
        import wandb

        wandb.finish(quiet=True)  # else the next run of a sweep would write into this one


def write_metrics(path: Path, rows: list[Row]) -> None:
    with store.whole(path) as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def mean(crops: Any) -> np.ndarray:
    """The mean of float32 arrays, summed in float64 one after another: memory for two, and the order does not show."""
    total, count = 0.0, 0
    for crop in crops:
        total, count = total + crop.astype(np.float64), count + 1
    return (total / count).astype(np.float32)  # type: ignore[union-attr]


def without_paths(config: DictConfig) -> DictConfig:
    """The config without folders of this machine, which say nothing about the result."""
    kept = cast(DictConfig, OmegaConf.create(OmegaConf.to_container(config, resolve=True)))
    kept.data.root, kept.data.cache = None, None
    if "root" in kept.data.source:
        kept.data.source.root = None
    return kept


def device_name(device: torch.device) -> str:
    """The processor's own name, with the threads used on a CPU."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type != "cpu":
        return f"{device.type} ({platform.processor() or platform.machine()})"
    name = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), name)
    except OSError:
        pass
    return f"CPU {name}, {torch.get_num_threads()} threads"


