"""What each augmentation adds to a training step, in processor time of one thread."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from bare import images_per_second as bare
from table import Row, interleaved, ratio
from torch import Tensor

from dissect.composing.compose import compose
from dissect.images.batches import Pixels, TrainBatches
from dissect.images.build import augmentation, build

ONE_EACH = [
    "augmentation", "mirror", "alternating_flip", "offline_augmentation", "resized_crop", "translation",
    "trivial_augment", "rand_augment", "colour_jitter", "cutout", "random_erasing", "mixup", "cutmix",
]  # fmt: skip
SEVERAL = ["mirror", "resized_crop", "trivial_augment", "random_erasing", "mixup"]  # of torchvision's recipe (2021)
BATCH, BATCHES = 64, 8
NETWORK = ["model=resnet", "model.norm={_target_: torch.nn.BatchNorm2d, _partial_: true}", "model.residual=true",
           "model.global_pool=true", "model.width=0.5", "data.classes=200", "data.mirror=true"]  # fmt: skip


def rows(_: Path, repeats: int) -> Iterator[Row]:
    torch.set_num_threads(1)
    for side in (32, 64):
        plain, step = _epoch(side), _step(side)
        for names in ([name] for name in ONE_EACH):
            yield _row(side, names, plain, step, repeats, reach=1.25)
        yield _row(side, SEVERAL, plain, step, repeats, reach=None)


def _row(side: int, names: list[str], plain: Callable[[], float], step: float, repeats: int,
         reach: float | None) -> Row:  # fmt: skip
    own = _epoch(side, *names)
    own(), plain()  # the first is thrown away: it finds memory
    taken = interleaved(repeats, lambda _: step + own(), lambda _: step + plain())
    label = f"a step of 64 images with {', '.join(names)}, {side}x{side}, one thread"
    return Row(label, "the same without augmentation", "ms", taken, ratio, "x", reach, at_least=False)


def _epoch(side: int, *names: str) -> Callable[[], float]:
    """Milliseconds of processor time a batch, of cutting and augmenting alone."""
    cut = augmentation(compose([*NETWORK, f"data.image_size={side}", f"component=[{','.join(names)}]"]).config)
    count = BATCH * BATCHES // (2 if cut.offline else 1)
    batches = TrainBatches(
        _pixels(side, count), batch_size=BATCH, crop=cut.crop, mirror=cut.mirror, alternating=cut.alternating, seed=0,
        doubled=cut.doubled(count), transforms=cut.transforms,
    )  # fmt: skip

    def took() -> float:
        begun = time.process_time()
        for _ in batches:
            pass
        return 1000 * (time.process_time() - begun) / BATCHES

    return took


def _pixels(side: int, count: int) -> Pixels:
    noise = torch.randint(256, (count, side, side, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    return Pixels(noise, torch.arange(count) % 200, mean=torch.full((3,), 0.5), std=torch.full((3,), 0.25))


def _step(side: int) -> float:
    """Milliseconds of processor time of a step of the bare loop on a batch that is ready."""
    images = torch.randn(BATCH, 3, side, side).contiguous(memory_format=torch.channels_last)
    batches: list[tuple[Tensor, Tensor]] = [(images, torch.arange(BATCH))] * BATCHES
    network = build(compose([*NETWORK, f"data.image_size={side}"]).config, seed=0)
    times = []
    for _ in range(3):
        begun = time.process_time()
        bare(network, batches, epochs=1, momentum=0.9, weight_decay=5e-4)
        times.append(1000 * (time.process_time() - begun) / BATCHES)
    return min(times)
