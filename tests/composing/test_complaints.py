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
            "error: component=dropuot1: there is no such choice; did you mean dropout1? (there are",
        ),
        ("+ablation=step9", "error: ablation=step9: there is no such choice; did you mean step8? (there are step1,"),
        ("data=imagenet", "error: data=imagenet: there is no such choice; did you mean tiny_imagenet?"),
        ("trian.epochs=3", "error: trian.epochs: there is no such key; did you mean train.epochs?"),
        ("+ablaton=step5", "error: ablaton: there is no such key; did you mean ablation?"),
        ("+train.epoch=3", "error: train.epoch: there is no such key; did you mean epochs?"),
        ("ablation=step5", "error: ablation: is not in the defaults, so it is added with a plus: +ablation=..."),
        ("+ablation=5", "error: Config group override must be a string or a list"),
        ("component=dropout1,leaky_relu", "error: component=dropout1,leaky_relu: several values; as a list"),
        ("data.root=photos", "error: data.root=photos: data=digits comes without a folder"),
        ("name=../elsewhere", "error: name='../elsewhere': must be the name of a folder"),
        ("seed=-1", "error: seed=-1: must be a whole number from 0 on, such as seed=0"),
        ("seed=1.5", "error: seed=1.5: must be a whole number, such as 3"),
        ("plan.power=fast", "error: plan.power=fast: must be a number, such as 0.1"),
        ("optimizer.lr=fast", "error: optimizer=torch.optim.sgd.SGD: cannot be made for this network with lr=fast, mo"),
        ("data.mirror=perhaps", "error: data.mirror=perhaps: must be true or false"),
        ("data.classes=11", "error: data.classes is 11, but scikit-learn's digits has 10; lower it"),
        ("metric.name=null", "error: metric.name=null: must have a value"),
        ("metric.better=sideways", "error: metric.better=sideways: must be higher or lower"),
        ("task=foo", "error: task=foo: there is no such choice; there are images, lightning"),
        ("task=lightning", "error: metric.name: nothing says what runs are compared by"),
        (
            "augmentation.mixup=3",
            "error: augmentation.mixup: there is no such key; what is new in augmentation is added",
        ),
        (
            "plan.search.over={seed: [1, 2]}",
            "error: plan.search.over: there is no such key; what is new in plan.search",
        ),
        ("model._target_=no.Network", "error: model=no.Network: cannot be made: Error loading 'no.Network'"),
        ("schedule._target_=nothing", "error: schedule=nothing: cannot be made: Error loading 'nothing'"),
        ("+trainer.colour=3", "error: trainer: Trainer.__init__() got an unexpected keyword argument 'colour'"),
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


def test_the_deltas_of_a_config_are_among_those_offered(said, tmp_path):
    (tmp_path / "own" / "model").mkdir(parents=True)
    text = "# @package _global_\ndefaults: [convnet]\ndeltas: {calm: {optimizer: {lr: 0.01}}}\n"
    (tmp_path / "own" / "model" / "mine.yaml").write_text(text)
    for folder in (["--config-dir", str(tmp_path / "own")], [f"--config-dir={tmp_path / 'own'}"]):
        answer = said(*folder, "model=mine", "component=[clam]")
        assert answer.startswith("error: component=clam: there is no such choice; did you mean calm? (there are augm")
        answer = said(*folder, "-m", "model=mine,convnet", "component=[clam],[calm]")
        assert answer.startswith("error: component=clam: there is no such choice; did you mean calm? (there are augm")


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


def test_options_may_stand_after_overrides():
    line = ["seed=1", "--config-dir", "own", "model=mine", "-m"]
    assert app.options_first(line) == ["--config-dir", "own", "-m", "seed=1", "model=mine"]
    assert app.options_first(["+ablation=step5", "--cfg", "job"]) == ["--cfg", "job", "+ablation=step5"]
    assert app.options_first(["+ablation=step5", "-cd", "own"]) == ["-cd", "own", "+ablation=step5"]


def test_a_choice_of_ones_own_is_among_those_offered(said, tmp_path):
    (tmp_path / "own" / "component").mkdir(parents=True)
    (tmp_path / "own" / "component" / "blur.yaml").write_text("# @package _global_\n")
    assert "did you mean blur?" in said("component=[blurr]", "--config-dir", str(tmp_path / "own"))
