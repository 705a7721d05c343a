"""What a sweep says of itself before, and while it goes on."""

import time
from types import SimpleNamespace

import pytest
from omegaconf import OmegaConf

from dissect.sweep import watch
from dissect.sweep.finish import Outcome, said_at_the_start


@pytest.fixture
def going(tmp_path, monkeypatch):
    """A watch of four runs that began 60 seconds ago, some with so many epochs done: `before` it, and by now."""

    def begin(*epochs, before=0, whole=(10, 10, 10, 10)):
        def config(of):
            return SimpleNamespace(metric={"name": "x", "better": "higher"}, train=SimpleNamespace(epochs=of))

        jobs = [
            SimpleNamespace(folder=tmp_path / str(n), variant=SimpleNamespace(config=config(of)))
            for n, of in enumerate(whole)
        ]
        found = watch.Watch(jobs, alike=SimpleNamespace(remark=lambda job, result: ""))
        found._begun = time.monotonic() - 60

        def logged(number, done):
            jobs[number].folder.mkdir(exist_ok=True)
            rows = "".join(f"{epoch},0.5\n" for epoch in range(1, done + 1))
            (jobs[number].folder / "metrics.csv").write_text("epoch,x\n" + rows)

        for number, done in enumerate(epochs):
            if before:
                logged(number, before)
            found.started(number)
            logged(number, done)
        return found

    return begin


def test_the_time_left_is_known_before_the_first_run_has_ended(going):
    # two halves of four runs took a minute, so that the rest takes three
    assert going(5, 5).summary() == "0 of 4 done, about 3 min left"


def test_epochs_from_before_tell_nothing_of_the_pace(going):
    # two runs went from the 4th epoch to the 6th in a minute: 4 of 40, after 8, so that 28 are left
    assert going(6, 6, before=4).summary() == "0 of 4 done, about 7 min left"


def test_longer_runs_count_as_their_epochs(going):
    # 10 of 70 epochs in a minute
    assert going(5, 5, whole=(10, 10, 20, 30)).summary() == "0 of 4 done, about 6 min left"


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
