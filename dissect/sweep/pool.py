"""Runs side by side on this machine, each in a worker process: one that dies takes no other with it."""

import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from multiprocessing import forkserver, get_all_start_methods, get_context, set_start_method
from multiprocessing.connection import wait
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

from dissect.composing.job import Job
from dissect.errors import InputError
from dissect.process import end_with_parent, speak_plainly
from dissect.store import runs as store
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
    each = max(map(_devices, jobs))
    workers = workers_for(parallel, len(jobs), each)
    on_gpus = all(job.variant.config.trainer.get("accelerator") in ("auto", "gpu", "cuda") for job in jobs)
    # Workers share the GPUs in turn where there are more of them.
    names = gpus() if on_gpus else []
    devices = [",".join(names[place : place + each]) for place in range(0, len(names) - each + 1, each)]
    threads = max(1, cores() // workers)
    slots = [Worker(devices[slot % len(devices)] if devices else None, threads) for slot in range(workers)]
    waiting = list(reversed(range(len(jobs))))
    going: dict[int, Worker] = {}
    try:
        while waiting or going:
            for worker in [one for one in slots if waiting and one not in going.values()]:
                if not waiting:
                    break
                number = waiting.pop()
                if store.held(jobs[number].folder):
                    watch.say(f"{jobs[number]}: another process trains it, which is waited for")
                going[number] = worker
                worker.begin(jobs[number])
                watch.started(number)
            wait([thing for worker in going.values() for thing in worker.signs()], timeout=1.0)
            for number, worker in list(going.items()):
                if (outcome := worker.outcome(jobs[number])) is not None:
                    del going[number]
                    watch.ended(number, outcome)
                    if outcome.stops(stop_on_failure):
                        waiting.clear()
            watch.tick()
    finally:
        for worker in slots:
            worker.stop()
        for worker in slots:
            worker.end()


class Worker:
    """A process that trains run after run, begun when there is one; another takes its place when it has died.

    Args:
        devices: its GPUs, as CUDA_VISIBLE_DEVICES names them; None for whatever there is.
        threads: its share of the cores.
    """

    def __init__(self, devices: str | None, threads: int) -> None:
        self._how = (devices, threads)
        self._process: Any = None
        self._line: Any = None

    def begin(self, job: Job) -> None:
        """Give it a run; whether it takes it, `outcome` says."""
        if self._process is None or not self._process.is_alive():
            self.stop()
            self.end()
            context: Any = _context()
            self._line, theirs = context.Pipe()
            # No daemon, for those may not have processes of their own, which loaders do.
            self._process = context.Process(target=_serve, args=(theirs, *self._how, dict(os.environ)))
            self._process.start()
            theirs.close()  # so that the line ends where the process does
        with suppress(OSError):
            self._line.send(job)

    def signs(self) -> list[Any]:
        """What becomes ready when there is an outcome."""
        return [self._line, self._process.sentinel]

    def outcome(self, job: Job) -> Outcome | None:
        """What became of its run, None as long as it goes on."""
        try:
            if self._line.poll():
                outcome: Outcome = self._line.recv()
                return outcome
        except (EOFError, OSError, UnpicklingError):  # it died, perhaps in the middle of its answer
            self._process.join(1)
        status = self._process.exitcode
        return None if status is None else died(job, status)

    def stop(self) -> None:
        """End it, whatever it does."""
        if self._process is not None and self._process.pid is not None:
            self._process.terminate()

    def end(self) -> None:
        """Wait until it has ended."""
        if self._process is None or self._process.pid is None:
            return
        self._line.close()
        self._process.join(3)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._process = None


def warm() -> None:
    """Begin, in the background, to import what runs need, as it takes some seconds in which a sweep is composed."""
    if _context().get_start_method() == "forkserver":
        forkserver.ensure_running()


def _context() -> Any:
    """Workers are forked from a process that has imported what runs need and done nothing, where the system can."""
    if "forkserver" not in get_all_start_methods():
        return get_context("spawn")
    context = get_context("forkserver")
    context.set_forkserver_preload(["dissect.sweep.served", "dissect.training.run"])
    return context


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


def _serve(line: Any, devices: str | None, threads: int, environment: dict[str, str]) -> None:
    """A worker's life: leave Ctrl-C to the parent, end with it, take a GPU and a share of the cores, and train."""
    os.environ.clear()
    os.environ.update(environment)  # as it is now; the process that forks has an older one
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent()
    speak_plainly()
    # A process that was spawned spawns by itself, and a loader's workers would each import torch anew.
    set_start_method(None, force=True)  # the system's own
    if devices is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = devices
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(threads)
    if "torch" in sys.modules:  # which has read them
        sys.modules["torch"].set_num_threads(threads)
    with suppress(EOFError):
        while True:
            line.send(_work(line.recv()))


def _work(job: Job) -> Outcome:
    log = log_of(job.folder)
    with suppress(OSError):  # a store that cannot be written is complained about by the run itself
        log.parent.mkdir(parents=True, exist_ok=True)
        with open(log, "a") as file:
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
                os.dup2(file.fileno(), stream.fileno())
    return attempt(job)
