"""A finished run, opened again: its network with the kept weights, its images, its predictions."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from torch import nn
from yaml import YAMLError

from dissect.composing.identity import code_in, digest_of
from dissect.composing.plain import plain
from dissect.composing.trust import refuse_strangers
from dissect.errors import InputError
from dissect.images.arrays import ImageSet
from dissect.images.build import build
from dissect.images.schema import Data
from dissect.images.task import images_of
from dissect.store import runs as store
from dissect.store.configs import read_config
from dissect.training.kept import restore

AGAIN = "delete this run's folder and train it again"


@dataclass(frozen=True)
class Run:
    """A finished run's folder and what `result.json` says."""

    folder: Path
    result: dict[str, Any]

    @property
    def study(self) -> str:
        return self.folder.resolve().parent.name

    @property
    def members(self) -> list["Run"]:
        """The runs whose probabilities an ensemble averages; of any other run, itself.

        Raises:
            InputError: for members that are gone, or that were not all judged on the ensemble's images.
        """
        names = self.result.get("members")
        if not names:
            return [self]
        runs = [read_run(self.folder.parent / name) for name in names]
        for run in runs:
            ours, theirs = (one.result["data"].get("digest") for one in (self, run))
            if ours != theirs:
                raise InputError(
                    f"{run.folder}: was judged on other validation images than its ensemble {self.folder.name} "
                    f"({theirs} and {ours}); their probabilities may not be averaged: train the ensemble again"
                )
        return runs


def read_run(folder: Path) -> Run:
    """The finished run in `folder`.

    Raises:
        InputError: for a folder that is missing, is no run, or holds a run that is not finished or of another task.
    """
    if not folder.is_dir():
        there = sorted(path.name for path in folder.parent.glob("[!.]*")) if folder.parent.is_dir() else []
        listed = f"; in {folder.parent} there are {', '.join(there[:8])}{' ...' * (len(there) > 8)}" if there else ""
        raise InputError(f"{folder}: no such run; name a run's folder, runs/STUDY/VARIANT-seedK-KEY{listed}")
    result = store.read_result(folder)
    if result is None:
        inside = sorted(path.parent.name for path in folder.glob("*/result.json"))
        if inside:
            raise InputError(f"{folder}: is a study; name one of its runs, such as {folder / inside[0]}")
        raise InputError(f"{folder}: has no result.json, so its run is not finished; give its command again")
    if result.get("status") != "finished":
        raise InputError(f"{folder}: its run {result.get('status')} ({result.get('error')}); {AGAIN}")
    for part in ("data", "metrics"):
        if not isinstance(result.get(part), dict):
            raise InputError(f"{folder}/result.json: lacks `{part}`; {AGAIN}")
    if "accuracy" not in result["metrics"] or "classes" not in result["data"]:
        raise InputError(f"{folder}: is no run of task=images, whose networks alone are drawn; name one of those")
    return Run(folder, result)


def config_of(run: Run, root: str | None, trusted: Sequence[str] = ()) -> DictConfig:
    """The run's config with the paths that it was stored without.

    Args:
        root: where the images lie now; None where the source knows it.
        trusted: packages whose code may run, besides dissect's own and torch's: a config names what is made of it.

    Raises:
        InputError: for a config that is missing or damaged, or by which a stranger's code would run.
    """
    path = run.folder / "config.yaml"
    try:
        config = OmegaConf.create(read_config(run.folder))
        refuse_strangers(config, trusted, parts=("model", "init", "data.source", "augmentation"))
        if (url := config.data.source.get("url")) and root is None and not trusted:
            raise InputError(
                f"data.source.url={url!r:.200}: is where this run's config would have images fetched from; name the "
                "folder or zip that holds them with --root"
            )
        # The defaults are for keys that have come since; the cache is this machine's.
        now = OmegaConf.structured(Data())
        config.data = OmegaConf.merge(now, {**config.data, "cache": now.cache, "root": root})
        if "root" in config.data.source:
            config.data.source.root = root
        elif root is not None:
            raise InputError(f"--root {root}: data={config.data.name} comes without a folder; leave it out")
    except (OSError, YAMLError, OmegaConfBaseException, AttributeError, TypeError) as problem:
        raise InputError(f"{path}: cannot be read ({str(problem).splitlines()[0]}); {AGAIN}") from problem
    return config


def network_of(run: Run, config: DictConfig) -> nn.Module:
    """The trained network, in evaluation mode, on the GPU where there is one.

    Raises:
        InputError: for a checkpoint that is missing or damaged, or that the network does not fit any more.
    """
    code = code_in(plain(config)).digests
    if run.result.get("code") not in (None, digest_of(code)):
        print(
            f"note: {run.folder.name}: your own code is not what the run was trained by any more, so this is what its "
            "weights do in today's",
            file=sys.stderr,
        )
    network = build(config, seed=run.result["seed"])
    restore(network, run.folder, str(run.result.get("key")))
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return network.eval().requires_grad_(False).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]


def judged_images(run: Run, config: DictConfig) -> ImageSet:
    """The images that the run was trained and judged on.

    Raises:
        InputError: for images that cannot be read, or that are others than the run's.
    """
    images = images_of(config)
    expected = run.result["data"].get("digest")
    if images.digest != expected:
        raise InputError(
            f"{config.data.root or config.data.name}: holds other images than {run.folder.name} was judged on "
            f"(digest {images.digest}, not {expected}); name the folder of those with --root"
        )
    return images


def predictions_of(run: Run, images: ImageSet) -> np.ndarray:
    """The run's probabilities (N, classes) for the images that it was judged on, single view.

    Raises:
        InputError: where there are none, or they are for other images.
    """
    predictions = store.read_predictions(run.folder)
    missing = {"labels", "probabilities"} - predictions.keys()
    if missing or not np.array_equal(predictions["labels"], images.val_labels):
        what = f"lacks {sorted(missing)}" if missing else "is for other images than the run's"
        raise InputError(f"{run.folder}/predictions.npz: {what}; {AGAIN}")
    return predictions["probabilities"]
