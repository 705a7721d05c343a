"""Runs side by side on this machine, each in a worker process: one that dies takes no other with it."""

import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import suppress
from functools import cache
from multiprocessing import get_context, set_start_method
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from dissect.composing.job import Job
from dissect.errors import InputError
from dissect.sweep.finish import Outcome, attempt, fail
from dissect.sweep.watch import Watch

GIB_A_RUN = 2.5  # resident, step 7 on all of Tiny ImageNet at 64x64 in batches of 64: 2.3 as measured


def workers_for(parallel: Any, runs: int, devices: int = 1) -> int:
    """How many runs go on at once: `parallel` itself, or for "auto" one a GPU, else one a core that has the memory.

    Args:
        devices: those of each run, GPUs or processes.

    Raises:
        InputError: for anything but "auto" or a whole number from 1.
    """
    if parallel == "auto":
        fitting = (len(gpus()) or min(cores(), int(_free_gib() / GIB_A_RUN))) // devices
        return max(1, min(fitting, runs))
    if isinstance(parallel, bool) or not isinstance(parallel, int) or parallel < 1:
        raise InputError(f"parallel={parallel}: must be auto, or how many runs go on at once, such as parallel=2")
    return min(parallel, runs)


def _devices(job: Job) -> int:
    wanted = job.variant.config.trainer.get("devices", 1)
    return wanted if isinstance(wanted, int) and wanted > 0 else 1


def cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def gpus() -> list[str]:
    """The NVIDIA devices that this process may use, as CUDA_VISIBLE_DEVICES names them."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [name for name in visible.split(",") if name.strip() not in ("", "-1")]
    return [path.name.removeprefix("nvidia") for path in sorted(Path("/dev").glob("nvidia[0-9]*"))]


def _free_gib() -> float:
    try:
        lines = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
        return int(lines["MemAvailable"].split()[0]) / 2**20
    except (OSError, KeyError, ValueError):
        return float("inf")


def run_all(jobs: Sequence[Job], *, parallel: Any, stop_on_failure: bool, watch: Watch) -> None:
    """Train the runs in fresh processes, `workers_for(parallel, ...)` of them; one that dies is replaced.

    Args:
        jobs: what the process of each prints goes to `<study>/.logs/<run>.log`.
        watch: is told what becomes of them.
    """
    from pebble import ProcessExpired, ProcessPool

    each = max(map(_devices, jobs))
    workers = workers_for(parallel, len(jobs), each)
    on_gpus = all(job.variant.config.trainer.get("accelerator") in ("auto", "gpu", "cuda") for job in jobs)
    # A slot's GPUs: k slots share them in turn where there are more runs at once than GPUs.
    names = gpus() if on_gpus else []
    devices = [",".join(names[place : place + each]) for place in range(0, len(names) - each + 1, each)]
    threads = max(1, cores() // workers)
    with tempfile.TemporaryDirectory(prefix="dissect-") as slots:
        how: dict[str, Any] = {"initializer": _start, "initargs": [slots, devices, threads]}
        pool: Any = ProcessPool(workers, context=get_context("spawn"), **how)
        waiting = list(reversed(range(len(jobs))))
        going: dict[Future[Outcome], int] = {}
        try:
            while waiting or going:
                while waiting and len(going) < workers:
                    number = waiting.pop()
                    going[pool.schedule(_work, args=[jobs[number]])] = number
                    watch.started(number)
                for future in wait(going, timeout=1.0, return_when=FIRST_COMPLETED).done:
                    number = going.pop(future)
                    try:
                        outcome = future.result()
                    except ProcessExpired as problem:
                        outcome = died(jobs[number], problem.exitcode)
                    watch.ended(number, outcome)
                    if outcome.stops(stop_on_failure):
                        waiting.clear()
                watch.tick()
            pool.close()
        finally:
            pool.stop()
            pool.join()


def died(job: Job, status: int) -> Outcome:
    """What becomes of a run whose process ended without a word: failed, unless it was just finished."""
    # Python gives a process that a signal ended the signal's number, negated.
    how = signal.Signals(-status).name if status < 0 else f"status {status}"
    if status < 0:
        reason = f"its process was ended by {how}" + (", as for want of memory" if how == "SIGKILL" else "")
    else:
        reason = f"its process exited with status {status}"
    return fail(job, f"{reason}; what it printed: {log_of(job.folder)}")


def log_of(folder: Path) -> Path:
    return folder.parent / ".logs" / f"{folder.name}.log"


def _start(slots: str, devices: list[str], threads: int) -> None:
    """A worker's first act: leave Ctrl-C to the parent, take a GPU, and share the cores."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for number in range(1000):
        # Held for life; a worker that takes a dead one's place takes its slot, and so its GPU.
        lock = FileLock(Path(slots) / str(number))
        with suppress(Timeout):
            lock.acquire(timeout=0)
            _held.append(lock)
            break
    # A process that was spawned spawns by itself, and a loader's workers would each import torch anew.
    set_start_method(None, force=True)  # the system's own
    if devices:
        os.environ["CUDA_VISIBLE_DEVICES"] = devices[number % len(devices)]
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(threads)


_held: list[FileLock] = []  # type: ignore[type-arg, unused-ignore]


def _work(job: Job) -> Outcome:
    log = log_of(job.folder)
    with suppress(OSError):  # a store that cannot be written is complained about by the run itself
        log.parent.mkdir(parents=True, exist_ok=True)
        with open(log, "a") as file:
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
                os.dup2(file.fileno(), stream.fileno())
    return attempt(job)
