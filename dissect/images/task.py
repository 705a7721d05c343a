"""The task `images`: a network that maps images to classes, trained and judged on images in memory."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from omegaconf import DictConfig, OmegaConf

from dissect.composing.checks import check_least
from dissect.composing.identity import code_in, digest_of
from dissect.composing.imported import as_imported
from dissect.composing.plain import plain
from dissect.errors import InputError, TrainingError
from dissect.images.arrays import ImageSet, load
from dissect.images.scores import chance, judged, mean, scores
from dissect.images.views import ten_crop_views, window_side
from dissect.training.making import made
from dissect.training.task import Judged

if TYPE_CHECKING:
    import pytorch_lightning as pl
    import torch
    from torch import nn

    from dissect.images.batches import Part, TrainBatches, ViewBatches
    from dissect.images.module import Classification
    from dissect.images.views import View

COMPILE = ("default", "reduce-overhead", "max-autotune", "max-autotune-no-cudagraphs")  # torch.compile's modes
MEASURED = ("accuracy", "top5", "loss", "accuracy_ten_crop", "top5_ten_crop", "loss_ten_crop", "train_accuracy")


@dataclass(frozen=True)
class Found:
    """The images of a config, and what is said of them."""

    images: ImageSet
    facts: Mapping[str, Any]

    @property
    def digest(self) -> str:
        return self.images.digest

    @property
    def settles(self) -> dict[str, Any]:
        return {"data.classes": len(self.images.classes)}


def views_of(config: DictConfig) -> "list[View]":
    """The views of which ten-crop averages the probabilities; none where it is left out."""
    size, share = config.data.image_size, config.evaluate.ten_crop
    return ten_crop_views(size - window_side(size, share), mirror=config.data.mirror) if share else []


class Images:
    """Image classification, as `dissect.training.task.Task` has it.

    A network gives logits (N, classes) for normalised images (N, 3, S, S). Judged are accuracy, top-5 accuracy and
    cross entropy, of the central window and, where `evaluate.ten_crop` says so, of the ten-crop.
    """

    shares_batches = True

    def data(self, config: DictConfig, *, verify: bool = False) -> Found:
        _check(config)
        images = images_of(config, verify=verify)
        data = config.data
        if len(images.classes) < 2:
            raise InputError(f"data.classes={len(images.classes)}: one class leaves nothing to tell apart; take more")
        if (most := len(images.train_labels)) < config.train.batch_size:
            raise InputError(
                f"train.batch_size={config.train.batch_size}: the training part has {most} images; "
                f"choose train.batch_size={most} or less"
            )
        facts = {
            "name": data.name,
            "digest": images.digest,
            "judge": judged_on(data),
            "examples": {"training": len(images.train_labels), "validation": len(images.val_labels)},
            "chance": chance(images.val_labels, len(images.classes)).get(config.metric.name),
            "classes": len(images.classes),
            "image_size": data.image_size,
            "mirror": data.mirror,
            "weights begin": begin(config),
            "views": len(views_of(config)) or None,
            "folds": data.folds,
            "fold": data.fold,
        }
        if folder := getattr(source_of(config), "folder", None):  # somebody's own images, which no name tells
            facts |= {"folder": folder, "class names": first_of(images.classes)}
        if images.left_out:
            facts["left_out"] = images.left_out
        return Found(images, facts)

    def module(self, config: DictConfig, data: Found, seed: int) -> "Classification":
        from dissect.images.build import build, check_fits, recipe
        from dissect.images.module import Classification

        network, parts = build(config, seed=seed), recipe(config)
        check_fits(network, parts, config, data.images)
        return Classification(
            network, batches=partial(batches, data.images, config, seed), optimizer=parts.optimizer, loss=parts.loss,
            schedule=parts.schedule, average=parts.average, seed=seed, compile_mode=config.compile,
        )  # fmt: skip

    def datamodule(self, config: DictConfig, data: Found, seed: int) -> None:
        return None

    def bf16_pays(self, config: DictConfig) -> bool:
        """From 32 pixels a side on, whatever the network, so that the variants of a study agree.

        Measured on an EPYC with avx512_bf16, one thread, ratios of processor time: there 1.08 to 2.1 for networks of a
        tenth of the width and more; at 16 pixels 0.94 to 1.6, at 8 pixels 0.88 to 1.4.
        """
        return int(config.data.image_size) >= 32

    def callbacks(self, config: DictConfig, seed: int) -> "list[pl.Callback]":
        return []

    def network(self, module: "Classification") -> "nn.Module":
        """The network whose weights are kept and judged."""
        return module.judged

    def judge(self, module: "Classification", data: Found, config: DictConfig, trainer: "pl.Trainer") -> Judged:
        import torch

        from dissect.images.batches import Pixels, ViewBatches
        from dissect.images.build import augmentation, multiply_adds
        from dissect.images.module import probabilities

        images, device, network = data.images, trainer.strategy.root_device, self.network(module)
        network.to(device)
        bf16 = str(trainer.precision).startswith("bf16")

        def predict(source: Pixels, share: float, view: "View | None" = None) -> np.ndarray:
            cut = ViewBatches(source, batch_size=config.evaluate.batch_size, crop=share, view=view)
            return probabilities(network, cut, torch.autocast(device.type, torch.bfloat16, enabled=bf16)).numpy()

        # After training, the module's own arrays are used again, so that a device holds the images once.
        training, validation = (part.pixels for part in module.loaded or batches(images, config, 0, device))
        crop, ten_crop = augmentation(config).crop, config.evaluate.ten_crop
        predictions = {"labels": images.val_labels, "probabilities": predict(validation, crop)}
        views = views_of(config)
        if views:
            predictions["probabilities_ten_crop"] = mean(predict(validation, ten_crop, view) for view in views)
        for name, values in predictions.items():
            if not np.isfinite(values).all():
                raise TrainingError(
                    f"optimizer.lr={config.optimizer.get('lr')}: the finished network's {name} are not finite; "
                    "a lower learning rate usually mends it"
                )
        seen = training.first(config.evaluate.train_images)
        train_accuracy = scores(predict(seen, crop), images.train_labels[: len(seen)])["accuracy"]
        metrics, own = judged(predictions, config.metric.name)
        return Judged(
            {**metrics, "train_accuracy": train_accuracy},
            {**predictions, **own},
            {"ten_crop": ten_crop, "multiply_adds": multiply_adds(network, window_side(validation.size, crop))},
            {"views": len(views) or None},
        )

    def complete(self, result: Mapping[str, Any], config: DictConfig) -> bool:
        """Whether its scores are of the config's metric, and it has the ten-crop that is asked for, if any is."""
        if (result.get("metric") or {}).get("name") != config.metric.name:
            return False
        if config.evaluate.ten_crop is None:
            return True
        return (result.get("ten_crop"), result["data"]["mirror"]) == (config.evaluate.ten_crop, config.data.mirror)

    def passes(self, config: DictConfig) -> int:
        return 1 + (10 if config.data.mirror else 5) * bool(config.evaluate.ten_crop)

    def average(self, members: Sequence[Mapping[str, np.ndarray]], config: DictConfig, data: Found) -> Judged:
        averaged: dict[str, np.ndarray] = {"labels": members[0]["labels"]}
        for name in ("probabilities", "probabilities_ten_crop"):
            if all(name in one for one in members):
                averaged[name] = mean(one[name] for one in members)
        metrics, own = judged(averaged, config.metric.name)
        return Judged({**metrics, "train_accuracy": None}, {**averaged, **own})


ALONE = (0, 1)


def begin(config: DictConfig) -> str:
    """How the network's weights begin: as its own constructor left them, or as `init` draws them."""
    target = str(config.init.get("_target_"))
    return "as the network's own" if target == "dissect.networks.init.own" else f"by {target.rpartition('.')[2]}"


def judged_on(data: DictConfig) -> str:
    """What a run's accuracy is measured on: "validation", "tuning" or, of cross-validation, "fold 2 of 5"."""
    return str(data.judge) if data.folds is None else f"fold {data.fold} of {data.folds}"


def images_of(config: DictConfig, *, verify: bool = False) -> ImageSet:
    """The images that a config names, decoded if this is the first time.

    Args:
        verify: hold what was decoded before against its digests.

    Raises:
        InputError: for a setting or a file that cannot be used.
    """
    source, data = source_of(config), OmegaConf.to_container(config.data, resolve=True)
    assert isinstance(data, dict)
    arguments = {str(key): data[key] for key in data if key not in ("name", "source", "root", "mirror")}
    code = digest_of(as_imported(code_in(plain(config), "data")))
    return load(source, **arguments, code=code, verify=verify)


def first_of(names: Sequence[str], most: int = 5) -> str:
    """ "ant, bee, cat and 7 more"."""
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest:,} more" if rest > 0 else "")


def source_of(config: DictConfig) -> Any:
    """The source of images that a config names; nothing of it is looked at.

    Raises:
        InputError: where it cannot be made, or is no source.
    """
    source = made(config, "data.source")
    if missing := [name for name in ("name", "fingerprint", "opened") if not hasattr(source, name)]:
        raise InputError(
            f"data.source={config.data.source.get('_target_')}: has no {missing[0]}; a source of images has a name, "
            "fingerprint() and opened(cache), as EXTENDING.md shows"
        )
    return source


def _check(config: DictConfig) -> None:
    data = config.data
    if not str(data.cache).strip():
        raise InputError("data.cache='': must be the name of a folder, such as data.cache=mine")
    if data.root is not None and "root" not in data.source:
        raise InputError(f"data.root={data.root}: data={data.name} comes without a folder; name another data=")
    check_least(config, "train.batch_size", "evaluate.batch_size", "evaluate.train_images")
    for name, least, below in (("lr", 0.0, math.inf), ("momentum", 0.0, 1.0), ("weight_decay", 0.0, math.inf)):
        value = config.optimizer.get(name)
        if isinstance(value, int | float) and not least <= value < below:
            raise InputError(f"optimizer.{name}={value}: must be 0 or more{' and below 1' if below == 1 else ''}")
    if config.metric.name not in MEASURED:
        measured = ", ".join(MEASURED)
        raise InputError(f"metric.name={config.metric.name}: is not what images are judged by; that is {measured}")
    if (share := config.evaluate.ten_crop) is not None and not 0 < share <= 1:
        raise InputError(f"evaluate.ten_crop={share}: must be a share of the image's side, above 0 and at most 1")
    precision = str(config.trainer.get("precision"))
    if (
        precision == "transformer-engine"
        or (precision.endswith("-true") and precision != "32-true")
        or precision == "64"
    ):
        raise InputError(
            f"trainer.precision={precision}: weights, losses and metrics of images are float32; say auto, 32-true, "
            "bf16-mixed or, on a GPU, 16-mixed"
        )
    if config.compile not in (None, *COMPILE):
        modes = ", ".join(COMPILE)
        raise InputError(f"compile={config.compile}: must be null or one of torch.compile's modes, {modes}")


def batches(
    images: ImageSet, config: DictConfig, seed: int, device: "torch.device", part: "Part" = ALONE
) -> "tuple[TrainBatches, ViewBatches]":
    """Training and validation batches that are cut on `device`, or one process's part of them."""
    import torch

    from dissect.images.arrays import let_go
    from dissect.images.batches import Pixels, TrainBatches, ViewBatches
    from dissect.images.build import augmentation

    def on_device(pixels: np.ndarray, labels: np.ndarray) -> Pixels:
        statistics: dict[str, Any] = {"mean": torch.from_numpy(images.mean), "std": torch.from_numpy(images.std)}
        there = torch.from_numpy(pixels).to(device), torch.from_numpy(labels).to(device)
        return Pixels(*there, **statistics, let_go=partial(let_go, pixels))

    cut = augmentation(config)
    training = TrainBatches(
        on_device(images.train_images, images.train_labels), batch_size=config.train.batch_size, crop=cut.crop,
        mirror=cut.mirror, alternating=cut.alternating, seed=seed, doubled=cut.doubled(len(images.train_labels)),
        part=part, transforms=cut.transforms,
    )  # fmt: skip
    validation = ViewBatches(
        on_device(images.val_images, images.val_labels), batch_size=config.evaluate.batch_size, crop=cut.crop, part=part
    )
    return training, validation
