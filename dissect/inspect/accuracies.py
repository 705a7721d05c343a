"""Accuracy on each part of the data, and by epoch."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from omegaconf import DictConfig

from dissect.errors import InputError
from dissect.images.arrays import ImageSet
from dissect.images.scores import mean
from dissect.images.task import images_of
from dissect.inspect.runs import AGAIN, Run, config_of, network_of, predictions_of
from dissect.inspect.windows import probabilities, windows_of
from dissect.store.reading import table
from dissect.store.runs import results


def part_accuracies(
    runs: Sequence[Run], config: DictConfig, images: ImageSet, root: str | None, trusted: Sequence[str] = ()
) -> pd.DataFrame:
    """Accuracy of each run, single or ensemble, on training images and on each part that was held out.

    Training accuracy is that of the first `evaluate.train_images`, as in a run's own result. Runs judged on a tuning
    split or a fold are measured on the validation images too, which they have never seen.

    Args:
        config, images: those of the first run, which all share.

    Returns:
        `part`, `model`, `accuracy` (a fraction), `images`.

    Raises:
        InputError: for runs that were not judged on the same images.
    """
    judge, seen = runs[0].result["data"]["judge"], images.train_images[: config.evaluate.train_images]
    labels = {"training": images.train_labels[: len(seen)], judge: images.val_labels}
    others = {"training": seen}
    if judge != "validation":
        held_out = config.copy()
        held_out.data.judge, held_out.data.folds, held_out.data.fold = "validation", None, 0
        unseen = images_of(held_out)
        labels["validation"], others["validation"] = unseen.val_labels, unseen.val_images
    known: dict[Path, dict[str, np.ndarray]] = {}
    rows = []
    for run in runs:
        members = run.members
        for member in members:
            if (digest := member.result["data"].get("digest")) != images.digest:
                raise InputError(
                    f"{member.folder}: was judged on other validation images than {runs[0].folder} "
                    f"({digest} and {images.digest}); name runs on the same images"
                )
            if member.folder.resolve() not in known:
                known[member.folder.resolve()] = _predicted(member, images, others, root, trusted)
        kind = f"{len(members)} averaged" if len(members) > 1 else f"single model, seed {run.result['seed']}"
        for part, own in labels.items():
            averaged = mean(known[member.folder.resolve()][part] for member in members)
            rows.append((part, f"{run.result['variant']}: {kind}", accuracy(averaged, own), len(own)))
    return pd.DataFrame(rows, columns=["part", "model", "accuracy", "images"])


def _predicted(
    run: Run, images: ImageSet, others: dict[str, np.ndarray], root: str | None, trusted: Sequence[str]
) -> dict[str, np.ndarray]:
    """A single run's probabilities by part: the stored ones for the images it was judged on, else computed."""
    config = config_of(run, root, trusted)
    network = network_of(run, config)
    windows = windows_of(config, images, network)
    computed = {part: probabilities(network, windows.batches(pixels)) for part, pixels in others.items()}
    return computed | {run.result["data"]["judge"]: predictions_of(run, images)}


def accuracy(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """The share of images whose likeliest class is their own, 0 to 1."""
    return float((probabilities.argmax(1) == labels).mean())


def by_epoch(runs: Sequence[Run]) -> pd.DataFrame:
    """Accuracy by epoch of several runs.

    Returns:
        `variant` (with its study, where runs are of several), `seed`, `epoch`, `part` (training, and what the
        run was judged on: validation, tuning or a fold), `accuracy`.

    Raises:
        InputError: for a run without `metrics.csv`, such as an ensemble, or with a damaged one.
    """
    studies = {run.study for run in runs}
    frames = []
    for run in runs:
        path = run.folder / "metrics.csv"
        try:
            parts = {"train_accuracy": "training", "val_accuracy": run.result["data"].get("judge", "validation")}
            epochs = pd.read_csv(table(path))
            if "val_accuracy" not in epochs:  # no epoch was validated: trainer.check_val_every_n_epoch
                del parts["val_accuracy"]
            epochs = epochs[["epoch", *parts]].astype(float)
        except FileNotFoundError as problem:
            what = "an ensemble has no epochs; name its members" if run.result.get("members") else AGAIN
            raise InputError(f"{path}: is missing; {what}") from problem
        except (ValueError, KeyError) as problem:
            raise InputError(f"{path}: cannot be read ({problem}); {AGAIN}") from problem
        long = epochs.rename(columns=parts).melt("epoch", var_name="part", value_name="accuracy").dropna()
        name = f"{run.study}/{run.result['variant']}" if len(studies) > 1 else run.result["variant"]
        frames.append(long.assign(variant=name, seed=run.result["seed"]))
    return pd.concat(frames, ignore_index=True)[["variant", "seed", "epoch", "part", "accuracy"]]


def variant_runs(study: Path, variant: str) -> list[Path]:
    """The folders of a variant's finished runs, those trained only for an ensemble left out.

    Raises:
        InputError: where the study has none.
    """
    found = [one for one in results(study) if one.get("status") == "finished" and not one.get("member_of")]
    ours = [Path(one["folder"]) for one in found if one.get("variant") == variant]
    if not ours:
        there = ", ".join(sorted({str(one.get("variant")) for one in found}))
        raise InputError(f"--against {variant}: no run's folder and no variant of {study}; it has {there}")
    return ours
