"""What a W&B run holds, how it ends, and what of this machine it does not tell."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dissect.errors import InputError
from dissect.loggers.wandb import wandb_run

ROWS = [{"epoch": epoch, "learning_rate": 0.1, "train_loss": 3.0 - epoch, "val_accuracy": accuracy}
        for epoch, accuracy in ((1, 0.1), (2, 0.9), (3, 0.5))]  # fmt: skip


@pytest.fixture
def begin(tmp_path):
    def begun(name="step2-seed0-0a1b2c3d", **said):
        return wandb_run(
            name, **{"save_dir": str(tmp_path / "kept"), "project": "dissect-x", "job_type": "train"} | said
        )

    return begun


def log_and_raise(run, rows, problem):
    def block():
        with run as log:
            log.epochs(rows)
            raise problem

    with pytest.raises(type(problem)):
        block()


def test_a_run_says_who_it_is(begin, recorded, tmp_path):
    who = {
        "job_type": "member",
        "group": "a+b",
        "tags": ["a", "b"],
        "config": {"variant": "a+b", "train": {"epochs": 3}},
    }
    with begin("a+b-seed0-0a1b2c3d", project="dissect-mine/first", **who):
        pass
    (one,) = recorded(tmp_path)
    said = one.run
    assert (said["run_id"], said["display_name"]) == ("a-b-seed0-0a1b2c3d", "a+b-seed0-0a1b2c3d")
    assert (said["job_type"], said["run_group"], said["tags"]) == ("member", "a+b", ["a", "b"])
    assert said["project"] == "dissect-mine-first"
    config = said["config"]["update"]
    assert (config["variant"], config["train"]) == ("a+b", {"epochs": 3})
    assert one.exit_code == 0


def test_each_epoch_is_logged_once_and_the_summary_is_the_last_not_the_best(begin, recorded, tmp_path):
    with begin() as log:
        for count in (1, 2, 2, 3):
            log.epochs(ROWS[:count])
    (one,) = recorded(tmp_path)
    assert one.history == [
        {"_step": epoch, "epoch": epoch, "learning_rate": 0.1, "train/loss": 3.0 - epoch, "val/accuracy": accuracy}
        for epoch, accuracy in ((1, 0.1), (2, 0.9), (3, 0.5))
    ]
    assert one.summary["val/accuracy"] == 0.5
    defined = {metric["name"]: metric["step_metric"] for metric in one.all("metric")}
    assert defined == dict.fromkeys(["learning_rate", "train/loss", "val/accuracy"], "epoch")


def test_what_was_not_measured_is_left_out(begin, recorded, tmp_path):
    with begin() as log:
        log.epochs([{"epoch": 1, "train_loss": 2.0, "val_loss": None}])
    (one,) = recorded(tmp_path)
    assert one.history == [{"_step": 1, "epoch": 1, "train/loss": 2.0}]


def test_the_final_metrics_stand_in_the_summary_beside_the_curves(begin, recorded, tmp_path):
    metrics = {"accuracy": 0.5, "train_accuracy": 0.75, "accuracy_ten_crop": None}
    result = {"metrics": metrics, "parameters": 10, "settings": "abc"}
    with begin() as log:
        log.epochs(ROWS)
        log.result(result)
    (one,) = recorded(tmp_path)
    told = {name: one.summary[name] for name in ("accuracy", "train_accuracy", "parameters", "status")}
    assert told == {"accuracy": 0.5, "train_accuracy": 0.75, "parameters": 10, "status": "finished"}
    assert "settings" not in one.summary


@pytest.mark.parametrize(
    ("problem", "reason"),
    [(ValueError("the loss became nan\nin epoch 2"), "the loss became nan in epoch 2"), (SystemExit(143), "143"),
     (KeyboardInterrupt(), "KeyboardInterrupt"), (OSError(f"{Path.home()}/x: no"), "~/x: no")],
)  # fmt: skip
def test_a_run_that_raises_is_failed_with_the_reason(begin, recorded, tmp_path, problem, reason):
    log_and_raise(begin(), ROWS[:1], problem)
    (one,) = recorded(tmp_path)
    assert one.exit_code == 1
    assert (one.summary["status"], one.summary["error"]) == ("failed", reason)
    assert [row["epoch"] for row in one.history] == [1]


def test_a_second_try_takes_the_place_of_the_first_and_of_no_other(begin, recorded, tmp_path):
    with begin("step2-seed1-99999999") as log:
        log.epochs(ROWS[:2])
    log_and_raise(begin(), ROWS[:2], KeyError("power cut"))
    with begin(resumed=True) as log:
        log.epochs(ROWS[:2])
        log.epochs(ROWS)
    other, one = sorted(recorded(tmp_path), key=lambda found: found.run["run_id"], reverse=True)
    assert other.run["run_id"] == "step2-seed1-99999999"
    assert [row["epoch"] for row in one.history] == [1, 2, 3]
    assert (one.exit_code, one.summary["status"], one.summary["error"]) == (0, "finished", None)


def test_no_name_key_or_path_of_this_machine_is_told(begin, recorded, tmp_path, capfd):
    with begin(config={"seed": 0}) as log:
        log.epochs(ROWS)
        print("what a run prints")
    (one,) = recorded(tmp_path)
    private = [str(Path.home()), str(tmp_path), os.getcwd(), sys.executable, os.environ["WANDB_API_KEY"]]
    for told in [*private, "what a run prints", "pytest", ".git"]:
        assert told not in one.text
    assert "host" not in one.run
    assert not [path for path in tmp_path.rglob("files/*") if path.is_file()]  # neither metadata nor requirements
    assert "wandb" not in "".join(capfd.readouterr())


def test_a_folder_that_cannot_be_made_is_said(begin, tmp_path):
    (tmp_path / "kept").write_text("a file")
    with pytest.raises(InputError, match=r"kept: cannot be written \(File exists\)"), begin():
        pass


def test_a_folder_that_cannot_be_written_is_said(begin, monkeypatch):
    monkeypatch.setattr("dissect.loggers.wandb.os.access", lambda path, mode: False)  # root may write anywhere
    with pytest.raises(
        InputError, match=r"kept: cannot be written, and logger=wandb keeps its runs there; check runs="
    ):
        begin().__enter__()


def test_what_wandb_refuses_is_said_with_the_mend(begin):
    with (
        pytest.raises(InputError, match=r"^logger=wandb: .*WANDB_MODE=offline needs no server, logger=csv no W&B$"),
        begin(project="%" * 300),
    ):
        pass


@pytest.mark.parametrize("before", [
    "", "import os, wandb; wandb.setup(); os.environ.update(WANDB_MODE='offline', WANDB_API_KEY='0' * 40)",
])  # fmt: skip
def test_without_a_key_and_by_a_mode_that_is_set_late_a_run_is_offline_and_nobody_is_asked(before, tmp_path):
    # In a process of its own, for W&B keeps a key that it once had.
    program = (
        f"{before}\nfrom dissect.loggers.wandb import is_offline, wandb_run\n"
        f"with wandb_run('a-seed0-1', save_dir={str(tmp_path)!r}, project='p', job_type='train'): print(is_offline())"
    )
    environment = {k: v for k, v in os.environ.items() if not k.startswith("WANDB")} | {"HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=True)
    assert (done.stdout, done.stderr) == ("True\n", "")
    assert list(tmp_path.glob("wandb/offline-run-*-a-seed0-1/run-a-seed0-1.wandb"))


def test_wandb_that_dies_on_the_way_is_said_once_and_stops_neither_this_run_nor_the_next(
    begin, recorded, tmp_path, capfd
):
    with begin() as log:
        log.epochs(ROWS[:1])
        found = subprocess.run(["pgrep", "-P", str(os.getpid()), "-f", "wandb-core"], capture_output=True, text=True)
        for process in found.stdout.split():
            os.kill(int(process), signal.SIGKILL)
        log.epochs({"epoch": epoch, "val_accuracy": 0.5} for epoch in range(2, 1000))
    assert capfd.readouterr().err.count("logger=wandb: stopped") == 1
    with begin("step2-seed1-99999999") as log:
        log.epochs(ROWS)
    assert [len(one.history) for one in recorded(tmp_path) if one.all("exit")] == [3]
