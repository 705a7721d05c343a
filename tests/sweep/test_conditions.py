from dataclasses import replace
from types import SimpleNamespace

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from dissect.composing.compose import compose
from dissect.composing.job import Digest, job_of
from dissect.errors import InputError
from dissect.store.record import describe
from dissect.sweep import conditions
from dissect.sweep.conditions import check_conditions, conditions_of, refuse_other_steps, refuse_several_settings
from tests.conftest import write_finished


def job(*overrides, data="some"):
    return job_of(compose(["data.classes=10", *overrides]), Digest(data))


def test_runs_of_several_settings_in_one_folder_are_refused_by_the_keys_in_which_they_differ():
    with pytest.raises(InputError, match=r"^optimizer.lr: runs that .* 'name=digits-\$\{optimizer.lr\}'$"):
        refuse_several_settings([job("optimizer.lr=0.1"), job("optimizer.lr=0.2", "component=[dropout1]")])
    with pytest.raises(InputError, match=r"^data.train_per_class: "):
        refuse_several_settings([job("data.train_per_class=5"), job("data.train_per_class=9", data="other")])


def test_runs_that_differ_in_components_seeds_and_hardware_or_lie_apart_are_not():
    refuse_several_settings(
        [
            job("seed=0"), job("seed=1", "component=[dropout1]"), job("component=[adamw]"), job("threads=2"),
            job("name=apart", "optimizer.lr=0.1"),
        ]
    )  # fmt: skip


def found(*said, lists):
    return conditions_of(OverridesParser.create().parse_overrides(list(said)), lists)


def test_what_is_swept_over_but_the_seed_makes_a_studys_conditions():
    lists = [["a.b=1", "seed=0"], ["a.b=1", "seed=1"], ["a.b=2", "seed=0"], ["a.b=2", "seed=1"]]
    assert found("+a.b=1,2", "seed=0,1", lists=lists) == {
        "a.b=1": (["a.b=1"], lists[:2]),
        "a.b=2": (["a.b=2"], lists[2:]),
    }
    assert found("a.b=1", "seed=0,1", lists=lists[:2]) == {"": ([], lists[:2])}


@pytest.mark.parametrize("said", ["name=a,b", "metric.name=a,b", "plan.level=0.9,0.95", "threads=1,2", "data.fold=0,1"])
def test_what_decides_no_result_or_judges_on_other_examples_is_no_condition(said):
    with pytest.raises(InputError, match=f"^{said.partition('=')[0]}: is no condition"):
        found(said, lists=[])


def in_conditions(monkeypatch, *jobs, **facts):
    monkeypatch.setattr(conditions, "data_of", lambda config: SimpleNamespace(facts=facts.get(config.name, {})))
    check_conditions([replace(one, condition=f"number {place}") for place, one in enumerate(jobs)])


def test_conditions_that_are_the_same_or_are_not_judged_alike_are_refused(monkeypatch):
    low, high = job("optimizer.lr=0.1", "name=one"), job("optimizer.lr=0.2", "name=other")
    in_conditions(monkeypatch, low, high)
    with pytest.raises(InputError, match=r"^number 0 and number 1: are the same condition"):
        in_conditions(monkeypatch, low, job("optimizer.lr=0.10"))
    with pytest.raises(InputError, match="the number of examples is 9, then 8"):
        in_conditions(
            monkeypatch, low, high, one={"examples": {"validation": 9}}, other={"examples": {"validation": 8}}
        )
    with pytest.raises(InputError, match=r"metric.better is higher, then lower"):
        in_conditions(monkeypatch, low, job("optimizer.lr=0.2", "metric.better=lower"))


def test_a_step_with_other_components_than_this_name_has_in_its_folder_is_refused(tmp_path):
    def step2(ladder, component, **plans):
        return job(f"runs={tmp_path}", f"ladder=[{ladder}]", f"component=[{component}]")

    first = step2("dropout1,leaky_relu", "dropout1")
    told = describe(first, SimpleNamespace(facts={"name": "some"}, digest="some"))
    write_finished(first.folder, told | {"metrics": {"accuracy": 1.0}})
    refuse_other_steps([first, step2("dropout1,leaky_relu,dropout2", "dropout1")])  # a longer ladder
    other = step2("leaky_relu,dropout1", "leaky_relu")
    with pytest.raises(InputError, match=r"step2 has leaky_relu, and in .*step2-seed0-\w+ it has dropout1; a folder"):
        refuse_other_steps([other])
    refuse_other_steps([step2("leaky_relu", "dropout1")])  # named after its component
    (first.folder / "result.json").unlink()
    refuse_other_steps([other])
