"""Train one variant with one seed, and keep all that came of it in the store."""

import math
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from omegaconf import DictConfig, OmegaConf

from dissect.composing.identity import without_paths
from dissect.composing.job import Job, check_code
from dissect.errors import InputError, TrainingError
from dissect.files import whole
from dissect.measure.metric import Metric
from dissect.store import runs as store
from dissect.store.record import describe
from dissect.training.epochs import Epochs
from dissect.training.hardware import device_name
from dissect.training.kept import CHECKPOINT, keep, restore
from dissect.training.memory import keep_freed_memory
from dissect.training.progress import RunProgress
from dissect.training.resume import Resume
from dissect.training.task import Data, Judged, Task
from dissect.training.together import check_together, together
from dissect.training.trainer import logging_to, trainer_of


def run(job: Job, data: Data, task: Task) -> dict[str, Any]:
    """The finished run's result, trained now unless another process does so or has just done it.

    A second process that wants the same run waits for the first and then finds it finished. Where only evaluation is
    asked for anew, the kept network is judged.

    Raises:
        InputError: for a config that cannot be trained, or a store that cannot be written.
        TrainingError: when training itself fails; the store then says so.
    """
    config, folder, seed = job.variant.config, job.folder, job.variant.seed
    # All that can be refused is refused before anything is written.
    check_code(job)
    module = task.module(config, data, seed)
    progress = RunProgress(str(job), config.train.epochs, Metric.from_config(config.metric))
    epochs, resume = Epochs(folder / "metrics.csv", progress.epoch), Resume(folder, job.key)
    callbacks, pays = [*task.callbacks(config, seed), progress, epochs, resume], task.bf16_pays(config)
    trainer = trainer_of(config, folder, callbacks, bf16_pays=pays)
    check_together(trainer, config, module, shared=task.shares_batches)
    check_code(job)
    keep_freed_memory()
    if config.threads:
        torch.set_num_threads(config.threads)

    with store.locked(folder):
        result = store.finished(folder)
        if result is not None and task.complete(result, config):  # another process has trained it meanwhile
            return result | {"new": False}
        if result is not None:
            restore(task.network(module), folder, job.key)
            if result["precision"] != trainer.precision:  # trained where `auto` meant another
                trained = OmegaConf.create({**config, "trainer": {**config.trainer, "precision": result["precision"]}})
                trainer = trainer_of(trained, folder, callbacks)
            begun = time.perf_counter()
            judged = task.judge(module, data, config, trainer)
            result.pop("folder")
            result |= measured(judged, config) | {"judge_seconds": round(time.perf_counter() - begun, 3)}
            result["data"] = {**result["data"], **judged.data}
            result["metric"] = describe(job, data)["metric"]
            arrays = judged.arrays
        else:
            try:
                with logging_to(trainer, job, epochs, "member" if job.variant.member_of else "train") as told:
                    result, arrays = _train(job, data, task, module, trainer, progress, epochs, resume)
                    told(result)
            except TrainingError as problem:
                store.write_result(
                    folder, describe(job, data) | {"status": "failed", "error": str(problem), "diverged": True}
                )
                resume.remove()  # or the next try would go on into the same end
                raise
        try:
            check_code(job)
        except InputError:
            resume.remove()  # which this code has come to
            raise
        store.write_result(folder, result, arrays)
        resume.remove()
        return store.finished(folder) or {}


def _train(
    job: Job,
    data: Data,
    task: Task,
    module: pl.LightningModule,
    trainer: pl.Trainer,
    progress: RunProgress,
    epochs: Epochs,
    resume: Resume,
) -> tuple[dict[str, Any], Mapping[str, np.ndarray]]:
    config, folder = job.variant.config, job.folder
    with whole(folder / "config.yaml") as file:
        file.write(OmegaConf.to_yaml(without_paths(config), resolve=True))
    begin = resume.newest(str(trainer.precision))
    loaders = task.datamodule(config, data, job.variant.seed)
    with progress, together(trainer, job, begin):
        trainer.fit(module, datamodule=loaders, ckpt_path=str(begin) if begin else None, weights_only=True)
    check_whole(trainer, epochs, config, resume)
    begun = time.perf_counter()
    judged = task.judge(module, data, config, trainer)
    judging = time.perf_counter() - begun
    found = measured(judged, config)
    network = task.network(module)
    if config.keep == "all":
        keep(network, folder, job.key)
    else:  # of an earlier try
        (folder / CHECKPOINT).unlink(missing_ok=True)
    processes = f"{trainer.world_size} processes on " if trainer.world_size > 1 else ""
    described = describe(job, data)
    result = {
        **described,
        "data": {**described["data"], **judged.data},
        "parameters": sum(weights.numel() for weights in network.parameters()),
        "epochs": len(epochs.rows),
        "train_seconds": round(epochs.seconds, 3),
        "judge_seconds": round(judging, 3),
        "examples_per_second": round(epochs.examples / epochs.seconds, 1) if epochs.examples else None,
        "device": processes + device_name(trainer.strategy.root_device),
        "precision": str(trainer.precision),
        **found,
    }
    return result, judged.arrays


def check_whole(trainer: pl.Trainer, epochs: Epochs, config: DictConfig, resume: Resume) -> None:
    """Refuse a run that had other epochs than `train.epochs` whole ones, whatever ended it: it is another outcome.

    Raises:
        InputError: saying what it had.
    """
    wanted, done = config.train.epochs, len(epochs.rows)
    mend = "are not compared with whole ones; leave out what ends it early, such as a callback"
    if epochs.cut or any(getattr(trainer, name) != 1.0 for name in LIMITS):
        resume.remove()  # or the next try would go on from what is not whole
    for epoch, (batches, of) in epochs.cut.items():
        raise InputError(
            f"train.epochs={wanted}: epoch {epoch} ended after {batches:,} of {of:,} batches, and such runs {mend} or "
            "an on_train_batch_start that returns -1"
        )
    for name in LIMITS:
        if (share := getattr(trainer, name)) != 1.0:
            raise InputError(f"{name}={share}: was set while the run was trained, and such runs {mend}")
    if done != wanted:
        what = f"was stopped after {done}" if done < wanted else f"had {done}"
        stops = "stops" if done < wanted else "prolongs"
        raise InputError(
            f"train.epochs={wanted}: the run {what}, and runs of other lengths are not compared; leave out what "
            f"{stops} it, such as a callback"
        )


LIMITS = ("limit_train_batches", "limit_val_batches")


def finished(job: Job, task: Task) -> dict[str, Any] | None:
    """The run's result if it is finished with all that the config asks for, else None."""
    result = store.finished(job.folder)
    if result is not None:
        store.remove_states(job.folder)  # a run that was killed just after it was finished could not
    return result if result is not None and task.complete(result, job.variant.config) else None


def measured(judged: Judged, config: DictConfig) -> dict[str, Any]:
    """The metrics and what else was measured, as `result.json` has them.

    Raises:
        InputError: where the config's metric is not among them.
        TrainingError: where it is no number.
    """
    name = config.metric.name
    if name not in judged.metrics:
        known = ", ".join(judged.metrics) or "nothing"
        raise InputError(f"metric.name={name}: was not measured in the last epoch; what was: {known}")
    value = judged.metrics[name]
    if value is None or not math.isfinite(value):
        raise TrainingError(f"metric.name={name}: is {value} after {config.train.epochs} epochs, so the run failed")
    numbers = {key: one if one is not None and math.isfinite(one) else None for key, one in judged.metrics.items()}
    return {"metrics": numbers, **judged.facts}
