"""What a sweep says of itself before, and while it goes on."""

import time
from types import SimpleNamespace

import pytest
from omegaconf import OmegaConf

from dissect.sweep import watch
from dissect.sweep.finish import Outcome, said_at_the_start


@pytest.fixture
def going(tmp_path, monkeypatch):
    """A watch of four runs of 10 epochs that began 60 seconds ago, two of them with so many epochs behind them."""

    def begin(*epochs):
        metric = {"name": "x", "better": "higher"}
        config = SimpleNamespace(metric=metric, train=SimpleNamespace(epochs=10))
        jobs = [SimpleNamespace(folder=tmp_path / str(n), variant=SimpleNamespace(config=config)) for n in range(4)]
        found = watch.Watch(jobs, alike=SimpleNamespace(remark=lambda job, result: ""))
        found._begun = time.monotonic() - 60
        for number, done in enumerate(epochs):
            found.started(number)
            jobs[number].folder.mkdir()
            rows = "".join(f"{epoch},0.5\n" for epoch in range(1, done + 1))
            (jobs[number].folder / "metrics.csv").write_text("epoch,x\n" + rows)
        return found

    return begin


def test_the_time_left_is_known_before_the_first_run_has_ended(going):
    # two halves of four runs took a minute, so that the rest takes three
    assert going(5, 5).summary() == "0 of 4 done, about 3 min left"


def test_without_an_epoch_nothing_is_known(going):
    assert going(0, 0).summary() == "0 of 4 done"


def test_runs_that_are_done_count_whole(going):
    found = going(5, 5)
    found.done[2] = Outcome()
    assert found.summary() == "1 of 4 done, about 60 s left"


def test_how_many_examples_train_and_judge_is_said_and_where_wandb_keeps_what_it_cannot_send():
    facts = {"name": "photos", "judge": "validation", "examples": {"training": 1600, "validation": 400}}
    config = SimpleNamespace(logger={})
    job = SimpleNamespace(variant=SimpleNamespace(config=config))
    assert said_at_the_start(job, SimpleNamespace(facts=facts)) == (
        "photos: 1,600 examples train, 400 examples judge (validation)"
    )
    config.logger = OmegaConf.create({"_target_": "dissect.loggers.wandb.wandb_run", "save_dir": "runs/.wandb/a"})
    table = SimpleNamespace(facts={"name": "table", "judge": "validation"})
    kept = "runs are kept in runs/.wandb/a; later: wandb sync runs/.wandb/a/wandb/offline-run-*"
    assert said_at_the_start(job, table).splitlines() == ["table", f"W&B: without a key, {kept}"]
