"""How many runs go on at once, and on what."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dissect.errors import InputError
from dissect.sweep import pool


@pytest.fixture
def machine(monkeypatch):
    def have(*, cores: int, gib: float, gpus: list[str]) -> None:
        monkeypatch.setattr(pool, "cores", lambda: cores)
        monkeypatch.setattr(pool, "_free_gib", lambda: gib)
        monkeypatch.setattr(pool, "gpus", lambda: gpus)

    return have


@pytest.mark.parametrize(
    ("cores", "gib", "gpus", "devices", "runs", "at_once"),
    [
        (8, 100, [], 1, 50, 8),  # one a core
        (8, 100, [], 1, 3, 3),  # no more than there are runs
        (64, 10, [], 1, 50, 4),  # 2.5 GiB each
        (2, 1, [], 1, 50, 1),  # one at least
        (64, 500, ["0", "1"], 1, 50, 2),  # one a GPU
        (64, 500, ["0", "1", "2", "3"], 2, 50, 2),  # two GPUs each
        (8, 100, [], 2, 50, 4),  # two processes each
    ],
)
def test_auto_takes_what_the_machine_has(machine, cores, gib, gpus, devices, runs, at_once):
    machine(cores=cores, gib=gib, gpus=gpus)
    assert pool.workers_for("auto", runs, devices) == at_once


def test_a_number_is_taken_as_it_is(machine):
    machine(cores=2, gib=100, gpus=[])
    assert pool.workers_for(5, 50) == 5


@pytest.mark.parametrize("wrong", [0, -1, True, "many", 1.5, None])
def test_anything_else_is_refused(wrong):
    with pytest.raises(InputError, match="parallel="):
        pool.workers_for(wrong, 3)


@pytest.mark.parametrize(("visible", "found"), [("0,2", ["0", "2"]), ("", []), ("-1", []), ("GPU-a1", ["GPU-a1"])])
def test_only_visible_gpus_are_used(monkeypatch, visible, found):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    pool.gpus.cache_clear()
    try:
        assert pool.gpus() == found
    finally:
        pool.gpus.cache_clear()


SLOW = """
import sys, time
from pathlib import Path

class Slow:
    folder = Path(sys.argv[1]) / "slow-seed0-01234567"

    @property
    def variant(self):
        print("begun", flush=True)
        time.sleep(60)

if __name__ == "__main__":
    from dissect.sweep.pool import Worker
    worker = Worker(None, 1)
    worker.begin(Slow())
    while worker.outcome(Slow()) is None:
        print(worker._process.pid, flush=True)
        time.sleep(0.1)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_worker_ends_when_the_sweep_is_killed_in_the_middle_of_its_run(tmp_path):
    (tmp_path / "sweep.py").write_text(SLOW)
    parent = subprocess.Popen([sys.executable, tmp_path / "sweep.py", tmp_path], stdout=subprocess.PIPE, text=True)
    worker = int(parent.stdout.readline())
    log = tmp_path / ".logs" / "slow-seed0-01234567.log"
    until(lambda: log.exists() and log.read_text() == "begun\n")
    parent.kill()
    parent.communicate()
    until(lambda: not Path(f"/proc/{worker}").exists())


SERVED = """
from multiprocessing import forkserver
from dissect.sweep.pool import warm

if __name__ == "__main__":
    warm()
    print(forkserver._forkserver._forkserver_pid, flush=True)
    input()
"""
ENDLESS = "import pathlib, time; pathlib.Path(__file__).with_name('begun').touch(); time.sleep(200)"


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_what_workers_are_forked_from_ends_when_the_sweep_is_killed_though_it_imports_still(tmp_path):
    (tmp_path / "sweep.py").write_text(SERVED)
    (tmp_path / "torch.py").write_text(ENDLESS)
    first = {"PYTHONPATH": os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])}
    parent = subprocess.Popen(
        [sys.executable, tmp_path / "sweep.py"], env=os.environ | first, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    server = int(parent.stdout.readline())
    try:
        until(lambda: (tmp_path / "begun").exists())
    finally:
        parent.kill()
        parent.wait()  # not for the ends of its pipes, which the server has too
        parent.stdin.close()
        parent.stdout.close()
    until(lambda: not Path(f"/proc/{server}").exists())


def until(holds) -> None:
    for _ in range(600):
        if holds():
            return
        time.sleep(0.05)
    raise AssertionError("not within 30 seconds")


def test_a_worker_that_dies_is_replaced_and_its_run_has_failed(monkeypatch, tmp_path):
    monkeypatch.setattr(pool, "died", lambda job, status: (job, status))
    worker = pool.Worker(None, 1)
    numbers = []
    for name in ("first", "second"):
        worker.begin(Deadly(tmp_path / name))
        numbers.append(worker._process.pid)
        until(lambda: worker.outcome(name) is not None)  # noqa: B023  asked for at once
        assert worker.outcome(name) == (name, 7)
    worker.stop()
    worker.end()
    assert len(set(numbers)) == 2


class Deadly:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def variant(self):
        os._exit(7)
