"""Training throughput of runs as a user gets them, beside a bare loop and beside the usual pipeline."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch
from apart import apart
from bare import images_per_second as bare
from images import CLASSES, write_folder
from table import Pair, Row, ratio
from usual import images_per_second as usual

from dissect.composing.compose import compose
from dissect.composing.job import job_of
from dissect.composing.variant import Variant
from dissect.images.build import augmentation, build
from dissect.images.task import Images, batches, images_of
from dissect.images.views import window_side
from dissect.sweep.pool import cores
from dissect.training.hardware import has_bf16
from dissect.training.run import run


class Case(NamedTuple):
    """A network and its images; `per_class` and `epochs` so that a measurement takes some seconds on two cores."""

    step: int
    side: int
    width: float
    threads: int
    per_class: int
    epochs: int
    bare_reach: float | None  # beside the bare loop in the run's precision; None: only reported
    float_reach: float | None = None  # of a run in bf16 beside the bare loop in float32
    usual_reach: float = 1.0
    at_once_reach: float | None = None  # beside the usual pipeline, of as many runs at once as there are cores

    @property
    def label(self) -> str:
        narrow = "" if self.width == 1 else f" at {self.width:g} of its width"
        threads = "one thread" if self.threads == 1 else f"{self.threads} threads"
        return f"training, step{self.step}{narrow}, {self.side}x{self.side}, {threads}"


SMALL = {"threads": 1, "per_class": 8, "bare_reach": None, "usual_reach": 3.0, "at_once_reach": 3.0}
CASES = [
    Case(step=1, side=64, width=1.0, threads=2, per_class=4, epochs=1, bare_reach=0.97, float_reach=1.7),
    Case(step=7, side=64, width=1.0, threads=2, per_class=2, epochs=1, bare_reach=0.97, float_reach=1.7),
    Case(step=1, side=32, width=1.0, threads=2, per_class=8, epochs=2, bare_reach=0.97),
    Case(step=7, side=32, width=1.0, threads=2, per_class=8, epochs=1, bare_reach=0.97),
    Case(step=1, side=32, width=0.34, epochs=4, float_reach=1.4, **SMALL),
    Case(step=7, side=32, width=0.34, epochs=3, float_reach=1.4, **SMALL),
    Case(step=1, side=32, width=0.1, epochs=12, **SMALL),
    Case(step=7, side=32, width=0.1, epochs=10, **SMALL),
]
USUAL = "Lightning, ImageFolder, PIL, v2 transforms, 2 workers"
TRAIN = {"momentum": 0.9, "weight_decay": 5e-4}


def rows(scratch: Path, repeats: int) -> Iterator[Row]:
    for side in {case.side for case in CASES}:
        write_folder(scratch / f"jpeg{side}", side=side, train=8, val=1)
    for case in CASES:
        yield from _rows(case, scratch, repeats)


def _rows(case: Case, scratch: Path, repeats: int) -> Iterator[Row]:
    taken: list[dict[str, float]] = []
    bf16 = has_bf16(gpu=False)
    alike = {"bare in bf16": partial(_bare, bf16=True)} if bf16 else {}
    alone = {"ours": _ours, "bare": _bare, "usual": _usual, **alike}
    with apart(**alone, **{f"one of {cores()}, {k}": _ours for k in range(cores())}) as side:
        takes = {name: partial(side, name, case, scratch) for name in alone}
        if case.at_once_reach:
            takes["at once"] = partial(_at_once, side, case, scratch)
            takes["usual, all threads"] = partial(side, "usual", case._replace(threads=cores()), scratch)
        names = list(takes)
        for number in range(repeats + 1):  # the first is thrown away: it compiles kernels and warms up caches
            place = number % len(names)  # who comes first goes round
            taken.append({name: takes[name](number) for name in [*names[place:], *names[:place]]})
    bare, alike_bare, usual, at_once = (
        [Pair(*pair) for pair in pairs] for pairs in zip(*map(_pairs, taken[1:]), strict=True)
    )
    loop, what, usually = "a bare loop on ready float tensors", case.label, USUAL
    if bf16:
        what, usually = f"{case.label}, bf16", f"{USUAL}, in float32"
        yield Row(what, f"{loop}, in float32", "images/s", bare, ratio, "x", case.float_reach)
        yield Row(what, f"{loop}, in bf16", "images/s", alike_bare, ratio, "x", case.bare_reach)
    else:
        yield Row(what, loop, "images/s", bare, ratio, "x", case.bare_reach)
    yield Row(what, usually, "images/s", usual, ratio, "x", case.usual_reach)
    if case.at_once_reach:
        alone = f"{usually}, one run with one thread or {cores()}"
        yield Row(f"{what} each, {cores()} runs at once", alone, "images/s", at_once, ratio, "x", case.at_once_reach)


def _pairs(taken: dict[str, float]) -> list[tuple[float, float]]:
    """Ours and the yardstick's: beside the bare loops, the usual pipeline, and of all cores, where measured."""
    ours, usual = taken["ours"], taken["usual"]
    at_once = taken.get("at once", ours), max(usual, taken.get("usual, all threads", usual))
    return [(ours, taken["bare"]), (ours, taken.get("bare in bf16", 0.0)), (ours, usual), at_once]


def _at_once(side: Callable[..., float], case: Case, scratch: Path, seed: int) -> float:
    """Images a second of a run a core together, which begin together and are as long as each other."""
    with ThreadPoolExecutor(cores()) as waiting:
        seeds = range(100 + cores() * seed, 100 + cores() * (seed + 1))  # no run that the store holds
        runs = [waiting.submit(side, f"one of {cores()}, {k}", case, scratch, s) for k, s in enumerate(seeds)]
        return sum(run.result() for run in runs)


def _variant(case: Case, scratch: Path, seed: int) -> Variant:
    torch.set_num_threads(case.threads)
    return compose(
        [
            f"+ablation=step{case.step}", f"model.width={case.width}", f"threads={case.threads}", f"seed={seed}",
            "data=image_folder", f"data.root={_images(case, scratch)}", f"data.image_size={case.side}",
            f"data.train_per_class={case.per_class}", f"train.epochs={case.epochs}", "train.batch_size=64",
            "trainer.accelerator=cpu", "evaluate.ten_crop=null", "evaluate.train_images=1",
            f"data.classes={CLASSES}", f"runs={scratch / 'runs'}", f"data.cache={scratch / 'cache'}", "name=training",
        ]
    )  # fmt: skip


def _images(case: Case, scratch: Path) -> Path:
    return scratch / f"jpeg{case.side}"


def _ours(case: Case, scratch: Path, seed: int) -> float:
    variant, task = _variant(case, scratch, seed), Images()
    data = task.data(variant.config)
    return float(run(job_of(variant, data), data, task)["examples_per_second"])


def _bare(case: Case, scratch: Path, seed: int, *, bf16: bool = False) -> float:
    variant = _variant(case, scratch, seed)
    cut, _ = batches(images_of(variant.config), variant.config, seed, torch.device("cpu"))
    return bare(build(variant.config, seed=seed), list(cut), epochs=case.epochs, bf16=bf16, **TRAIN)


def _usual(case: Case, scratch: Path, seed: int) -> float:
    variant = _variant(case, scratch, seed)
    share = augmentation(variant.config).crop
    crop = window_side(case.side, share) if share < 1 else None
    # It sees all images of the folder, ours those of the case: what is measured is how many a second.
    return usual(
        build(variant.config, seed=seed), _images(case, scratch) / "train", crop=crop, batch_size=64,
        batches=case.per_class * CLASSES // 64 * case.epochs, scratch=scratch, **TRAIN,
    )  # fmt: skip
