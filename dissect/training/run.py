"""Train one variant with one seed, and keep all that came of it in the store."""

import csv
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from omegaconf import DictConfig, OmegaConf
from torch import nn

from dissect.composing.variant import Variant, has_ten_crop, run_folder, without_paths
from dissect.errors import InputError, TrainingError
from dissect.files import whole
from dissect.images.arrays import ImageSet, let_go
from dissect.images.batches import ALONE, Part, Pixels, TrainBatches, View, ViewBatches, ten_crop_views, window_side
from dissect.images.build import build, check_fits, made, multiply_adds
from dissect.images.module import Classification, Row, probabilities
from dissect.images.offline import doubled
from dissect.images.scores import device_name, mean, scores, scores_of
from dissect.store import runs as store
from dissect.store.record import describe, describe_data
from dissect.training.memory import keep_freed_memory
from dissect.training.progress import RunProgress
from dissect.training.together import check_together, together
from dissect.training.trainer import Resume, logging_to, trainer_of

CHECKPOINT = "checkpoint.pt"  # the finished network's weights


def run(variant: Variant, images: ImageSet) -> dict[str, Any]:
    """The finished run's result, from the store if it is there, else trained now.

    A second process that wants the same run waits for the first and then finds it finished. Where only the ten-crop
    asked for is another one, it is derived from the kept network.

    Raises:
        InputError: for a config that cannot be trained, or a store that cannot be written.
        TrainingError: when training itself fails; the store then says so.
    """
    config, folder = variant.config, run_folder(variant, images.digest)
    if (result := store.finished(folder)) is not None and has_ten_crop(result, config):
        return result
    # All that can be refused is refused before anything is written.
    network = build(config, seed=variant.seed)
    schedule = made(config, "train.schedule")
    check_fits(network, schedule, config, images)
    progress = RunProgress(f"{variant.name} seed {variant.seed}", config.train.epochs)
    resume = Resume(folder)
    trainer = trainer_of(config, folder, [progress, resume])
    check_together(trainer, config, network)
    keep_freed_memory()
    if config.threads:
        torch.set_num_threads(config.threads)

    with store.locked(folder):
        result = store.finished(folder)
        if result is None:
            try:
                with logging_to(trainer, variant, "member" if variant.member_of else "train") as told:
                    result = _train(variant, images, network, schedule, trainer, progress, resume, folder)
                    told(result)
            except TrainingError as problem:
                failed = {"status": "failed", "error": str(problem)}
                store.write_result(folder, describe(variant, images) | failed)
                resume.remove()  # or the next try would go on into the same end
                raise
        elif not has_ten_crop(result, config):
            _restore(network, folder / CHECKPOINT)
            result.pop("folder")
            result |= _evaluate(
                network, images, batches(images, config, 0, trainer.strategy.root_device), trainer, config, folder
            )
        else:  # another process has trained it meanwhile
            return result | {"new": False}
        store.write_result(folder, result)
        resume.remove()
        return {**result, "folder": str(folder)}


def _train(
    variant: Variant,
    images: ImageSet,
    network: nn.Module,
    schedule: Callable[[float], float],
    trainer: pl.Trainer,
    progress: RunProgress,
    resume: Resume,
    folder: Path,
) -> dict[str, Any]:
    config = variant.config
    with whole(folder / "config.yaml") as file:
        file.write(OmegaConf.to_yaml(without_paths(config), resolve=True))

    def on_epoch(rows: list[Row]) -> None:
        write_metrics(folder / "metrics.csv", rows)
        progress.epoch(rows)

    module = module_of(variant, images, network, schedule, on_epoch)
    begin = resume.newest()
    with progress, together(trainer, variant, begin):
        trainer.fit(module, ckpt_path=str(begin) if begin else None, weights_only=True)

    # The module's own arrays are reused, so that a device holds the images once.
    pixels = module.training_batches, module.validation_batches
    network = module.judged
    metrics = _evaluate(network, images, pixels, trainer, config, folder)
    processes = f"{trainer.world_size} processes on " if trainer.world_size > 1 else ""
    with whole(folder / CHECKPOINT, "wb") as file:
        torch.save(network.state_dict(), file)
    return (
        describe(variant, images)
        | metrics
        | {
            "parameters": sum(weights.numel() for weights in network.parameters()),
            "multiply_adds": multiply_adds(network, window_side(images.val_images.shape[1], config.augmentation.crop)),
            "epochs": len(module.rows),
            "train_seconds": round(module.seconds, 3),
            "images_per_second": round(module.images / module.seconds, 1),
            "device": processes + device_name(trainer.strategy.root_device),
            "precision": str(trainer.precision),
        }
    )


def module_of(
    variant: Variant,
    images: ImageSet,
    network: nn.Module,
    schedule: Callable[[float], float],
    on_epoch: Callable[[list[Row]], None],
) -> Classification:
    """What Lightning trains, the same in each of the processes that train a run together."""
    train = variant.config.train
    return Classification(
        network, batches=lambda device, part: batches(images, variant.config, variant.seed, device, part),
        optimizer=partial(torch.optim.SGD, lr=train.learning_rate, momentum=train.momentum,
                          weight_decay=train.weight_decay),
        loss=nn.CrossEntropyLoss(), schedule=schedule, seed=variant.seed, on_epoch=on_epoch,
        compile_mode=variant.config.compile,
    )  # fmt: skip


def _restore(network: nn.Module, checkpoint: Path) -> None:
    try:
        network.load_state_dict(torch.load(checkpoint, weights_only=True))
    except Exception as problem:
        raise InputError(f"{checkpoint}: cannot be read; delete this run's folder and train it again") from problem


def _evaluate(
    network: nn.Module,
    images: ImageSet,
    pixels: tuple[TrainBatches, ViewBatches],
    trainer: pl.Trainer,
    config: DictConfig,
    folder: Path,
) -> dict[str, Any]:
    """Write the finished network's predictions, and give what follows from them."""
    device = trainer.strategy.root_device
    network.to(device)
    bf16 = str(trainer.precision).startswith("bf16")

    def predict(source: Pixels, share: float, view: View | None = None) -> np.ndarray:
        cut = ViewBatches(source, batch_size=config.evaluate.batch_size, crop=share, view=view)
        return probabilities(network, cut, torch.autocast(device.type, torch.bfloat16, enabled=bf16)).numpy()

    training, validation = (part.pixels for part in pixels)
    crop, ten_crop = config.augmentation.crop, config.evaluate.ten_crop
    predictions = {"labels": images.val_labels, "probabilities": predict(validation, crop)}
    room = validation.size - window_side(validation.size, ten_crop) if ten_crop else 0
    views = ten_crop_views(room, mirror=config.data.mirror) if ten_crop else []
    if views:
        predictions["probabilities_ten_crop"] = mean(predict(validation, ten_crop, view) for view in views)
    for name, values in predictions.items():
        if not np.isfinite(values).all():
            raise TrainingError(
                f"optimizer.lr={config.train.learning_rate}: the finished network's {name} are not finite; "
                "a lower learning rate usually mends it"
            )
    store.write_predictions(folder, **predictions)
    seen = training.first(config.evaluate.train_images)
    train_accuracy = scores(predict(seen, crop), images.train_labels[: len(seen)])["accuracy"]
    data = describe_data(config, images) | {"views": len(views) or None}
    return scores_of(predictions) | {"train_accuracy": train_accuracy, "ten_crop": ten_crop, "data": data}


def batches(
    images: ImageSet, config: DictConfig, seed: int, device: torch.device, part: Part = ALONE
) -> tuple[TrainBatches, ViewBatches]:
    """Training and validation batches that are cut on `device`, or one process's part of them."""

    def on_device(pixels: np.ndarray, labels: np.ndarray) -> Pixels:
        statistics: dict[str, Any] = {"mean": torch.from_numpy(images.mean), "std": torch.from_numpy(images.std)}
        there = torch.from_numpy(pixels).to(device), torch.from_numpy(labels).to(device)
        return Pixels(*there, **statistics, let_go=partial(let_go, pixels))

    offline = config.augmentation.offline
    training = TrainBatches(
        on_device(images.train_images, images.train_labels), batch_size=config.train.batch_size,
        crop=config.augmentation.crop, mirror=config.augmentation.mirror, seed=seed,
        doubled=doubled(len(images.train_labels), mirror=config.data.mirror) if offline else None, part=part,
    )  # fmt: skip
    validation = ViewBatches(
        on_device(images.val_images, images.val_labels),
        batch_size=config.evaluate.batch_size,
        crop=config.augmentation.crop,
        part=part,
    )
    return training, validation


def write_metrics(path: Path, rows: list[Row]) -> None:
    with whole(path) as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
