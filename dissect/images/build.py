"""A config's network: built, initialised, and tried before anything is written."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from omegaconf import DictConfig
from pytorch_lightning import LightningModule
from torch import nn
from torch.nn.modules.lazy import LazyModuleMixin
from torch.utils.flop_counter import FlopCounterMode

from dissect.errors import InputError
from dissect.images.arrays import ImageSet
from dissect.images.augmentation import Augmentation
from dissect.images.averaging import Averaging
from dissect.images.losses import Loss, check_loss
from dissect.images.optimizers import MakesOptimizer, check_optimizer
from dissect.images.views import window_side
from dissect.streams import stream
from dissect.training.making import made


def build(config: DictConfig, *, seed: int) -> nn.Module:
    """The network of a config, initialised from the seed's own stream.

    Raises:
        InputError: naming the model, for arguments that it refuses.
    """
    torch.manual_seed(stream(seed, "initialisation"))  # for networks that initialise themselves
    network = made(config, "model")
    if not isinstance(network, nn.Module):
        kind = type(network).__name__
        raise InputError(f"model={config.model.get('_target_')}: makes a {kind}, not a torch.nn.Module")
    if isinstance(network, LightningModule):
        raise InputError(
            f"model={config.model.get('_target_')}: is a LightningModule, whose loss and optimiser would not be used "
            "here; it goes under module, with a datamodule and task=lightning"
        )
    if lazy := [name or "it" for name, part in network.named_modules() if isinstance(part, LazyModuleMixin)]:
        raise InputError(
            f"model={config.model.get('_target_')}: {lazy[0]} is lazy, and has no weights yet to begin with; give it "
            "its size, or send a batch through the network in its constructor"
        )
    try:
        made(config, "init", partial=True)(network, layer_seed=lambda name: stream(seed, "initialisation", name))
    except (TypeError, ValueError) as problem:
        raise InputError(f"init={config.init.get('_target_')}: {problem}") from problem
    return network


def multiply_adds(network: nn.Module, side: int) -> int:
    """Multiply-adds of classifying one image of side x side pixels: half the operations that torch counts."""
    device = next(network.parameters()).device
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        network.eval()(torch.zeros(1, 3, side, side, device=device))
    return int(counter.get_total_flops()) // 2


class Recipe(NamedTuple):
    """How a network is trained, made from the config."""

    optimizer: MakesOptimizer
    loss: Loss
    schedule: Callable[[float], float]
    average: Averaging | None


def recipe(config: DictConfig) -> Recipe:
    """The objects of a config's recipe.

    Raises:
        InputError: naming the key, for one that cannot be made.
    """
    return Recipe(
        made(config, "optimizer", partial=True),
        made(config, "loss"),
        made(config, "schedule", partial=True),
        None if config.average is None else made(config, "average"),
    )


def augmentation(config: DictConfig) -> Augmentation:
    """The transforms of a config.

    Raises:
        InputError: naming the key, for one that cannot be made.
    """
    named = config.augmentation
    return Augmentation.of({n: None if named[n] is None else made(config, f"augmentation.{n}") for n in named})


def check_fits(network: nn.Module, parts: Recipe, config: DictConfig, images: ImageSet) -> None:
    """Refuse, before anything is written, what would fail in the first batch or at the very end.

    Raises:
        InputError: a window that the network cannot take, a wrong number of classes, an object of the recipe that does
            not do its work.
    """
    size = images.train_images.shape[1]
    cut = augmentation(config)
    for key, share in (("augmentation.crop.share", cut.crop), ("evaluate.ten_crop", config.evaluate.ten_crop)):
        if share is None:
            continue
        side = window_side(size, share)
        try:
            with torch.inference_mode():
                shape = tuple(network.eval()(torch.zeros(2, 3, side, side)).shape)
        except Exception as problem:  # the network is anybody's, so anything may come
            if side == size:
                where = f"model={config.model._target_}: fails on images of {size}x{size}"
                raise InputError(f"{where} ({type(problem).__name__}: {problem}); mend the network") from problem
            leave = ", or leave the ten-crop out: evaluate.ten_crop=null" if key == "evaluate.ten_crop" else ""
            raise InputError(
                f"{key}={share}: the network fails on windows of {side}x{side} of the {size}x{size} images "
                f"({problem}); choose a share nearer to 1{leave}"
            ) from problem
        if shape != (2, len(images.classes)):
            raise InputError(
                f"model={config.model._target_}: gives outputs of shape {shape} for 2 images of {len(images.classes)} "
                f"classes; they must be of shape {(2, len(images.classes))}"
            )
    network.train()
    targets = cut.check(side=window_side(size, cut.crop), classes=len(images.classes), mirror=config.data.mirror)
    check_loss(parts.loss, targets, len(images.classes))
    check_optimizer(network, parts.optimizer)
    check_schedule(parts.schedule, config.schedule.get("_target_"))


def check_schedule(schedule: Callable[[float], float], name: str) -> None:
    """Refuse a schedule that is no number or below 0 somewhere.

    Raises:
        InputError: naming it.
    """
    for done in (0.0, 0.5, 1.0):
        try:
            factor = schedule(done)
        except (TypeError, ValueError, ArithmeticError) as problem:
            raise InputError(f"schedule={name}: {problem}") from problem
        if not factor >= 0:
            raise InputError(f"schedule={name}: gives {factor} where {done:.0%} is done; a rate is 0 or more")
