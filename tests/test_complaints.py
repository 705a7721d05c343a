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
        ("seed=-1", "error: seed=-1: must be a whole number from 0 on, such as seed=0"),
        ("seed=1.5", "error: seed=1.5: must be a whole number, such as 3"),
        ("train.learning_rate=fast", "error: train.learning_rate=fast: must be a number, such as 0.1"),
        ("data.mirror=perhaps", "error: data.mirror=perhaps: must be true or false"),
        ("data.classes=11", "error: data.classes is 11, but scikit-learn's digits has 10; lower it"),
        ("model._target_=no.Network", "error: model=no.Network: cannot be made: Error loading 'no.Network'"),
        ("train.schedule._target_=nothing", "error: train.schedule=nothing: cannot be made: Error loading 'nothing'"),
        ("+trainer.colour=3", "error: trainer: Trainer.__init__() got an unexpected keyword argument 'colour'"),
    ],
)
def test_a_mistake_is_answered_in_one_line_with_the_key_the_value_and_the_mend(said, argument, message):
    answer = said(argument)
    assert answer.startswith(message)
    assert "Traceback" not in answer
    assert "\n" not in answer


def test_a_choice_of_ones_own_is_among_those_offered(said, tmp_path):
    (tmp_path / "own" / "component").mkdir(parents=True)
    (tmp_path / "own" / "component" / "blur.yaml").write_text("# @package _global_\n")
    assert "did you mean blur?" in said("component=[blurr]", "--config-dir", str(tmp_path / "own"))
