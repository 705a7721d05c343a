"""One run on several devices of this machine: a process each. The run's own is the first; it starts the others.

Lightning's way of starting them is the command line once more, which in a worker of a sweep is the whole sweep.
"""

import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import pytorch_lightning as pl
import torch
from lightning_fabric.plugins import ClusterEnvironment
from omegaconf import DictConfig
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from dissect.composing.job import Job
from dissect.errors import InputError, TrainingError

STRATEGIES = ("auto", "ddp", "ddp_find_unused_parameters_true")  # Lightning's that have a process per device


class Place(ClusterEnvironment):
    """This process's place among those that train one run together, which all are on this machine."""

    def __init__(self, rank: int = 0, port: int | None = None) -> None:
        self._rank, self._port, self._size = rank, port, 1

    @property
    def creates_processes_externally(self) -> bool:
        return True

    @property
    def main_address(self) -> str:
        return "127.0.0.1"

    @property
    def main_port(self) -> int:
        """The first process's own choice, of those that are free; the others are told."""
        if self._port is None:
            with socket.create_server((self.main_address, 0)) as free:
                self._port = int(free.getsockname()[1])
        return self._port

    @staticmethod
    def detect() -> bool:
        return False

    def world_size(self) -> int:
        return self._size

    def set_world_size(self, size: int) -> None:
        self._size = size

    def global_rank(self) -> int:
        return self._rank

    def set_global_rank(self, rank: int) -> None:
        pass  # it is known from the start

    def local_rank(self) -> int:
        return self._rank

    def node_rank(self) -> int:
        return 0


class Request(NamedTuple):
    """What another process is asked to do: train `job` from the checkpoint `begin`, at a place."""

    job: Job
    begin: Path | None
    rank: int
    port: int


class OwnSignals(pl.Callback):
    """Leaves SIGTERM to whom it was: Lightning's handler first waits for the other processes, perhaps for ever."""

    def __init__(self) -> None:
        self._before = signal.getsignal(signal.SIGTERM)

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        if self._before is not None and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, self._before)


def check_together(trainer: pl.Trainer, config: DictConfig, module: nn.Module, *, shared: bool) -> None:
    """Refuse what several processes cannot train to the result that one process has, but for rounding.

    Args:
        shared: whether the task's module can share its batches of `train.batch_size` among processes.

    Raises:
        InputError: for another strategy than ddp, batches that they cannot share, or batch norm on CPUs.
    """
    count = trainer.world_size
    if trainer.num_nodes > 1:
        raise InputError(f"trainer.num_nodes={trainer.num_nodes}: a run stays on one machine; leave it out")
    if count == 1:
        return
    if not shared:
        raise InputError(
            f"trainer.devices={config.trainer.devices}: each process would have batches of its own, so that the result "
            "would be another one; say trainer.devices=1"
        )
    strategy = config.trainer.get("strategy", "auto")
    if strategy not in STRATEGIES:
        raise InputError(f"trainer.strategy={strategy}: several devices train a run by ddp; say trainer.strategy=ddp")
    batch = config.train.batch_size
    if batch % count:
        fitting = max(batch // count, 1) * count
        raise InputError(
            f"train.batch_size={batch}: {count} processes cannot share it evenly; choose train.batch_size={fitting}, "
            "or trainer.devices=1"
        )
    if trainer.strategy.root_device.type == "cpu" and any(isinstance(part, _BatchNorm) for part in module.modules()):
        raise InputError(
            f"trainer.devices={config.trainer.devices}: {config.model._target_} has batch norm, whose statistics "
            "several processes share on GPUs only; say trainer.devices=1"
        )


@contextmanager
def together(trainer: pl.Trainer, job: Job, begin: Path | None) -> Iterator[None]:
    """Start the run's other processes, if it has several devices, and let none of them outlive the block.

    Args:
        begin: the checkpoint that all of them go on from.

    Raises:
        InputError: when one of them died.
    """
    count, threads = trainer.world_size, torch.get_num_threads()
    others: list[subprocess.Popen[bytes]] = []
    over = threading.Event()
    # They share the cores; gloo takes the machine's outer address unless it is told.
    ours = {"OMP_NUM_THREADS": str(max(1, threads // count))}
    if sys.platform == "linux":
        ours["GLOO_SOCKET_IFNAME"] = os.environ.get("GLOO_SOCKET_IFNAME", "lo")
    before = {name: os.environ.get(name) for name in ours}
    try:
        if count > 1:
            os.environ |= ours
            torch.set_num_threads(max(1, threads // count))
            others += _started(trainer, job, begin)
            threading.Thread(target=_guard, args=[others, over], daemon=True).start()
        yield
        _part()
        for other in others:
            other.wait()
    except (InputError, TrainingError):
        raise
    except Exception as problem:
        if reason := _death(others):
            raise InputError(
                f"trainer.devices={job.variant.config.trainer.devices}: {reason}, upon which the first had "
                f"{type(problem).__name__}; the same command goes on from the last whole epoch"
            ) from problem
        raise
    finally:
        over.set()
        for other in others:
            other.kill()
            other.wait()
            if other.stdin:
                other.stdin.close()
        _part()
        if count > 1:
            torch.set_num_threads(threads)
            for name, value in before.items():
                os.environ.pop(name) if value is None else os.environ.update({name: value})


def _started(trainer: pl.Trainer, job: Job, begin: Path | None) -> Iterator[subprocess.Popen[bytes]]:
    port = trainer.strategy.cluster_environment.main_port  # type: ignore[attr-defined, union-attr, unused-ignore]
    # A user's own network is found wherever this process finds it.
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    for rank in range(1, trainer.world_size):
        process = subprocess.Popen(
            [sys.executable, "-m", "dissect.training"], stdin=subprocess.PIPE, stdout=2, bufsize=0, env=environment,
            process_group=0,  # Ctrl-C is for the first alone
        )  # fmt: skip
        yield process
        assert process.stdin
        with suppress(BrokenPipeError):  # it is dead already, which `_guard` says
            # Left open: it ends when this process does, and by that the other knows.
            process.stdin.write(pickle.dumps(Request(job, begin, rank, port)))


def _guard(others: Sequence[subprocess.Popen[bytes]], over: threading.Event) -> None:
    """Leave, as no exception might, when a process died and this one waits for it: a GPU's collective never ends."""
    while not over.wait(1):
        if any(other.poll() for other in others) and not over.wait(20):
            print(f"failed: {_death(others)}, and this one waited for it", file=sys.stderr, flush=True)
            os._exit(1)


def _death(others: Sequence[subprocess.Popen[bytes]]) -> str:
    """Which of the other processes died, and how; "" if none did, or none does in the seconds that dying may take."""
    for _ in range(2):
        for number, other in enumerate(others, start=2):
            if status := other.poll():
                how = f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
                return f"process {number} of {len(others) + 1} {how}"
        for other in others:
            with suppress(subprocess.TimeoutExpired):
                other.wait(timeout=3)
    return ""


def _part() -> None:
    # Lightning leaves it to the process's end, but the next run of a sweep has its own.
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def leave_with_the_first() -> None:
    """End this process, one of the others, when the first one does, however that was."""

    def wait() -> None:
        os.read(0, 1)  # nothing follows the request, so this is the end
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
