"""Searches whose runs come to what a formula says, and one that is real."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from omegaconf import OmegaConf
from PIL import Image

from dissect.composing.compose import compose
from dissect.composing.job import Digest, Job, job_of
from dissect.composing.plain import plain
from dissect.composing.variant import Variant
from dissect.errors import InputError
from dissect.search.__main__ import main
from dissect.sweep.finish import Outcome
from dissect.sweep.rounds import asked, at, search
from tests.conftest import write_finished

DATA = {"name": "digits", "examples": {"training": 180, "validation": 20}}
PIXELS = Digest("pixels")
Answer = Callable[[Variant], Outcome]


def peak(variant: Variant) -> Outcome:
    """Highest at learning rate 0.05 and weight decay 1e-3, as far as four digits of accuracy tell."""
    optimizer = variant.config.optimizer
    far = abs(optimizer.lr / 0.05 - 1) + abs(optimizer.weight_decay / 1e-3 - 1)
    return came_to(accuracy=round(1 / (1 + far), 4), loss=far)


def came_to(**metrics: float) -> Outcome:
    return Outcome({"metrics": metrics, "data": DATA})


class Fake:
    """A sweep that trains nothing: each run comes to what `answer` says, and the store has its metric."""

    def __init__(self, answer: Answer) -> None:
        self.answer, self.trained = answer, list[Job]()

    def train(self, jobs: Sequence[Job]) -> list[tuple[Job, Outcome]]:
        self.trained += jobs
        return [(job, self._trained(job)) for job in jobs]

    def _trained(self, job: Job) -> Outcome:
        outcome = self.answer(job.variant)
        said = {"status": "failed", "error": outcome.error, "diverged": outcome.diverged}
        who = {"key": job.key, "variant": job.variant.name, "components": {}, "seed": job.variant.seed, "error": None}
        who |= {"metric": plain(job.variant.config.metric), "metrics": {}, "data": {"name": "d"}, "status": "finished"}
        write_finished(job.folder, {**who, **(outcome.result or said)})
        return outcome


@pytest.fixture
def begun(variant: Callable[..., Variant], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Runs a search for step1 and, where asked for, other seeds; gives its trained jobs."""
    monkeypatch.chdir(tmp_path)

    def run(*overrides: str, seeds: Sequence[int] = (0,), answer: Answer = peak, figure: bool = False) -> Fake:
        one, fake = variant("+study=random_search", *overrides), Fake(answer)
        jobs = [job_of(one.with_seed(seed), PIXELS) for seed in seeds]
        with monkeypatch.context() as patched:
            if not figure:  # which takes a second or two
                patched.setattr("dissect.search.__main__.report", lambda study, out: None)
            search(asked(lambda: jobs, one.config, overrides), one.config.plan.search, fake.train)
        return fake

    return run


def settings(fake: Fake) -> list[tuple[float, float]]:
    return [(job.variant.config.optimizer.lr, job.variant.config.optimizer.weight_decay) for job in fake.trained]


def test_the_same_search_draws_the_same_and_another_seed_draws_others(begun):
    first = begun("plan.search.trials=8")
    assert len(set(settings(first))) == 8
    assert settings(begun("plan.search.trials=8")) == settings(first)
    assert [job.folder for job in begun("plan.search.trials=8").trained] == [job.folder for job in first.trained]
    assert not set(settings(begun("plan.search.trials=8", "plan.search.seed=1"))) & set(settings(first))


def test_the_best_of_all_is_written_as_a_config(begun, tmp_path):
    fake = begun("plan.search.trials=12")
    scored = {
        setting: peak(job.variant).result["metrics"]["accuracy"]
        for setting, job in zip(settings(fake), fake.trained, strict=True)
    }
    rate, decay = max(scored, key=lambda setting: scored[setting])
    text = (tmp_path / "runs" / "digits-search" / "tuned" / "step1.yaml").read_text()
    assert text.startswith("# @package _global_\n# step1: the best of 12 settings")
    assert f"tuning accuracy {scored[rate, decay]:.2%} (seed 0) on 20 examples held out of digits" in text
    assert OmegaConf.create(text) == {"optimizer": {"lr": rate, "weight_decay": decay}}


def test_the_second_round_is_drawn_closer_around_the_best_of_the_first(begun):
    drawn = settings(begun("plan.search.trials=40"))
    coarse, fine = pd.DataFrame(drawn[:20]), pd.DataFrame(drawn[20:])
    far = (coarse / [0.05, 1e-3] - 1).abs().sum(axis=1)
    best = coarse.loc[far.idxmin()]
    span = pd.Series([0.3 / 1e-3, 1e-2 / 1e-5])
    assert ((fine.max() / fine.min()) <= span ** (1 / 3)).all()
    assert (fine.min() <= best).all()
    assert (best <= fine.max()).all()


def test_seeds_share_a_setting_and_its_accuracy_is_their_mean(begun, tmp_path):
    def answer(variant: Variant) -> Outcome:
        return came_to(accuracy=0.2 + 0.1 * variant.seed, loss=1.0 + variant.seed)

    fake = begun("plan.search.trials=3", "plan.search.rounds=1", seeds=(0, 1), answer=answer)
    drawn = settings(fake)
    assert drawn[::2] == drawn[1::2]
    trials = pd.read_csv(tmp_path / "runs" / "digits-search" / "tuned" / "step1.csv")
    assert list(trials["accuracy"]) == pytest.approx([0.25] * 3)
    assert list(trials["loss"]) == pytest.approx([1.5] * 3)
    assert list(trials["seeds"]) == ["0 1"] * 3


def test_a_diverged_run_counts_as_no_accuracy_and_is_not_tried_again(begun, tmp_path, capsys):
    def answer(variant: Variant) -> Outcome:
        rate = variant.config.optimizer.lr
        if rate < 0.02:
            return peak(variant)
        return Outcome(error="the training loss became nan", diverged=True)

    fake = begun("plan.search.trials=10", answer=answer)
    lost = sum(rate >= 0.02 for rate, _ in settings(fake))
    assert 0 < lost < 10
    assert f"the best of 10, of which {lost} diverged" in capsys.readouterr().out
    assert sum(rate >= 0.02 for rate, _ in settings(begun("plan.search.trials=10", answer=answer))) == 0
    table = pd.read_csv(tmp_path / "runs" / "digits-search" / "tuned" / "step1.csv")
    assert table["accuracy"].isna().sum() == lost
    assert table[table["accuracy"].isna()]["optimizer.lr"].min() >= 0.02


def test_another_failure_ends_the_search_before_its_next_round(begun, tmp_path, capsys):
    with pytest.raises(SystemExit, match="4 failed"):
        begun("plan.search.trials=8", answer=lambda variant: Outcome(error="OSError: the disk is full"))
    assert "the disk is full" in capsys.readouterr().err
    assert not (tmp_path / "runs" / "digits-search" / "tuned").exists()


def test_a_search_in_which_all_diverge_says_which_range_to_lower(begun):
    with pytest.raises(
        InputError, match=r"over={optimizer.lr: \[0.001, 0.3\]}: step1 diverged at every setting; lower"
    ):
        begun(answer=lambda variant: Outcome(error="the training loss became nan", diverged=True))


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("data.judge=validation", "a search is judged on data.judge=tuning, so leave data.judge out"),
        ("optimizer.lr=0.1", r"the search draws it; give its range instead: '\+plan.search.over={optimizer.lr: \["),
        ("plan.search.trials=1", "must be one or more for each of 2 rounds"),
        ("plan.search.rounds=0", "plan.search.rounds=0: must be a whole number from 1"),
        ("plan.search.over={optimizer.weight_decay: [0, 1]}", r"optimizer.weight_decay: \[0, 1\] must be the lowest"),
        ("+plan.search.over={model.widht: [0.1, 1]}", r"model.widht is None, no number"),
        ("plan.search.over={optimizer.lr: null, optimizer.weight_decay: null}", r"says nothing to search over"),
    ],
)
def test_what_is_no_search_is_refused(begun, override, said):
    with pytest.raises(InputError, match=said):
        begun(override)


def test_one_variant_with_two_configs_is_refused(begun):
    with pytest.raises(InputError, match="asks for step1 with several configs"):
        begun("plan.search.trials=2", seeds=(0, 0))


def test_a_run_of_a_search_is_the_run_that_its_overrides_compose(variant):
    asked_for = job_of(variant("+study=random_search"), PIXELS, ("+study=random_search",))
    job = at(asked_for, {"optimizer.lr": 0.01235, "optimizer.weight_decay": 5.5e-05})
    assert compose(job.overrides).key("pixels") == job.key
    assert compose(job.overrides).settings("pixels") == job.variant.settings("pixels")


def test_any_number_of_the_config_is_searched_over_and_whatever_metric_it_has_decides(begun, tmp_path):
    def answer(variant: Variant) -> Outcome:
        return came_to(accuracy=0.5, loss=abs(variant.config.model.width - 0.5))

    over = "+plan.search.over={model.width: [0.1, 1], optimizer.lr: null, optimizer.weight_decay: null}"
    judged = ["metric.name=loss", "metric.unit=nats", "metric.better=lower", "metric.times=1"]
    fake = begun("plan.search.trials=8", over, *judged, answer=answer)
    widths = [job.variant.config.model.width for job in fake.trained]
    assert len(set(widths)) == 8
    text = (tmp_path / "runs" / "digits-search" / "tuned" / "step1.yaml").read_text()
    assert OmegaConf.create(text) == {"model": {"width": min(widths, key=lambda width: abs(width - 0.5))}}
    assert "tuning loss 0." in text


def test_the_figure_is_drawn_again_from_the_study(begun, tmp_path, capsys):
    begun("plan.search.trials=6", figure=True)
    drawn = {path.name: path.read_bytes() for path in (tmp_path / "reports" / "digits-search").iterdir()}
    assert drawn.keys() == {"search.csv", "search.png", "search.svg"}
    assert main(["digits-search", "--out", "again"]) == 0
    assert {path.name: path.read_bytes() for path in (tmp_path / "again" / "digits-search").iterdir()} == drawn
    with Image.open(tmp_path / "again" / "digits-search" / "search.png") as image:
        assert "log-uniform, over optimizer.lr and optimizer.weight_decay: 6 settings." in image.info["Description"]
    assert main(["elsewhere"]) == 2
    assert "elsewhere: holds no search" in capsys.readouterr().err


@pytest.mark.slow
def test_a_real_search_is_found_again_and_its_setting_is_used(dissect, tmp_path):
    asked = ["+study=random_search", "+ablation=step1", "plan.search.trials=2", "data.train_per_class=10",
             "model.width=0.1", "train.epochs=1", "trainer.accelerator=cpu", "parallel=1"]  # fmt: skip
    first = dissect(*asked)
    assert first.returncode == 0, first.stderr
    again = dissect(*asked)
    assert again.stdout.count("1 of 1 runs finished before") == 2
    tuned = OmegaConf.load(tmp_path / "runs" / "digits-search" / "tuned" / "step1.yaml").optimizer
    used = dissect("--config-dir", "runs/digits-search", "+study=quickstart", "+tuned=step1", "--cfg", "job")
    optimizer = OmegaConf.create(used.stdout).optimizer
    assert (optimizer.lr, optimizer.weight_decay) == (tuned.lr, tuned.weight_decay)
