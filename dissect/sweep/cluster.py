"""Runs on other machines, through the engines that are there for it: Slurm by submitit, and Ray.

Each run travels with its resolved config, so a YAML file that changes does not change what is queued; where it lands,
it is `attempt`ed as anywhere else. The store has to be a folder that all machines see.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dissect.composing.job import Job
from dissect.errors import InputError, install
from dissect.files import unwritable, whole
from dissect.store.reading import read_json
from dissect.sweep.finish import Outcome, attempt, fail, told
from dissect.sweep.watch import Watch

SECONDS = 2.0  # between two looks at the jobs
PATIENCE = 5  # looks, until a job that is not queued and left no result counts as ended; files may be late
_FOR_ALL = {"timeout_min", "cpus_per_task", "gpus_per_node", "tasks_per_node", "mem_gb", "nodes", "name",
            "stderr_to_stdout"}  # fmt: skip


class Carried:
    """A run as submitit carries it; what is taken from its node is queued again and goes on from its last epoch."""

    def __init__(self, job: Job) -> None:
        self.job = job

    def __call__(self) -> Outcome:
        return attempt(self.job)

    def checkpoint(self) -> Any:
        from submitit.helpers import DelayedSubmission

        # Requeueing ends this job, and Slurm's SIGTERM must not end `scontrol requeue`, its child, before its answer.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        return DelayedSubmission(self)


def on_slurm(
    jobs: Sequence[Job], *, stop_on_failure: bool, watch: Watch, max_num_timeout: int,
    **settings: Any,
) -> None:  # fmt: skip
    """Queue every run as a Slurm job and wait for all of them; jobs that an earlier call left are found again.

    Args:
        max_num_timeout: how often a job that runs into its time limit is queued again. Preemption does not count.
        settings: sbatch's, as submitit names them.

    Raises:
        InputError: without submitit or Slurm, or for a store that cannot be written.
    """
    try:
        import submitit
        from submitit.slurm.slurm import SlurmJob
    except ImportError as problem:
        raise InputError(f"hydra/launcher=submitit_slurm: needs submitit; {install('slurm')}") from problem
    place = jobs[0].folder.parent.absolute() / ".jobs"
    queued: dict[int, Any] = {}
    for number, job in enumerate(jobs):
        there = _queued(place, job.folder, SlurmJob)
        if there is not None:
            queued[number] = there
    if queued:
        print(f"{len(queued)} of {len(jobs)} runs are queued or running since an earlier call", flush=True)
    new = [number for number in range(len(jobs)) if number not in queued]
    try:
        executor = submitit.AutoExecutor(place / "%j", cluster="slurm", slurm_max_num_timeout=max_num_timeout)
        executor.update_parameters(
            **{key if key in _FOR_ALL else f"slurm_{key}": value for key, value in settings.items()}
        )
        if new:
            with executor.batch():
                submitted = [executor.submit(Carried(jobs[number])) for number in new]
            queued |= dict(zip(new, submitted, strict=True))
    except (RuntimeError, FileNotFoundError, AssertionError, submitit.core.utils.FailedJobError) as problem:
        raise InputError(
            f"hydra/launcher=submitit_slurm: {problem}; is this a machine that can queue jobs?"
        ) from problem
    except OSError as problem:
        raise unwritable(place, problem) from problem
    for number in new:
        with whole(_ticket(place, jobs[number].folder)) as file:
            json.dump({"job": queued[number].job_id}, file)
    _follow(jobs, queued, stop_on_failure, watch)


def _follow(jobs: Sequence[Job], queued: dict[int, Any], stop_on_failure: bool, watch: Watch) -> None:
    """Wait for jobs, asking squeue: sacct, which submitit asks, never hears of a job cancelled while it waits."""
    going: set[int] = set()
    gone: dict[int, int] = {}  # how often a job was not seen any more
    while queued:
        states = _states([job.job_id for job in queued.values()])
        for number, job in list(queued.items()):
            state = states.get(job.job_id)
            if number not in going and state == "RUNNING":
                going.add(number)
                watch.started(number)
            if job.paths.result_pickle.exists():
                outcome = told(jobs[number])  # from the store: a pickle there may be anybody's
            elif state is None and gone.setdefault(number, 0) >= PATIENCE:
                ended = _ending(job.job_id)
                outcome = fail(jobs[number], f"Slurm's job {job.job_id} ended as {ended}; it said: {job.paths.stderr}")
            else:
                gone[number] = 0 if state else gone[number] + 1
                continue
            del queued[number]
            watch.ended(number, outcome)
            if outcome.stops(stop_on_failure):
                for other in queued.values():
                    other.cancel()
                return
        watch.tick()
        time.sleep(SECONDS)


def _states(numbers: Sequence[str]) -> dict[str, str]:
    """The states of those jobs that are queued or running, by number."""
    arrays = ",".join(dict.fromkeys(number.split("_")[0] for number in numbers))
    command = ["squeue", "--noheader", "--array", "--format=%i %T", f"--jobs={arrays}"]
    try:
        asked = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return {}
    # Slurm calls it an error to ask for jobs of which none is left.
    return dict(line.split(" ", 1) for line in asked.stdout.splitlines())


def _ending(number: str) -> str:
    """How the cluster's accounts say that a job ended, such as CANCELLED, TIMEOUT or OUT_OF_MEMORY."""
    command = ["sacct", "--noheader", "--allocations", "--parsable2", "--format=State", f"--jobs={number}"]
    told = subprocess.run(command, capture_output=True, text=True, check=False).stdout.split()
    return told[0] if told else "CANCELLED before it began"


def _ticket(place: Path, folder: Path) -> Path:
    return place / f"{folder.name}.json"


def _queued(place: Path, folder: Path, kind: Any) -> Any:
    """The run's job of an earlier call if the cluster still has it, else None."""
    try:
        number = read_json(_ticket(place, folder), needs={"job": str})["job"]
    except (OSError, InputError):
        return None
    return kind(place / "%j", number) if number in _states([number]) else None


def on_ray(
    jobs: Sequence[Job], *, stop_on_failure: bool, watch: Watch, init: dict[str, Any],
    remote: dict[str, Any],
) -> None:  # fmt: skip
    """Give every run to Ray as a task.

    Args:
        init: of `ray.init`; its `address` names a cluster, none starts Ray on this machine for as long as this takes.
        remote: of `ray.remote`: what a run needs, such as {"num_cpus": 1, "num_gpus": 0.25}.

    Raises:
        InputError: without Ray, or where its cluster cannot be reached.
    """
    try:
        import ray
    except ImportError as problem:
        raise InputError(f"hydra/launcher=ray: needs Ray; {install('ray')}") from problem
    try:
        ray.init(**{"log_to_driver": False, "include_dashboard": False, **init})
    except (ConnectionError, RuntimeError, ValueError) as problem:
        raise InputError(f"hydra/launcher=ray: hydra.launcher.init={init}: {problem}") from problem
    try:
        threads = max(1, int(remote.get("num_cpus") or 1))
        # A run that fails is tried again by the next call, not by Ray; a worker is used once, so that none inherits.
        task = ray.remote(**{"max_retries": 0, "max_calls": 1, **remote})(_on_node)
        tasks = {task.remote(run, os.getcwd(), threads): number for number, run in enumerate(jobs)}
        for number in range(len(jobs)):
            watch.started(number)
        while tasks:
            ready, _ = ray.wait(list(tasks), timeout=SECONDS)
            for one in ready:
                number = tasks.pop(one)
                try:
                    outcome = ray.get(one)
                except ray.exceptions.RayError as problem:
                    outcome = fail(jobs[number], f"its Ray worker ended: {str(problem).splitlines()[0]}")
                watch.ended(number, outcome)
                if outcome.stops(stop_on_failure):
                    for other in tasks:
                        ray.cancel(other, force=True)
                    return
            watch.tick()
    finally:
        ray.shutdown()


def _on_node(job: Job, cwd: str, threads: int) -> Outcome:
    os.chdir(cwd)
    sys.path.insert(0, cwd)
    os.environ["OMP_NUM_THREADS"] = str(threads)
    return attempt(job)
