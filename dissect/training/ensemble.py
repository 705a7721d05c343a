"""The ensemble: its members' predictions averaged."""

from pathlib import Path
from typing import Any

from dissect.composing.job import Job, job_of
from dissect.composing.members import member_variants
from dissect.errors import InputError
from dissect.store import runs as store
from dissect.store.record import describe
from dissect.training.run import finished, measured, run
from dissect.training.task import Data, Task

SUMMED = (
    "parameters",
    "multiply_adds",
    "train_seconds",
    "judge_seconds",
)  # what an ensemble costs is what its members cost


def run_ensemble(job: Job, data: Data, task: Task) -> dict[str, Any]:
    """The finished ensemble's result; members that the store does not hold yet are trained first.

    Raises:
        InputError: for less than two members, a jitter below 0, a seed from 1000 on, or runs that cannot be averaged.
        TrainingError: when a member fails.
    """
    members = [job_of(member, data) for member in member_variants(job.variant)]
    results = [finished(one, task) or run(one, data, task) for one in members]
    config, folder = job.variant.config, job.folder
    averaged = task.average([store.read_predictions(one.folder) for one in members], config, data)
    if not averaged.arrays:
        raise InputError(f"task={config.task.get('_target_')}: its average has no arrays, and those are all it is of")
    described = describe(job, data)
    result = described | {"data": {**described["data"], "views": results[0]["data"].get("views")}}
    result |= {name: results[0][name] for name in ("ten_crop", "epochs", "device", "precision")}
    for name in SUMMED:
        costs = [one[name] for one in results if one.get(name) is not None]
        result[name] = round(sum(costs), 3) if len(costs) == len(results) else None
    result |= measured(averaged, config)
    result["members"] = [Path(one["folder"]).name for one in results]
    with store.locked(folder):
        store.write_result(folder, result, averaged.arrays)
    return store.finished(folder) or {}
