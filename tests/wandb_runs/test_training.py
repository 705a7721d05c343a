"""Runs that are trained with logger=wandb."""

import csv
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dissect.errors import InputError, TrainingError
from dissect.store import runs as store
from dissect.sweep.finish import finish

TINY = ["data.train_per_class=10", "data.val_per_class=20", "model.width=0.1", "train.epochs=4", "train.batch_size=20",
        "threads=1", "trainer.accelerator=cpu", "logger=wandb"]  # fmt: skip
DIES_AFTER_TWO_EPOCHS = """
import os, signal, sys, warnings
warnings.simplefilter("ignore")
import dissect.training.epochs as epochs
from dissect.composing.compose import compose
from dissect.sweep.finish import finish
written = epochs.write_metrics
def write_metrics(path, rows):
    written(path, rows)
    if len(rows) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
epochs.write_metrics = write_metrics
finish(compose(sys.argv[1:]))
"""


@pytest.fixture
def train(variant):
    return lambda *overrides: finish(variant(*TINY, *overrides))[0]


def curves(folder):
    """metrics.csv, in W&B's names."""
    with open(Path(folder) / "metrics.csv") as file:
        rows = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
    parts = {"train_": "train/", "val_": "val/"}
    renamed = [
        {parts.get(name[: name.find("_") + 1], "") + name.removeprefix("train_").removeprefix("val_"): row[name]
         for name in row} for row in rows
    ]  # fmt: skip
    return [{"_step": row["epoch"], **row} for row in renamed]


def test_a_run_logs_its_metrics_by_epoch_its_config_and_no_folder(train, recorded, tmp_path):
    result = train("+ablation=step3", "seed=2")
    (one,) = recorded(tmp_path / "runs" / ".wandb" / "digits")
    assert one.history == curves(result["folder"])
    assert one.run["display_name"] == one.run["run_id"] == Path(result["folder"]).name
    assert (one.run["run_group"], one.run["tags"], one.run["job_type"]) == (
        "step3", ["dropout1", "augmentation"], "train"
    )  # fmt: skip
    config = one.run["config"]["update"]
    assert (config["seed"], config["variant"], config["model"]["dropout1"]) == (2, "step3", 0.5)
    assert (config["runs"], config["data"]["cache"], config["logger"]["save_dir"]) == (None, None, None)
    assert str(tmp_path) not in one.text


def test_the_summary_holds_the_final_result(train, recorded, tmp_path):
    result = train("+ablation=step3")
    (one,) = recorded(tmp_path / "runs" / ".wandb")
    final = ["parameters", "multiply_adds", "train_seconds", "examples_per_second", "device"]
    assert {name: one.summary[name] for name in final} == {name: result[name] for name in final}
    assert {"accuracy", "accuracy_ten_crop", "top5", "loss", "train_accuracy"} <= result["metrics"].keys()
    assert {name: one.summary[name] for name in result["metrics"]} == result["metrics"]
    assert one.summary["val/accuracy"] == curves(result["folder"])[-1]["val/accuracy"]


def test_the_members_of_an_ensemble_are_told_from_the_model_itself(train, recorded, tmp_path):
    train("+ablation=step8", "ensemble.members=2", "train.epochs=1")
    jobs = {one.run["run_id"].rsplit("-", 1)[0]: one.run["job_type"] for one in recorded(tmp_path / "runs" / ".wandb")}
    assert jobs == {"step7-seed0": "train", "step7-seed1000": "member"}


def test_a_run_that_was_killed_and_goes_on_is_one_wandb_run_with_every_epoch_once(train, recorded, tmp_path):
    command = [sys.executable, "-c", DIES_AFTER_TWO_EPOCHS, f"runs={tmp_path / 'runs'}", *TINY]
    own = {key: value for key, value in os.environ.items() if key != "WANDB_SERVICE"}  # or it would use this process's
    assert subprocess.run(command, capture_output=True, check=False, env=own).returncode == -signal.SIGKILL
    assert len(list((tmp_path / "runs" / ".wandb").rglob("*.wandb"))) == 1
    assert list((tmp_path / "runs").rglob("resume.ckpt"))
    result = train()
    (one,) = recorded(tmp_path / "runs" / ".wandb")
    assert one.history == curves(result["folder"])
    assert len(one.history) == 4
    assert one.exit_code == 0


def test_a_run_that_fails_is_failed_in_wandb_too_and_a_retry_takes_its_place(train, recorded, tmp_path, monkeypatch):
    import dissect.training.epochs as epochs_module

    def diverge(path, rows):
        if len(rows) == 2:
            raise TrainingError("the training loss became nan in epoch 2")

    with monkeypatch.context() as patch:
        patch.setattr(epochs_module, "write_metrics", diverge)
        with pytest.raises(TrainingError):
            train()
    (failed,) = recorded(tmp_path / "runs" / ".wandb")
    (stored,) = store.results(tmp_path / "runs" / "digits")
    assert (stored["status"], failed.exit_code, failed.summary["status"]) == ("failed", 1, "failed")
    assert failed.summary["error"] == stored["error"]
    assert [row["epoch"] for row in failed.history] == [1]
    result = train()
    (one,) = recorded(tmp_path / "runs" / ".wandb")
    assert (one.exit_code, one.summary["status"], one.run["run_id"]) == (0, "finished", failed.run["run_id"])
    assert one.history == curves(result["folder"])


def test_a_store_in_which_wandb_finds_no_folder_is_said(train, tmp_path):
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / ".wandb").write_text("a file")
    with pytest.raises(InputError, match=r"\.wandb/digits: cannot be written"):
        train()


def test_runs_that_were_finished_without_wandb_are_told_to_it_later_as_if_they_had_been_trained_with_it(
    train, recorded, tmp_path, capsys
):
    with_it = train("+ablation=step2", "name=with")
    without = train("+ablation=step2", "name=without", "logger=csv")
    kept = tmp_path / "runs/.wandb/without"
    assert not kept.exists()
    train("+ablation=step2", "name=without")
    sync = f"kept for wandb sync {kept}/wandb/offline-run-*"
    assert f"1 finished run told to W&B from what is stored; {sync}\n" in capsys.readouterr().out
    (now,), (then,) = recorded(kept), recorded(tmp_path / "runs/.wandb/with")
    assert now.history == then.history == curves(without["folder"])
    for key in ("display_name", "run_group", "tags", "job_type"):
        assert now.run[key] == then.run[key]
    assert now.summary["accuracy"] == without["metrics"]["accuracy"] == with_it["metrics"]["accuracy"]
    assert (now.summary["status"], now.exit_code) == ("finished", 0)
    said, trained = (one.run["config"]["update"] for one in (now, then))
    assert said["model"] == trained["model"]
    assert said["variant"] == "step2"
    train("+ablation=step2", "name=without")  # which W&B knows by now, as it does what was trained with it
    train("+ablation=step2", "name=with")
    assert "told to W&B" not in capsys.readouterr().out
    assert len(list((kept / "wandb").glob("offline-run-*"))) == 1
