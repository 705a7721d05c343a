"""What a user reads when the command line cannot be composed: one line, no traceback, exit code not 0."""

import sys

import pytest

from dissect import __main__ as app


@pytest.fixture
def said(monkeypatch, tmp_path):
    """Runs `python -m dissect ARGUMENTS` in this process and gives what it exits with."""

    def run(*arguments):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["dissect", *arguments])
        with pytest.raises(SystemExit) as end:
            app.main()
        assert not (tmp_path / "runs").exists()
        return str(end.value.code)

    return run


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        (
            "component=[dropuot1]",
            "error: component=dropuot1: there is no such choice; did you mean dropout1? (all choices: python -m",
        ),
        ("+ablation=step9", "error: ablation=step9: there is no such choice; did you mean step8? (there are step1,"),
        ("data=imagenet", "error: data=imagenet: there is no such choice; did you mean tiny_imagenet?"),
        ("trian.epochs=3", "error: trian.epochs: there is no such key; did you mean train.epochs?"),
        ("+ablaton=step5", "error: ablaton: there is no such key; did you mean ablation?"),
        ("+train.epoch=3", "error: train.epoch: there is no such key; did you mean epochs?"),
        ("ablation=step5", "error: ablation: is not in the defaults, so it is added with a plus: +ablation=..."),
        ("+ablation=5", "error: +ablation=5: is read as a number, and a choice is a name"),
        ("component=dropout1,leaky_relu", "error: component=dropout1,leaky_relu: several values; as a list"),
        ("data.root=photos", "error: data.root=photos: data=digits comes without a folder"),
        ("name=../elsewhere", "error: name='../elsewhere': must be the name of a folder"),
        ("seed=-1", "error: seed=-1: must be a whole number from 0 on, such as seed=0"),
        ("seed=1.5", "error: seed=1.5: must be a whole number, such as 3"),
        ("plan.power=fast", "error: plan.power=fast: must be a number, such as 0.1"),
        ("optimizer.lr=fast", "error: optimizer.lr=fast: must be a number, which torch.optim.SGD takes as its lr"),
        ("data.mirror=perhaps", "error: data.mirror=perhaps: must be true or false"),
        ("data.classes=11", "error: data.classes is 11, but scikit-learn's digits has 10; lower it"),
        ("metric.name=null", "error: metric.name=null: must have a value"),
        ("metric.better=sideways", "error: metric.better=sideways: must be higher or lower"),
        ("task=foo", "error: task=foo: there is no such choice; there are images, lightning"),
        ("task=lightning", "error: metric.name: nothing says what runs are compared by"),
        (
            "augmentation.mixed=3",
            "error: augmentation.mixed: there is no such key; what is new in augmentation is added",
        ),
        (
            "augmentation.mixup.alpha=3",
            "error: augmentation.mixup.alpha: belongs to component mixup; another value takes",
        ),
        ("average.start=0.5", "error: average.start: belongs to component swa; another value takes"),
        (
            "plan.search.over={seed: [1, 2]}",
            "error: plan.search.over: there is no such key; what is new in plan.search",
        ),
        ("model._target_=no.Network", "error: model._target_=no.Network: there is no module no: neither in "),
        ("schedule._target_=nothing", "error: schedule=nothing: cannot be made: Error loading 'nothing'"),
        ("+trainer.colour=3", "error: trainer.colour=3: pytorch_lightning.Trainer takes no argument colour; it takes"),
        (
            "optimizer.nestorov=true",
            "error: optimizer.nestorov: there is no such key; an argument that optimizer is not "
            "given yet is added with a plus: +optimizer.nestorov=...; or ",
        ),
        (
            "+optimizer.nestorov=true",
            "error: optimizer.nestorov=True: torch.optim.SGD takes no argument nestorov; did you",
        ),
        ("optimizer.momentum=2", "error: optimizer.momentum=2: must be 0 or more and below 1"),
        ("optimizer=3", "error: optimizer=3: "),
        ("metric.name=acuracy", "error: metric.name=acuracy: is not what images are judged by; that is accuracy, top5"),
        ("lr=0.1", "error: lr: there is no such key; did you mean optimizer.lr?"),
        ("optimizer.batch_size=3", "error: optimizer.batch_size: there is no such key; an argument that optimizer"),
        ("trainer.devices=two", "error: trainer.devices=two: must be how many, or which"),
        ("data.root=${x}", "error: data.root: refers to ${x}, and there is no such key; name one, or write"),
        ("name=${oc.env:NOPE}", "error: name: refers to the environment variable NOPE, which is not set"),
        ("~train.epochs", "error: ~train.epochs: cannot be taken out"),
        ("~optimizer", "error: optimizer: has no value; say optimizer=..."),
        ("runs=", "error: runs='': must be the name of a folder"),
        ("data.image_size=100000", "error: data.image_size=100000: 1,797 images take 50,"),
        (
            "hydra.launcher.foo=3",
            "error: hydra.launcher.foo: there is no such key (all: python -m dissect --cfg hydra)",
        ),
        ("train.epochs=1,2,x", "error: train.epochs=1,2,x: several values; as a list: "),
        ("train.epochs=range(3)", "error: train.epochs=range(3): several values, so it is a sweep: add -m"),
    ],
)
def test_a_mistake_is_answered_in_one_line_with_the_key_the_value_and_the_mend(said, argument, message):
    answer = said(argument)
    assert answer.startswith(message)
    assert "Traceback" not in answer
    assert "\n" not in answer


def test_a_step_and_components_at_once_are_refused(said):
    answer = said("+ablation=step5", "component=[dropout1]")
    assert answer.startswith("error: component=[dropout1] and +ablation=step5: both choose the components")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "components: {mine: mine}\ntrain: {epochs: 3}",
            "its first line must be `# @package _global_`",
        ),
        (
            "# @package _global_\ntrain: {epoch: 3}",
            "mine.yaml: train.epoch: there is no such key; did you mean",
        ),
        ("# @package _global_\ntrain: {epochs: 3", "mine.yaml"),
        ("# @package _global_\ntrain: {epochs: 3}", "a component's file says its name: `components: {name: label}`"),
    ],
)
def test_a_component_file_with_a_mistake_is_named(said, tmp_path, text, message):
    (tmp_path / "own" / "component").mkdir(parents=True)
    (tmp_path / "own" / "component" / "mine.yaml").write_text(text)
    assert message in said("--config-dir", str(tmp_path / "own"), "component=[mine]")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("components: {no: it}", "mine.yaml: components.False: YAML reads the name as false; in quotes it is a"),
        ("components: {null: it}", "components: YAML reads a name in it as null; in quotes it is a name"),
        ("components: {mine: it}\ntrain: {epochs: many}", "mine.yaml: train.epochs=many: must be a whole number"),
        ("components: [mine]", "mine.yaml: components=['mine']: must be a mapping"),
        ("components: {mine: it}\ntrain: 3", "mine.yaml: train=3: must be a mapping"),
        ("components: {mine: it}\noptimizer: 3", "optimizer=3: must say what to make"),
        ("components: {mine: it}\nmodel: {dropout1: a}", "model.dropout1=a: must be a number"),
    ],
)
def test_a_component_of_the_wrong_type_is_told_by_its_key(said, tmp_path, text, message):
    (tmp_path / "own" / "component").mkdir(parents=True)
    (tmp_path / "own" / "component" / "mine.yaml").write_text(f"# @package _global_\n{text}\n")
    answer = said("--config-dir", str(tmp_path / "own"), "component=[mine]")
    assert message in answer
    assert "\n" not in answer


@pytest.mark.parametrize("name", ["no", "off", "null", "1e3", "12"])
def test_a_name_that_yaml_takes_for_something_else_works_in_quotes(tmp_path, variant, name):
    (tmp_path / "own" / "component").mkdir(parents=True)
    text = f'# @package _global_\ncomponents: {{"{name}": it}}\noptimizer: {{momentum: 0.8}}\n'
    (tmp_path / "own" / "component" / f"{name}.yaml").write_text(text)
    found = variant(f'component=["{name}"]', config_dirs=[tmp_path / "own"])
    assert (found.name, dict(found.components)) == (name, {name: "it"})


def test_a_mode_that_wandb_does_not_know_is_said_before_anything_else(said, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "ofline")
    assert said("logger=wandb").startswith("error: WANDB_MODE=ofline: W&B knows online, offline")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["-m", "hydra/sweeper=basic", "seed=1,2"],
            "hydra/sweeper=basic: works with none of dissect's launchers; leave",
        ),
        (["-m", "seed=range(2)", "train.epochs=range(1,100000)"], "asks for 199,998 runs; a sweep has 100,000 at most"),
        (["component=[ensemble]", "ensemble.members=1000000000", "-m"], "ensemble.members=1000000000: an ensemble has"),
        (
            ["+study=random_search", "plan.search.trials=1000000000"],
            "plan.search.trials=1000000000: a search has 100,000",
        ),
        (["+study=cumulative", "seeds=auto", "plan.looks=[3,1000000000]"], "plan.looks=[3, 1000000000]: a study has"),
        (["-m", "optimizer.lr=interval(1,2)"], "no such sweep here; list the values"),
    ],
)
def test_no_sweep_is_begun_that_has_no_end(said, arguments, message):
    assert message in said(*arguments)


SOURCE = "class Bare:\n    pass\nclass Named:\n    name = 'mine'\n    def fingerprint(self):\n        return 'x'\n"


@pytest.mark.parametrize(("kind", "lacks"), [("Bare", "name"), ("Named", "opened")])
def test_a_source_or_task_that_lacks_something_is_told_as_politely_as_a_network(said, tmp_path, kind, lacks):
    (tmp_path / "lacking.py").write_text(SOURCE)
    answer = said(f"data.source={{_target_:lacking.{kind}}}")
    assert answer.startswith(f"error: data.source=lacking.{kind}: has no {lacks}; a source of images has a name")
    assert said(f"task._target_=lacking.{kind}").startswith(f"error: task=lacking.{kind}: has no method data; a task")


def test_the_deltas_of_a_config_are_among_those_offered(said, tmp_path):
    (tmp_path / "own" / "model").mkdir(parents=True)
    text = "# @package _global_\ndefaults: [convnet]\ndeltas: {calm: {optimizer: {lr: 0.01}}}\n"
    (tmp_path / "own" / "model" / "mine.yaml").write_text(text)
    for folder in (["--config-dir", str(tmp_path / "own")], [f"--config-dir={tmp_path / 'own'}"]):
        answer = said(*folder, "model=mine", "component=[clam]")
        assert answer.startswith(
            "error: component=clam: there is no such choice; did you mean calm? (all choices: pyth"
        )
        answer = said(*folder, "-m", "model=mine,convnet", "component=[clam],[calm]")
        assert answer.startswith(
            "error: component=clam: there is no such choice; did you mean calm? (all choices: pyth"
        )


def test_a_misspelt_key_in_deltas_is_named_where_it_stands(said):
    answer = said("+deltas={calm: {train: {epohcs: 3}}}", "component=[calm]")
    assert answer.startswith("error: deltas.calm: train.epohcs: there is no such key; did you mean train.epochs?")


def test_keys_of_the_task_that_was_chosen_are_offered(said):
    assert "did you mean datamodule?" in said("task=lightning", "datamodul=3")


@pytest.mark.parametrize("based", ["", "defaults: [lightning, _self_]\n"])
def test_a_task_file_without_its_package_line_is_named(said, tmp_path, based):
    (tmp_path / "own" / "task").mkdir(parents=True)
    text = based + "module: {_target_: m.M}\nmetric: {name: val/loss, better: lower}\n"
    (tmp_path / "own" / "task" / "gpt.yaml").write_text(text)
    answer = said("--config-dir", str(tmp_path / "own"), "task=gpt")
    assert answer == "error: task/gpt.yaml: its first line must be `# @package _global_`"


def test_a_choice_of_ones_own_is_among_those_offered(said, tmp_path):
    (tmp_path / "own" / "component").mkdir(parents=True)
    (tmp_path / "own" / "component" / "blur.yaml").write_text("# @package _global_\n")
    assert "did you mean blur?" in said("component=[blurr]", "--config-dir", str(tmp_path / "own"))
