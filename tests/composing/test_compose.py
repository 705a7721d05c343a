"""Objects of a group that another takes the place of, and components that stand in a config's own `deltas`."""

from pathlib import Path

import pytest
from hydra.errors import HydraException
from omegaconf import OmegaConf

from dissect.composing.arguments import look_up
from dissect.composing.compose import compose
from dissect.composing.schema import CONF
from dissect.errors import InputError

DATA = "digest of some data"
ADAM = "{_target_: torch.optim.AdamW, lr: 0.001}"


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """A module of the user's in which there may be anything."""
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "mine.py").write_text("def __getattr__(name): ...\n")
    monkeypatch.syspath_prepend(str(tmp_path / "modules"))
    look_up.cache_clear()


@pytest.fixture
def own(tmp_path):
    """A folder of configs, from `group/name` to their text below the package line."""

    def written(**files: str) -> list[Path]:
        for place, text in files.items():
            path = tmp_path / "own" / f"{place.replace('__', '/')}.yaml"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"# @package _global_\n{text}\n")
        return [tmp_path / "own"]

    return written


def optimizer(variant) -> dict:
    return OmegaConf.to_container(variant.config.optimizer)


SGD = {"_target_": "torch.optim.SGD", "lr": 0.02, "momentum": 0.9, "weight_decay": 5e-4}


def test_a_components_optimizer_starts_afresh_and_the_base_keeps_its_own(variant, own):
    dirs = own(component__adam=f"components: {{adam: Adam}}\noptimizer: {ADAM}")
    found = variant("component=[adam]", config_dirs=dirs)
    assert optimizer(found) == {"_target_": "torch.optim.AdamW", "lr": 0.001}
    assert OmegaConf.to_container(found.base.optimizer) == SGD
    assert found.settings(DATA) == variant().settings(DATA)


def test_what_the_replaced_optimizer_had_is_no_part_of_the_key(variant, own):
    dirs = own(component__adam=f"components: {{adam: Adam}}\noptimizer: {ADAM}", optimizer__mine="x: y")
    (dirs[0] / "optimizer" / "mine.yaml").write_text(ADAM)
    assert variant("component=[adam]", config_dirs=dirs).key(DATA) == variant("optimizer=mine", config_dirs=dirs).key(
        DATA
    )


@pytest.mark.parametrize(
    ("group", "text", "left"),
    [
        ("loss", "{_target_: torch.nn.MultiMarginLoss}", {"_target_": "torch.nn.MultiMarginLoss"}),
        ("schedule", "{_target_: mine.flat}", {"_target_": "mine.flat"}),
        ("init", "{_target_: mine.init}", {"_target_": "mine.init"}),
        ("optimizer", "{_target_: mine.Lion}", {"_target_": "mine.Lion"}),
    ],
)
def test_every_object_of_a_group_starts_afresh_wherever_it_is_changed(variant, own, mine, group, text, left):
    dirs = own(
        component__other=f"components: {{other: other}}\n{group}: {text}",
        model__mine=f"defaults: [convnet]\n{group}: {text}",
        study__mine=f"{group}: {text}",
    )
    ways = [["component=[other]"], ["model=mine"], ["+study=mine"], [f"{group}={text}"],
            [f"{group}._target_={left['_target_']}"]]  # fmt: skip
    for said in ways:
        assert OmegaConf.to_container(variant(*said, config_dirs=dirs).config[group]) == left, said
    keys = {variant(*said, config_dirs=dirs).settings(DATA) for said in ways[1:]}
    assert len(keys) == 1


def test_a_network_in_the_place_of_a_choices_own_keeps_its_weights_or_it_is_said_that_it_does_not(variant, own, mine):
    dirs = own(
        component__net="components: {net: mine}\nmodel: {_target_: mine.Net}",
        component__begin="components: {begin: begin}\ninit: {_target_: mine.begin}",
        model__mine="model: {_target_: mine.Net}",
    )
    for said in ("model._target_=mine.Net", "component=[net]"):
        with pytest.raises(
            InputError, match=r"model._target_=mine.Net: .* by whose init=he .*; keep them: init=own, or"
        ):
            variant(said, config_dirs=dirs)
        for start in ("own", "he"):
            assert variant(said, f"init={start}", config_dirs=dirs).config.init._target_.endswith(f".{start}")
    assert variant("component=[net,begin]", config_dirs=dirs).config.init._target_ == "mine.begin"
    assert variant("model=mine", config_dirs=dirs).config.init._target_ == "dissect.networks.init.own"


def test_arguments_on_the_command_line_are_the_new_objects(variant):
    target = "optimizer._target_=torch.optim.AdamW"
    assert optimizer(variant(target, "optimizer.lr=0.3")) == {"_target_": "torch.optim.AdamW", "lr": 0.3}
    assert optimizer(variant(target, "+optimizer.betas=[0.8,0.9]")) == {
        "_target_": "torch.optim.AdamW",
        "betas": [0.8, 0.9],
    }
    assert optimizer(variant("optimizer={_target_: torch.optim.AdamW}", "~optimizer.momentum")) == {
        "_target_": "torch.optim.AdamW"
    }


def test_the_same_object_with_other_arguments_keeps_the_rest(variant, own):
    dirs = own(component__calm="components: {calm: calm}\noptimizer: {lr: 0.01}", model__mine="defaults: [convnet]")
    for said in (["component=[calm]"], ["optimizer.lr=0.01"], ["optimizer={lr: 0.01}"]):
        assert optimizer(variant(*said, config_dirs=dirs)) == SGD | {"lr": 0.01}


def test_a_model_may_choose_another_optimizer(variant, own):
    dirs = own(model__mine="defaults: [convnet, override /optimizer: adamw]")
    assert optimizer(variant("model=mine", config_dirs=dirs)) == optimizer(variant("optimizer=adamw"))


def test_a_choice_on_the_command_line_gives_way_to_a_components_object(variant, own):
    dirs = own(component__plain="components: {plain: plain}\noptimizer: {_target_: torch.optim.SGD, lr: 0.1}")
    found = variant("optimizer=adamw", "component=[plain]", config_dirs=dirs)
    assert optimizer(found) == {"_target_": "torch.optim.SGD", "lr": 0.1}
    assert found.base.optimizer._target_ == "torch.optim.AdamW"


def test_a_choice_that_a_models_object_makes_vain_is_refused(variant, own):
    dirs = own(model__mine=f"defaults: [convnet]\noptimizer: {ADAM}")
    with pytest.raises(InputError, match=r"optimizer=sgd: a file sets optimizer itself .torch.optim.AdamW."):
        variant("model=mine", "optimizer=sgd", config_dirs=dirs)


CALM = "calm: {label: half the rate, optimizer: {lr: 0.01}}"
WAYS = {
    "model": ("model__mine", "defaults: [convnet]\n{}", "model=mine"),
    "study": ("study__mine", "{}", "+study=mine"),
    "task": ("task__mine", "defaults: [images, _self_]\n{}", "task=mine"),
}


@pytest.mark.parametrize("where", WAYS)
def test_a_component_in_deltas_is_as_one_in_a_file(variant, own, where):
    place, text, choice = WAYS[where]
    dirs = own(**{place: text.format(f"deltas: {{{CALM}}}\nladder: [calm]")})
    found = variant(choice, "component=[calm]", config_dirs=dirs)
    assert (found.name, found.components) == ("step2", {"calm": "half the rate"})
    filed = own(component__calm="components: {calm: half the rate}\noptimizer: {lr: 0.01}")
    assert found.key(DATA) == variant("component=[calm]", config_dirs=filed).key(DATA)


def test_deltas_on_the_command_line_are_known_too(variant):
    found = variant(f"+deltas={{{CALM}}}", "component=[calm,dropout1]")
    assert (found.name, found.config.optimizer.lr) == ("dropout1+calm", 0.01)
    assert variant("+deltas.calm={optimizer: {lr: 0.01}}", "component=[calm]").components == {"calm": "calm"}


def test_a_delta_of_an_earlier_composition_is_forgotten():
    compose([f"+deltas={{{CALM}}}", "component=[calm]"])
    with pytest.raises(HydraException, match="component/calm"):
        compose(["component=[calm]"])
    again = compose(["+deltas={calm: {optimizer: {lr: 0.001}}}", "component=[calm]"])
    assert again.config.optimizer.lr == 0.001


@pytest.mark.parametrize(
    ("deltas", "chosen", "said"),
    [
        ("a: {optimizer: {lr: 0.02}}", "a", r"component a: changes nothing here \(optimizer.lr=0.02, as without it\)"),
        ("a: {label: empty}", "a", "component a: changes nothing here .it declares nothing"),
        ("a: {threads: 2}", "a", "component a: changes nothing here"),
        (
            "a: {optimizer: {lr: 1}}, b: {optimizer: {lr: 2}}",
            "a,b",
            r"components a and b: both set optimizer.lr \(1 and 2\), so they are levels of one factor",
        ),
        ("a: {requires: [dropout2], train: {epochs: 3}}", "a", "component a: requires dropout2; add it"),
        ("a: {excludes: [dropout1], train: {epochs: 3}}", "a,dropout1", "component a: excludes dropout1; choose one"),
        ("a: {derived: perhaps, train: {epochs: 3}}", "a", "component a: says of itself derived: 'perhaps'"),
        ("a: {label: 3, train: {epochs: 3}}", "a", "component a: says of itself label: 3"),
        ("a: 3", "a", "deltas.a=3: must be a mapping"),
        ("a: {defaults: [dropout1], train: {epochs: 3}}", "a", "deltas.a.defaults=.*keys and values only"),
        ("a: null", "a", "deltas.a=None: must be a mapping"),
        ("dropout1: {train: {epochs: 3}}", "dropout1", "there is a file component/dropout1.yaml too"),
    ],
)
def test_a_component_in_deltas_is_held_to_what_a_file_is_held_to(variant, deltas, chosen, said):
    with pytest.raises(InputError, match=said):
        variant(f"+deltas={{{deltas}}}", f"component=[{chosen}]")


@pytest.mark.parametrize("needing", ["stochastic_depth", "batch_norm,zero_init"])
def test_a_requirement_is_met_by_a_component_or_by_the_base(variant, needing):
    with pytest.raises(InputError, match="requires residual; add it, or leave both out"):
        variant("model=resnet", f"component=[{needing}]")
    assert variant("model=resnet", f"component=[residual,{needing}]").config.model.residual
    assert variant("model=resnet", "model.residual=true", f"component=[{needing}]").components


def test_a_requirement_that_sets_what_a_network_does_not_have_is_met(variant):
    assert variant("+deltas={a: {requires: [residual], train: {epochs: 3}}}", "component=[a]").name == "a"
    with pytest.raises(InputError, match="requires batch_norm; add it"):  # the norm is there, and null
        variant("model=resnet", "+deltas={a: {requires: [batch_norm], train: {epochs: 3}}}", "component=[a]")


def test_a_derived_delta_is_left_to_members_of_an_ensemble(variant):
    from dissect.composing.members import member_variants

    found = variant("+deltas={all: {derived: true, ensemble: {average: true, members: 2}}}", "component=[all]")
    assert [(one.name, one.components) for one in member_variants(found)] == [("step1", {})] * 2


def test_a_misspelt_key_in_deltas_is_refused(variant):
    with pytest.raises(HydraException, match="epohcs"):
        variant("+deltas={a: {train: {epohcs: 3}}}", "component=[a]")


def test_deltas_are_no_part_of_a_runs_key(variant):
    assert variant(f"+deltas={{{CALM}}}").key(DATA) == variant().key(DATA)


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        (["metric.better=sideways"], "metric.better=sideways: must be higher or lower"),
        (["metric.name=''"], "metric.name="),
        (["metric.times=0"], "metric.times=0"),
        (["task=lightning"], "metric.name: nothing says what runs are compared by"),
        (["task=lightning", "metric.name=val/loss"], "metric.better: nothing says which way val/loss is better"),
        (["task=lightning", "metric.name=val/loss", "metric.better=lower"], "module: has no value; say module="),
    ],
)
def test_a_metric_that_says_not_enough_is_refused_before_anything_else(variant, said, answer):
    with pytest.raises(InputError, match=answer):
        variant(*said)


def test_a_task_of_ones_own_is_a_choice_and_the_study_is_called_after_it(variant, own, mine):
    text = "defaults: [lightning, _self_]\nmodule: {_target_: mine.M}\ndatamodule: {_target_: mine.D}\n"
    dirs = own(task__gpt=text + "metric: {name: val/loss, unit: nats, better: lower}\nladder: []")
    found = variant("task=gpt", config_dirs=dirs)
    assert (found.name, found.config.name, found.config.metric.better) == ("baseline", "gpt", "lower")


def test_a_task_without_its_package_line_is_told_so(variant, own):
    dirs = own(task__gpt="")
    text = "defaults: [lightning, _self_]\nmodule: {_target_: m.M}\nmetric: {name: val/loss, better: lower}\n"
    (dirs[0] / "task" / "gpt.yaml").write_text(text)
    with pytest.raises(InputError, match=r"task/gpt.yaml: its first line must be `# @package _global_`"):
        variant("task=gpt", config_dirs=dirs)


@pytest.mark.parametrize(
    ("place", "said"),
    [("component/mixup", "component=[mixup]"), ("model/convnet", "model=convnet"), ("loss/cross_entropy", "seed=1")],
)
def test_a_file_that_one_of_dissects_own_would_hide_is_refused(variant, tmp_path, place, said):
    hidden = tmp_path / "own" / f"{place}.yaml"
    hidden.parent.mkdir(parents=True)
    hidden.write_text("# @package _global_\ncomponents: {mixup: mine}\nmodel: {width: 0.5}\n")
    with pytest.raises(InputError) as told:
        variant(said, config_dirs=[tmp_path / "own"])
    shown = CONF / f"{place}.yaml"
    assert str(told.value) == f"{hidden}: would never be read, as {shown} has the same name; call it otherwise"


def test_a_folder_that_is_named_twice_hides_nothing(variant, own):
    [mine] = own(component__mine="components: {mine: mine}\nmodel: {width: 0.5}")
    assert variant("component=[mine]", config_dirs=[mine, mine, CONF]).config.model.width == 0.5


@pytest.mark.parametrize("name", ["it's (mine) = a, b", 'the "other"', "back\\slash"])
def test_configs_of_ones_own_are_found_in_a_folder_whatever_it_is_called(tmp_path, name):
    place = tmp_path / name / "component" / "wide.yaml"
    place.parent.mkdir(parents=True)
    place.write_text("# @package _global_\ncomponents: {wide: wider}\nmodel: {width: 2.0}\n")
    chosen = compose(["component=[wide]"], config_dirs=[tmp_path / name])
    assert (dict(chosen.components), chosen.config.model.width) == ({"wide": "wider"}, 2.0)
