"""From a run that is asked for to its result: from the store if it is there, else trained now."""

import sys
import traceback
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from omegaconf import DictConfig

from dissect.composing.job import Job, check_code, job_of
from dissect.composing.variant import Variant
from dissect.errors import DiskFullError, InputError, TrainingError
from dissect.measure.metric import Metric, ten_crop_called
from dissect.store import runs as store
from dissect.store.record import describe
from dissect.sweep.conditions import refuse_other_steps, stray
from dissect.training.task import data_of, task_of


def found(job: Job) -> dict[str, Any] | None:
    """The result of a run that is finished with all that the config asks for, else None.

    Raises:
        InputError: where it is damaged.
    """
    result = store.finished(job.folder)
    if result is None:
        return None
    store.remove_states(job.folder)  # a run that was killed just after it was finished could not
    config = job.variant.config
    return result if task_of(config).complete(result, config) else None


def finish(variant: Variant) -> tuple[dict[str, Any], bool]:
    """A variant's result, and whether it had to be trained for it now.

    Raises:
        InputError: for a config, data or a store that cannot be used.
        TrainingError: when training itself fails.
    """
    data = data_of(variant.config, verify=True)
    job = job_of(variant, data)
    if not job.folder.exists():
        refuse_other_steps([job])
    if not job.folder.exists() and (note := stray(job)):
        print(note, file=sys.stderr, flush=True)
    if not job.folder.exists():
        print(said_at_the_start(job, data), file=sys.stderr, flush=True)
    result, new = _finish(job, data)
    if not new and (told := told_later([result], variant.config)):
        print(told, flush=True)
    return result, new


def said_at_the_start(job: Job, data: Any) -> str:
    """What a run or a sweep is going to train and be judged on, and where its logger keeps what it cannot send."""
    facts, config = data.facts, job.variant.config
    counts = facts.get("examples") or {}
    parts = (("training", "train"), ("validation", "judge"))
    told = ", ".join(f"{counts[part]:,} examples {does}" for part, does in parts if counts.get(part))
    called = str(facts.get("folder") or facts["name"])
    said = f"{called}: {told} ({facts['judge']})" if told else called
    if "wandb" in str(config.logger.get("_target_")) and "save_dir" in config.logger:
        place = config.logger.save_dir
        said += f"\nW&B: without a key, runs are kept in {place}; later: wandb sync {place}/wandb/offline-run-*"
    return said


def told_later(results: Iterable[Mapping[str, Any]], config: DictConfig) -> str:
    """That runs which were finished before were told to W&B now, where the config says logger=wandb; else ""."""
    if "wandb" not in str(config.logger.get("_target_")):
        return ""
    from dissect.loggers.later import tell_later

    return tell_later(results, config.logger)


def _finish(job: Job, data: Any) -> tuple[dict[str, Any], bool]:
    if (result := found(job)) is not None:
        return result, False
    # From here on torch is needed, and takes its seconds to import.
    if job.averages:
        from dissect.training.ensemble import run_ensemble

        return run_ensemble(job, data, task_of(job.variant.config)), True
    from dissect.training.run import run

    result = run(job, data, task_of(job.variant.config))
    return result, result.pop("new", True)


@dataclass(frozen=True)
class Outcome:
    """How a run ended: with its `result`, or with the `error` that ended it; `new` where it was trained just now.

    `diverged` tells a loss that became no number from an error of another kind, `full` a disk on which no other run
    could be kept, and `damaged` files in the store that are not as they were written.
    """

    result: dict[str, Any] | None = None
    new: bool = False
    error: str = ""
    diverged: bool = False
    full: bool = False
    damaged: bool = False

    def stops(self, on_failure: bool) -> bool:
        """Whether no further run is to be started; `on_failure`: whether any failure is enough."""
        return self.full or (on_failure and bool(self.error))

    def said(self, job: Job) -> str:
        """The outcome, to be read by a person."""
        ending = line(self.result, self.new) if self.result else f"failed: {self.error}"
        return f"{job}: {ending}"


def line(result: Mapping[str, Any], new: bool) -> str:
    """A run's metrics, its own one first; `new` where it was trained just now."""
    metric, values = Metric.from_config(result["metric"]), dict(result["metrics"])
    parts = [f"{metric.label} {metric.level(values[metric.name])}"]
    if (cropped := values.get(f"{metric.name}_ten_crop")) is not None:
        parts.append(f"{ten_crop_called(result['data'].get('views'))} {metric.level(cropped)}")
    for name in metric.others:
        if (value := values.get(name)) is not None:
            other = metric.other(name)
            parts.append(f"{other.label} {other.level(value)}")
    if (trained := values.get(f"train_{metric.name}")) is not None:
        parts.append(f"train {metric.level(trained)}")
    judging = result.get("judge_seconds")
    beside = f", judged in {judging:.1f} s" if judging is not None else ""
    parts.append(f"trained in {result['train_seconds']:.1f} s{beside}" if new else "finished before")
    return " · ".join(parts)


def known(job: Job) -> Outcome:
    """What the store has of a run among others: its result, nothing, or that it is damaged, which is its failure."""
    try:
        return Outcome(found(job))
    except InputError as problem:
        return Outcome(error=str(problem), damaged=True)


def attempt(job: Job) -> Outcome:
    """Finish a run among others: whatever goes wrong is this run's own failure, and stands in the store."""
    try:
        data = data_of(job.variant.config)
        if data.digest != job.data:
            check_code(job)  # of which the data may be known too
            raise InputError(
                f"{job.variant.config.name}: its data have changed since this run was asked for; ask again"
            )
        result, new = _finish(job, data)
    except TrainingError as problem:
        return fail(job, str(problem), diverged=True)
    except DiskFullError as problem:
        return replace(fail(job, str(problem)), full=True)
    except InputError as problem:
        return fail(job, str(problem))
    except Exception as problem:  # a network is anybody's code, so anything may come
        traceback.print_exc()
        return fail(job, f"{type(problem).__name__}: {problem}")
    return Outcome(result, new)


def fail(job: Job, reason: str, *, diverged: bool = False) -> Outcome:
    """Let the store say that the run failed, and why; what it has saved stays for a retry.

    A finished run stays finished, whatever was asked of it besides; a damaged one stays for a person to see.
    """
    try:
        with store.locked(job.folder):
            if (result := found(job)) is not None:
                return Outcome(result, True)
            if store.finished(job.folder) is None:
                data = data_of(job.variant.config)
                said = {"status": "failed", "error": reason, "diverged": diverged}
                try:
                    store.write_result(job.folder, describe(job, data) | said)
                except DiskFullError:
                    store.make_room(job.folder)
                    store.write_result(job.folder, describe(job, data) | said)
    except Exception:  # neither can the store be written or the data, anybody's code, be found; the caller says why
        pass
    return Outcome(error=reason, diverged=diverged)


def told(job: Job) -> Outcome:
    """What the store says of a job that ran elsewhere."""
    outcome = known(job)
    if outcome.result is not None or outcome.error:
        return replace(outcome, new=outcome.result is not None)
    failed = store.read_result(job.folder) or {}
    error = failed.get("error") or "no result: its job ended without one"
    return Outcome(error=str(error), diverged=bool(failed.get("diverged")))
