"""Tuned studies whose runs come to what a formula says."""

from types import SimpleNamespace

import pytest

from dissect.composing.compose import compose
from dissect.composing.job import Digest, job_of
from dissect.composing.overrides import key_of
from dissect.design import Component, one_at_a_time
from dissect.errors import InputError
from dissect.planning import manifest
from dissect.planning.conditions import chosen_text, crossed
from dissect.sweep import tuned as module
from dissect.sweep.finish import Outcome
from dissect.sweep.tuned import ONE, OWN, tuned

DESIGN = one_at_a_time([Component("dropout1")])
BEST = {"step1": 0.08, "step2": 0.002}  # the rates that suit the two
SEARCH = ["plan.search.trials=4", "plan.search.over={optimizer.lr: [1e-3, 0.1], optimizer.weight_decay: null}"]


class Stub:
    """Asks for the variants of the design with the overrides that it is given, without Hydra's sweeper."""

    def __init__(self, config, context=None, params=None):
        self.config, self.context, self.params, self.conditions = config, context, params or {}, {"": ([], [])}

    def jobs(self, arguments, design):
        seeds = [text.partition("=")[2].split(",") for text in arguments if key_of(text) == "seed"] or [["0", "1"]]
        rest = [text for text in arguments if key_of(text) != "seed"]
        variants = [compose(["data.classes=10", *rest, f"component=[{','.join(parts)}]"]) for parts in design.variants]
        return [job_of(one.with_seed(int(seed)), Digest("d")) for one in variants for seed in seeds[-1]]


def accuracy(variant):
    return round(1 / (1 + abs(variant.config.optimizer.lr / BEST[variant.name] - 1)), 6)


@pytest.fixture
def study(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(module, "Asker", Stub)
    monkeypatch.setattr("dissect.search.__main__.report", lambda study, out: None)

    def run(*arguments):
        searched = []

        def train(jobs):
            searched.extend(jobs)
            said = {"name": "digits", "examples": {"validation": 9}}
            return [(job, Outcome({"metrics": {"accuracy": accuracy(job.variant)}, "data": said})) for job in jobs]

        launcher = SimpleNamespace(launcher={"_partial_": True}, runtime=SimpleNamespace(choices={"study": "alone"}))
        asker = Stub(SimpleNamespace(hydra=launcher, plan=SimpleNamespace(name=None)))
        jobs, said = tuned(asker, [*SEARCH, *arguments], DESIGN, train)
        return jobs, said, searched

    return run


def test_each_variant_is_tried_as_often_on_the_tuning_split_and_keeps_what_suits_it(study):
    jobs, said, searched = study("seed=0,1,2,3")
    assert {(job.variant.config.data.judge, job.variant.config.name) for job in searched} == {
        ("tuning", "digits-tuning")
    }
    assert {job.variant.seed for job in searched} == {0, 1, 2}
    tried = {name: {job.variant.config.optimizer.lr for job in searched if job.variant.name == name} for name in BEST}
    assert [len(rates) for rates in tried.values()] == [4, 4]
    now = compose([]).config.optimizer.lr
    assert all(now in rates for rates in tried.values())
    for name, rates in tried.items():
        nearest = min(rates, key=lambda rate: abs(rate / BEST[name] - 1))
        assert said["chosen"][name]["setting"] == {"optimizer.lr": nearest}
        own = {job.variant.config.optimizer.lr for job in jobs if (job.variant.name, job.condition) == (name, OWN)}
        assert own == {nearest}
    assert {job.variant.config.optimizer.lr for job in jobs if job.condition == ONE} == {now}
    assert {job.variant.config.data.judge for job in jobs} == {"validation"}
    assert len(jobs) == 2 * 2 * 4


def test_a_frozen_study_goes_on_with_what_was_chosen_then(study, tmp_path):
    jobs, said, _ = study("seed=0,1")
    plans = {}
    for condition in (ONE, OWN):
        ours = [job.variant for job in jobs if job.condition == condition][::2]
        plans[condition] = manifest.plan("alone", DESIGN, dict(zip(DESIGN.variants, ours, strict=True)), "d", [0, 1])
    plan = crossed(plans, {ONE: [], OWN: []})
    path = tmp_path / "runs" / "digits" / "manifest-alone.json"
    manifest.write(path, plan)
    with pytest.raises(InputError, match="was planned at one setting for all"):
        study("seed=0,1")
    plan.tuned.update(said)
    manifest.write(path, plan)
    again, same, searched = study("seed=0,1,2")
    assert searched == []
    assert same == said
    assert {job.folder for job in jobs} < {job.folder for job in again}
    assert "the one for all, and others drawn from optimizer.lr from 0.001 to 0.1 (step1: optimizer.lr " in chosen_text(
        said
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["data.judge=tuning"], "data.judge=tuning: with plan.search.trials a study is judged on validation"),
        (["seeds=auto"], "seeds=auto: decides at one setting for all"),
        (["plan.search.trials=1"], "plan.search.trials=1: must be one or more for each of 2 rounds"),
    ],
)
def test_what_cannot_be_tuned_is_refused_before_the_first_run(study, arguments, said):
    with pytest.raises(InputError, match=said):
        study(*arguments)
