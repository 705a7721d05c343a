"""One GPU and all of Tiny ImageNet: a run beside a bare loop and the tensor cores' rate, and several seeds at once."""

import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import torch
from apart import apart
from bare import images_per_second, stacked_images_per_second
from side_by_side import seconds
from table import Pair, Row, interleaved, ratio, speedup

from dissect.composing.compose import compose
from dissect.composing.job import job_of
from dissect.composing.variant import Variant
from dissect.images.build import augmentation, build, multiply_adds
from dissect.images.task import Images, batches, images_of
from dissect.images.views import window_side
from dissect.training.run import run

TRAIN = {"momentum": 0.9, "weight_decay": 5e-4}
SEEDS = 4  # at once
READY = 100  # batches of the yardsticks, so that they leave the memory to four networks


def rows(
    scratch: Path, repeats: int, images: Sequence[str], *, device: str = "cuda", steps: Sequence[int] = (1, 7),
    sizes: Sequence[int] = (128, 512),
) -> Iterator[Row]:  # fmt: skip
    """Args:
    images: overrides that say which, such as data.root=FOLDER; device: of torch's, the benchmark's own is the GPU.
    steps, sizes: of the ladder, and of batches.
    """
    for step in steps:
        for size in sizes:
            said = [
                *images, f"+ablation=step{step}", f"train.batch_size={size}", "train.epochs=1", "name=gpu",
                f"runs={scratch / 'runs'}", f"trainer.accelerator={device}", "evaluate.ten_crop=null",
            ]  # fmt: skip
            yield from _rows(f"step{step}, {device}, batches of {size}", said, device, repeats, scratch)


def _rows(what: str, said: list[str], device: str, repeats: int, scratch: Path) -> Iterator[Row]:
    bare = {mode: partial(_bare, mode=mode) for mode in ("eager", "default", "reduce-overhead")}
    with apart(ours=_ours, stacked=_stacked, product=_product, **bare) as side:

        def go(name: str, number: int) -> float:
            return float(side(name, [*said, f"seed={number + 1}"], device))

        def beside(name: str) -> list[Pair]:
            go(name, -1)  # chooses and compiles kernels
            return interleaved(repeats, partial(go, name), partial(go, "eager"))

        pairs = beside("ours")
        yield Row(f"training, {what}", "a bare loop", "images/s", pairs, ratio, "x", 0.97)
        each = 6e-12 * _multiply_adds(said)  # two operations each; a step does them three times
        rates = [Pair(each * pair.ours, go("product", number)) for number, pair in enumerate(pairs)]
        yield Row("the same, as operations", "a bf16 matrix product's", "TFLOP/s", rates, ratio, "x", None)
        for name, way in (
            ("default", "a bare loop with torch.compile"),
            ("reduce-overhead", "a bare loop with torch.compile and CUDA graphs"),
            ("stacked", f"{SEEDS} seeds stacked by torch.func"),
        ):
            yield Row(f"{way}, {what}", "a bare loop", "images/s", beside(name), ratio, "x", None)
    sweep = ["-m", *said, f"seed=range({SEEDS})", "train.epochs=2"]
    ours, theirs = (seconds(scratch / "at-once", *sweep, f"parallel={count}") for count in (SEEDS, 1))
    yield Row(
        f"{SEEDS} runs, {what}, {SEEDS} processes at once", "one after another", "s", [Pair(ours, theirs)], speedup,
        "x", None,
    )  # fmt: skip


def _ours(said: list[str], device: str) -> float:
    variant, task = _variant(said), Images()
    data = task.data(variant.config)
    return float(run(job_of(variant, data), data, task)["examples_per_second"])


def _bare(said: list[str], device: str, *, mode: str) -> float:
    compile_mode = None if mode == "eager" else mode
    return images_per_second(_network(said, device), _ready(said, device), epochs=1, compile_mode=compile_mode, **TRAIN)


def _stacked(said: list[str], device: str) -> float:
    networks = [_network([*said, f"seed={number}"], device) for number in range(SEEDS)]
    return stacked_images_per_second(networks, _ready(said, device), epochs=1, **TRAIN)


def _product(said: list[str], device: str, side: int = 8192) -> float:
    """TFLOP/s of a bf16 matrix product of this side on a GPU; of a small one on a CPU."""
    side = side if device == "cuda" else 512
    factors = torch.ones(2, side, side, dtype=torch.bfloat16, device=device)

    def product(times: int) -> float:
        started = time.perf_counter()
        for _ in range(times):
            result = factors[0] @ factors[1]
        result.sum().item()
        return time.perf_counter() - started

    product(10)
    return 50 * 2 * side**3 / product(50) / 1e12


def _variant(said: Sequence[str]) -> Variant:
    variant = compose(list(said))
    return variant.settled(Images().data(variant.config).settles)


def _network(said: Sequence[str], device: str) -> torch.nn.Module:
    variant = _variant(said)
    torch.backends.cudnn.benchmark = True  # as a run has it
    return build(variant.config, seed=variant.seed).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]


def _ready(said: Sequence[str], device: str) -> list[tuple[torch.Tensor, torch.Tensor]]:
    variant = _variant(said)
    cut, _ = batches(images_of(variant.config), variant.config, variant.seed, torch.device(device))
    return [batch for batch, _ in zip(cut, range(READY), strict=False)]


def _multiply_adds(said: Sequence[str]) -> int:
    variant = _variant(said)
    side = window_side(variant.config.data.image_size, augmentation(variant.config).crop)
    return multiply_adds(build(variant.config, seed=0), side)
