"""Where a user's runs and modules lie is told where a command is called from another folder."""

import subprocess
import sys

import pytest

from dissect.composing.nearby import nearby
from dissect.store.runs import results

NET = """\
from torch import nn
class Net(nn.Sequential):
    def __init__(self, *, classes: int, norm: bool):
        super().__init__(nn.Flatten(), nn.BatchNorm1d(192) if norm else nn.Identity(), nn.Linear(192, classes))
"""
MODEL = """\
# @package _global_
model: {_target_: mynets.Net, classes: "${data.classes}", norm: false}
ladder: [norm]
deltas: {norm: {label: batch norm, model: {norm: true}}}
"""


@pytest.fixture
def places(tmp_path, monkeypatch):
    """A project with a module, configs and two runs; the working folder is one beside it."""
    here = tmp_path / "of" / "mine"  # so deep that other tests' folders are not near
    project, beside = here / "project", here / "beside"
    (project / "own/model").mkdir(parents=True)
    (project / "own/model/mynet.yaml").write_text(MODEL)
    (project / "mynets.py").write_text(NET)
    for name in ("a", "b"):
        (project / "runs/mine" / name).mkdir(parents=True)
        (project / "runs/mine" / name / "result.json").write_text("{}")
    beside.mkdir(parents=True)
    monkeypatch.chdir(beside)
    return project, beside


def test_a_folder_beside_above_or_below_this_one_says_what_it_has(places, monkeypatch):
    project, beside = places
    study = beside / "runs/mine"
    assert nearby(["mynets.py"], study) == f"; {project} has mynets.py, and 2 runs in runs/mine"
    assert nearby((), study) == f"; {project} has 2 runs in runs/mine"
    assert nearby(["mynets.py"], beside / "runs/other") == f"; {project} has mynets.py"
    assert nearby(["othernets.py"], beside / "runs/other") == ""
    monkeypatch.chdir(project / "own/model")
    assert nearby((), project / "own/model/runs/mine") == f"; {project} has 2 runs in runs/mine"
    monkeypatch.chdir(project.parent)
    assert nearby((), project.parent / "runs/mine") == f"; {project} has 2 runs in runs/mine"


def test_runs_that_were_named_by_their_whole_path_are_told_once(places):
    project, _ = places
    assert nearby((), project / "runs/mine") == f"; 2 runs are in {project / 'runs/mine'}"


def test_a_folder_far_away_is_told_where_configs_of_the_call_lie_in_it(places, tmp_path, monkeypatch):
    project, _ = places
    far = tmp_path / "a/b/c/d/e"
    far.mkdir(parents=True)
    monkeypatch.chdir(far)
    assert nearby(["mynets.py"], far / "runs/mine") == ""
    told = f"; {project} has mynets.py, and 2 runs in runs/mine"
    assert nearby(["mynets.py"], far / "runs/mine", [project / "own"]) == told


def call(*arguments):
    return subprocess.run([sys.executable, "-m", *arguments], capture_output=True, text=True)


@pytest.mark.parametrize("only", [["+study=cumulative", "seed=range(2)"], ["-m", "seed=0,1"], []])
def test_a_study_called_from_another_folder_ends_in_one_line_and_writes_nothing(places, only):
    project, beside = places
    done = call("dissect", "--config-dir", str(project / "own"), "model=mynet", "name=mine", *only)
    assert done.returncode == 1
    assert not done.stdout
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith(f"error: model._target_=mynets.Net: there is no module mynets: neither in {beside}")
    assert done.stderr.endswith(f"; {project} has mynets.py, and 2 runs in runs/mine\n")
    assert not list(beside.iterdir())


def test_the_same_command_with_its_folder_of_configs_says_where_that_folder_is(places):
    project, beside = places
    done = call("dissect", "--config-dir", "own", "model=mynet", "name=mine", "+study=cumulative")
    told = f"{project} has own, and 2 runs in runs/mine"
    mend = "name one that is there, or call it from the folder that holds it"
    assert done.stderr == f"error: --config-dir own: there is no folder {beside / 'own'}; {mend}; {told}\n"
    assert done.returncode == 1
    assert not list(beside.iterdir())


def test_commands_that_read_a_study_say_where_it_lies(places):
    project, beside = places
    with pytest.raises(Exception, match=f"mine: no such study; .*; {project} has 2 runs in runs/mine"):
        results(beside / "runs/mine")
    for command in ("report", "status", "dashboard"):
        done = call(f"dissect.{command}", "mine")
        assert f"{beside / 'runs/mine'}: no such study" in done.stderr, command
        assert done.stderr.endswith(f"; {project} has 2 runs in runs/mine\n")
    assert call("dissect.status").stderr.endswith(f"makes one; {project} has runs\n")
