"""Train one variant with one seed, and keep all that came of it in the store."""

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from filelock import FileLock
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from dissect import store
from dissect.config import Train
from dissect.data.arrays import ImageSet
from dissect.data.batches import CENTRE, Pixels, TrainBatches, View, ViewBatches, ten_crop_views
from dissect.errors import TrainingError
from dissect.training.build import build, check_fits
from dissect.training.module import Classification, Row, probabilities
from dissect.training.progress import RunProgress
from dissect.training.result import describe, device_name, scores, without_paths
from dissect.training.trainer import Resume, close, trainer_of
from dissect.variant import Variant, run_folder

RESUME = "resume.ckpt"  # the state after the last whole epoch, while a run is unfinished


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


def _train(variant: Variant, images: ImageSet, folder: Path, identity: dict[str, Any]) -> dict[str, Any]:
    config = variant.config
    network = build(config, seed=variant.seed)
    check_fits(network, config, images)
    views = ten_crop_views(config.data.mirror) if config.evaluate.ten_crop else []
    if config.threads:
        torch.set_num_threads(config.threads)

    with store.whole(folder / "config.yaml") as file:
        file.write(OmegaConf.to_yaml(without_paths(config), resolve=True))

    title = f"{variant.name} seed {variant.seed}"
    with RunProgress(title, config.train.epochs) as progress:

        def on_epoch(rows: list[Row]) -> None:
            write_metrics(folder / "metrics.csv", rows)
            progress.epoch(rows)

        module = Classification(
            network, batches=lambda device: batches(images, config, variant.seed, device),
            train=cast(Train, config.train), schedule=instantiate(config.train.schedule), seed=variant.seed,
            on_epoch=on_epoch,
        )  # fmt: skip
        trainer = trainer_of(variant, folder, [progress, Resume(folder / RESUME)])
        resume = folder / RESUME
        try:
            trainer.fit(module, ckpt_path=str(resume) if resume.exists() else None, weights_only=True)
        finally:
            for logger in trainer.loggers:
                close(logger)

    device = trainer.strategy.root_device
    network.to(device)
    # The module's own arrays are reused, so that a device holds the images once.
    training, validation = module.training_batches, module.validation_batches

    def predict(pixels: Pixels, share: float, view: View = CENTRE) -> np.ndarray:
        cut = ViewBatches(pixels, batch_size=config.evaluate.batch_size, crop=share, view=view)
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
        on_device(images.val_images, images.val_labels),
        batch_size=config.evaluate.batch_size,
        crop=config.augmentation.crop,
    )
    return training, validation


def write_metrics(path: Path, rows: list[Row]) -> None:
    with store.whole(path) as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def mean(arrays: Iterable[np.ndarray]) -> np.ndarray:
    """The mean of float32 arrays, summed in float64 one after another, so that no more than two are held."""
    total, count = np.zeros(()), 0
    for array in arrays:
        total, count = total + array.astype(np.float64), count + 1
    return np.asarray(total / count, dtype=np.float32)
