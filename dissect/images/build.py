"""A config's network: built, initialised, and tried before anything is written."""

from collections.abc import Callable
from typing import Any

import torch
from hydra.errors import HydraException
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from dissect.errors import InputError
from dissect.images.arrays import ImageSet
from dissect.images.batches import window_side
from dissect.streams import stream

_LEAST = {"train.epochs": 1, "train.batch_size": 1, "train.learning_rate": 0, "train.momentum": 0,
          "train.weight_decay": 0, "evaluate.batch_size": 1, "evaluate.train_images": 1, "threads": 1}  # fmt: skip


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
    try:
        made(config, "init")(network, layer_seed=lambda name: stream(seed, "initialisation", name))
    except (TypeError, ValueError) as problem:
        raise InputError(f"init={config.init.get('_target_')}: {problem}") from problem
    return network


def multiply_adds(network: nn.Module, side: int) -> int:
    """Multiply-adds of classifying one image of side x side pixels: half the operations that torch counts."""
    device = next(network.parameters()).device
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        network.eval()(torch.zeros(1, 3, side, side, device=device))
    return int(counter.get_total_flops()) // 2


def check_fits(network: nn.Module, schedule: Callable[[float], float], config: DictConfig, images: ImageSet) -> None:
    """Refuse, before anything is written, what would fail in the first batch or at the very end.

    Raises:
        InputError: fewer images than a batch, a window that the network cannot take, a wrong number of classes.
    """
    if len(images.classes) < 2:
        raise InputError(f"data.classes={len(images.classes)}: one class leaves nothing to tell apart; take more")
    if len(images.train_labels) < config.train.batch_size:
        raise InputError(
            f"train.batch_size={config.train.batch_size}: the training part has {len(images.train_labels)} images; "
            f"choose train.batch_size={len(images.train_labels)} or less"
        )
    for key, least in _LEAST.items():
        value = OmegaConf.select(config, key)
        if value is not None and value < least:
            raise InputError(f"{key}={value}: must be {least} or more")
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
    for done in (0.0, 0.5, 1.0):
        try:
            factor = schedule(done)
        except (TypeError, ValueError, ArithmeticError) as problem:
            raise InputError(f"train.schedule={config.train.schedule._target_}: {problem}") from problem
        if not factor >= 0:
            raise InputError(
                f"train.schedule={config.train.schedule._target_}: gives {factor} where {done:.0%} is done"
            )
