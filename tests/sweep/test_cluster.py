"""One study, whatever carries it: this machine, Slurm (where a cluster takes jobs), Ray (where it is installed)."""

import json
import os
import pickle
import shutil
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests import warm

sys.path.insert(0, str(Path(__file__).parent))
from kill import compare  # the comparison bit for bit

SMALL = ["data.train_per_class=20", "data.val_per_class=10", "model.width=0.1", "train.batch_size=20", "threads=1",
         "trainer.accelerator=cpu"]  # fmt: skip
STUDY = ["+study=one_at_a_time", "plan.components=[dropout1]", "seed=range(2)", "train.epochs=2", *SMALL]


def slurm_is_up() -> bool:
    return bool(shutil.which("sinfo")) and not subprocess.run(["sinfo"], capture_output=True, check=False).returncode


SLURM = ["hydra/launcher=submitit_slurm", "hydra.launcher.cpus_per_task=1"]
needs_slurm = pytest.mark.skipif(not slurm_is_up(), reason="no Slurm that takes jobs")
needs_ray = pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed")


@pytest.fixture
def place(tmp_path):
    """A folder that Slurm's jobs see too, with a cache of its own."""
    return tmp_path


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "dissect", *arguments]


def dissect(place: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    place.mkdir(exist_ok=True)
    eager = os.environ | {"RAY_worker_niceness": "0"}  # Ray's 15 leaves its workers little beside other tests
    return subprocess.run(command(*arguments), cwd=place, capture_output=True, text=True, check=False, env=eager)


@pytest.fixture(scope="module")
def sequential(tmp_path_factory, cache_folder) -> Path:
    place = tmp_path_factory.mktemp("sequential")
    environment = os.environ | {"DISSECT_CACHE": str(cache_folder)}
    done = warm.run("dissect", [*STUDY, "parallel=1"], cwd=place, env=environment)
    assert done.returncode == 0, done.stderr
    return place / "runs"


@pytest.mark.slow
@pytest.mark.parametrize(
    "how",
    [
        "parallel=2",
        pytest.param("hydra/launcher=submitit_slurm hydra.launcher.cpus_per_task=1", marks=needs_slurm),
        pytest.param("hydra/launcher=ray", marks=needs_ray),
    ],
)
def test_a_study_gives_equal_results_wherever_it_runs(tmp_path, sequential, how):
    done = dissect(tmp_path, *STUDY, *how.split())
    assert done.returncode == 0, done.stderr
    assert "4 of 4 runs finished" in done.stdout
    compare(tmp_path / "runs", sequential)


@pytest.mark.slow
@needs_slurm
def test_a_job_that_is_preempted_goes_on_from_its_last_epoch(tmp_path):
    long = ["-m", "seed=0,1", "train.epochs=60", *SMALL]
    done = dissect(tmp_path / "calm", *long)
    assert done.returncode == 0, done.stderr
    sweep = subprocess.Popen(command(*long, *SLURM), cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    metrics = wait_for(lambda: next((tmp_path / "runs").glob("*/step1-seed0*/metrics.csv"), None))
    ticket = next((tmp_path / "runs" / "digits" / ".jobs").glob("step1-seed0*.json"))
    job = json.loads(ticket.read_text())["job"]
    epochs = len(metrics.read_text().splitlines()) - 1
    subprocess.run(["scancel", "--signal=USR2", "--full", job], check=True)  # what Slurm sends before it takes the node
    output, _ = sweep.communicate(timeout=240)
    assert sweep.returncode == 0, output
    log = "".join(path.read_text() for path in (tmp_path / "runs" / "digits" / ".jobs").rglob("*_log.*"))
    assert "Caught signal SIGUSR2" in log
    assert 0 < epochs < 60
    compare(tmp_path / "runs", tmp_path / "calm" / "runs")


@pytest.mark.skipif(find_spec("submitit") is None, reason="submitit is not installed")
def test_what_queues_a_preempted_job_again_outlives_the_end_of_that_job():
    child = """
import subprocess
from dissect.sweep.cluster import Carried
Carried(None).checkpoint()  # submitit calls it, then scontrol as a child, which Slurm sends SIGTERM too
subprocess.run(["sh", "-c", "kill -TERM $$; echo queued again"], check=True)
"""
    done = subprocess.run([sys.executable, "-c", child], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "queued again\n"), done.stderr


class Planted:
    def __reduce__(self):
        return os.mkdir, ("executed",)


@pytest.mark.skipif(find_spec("submitit") is None, reason="submitit is not installed")
def test_what_a_job_left_as_a_pickle_is_not_loaded_but_the_store_is_asked(tmp_path, variant, monkeypatch):
    from submitit.slurm.slurm import SlurmJob

    from dissect.composing.job import Digest, job_of
    from dissect.sweep import cluster
    from dissect.sweep.watch import Watch

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cluster, "_states", lambda numbers: {})
    planted = pickle.dumps(("success", Planted()))
    job = job_of(variant(), Digest("data"))
    queued = SlurmJob(tmp_path / "runs" / "digits" / ".jobs" / "%j", "1")
    queued.paths.result_pickle.parent.mkdir(parents=True)
    queued.paths.result_pickle.write_bytes(planted)
    with Watch([job]) as watch:
        cluster._follow([job], {0: queued}, False, watch)
    assert not (tmp_path / "executed").exists()
    assert watch.done[0].error == "no result: its job ended without one"
    pickle.loads(planted)  # the oracle: whoever loads it executes it
    assert (tmp_path / "executed").exists()


@pytest.mark.slow
@needs_slurm
def test_jobs_whose_parent_was_killed_are_found_again(tmp_path):
    study = ["-m", "seed=range(3)", "train.epochs=30", *SMALL, *SLURM]
    parent = subprocess.Popen(command(*study), cwd=tmp_path, stdout=subprocess.DEVNULL)
    tickets = tmp_path / "runs" / "digits" / ".jobs"
    wait_for(lambda: len(list(tickets.glob("*.json"))) == 3)
    before = {path.name: path.read_text() for path in tickets.glob("*.json")}
    parent.kill()
    parent.wait()
    done = dissect(tmp_path, *study)
    assert done.returncode == 0, done.stderr
    assert "3 of 3 runs" in done.stdout  # queued, running or finished since: none is queued a second time
    assert {path.name: path.read_text() for path in tickets.glob("*.json")} == before


@pytest.mark.slow
@needs_slurm
def test_a_job_that_is_cancelled_is_a_failure_with_its_reason(tmp_path):
    sweep = subprocess.Popen(
        command("-m", "seed=0,1", "train.epochs=300", *SMALL, *SLURM),
        cwd=tmp_path, stderr=subprocess.PIPE, text=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    tickets = tmp_path / "runs" / "digits" / ".jobs"
    wait_for(lambda: len(list(tickets.glob("*.json"))) == 2)
    for ticket in tickets.glob("*.json"):
        subprocess.run(["scancel", json.loads(ticket.read_text())["job"]], check=True)
    _, errors = sweep.communicate(timeout=240)
    assert sweep.returncode == 1
    assert errors.count("ended as CANCELLED") == 2


def wait_for(condition, seconds=120):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.2)
    raise TimeoutError("what was waited for did not come")


@pytest.mark.skipif(slurm_is_up(), reason="here there is a Slurm")
def test_without_slurm_the_launcher_says_so(tmp_path):
    done = dissect(tmp_path, *STUDY, "hydra/launcher=submitit_slurm")
    assert done.returncode == 1
    assert "error: hydra/launcher=submitit_slurm: " in done.stderr  # sbatch may have had its own word before
    assert "Traceback" not in done.stderr
