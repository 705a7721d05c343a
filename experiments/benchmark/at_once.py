"""Ways to train that are slower on a CPU: several seeds stacked as one network, and torch.compile."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import torch
from apart import apart
from bare import images_per_second, stacked_images_per_second
from table import Row, interleaved, ratio

from dissect.composing.compose import compose
from dissect.images.build import build

STACKED = 4
TRAIN = {"momentum": 0.9, "weight_decay": 5e-4}
EPOCHS = 3


def rows(scratch: Path, repeats: int) -> Iterator[Row]:
    for step in (1, 7):
        network = f"step{step} at 0.34 of its width, 32x32, one thread"
        for what, yardstick, way in (
            (f"{STACKED} seeds of {network}, stacked by torch.func", "one after another", _stacked),
            (f"{network}, torch.compile", "as it comes", partial(_alone, compile_mode="default")),
        ):
            with apart(ours=way, yardstick=_alone) as side:
                for one in ("ours", "yardstick"):
                    side(one, step, -1)  # compiles kernels
                pairs = interleaved(repeats, partial(side, "ours", step), partial(side, "yardstick", step))
            yield Row(what, yardstick, "images/s", pairs, ratio, "x", None)


def _alone(step: int, seed: int, compile_mode: str | None = None) -> float:
    return images_per_second(_network(step, seed), _batches(step), epochs=EPOCHS, compile_mode=compile_mode, **TRAIN)


def _stacked(step: int, seed: int) -> float:
    networks = [_network(step, STACKED * seed + number) for number in range(STACKED)]
    return stacked_images_per_second(networks, _batches(step), epochs=EPOCHS, **TRAIN)


def _network(step: int, seed: int) -> torch.nn.Module:
    config = compose(
        [f"+ablation=step{step}", "model.width=0.34", "data.image_size=32", "data.classes=200", "data=cifar100"]
    ).config
    return build(config, seed=abs(seed)).to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def _batches(step: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
    torch.set_num_threads(1)
    draws, side = torch.Generator().manual_seed(0), 30 if step >= 3 else 32  # its windows
    images = torch.randn(8, 64, 3, side, side, generator=draws)
    labels = torch.randint(200, (8, 64), generator=draws)
    return [(one.to(memory_format=torch.channels_last), two) for one, two in zip(images, labels, strict=True)]
