"""One run on two processes of this machine's CPU, as on two GPUs: the same result, one store, and no process left."""

import csv
import faulthandler
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from dissect.errors import InputError, TrainingError
from dissect.images.module import Classification
from dissect.store import runs as store
from dissect.streams import stream
from dissect.sweep.finish import finish
from dissect.training import epochs, together

SMALL = ["component=[augmentation,leaky_relu]", "data.train_per_class=10", "data.val_per_class=21", "model.width=0.1",
         "train.epochs=3", "train.batch_size=20", "evaluate.batch_size=64", "trainer.accelerator=cpu"]  # fmt: skip
TWO = ["trainer.strategy=ddp", "trainer.devices=2"]
SET = ("OMP_NUM_THREADS", "GLOO_SOCKET_IFNAME")  # in the environment, while processes train together
FILES = {"config.yaml", "result.json", "metrics.csv", "predictions.npz", "checkpoint.pt"}
LIMIT = 240  # seconds of one test, which takes some ten


@pytest.fixture(autouse=True)
def _ended_where_it_hangs():
    """Processes that wait for each other wait in C, where no exception reaches them: the whole process ends."""
    faulthandler.dump_traceback_later(LIMIT, exit=True, file=sys.__stderr__)
    yield
    faulthandler.cancel_dump_traceback_later()


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A store in which the undisturbed run on two processes is found by all tests but the first that asks for it."""
    return tmp_path_factory.mktemp("shared")


def files(folder):
    return {path.name for path in Path(folder).iterdir()}


def metrics(folder):
    with open(Path(folder) / "metrics.csv") as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


def processes_of(parent: int) -> list[int]:
    """The living processes that `parent` has started."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, ppid = path.read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if int(ppid) == parent and state != "Z":
            found.append(int(path.parent.name))
    return found


def alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def until(claim, seconds=60):
    end = time.monotonic() + seconds
    while not (found := claim()) and time.monotonic() < end:
        time.sleep(0.02)
    assert found
    return found


@pytest.mark.slow
def test_two_processes_train_what_one_does(variant, shared):
    threads, environment = torch.get_num_threads(), [os.environ.get(name) for name in SET]
    one, _ = finish(variant(*SMALL))
    two, _ = finish(variant(*SMALL, *TWO, f"runs={shared}"))
    assert Path(one["folder"]).name == Path(two["folder"]).name  # hardware is no part of the key
    assert files(two["folder"]) == FILES
    assert two["device"].startswith("2 processes on CPU")
    for row, other in zip(metrics(one["folder"]), metrics(two["folder"]), strict=True):
        assert row == pytest.approx(other, rel=1e-4)
    ours, theirs = (store.read_predictions(Path(result["folder"])) for result in (one, two))
    for name in ours:
        np.testing.assert_allclose(ours[name], theirs[name], atol=1e-4)
    # nothing of it stays in this process
    assert not torch.distributed.is_initialized()
    assert torch.get_num_threads() == threads
    assert [os.environ.get(name) for name in SET] == environment


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_killed_run_takes_its_processes_with_it_and_goes_on_to_the_same_bits(variant, shared, tmp_path):
    whole, _ = finish(variant(*SMALL, *TWO, f"runs={shared}"))
    # One long epoch after another, so that it is killed between the first and the last.
    slow = "import time, dissect.training.epochs as epochs; write = epochs.write_metrics\n" \
           "def slowly(*given): write(*given); time.sleep(1)\n" \
           "epochs.write_metrics = slowly\n" \
           "import sys; from dissect.__main__ import main; main()"  # fmt: skip
    first = subprocess.Popen([sys.executable, "-c", slow, *SMALL, *TWO, f"runs={tmp_path / 'runs'}"])
    try:
        folder = tmp_path / "runs" / "digits" / Path(whole["folder"]).name
        until(lambda: (folder / "resume.ckpt").exists())
        others = processes_of(first.pid)
    finally:
        first.kill()
        first.wait()
    assert len(others) == 1
    until(lambda: not any(map(alive, others)), seconds=10)
    assert not (folder / "result.json").exists()

    resumed, new = finish(variant(*SMALL, *TWO))
    assert new
    assert files(folder) == FILES
    assert (folder / "metrics.csv").read_bytes() == (Path(whole["folder"]) / "metrics.csv").read_bytes()
    assert resumed["metrics"] == whole["metrics"]


@pytest.mark.slow
def test_when_another_process_dies_the_run_says_so_and_can_go_on(variant, monkeypatch):
    others, started, written = [], together._started, epochs.write_metrics

    def seen(*given):
        for process in started(*given):
            others.append(process)
            yield process

    def killing(path, rows):
        written(path, rows)
        if len(rows) == 2:
            others[0].kill()

    monkeypatch.setattr(together, "_started", seen)
    monkeypatch.setattr(epochs, "write_metrics", killing)
    message = r"trainer.devices=2: process 2 of 2 was ended by SIGKILL.*; the same command goes on from the last whole"
    with pytest.raises(InputError, match=message):
        finish(variant(*SMALL, *TWO))
    (folder,) = (path.parent for path in Path(variant(*SMALL).config.runs).glob("*/*/config.yaml"))
    assert "resume.ckpt" in files(folder)
    assert not torch.distributed.is_initialized()


@pytest.mark.slow
def test_a_loss_that_turns_nan_is_a_failed_run_on_two_processes_too(variant):
    with pytest.raises(TrainingError, match=r"the training loss became nan in epoch \d"):
        finish(variant(*SMALL, *TWO, "optimizer.lr=1e30", "trainer.gradient_clip_val=null"))
    (result,) = store.results(Path(variant(*SMALL).config.runs) / "digits")
    assert (result["status"], result["diverged"]) == ("failed", True)
    assert not list(Path(result["folder"]).glob("*.ckpt"))


@pytest.mark.slow
def test_a_sweep_trains_each_run_once_on_two_processes(dissect, tmp_path):
    command = ["-m", "seed=0,1", "parallel=1", f"runs={tmp_path}", "train.epochs=1"]
    done = dissect(*command, *SMALL, *TWO)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(" seed ") == 2
    assert "Traceback" not in done.stdout + done.stderr
    results = [json.loads(path.read_text()) for path in sorted((tmp_path / "digits").glob("*/result.json"))]
    assert [(result["seed"], result["status"]) for result in results] == [(0, "finished"), (1, "finished")]
    assert all(result["device"].startswith("2 processes on CPU") for result in results)
    assert all(files(path.parent) == FILES for path in (tmp_path / "digits").glob("*/result.json"))


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ["train.batch_size=25"],
            "train.batch_size=25: 2 processes cannot share it evenly; choose train.batch_size=24",
        ),
        (["train.batch_size=1"], "train.batch_size=1: 2 processes cannot share it evenly; choose train.batch_size=2"),
        (["trainer.strategy=ddp_spawn"], "trainer.strategy=ddp_spawn: .* say trainer.strategy=ddp$"),
        (["+trainer.num_nodes=2"], "trainer.num_nodes=2: a run stays on one machine"),
        (["model=inception", "component=[]", "data.image_size=64"], "has batch norm, .* say trainer.devices=1"),
        (["+trainer.sync_batchnorm=true"], "trainer.sync_batchnorm=True: is not yours to set here"),
    ],
)
def test_what_two_processes_cannot_train_to_one_s_result_is_refused(variant, overrides, message):
    with pytest.raises(InputError, match=message):
        finish(variant(*SMALL, *TWO, *overrides))
    assert not list(Path(variant(*SMALL).config.runs).rglob("config.yaml"))


def test_each_process_has_dropout_masks_of_its_own_and_the_first_those_of_one_alone(monkeypatch):
    def drawn(rank):
        monkeypatch.setattr(Classification, "global_rank", rank)
        module = Classification(torch.nn.Flatten(), batches=None, optimizer=None, loss=None, schedule=None, seed=5)
        module.training_batches = SimpleNamespace()
        module.on_train_epoch_start()
        return torch.rand(4)

    assert torch.equal(drawn(0), torch.rand(4, generator=torch.Generator().manual_seed(stream(5, "dropout", 0))))
    assert torch.equal(drawn(1), drawn(1))
    assert len({tuple(drawn(rank).tolist()) for rank in range(3)}) == 3


def test_every_process_is_told_the_same_place_to_meet_on_this_machine_alone():
    first = together.Place()
    assert together.Place(1, first.main_port).main_port == first.main_port
    assert first.main_address == "127.0.0.1"


def test_a_dead_process_ends_the_one_that_waits_for_it_in_vain(monkeypatch, capsys):
    dead = subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"])
    dead.wait()
    monkeypatch.setattr(os, "_exit", sys.exit)
    with pytest.raises(SystemExit, match="1"):
        together._guard([dead], SimpleNamespace(wait=lambda seconds: False))
    assert "process 2 of 2 ended with status 3" in capsys.readouterr().err


def test_a_signal_handler_stays_whose_it_was(monkeypatch):
    before = signal.getsignal(signal.SIGTERM)
    try:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        callback = together.OwnSignals()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # as Lightning sets its own
        callback.setup(None, None, "fit")
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, before)
