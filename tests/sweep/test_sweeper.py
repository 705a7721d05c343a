"""Studies and sweeps as a user starts them, each in a process of its own and a folder of its own."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock
from PIL import Image

from dissect.__main__ import main

SMALL = ["data.train_per_class=10", "data.val_per_class=20", "model.width=0.1", "train.epochs=1", "train.batch_size=20",
         "ensemble.members=2", "trainer.accelerator=cpu"]  # fmt: skip
TWO = "plan.components=[dropout1,leaky_relu]"


def trained(study: Path) -> dict[str, int]:
    """Finished runs, and when they were."""
    found = {path: json.loads(path.read_text()) for path in study.glob("*/result.json")}
    return {path.parent.name: path.stat().st_mtime_ns for path, one in found.items() if one["status"] == "finished"}


@pytest.mark.slow
def test_two_designs_share_their_runs_and_each_is_frozen(dissect, tmp_path):
    left_out = dissect("+study=leave_one_out", TWO, "seed=range(2)", *SMALL)
    assert left_out.returncode == 0, left_out.stderr
    before = trained(tmp_path / "runs" / "digits")
    assert len(before) == 3 * 2  # both, and each alone

    alone = dissect("+study=one_at_a_time", TWO, "seed=range(2)", *SMALL)
    assert alone.returncode == 0, alone.stderr
    after = trained(tmp_path / "runs" / "digits")
    assert "4 of 6 runs finished before" in alone.stdout
    assert len(after) == 4 * 2  # and the baseline
    assert before.items() <= after.items()
    manifests = {path.name for path in (tmp_path / "runs" / "digits").glob("manifest-*")}
    assert manifests == {"manifest-leave_one_out.json", "manifest-one_at_a_time.json"}


@pytest.mark.slow
def test_plans_of_one_folder_can_all_be_frozen_before_its_first_run(dissect, tmp_path):
    studies = [["+study=leave_one_out", TWO, "seed=0", *SMALL], ["+study=one_at_a_time", TWO, "seeds=auto", *SMALL]]
    for study in studies:
        done = dissect(*study, "plan.only=true")
        assert done.returncode == 0, done.stderr
        assert "nothing was trained" in done.stdout
    folder = tmp_path / "runs" / "digits"
    frozen = {path: path.read_text() for path in folder.glob("manifest-*.json")}
    assert len(frozen) == 2
    assert not list(folder.glob("*/result.json"))
    done = dissect(*studies[0])
    assert done.returncode == 0, done.stderr
    assert len(trained(folder)) == 3
    assert {path: path.read_text() for path in folder.glob("manifest-*.json")} == frozen


@pytest.mark.slow
def test_a_plan_counts_runs_and_hours_and_writes_nothing(dissect, tmp_path):
    assert dissect("+study=one_at_a_time", TWO, "seed=range(2)", *SMALL).returncode == 0
    before = sorted(tmp_path.rglob("*"))
    plan = dissect("+study=one_at_a_time", TWO, "seed=range(5)", "plan.smallest=3", *SMALL, module="dissect.plan")
    assert plan.returncode == 0, plan.stderr
    assert "3 variants x 5 seeds (0 to 4) = 15 runs, 6 finished, 9 to train; 2 planned contrasts" in plan.stdout
    assert re.search(
        r"the rest takes \d+ seconds of training, \d+ seconds with \d at once, and [\d.]+ MiB of disk", plan.stdout
    )
    assert "1 variant without a run yet foretold from a few steps" not in plan.stdout  # none lacks one
    where = tmp_path / "runs/digits/manifest-one_at_a_time.json"
    refused = f"note: a sweep refuses to train this here: {where}: this study was frozen on "
    assert plan.stdout.startswith(refused)
    assert "plan.smallest (1.0, now 3" in plan.stdout.splitlines()[0]
    new = dissect("+study=one_at_a_time", "plan.components=[split_conv2]", "seed=0", *SMALL, module="dissect.plan")
    assert "2 runs, 1 finished, 1 to train; 1 planned contrast" in new.stdout
    assert "1 variant without a run yet foretold from a few steps" in new.stdout
    longer = dissect("+study=one_at_a_time", TWO, "seed=0", *SMALL, "train.epochs=9", module="dissect.plan")
    assert "3 runs, 0 finished, 3 to train" in longer.stdout
    assert "3 variants without a run yet foretold from a few steps" in longer.stdout  # those took fewer epochs
    # 2/2^5 is above 0.05, so five seeds can never convince the sign-flip test
    assert "The sign-flip test over 5 seeds has p of 0.062 or more" in plan.stdout
    assert "To show a gain of 3 points with power 0.8" in plan.stdout
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.slow
def test_a_study_goes_on_as_frozen_when_the_yaml_has_changed(dissect, tmp_path):
    component = tmp_path / "own" / "component" / "drop.yaml"
    component.parent.mkdir(parents=True)
    component.write_text("# @package _global_\ncomponents: {drop: drop}\nmodel: {dropout1: 0.3}\n")
    study = ["--config-dir", "own", "+study=one_at_a_time", "plan.components=[drop]", *SMALL]
    assert dissect(*study, "seed=0").returncode == 0

    component.write_text("# @package _global_\ncomponents: {drop: drop}\nmodel: {dropout1: 0.7}\n")
    refused = dissect(*study, "seed=range(2)")
    assert refused.returncode == 1
    assert "model.dropout1 (0.3, now 0.7)" in refused.stderr

    frozen = dissect(*study, "seed=range(2)", "plan.frozen=true")
    assert frozen.returncode == 0, frozen.stderr
    runs = trained(tmp_path / "runs" / "digits")
    assert len(runs) == 4
    configs = [(tmp_path / "runs" / "digits" / name / "config.yaml").read_text() for name in runs]
    assert sum("dropout1: 0.3" in text for text in configs) == 2
    assert not any("dropout1: 0.7" in text for text in configs)


@pytest.mark.slow
def test_auto_extends_what_is_undecided_and_stops_at_the_last_look(dissect, tmp_path):
    study = ["+study=one_at_a_time", TWO, "seeds=auto", "plan.looks=[2,3]", "plan.smallest=0.001", *SMALL]
    done = dissect(*study)
    assert done.returncode == 0, done.stderr
    looks = [line for line in done.stdout.splitlines() if "planned contrasts decided" in line]
    assert looks[0].startswith("2 seeds:")
    manifest = json.loads((tmp_path / "runs" / "digits" / "manifest-one_at_a_time.json").read_text())
    assert manifest["looks"] == [2, 3]
    # two seeds of three variants, then a third of those that an undecided contrast needs
    open_ = sum(name in looks[0].partition("open: ")[2] for name in ("dropout1", "leaky_relu"))
    assert len(trained(tmp_path / "runs" / "digits")) == 6 + (1 + open_ if open_ else 0)


@pytest.mark.slow
def test_a_plan_under_which_nothing_was_finished_can_be_made_anew_and_later_seeds_are_noted(dissect, tmp_path):
    study = ["+study=one_at_a_time", "plan.components=[dropout1]", *SMALL]
    assert dissect(*study, "seed=0", "optimizer.lr=1e30", "trainer.gradient_clip_val=null").returncode == 1
    anew = dissect(*study, "seed=0")
    assert anew.returncode == 0, anew.stderr
    assert "planned anew, as nothing was finished" in anew.stdout
    refused = dissect(*study, "seed=0", "train.epochs=2")
    assert refused.returncode == 1
    assert "train.epochs (1, now 2)" in refused.stderr
    more = dissect(*study, "seed=0,0,1")
    assert more.returncode == 0, more.stderr
    assert "seeds [1] were not planned" in more.stdout
    assert "4 of 4 runs finished" in more.stdout  # seed 0, named twice, is one run


BROKEN = """
import os, pathlib, signal
from torch import nn

class Net(nn.Sequential):
    def __init__(self, *, classes, how):
        super().__init__(nn.Flatten(), nn.Linear(3 * 16 * 16, classes))
        self.how = how

    def forward(self, images):
        if self.training and not pathlib.Path("mended").exists():
            if self.how == "raise":
                raise RuntimeError("this network is broken")
            if self.how == "exit":
                os._exit(3)
            if self.how == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
        return super().forward(images)
"""


@pytest.mark.slow
def test_one_failure_is_one_failure(dissect, tmp_path):
    """One of four raises, one exits, one is killed: the fourth finishes, and the next call trains the three."""
    (tmp_path / "mine.py").write_text(BROKEN)
    for group in ("model", "component"):
        (tmp_path / "own" / group).mkdir(parents=True)
    text = "# @package _global_\nmodel: {_target_: mine.Net, classes: '${data.classes}', how: well}\nladder: []\n"
    (tmp_path / "own" / "model" / "mine.yaml").write_text(text)
    for how in ("raise", "exit", "kill"):
        text = f"# @package _global_\ncomponents: {{{how}: {how}}}\nmodel: {{how: {how}}}\n"
        (tmp_path / "own" / "component" / f"{how}.yaml").write_text(text)
    small = [text for text in SMALL if not text.startswith("model")]
    sweep = ["--config-dir", "own", "-m", "model=mine", "component=[raise],[exit],[kill],[]", "evaluate.ten_crop=null"]
    done = dissect(*sweep, *small)
    assert done.returncode == 1
    assert [name.split("-")[0] for name in trained(tmp_path / "runs" / "digits")] == ["baseline"]
    reasons = " ".join(done.stderr.split())
    assert "RuntimeError: this network is broken" in reasons
    assert "exited with status 3" in reasons
    assert "ended by SIGKILL" in reasons
    assert "3 failed; the same command tries them again, and no other" in reasons
    failed = [json.loads(path.read_text()) for path in (tmp_path / "runs" / "digits").glob("*/result.json")]
    assert sorted(one["status"] for one in failed) == ["failed"] * 3 + ["finished"]
    assert all(one["error"] for one in failed if one["status"] == "failed")

    (tmp_path / "mended").touch()
    again = dissect(*sweep, *small)
    assert again.returncode == 0, again.stderr
    assert "1 of 4 runs finished before" in again.stdout
    assert len(trained(tmp_path / "runs" / "digits")) == 4


@pytest.mark.slow
def test_after_a_failure_a_sweep_can_be_asked_to_stop(dissect, tmp_path):
    sweep = ["-m", "optimizer.lr=1e30", "seed=range(6)", "trainer.gradient_clip_val=null", "parallel=1"]
    done = dissect(*sweep, "on_failure=stop", *SMALL)
    assert done.returncode == 1
    assert done.stderr.count("not started") == 5


@pytest.mark.slow
def test_the_members_of_one_ensemble_are_trained_side_by_side(dissect, tmp_path):
    three = ["+ablation=step8", *SMALL, "ensemble.members=3", "threads=1"]
    done = dissect("-m", *three, "parallel=2")
    assert done.returncode == 0, done.stderr
    runs = tmp_path / "runs" / "digits"
    names = {name.rpartition("-")[0] for name in trained(runs)}
    assert names == {"step7-seed0", "step7-seed1000", "step7-seed2000", "step8-seed0"}
    # A worker keeps a log of each run that it is given, so each member was a task of its own.
    assert {path.name.rpartition("-")[0] for path in (runs / ".logs").glob("*.log")} == names
    members = [json.loads(path.read_text()) for path in runs.glob("step7*/result.json")]
    assert {one["seed"]: one["member_of"] for one in members} == {0: None, 1000: "step8", 2000: "step8"}

    alone = dissect(*three, "name=alone")  # in one process, one after another
    assert alone.returncode == 0, alone.stderr
    ours, theirs = (json.loads(next(tmp_path.glob(f"runs/{study}/step8*/result.json")).read_text())
                    for study in ("digits", "alone"))  # fmt: skip
    for name in ("key", "metrics", "members"):
        assert ours[name] == theirs[name]


@pytest.mark.slow
def test_an_ensemble_whose_member_failed_fails_with_its_reason_and_is_not_tried_again_at_once(dissect, tmp_path):
    # the draws of seed 1000's jitter multiply its learning rate by 1e24
    done = dissect("-m", "+ablation=step8", "ensemble.jitter=1e30", "trainer.gradient_clip_val=null", *SMALL)
    assert done.returncode == 1
    assert "(its member step7 · dropout 2 seed 1000)" in " ".join(done.stderr.split())
    [failed] = (tmp_path / "runs" / "digits").glob("step8*/result.json")
    # as a member's own failure begins, by which a random search knows it
    assert json.loads(failed.read_text())["error"].startswith("optimizer.lr=")
    assert {name.rpartition("-")[0] for name in trained(tmp_path / "runs" / "digits")} == {"step7-seed0"}
    assert not list((tmp_path / "runs" / "digits" / ".logs").glob("step8*"))  # it was given to no worker


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-m", "parallel=0"], "parallel=0: must be auto"),
        (["-m", "seed=0,1", "compile=fast"], "compile=fast: must be null or one of"),
        (["-m", "seed=0,1", "train.epochs=0"], "train.epochs=0: must be 1 or more"),
        (["-m", "seed=0,-1"], "seed=-1: must be a whole number from 0 on"),
        (["-m", "seed=0,1", "runs=taken"], "taken/digits/.locks/"),
        (["+study=leave_one_out", "train.batch_size=0"], "train.batch_size=0: must be 1 or more"),
        (["+study=leave_one_out", "train.batch_size=201"], "the training part has 100 images"),
        (["+study=leave_one_out", "evaluate.ten_crop=0"], "evaluate.ten_crop=0.0: must be a share"),
        (["+study=leave_one_out", "+trainer.fast_dev_run=true"], "trainer.fast_dev_run=True: is not yours to set"),
        (["+study=cumulative", "ensemble.members=1"], "an ensemble has two members or more"),
        (["+study=cumulative", "runs=taken"], "taken/digits/"),
        (["-m", "on_failure=go"], "on_failure=go: must be continue or stop"),
        (["-m", "seeds=auto"], "needs a study"),
        (["seeds=auto"], "needs a study"),
        (["+study=leave_one_out", "component=[dropout1]"], "the study chooses the components"),
        (["-m", "plan.only=true"], "needs a study"),
        (["plan.only=true"], "needs a study"),
        (
            ["+study=one_at_a_time", "plan.only=true", "plan.search.trials=4"],
            "known when their search has been trained",
        ),
        (["+study=one_at_a_time", "seeds=auto", "seed=3"], "leave seed= out"),
        (["+study=one_at_a_time", "seeds=auto", "plan.looks=[3,3]"], "numbers of seeds that grow"),
        (["+study=leave_one_out", "plan.components=[dropout9]"], "component/dropout9.yaml"),
        (["+study=leave_one_out", "plan.components=[]"], "nothing to compare"),
        (["+study=leave_one_out", "seed=range(0)"], "seed: names no seed"),
        (["+study=leave_one_out", "seed=range(2)", "plan.smalest=2"], "did you mean plan.smallest?"),
        (["+study=leave_one_uot", "seed=range(2)"], "did you mean leave_one_out?"),
        (["+study=leave_one_out", "plan.power=80"], "plan.power=80"),
        (["+study=[leave_one_out,cumulative]"], "one study at a time"),
        (["+study=leave_one_out,cumulative"], "one study at a time"),
    ],
)
def test_what_cannot_be_a_sweep_is_refused_in_one_line(tmp_path, monkeypatch, capsys, arguments, said):
    (tmp_path / "taken").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["dissect", *SMALL, *arguments])  # in this process, as these are many
    with pytest.raises(SystemExit) as end:
        main()
    assert said in str(end.value.code)
    assert len(str(end.value.code).splitlines()) == 1
    assert not [line for line in capsys.readouterr().err.splitlines() if not line.startswith("decoding ")]
    assert not list(tmp_path.glob("runs/*/*"))


def test_a_plan_is_not_replaced_while_a_sweep_follows_it(dissect, tmp_path):
    study = ["+study=one_at_a_time", "plan.components=[dropout1]", *SMALL, "seed=0"]
    assert dissect(*study, "optimizer.lr=1e30", "trainer.gradient_clip_val=null").returncode == 1  # nothing is finished
    path = tmp_path / "runs" / "digits" / "manifest-one_at_a_time.json"
    before = path.read_bytes()
    with FileLock(path.parent / ".locks" / f"{path.name}.sweep.lock"):
        refused = dissect(*study)
    assert refused.returncode == 1
    assert "this study was frozen on" in refused.stderr
    assert path.read_bytes() == before


COUNTING = """
import os
from torch import nn

class Net(nn.Sequential):
    def __init__(self, *, classes):
        super().__init__(nn.Flatten(), nn.Linear(3 * 16 * 16, classes))

    def forward(self, images):
        if self.training:
            with open("batches", "a") as file:  # appended whole, whichever process writes
                file.write("one\\n")
        return super().forward(images)
"""


@pytest.fixture
def counting(tmp_path):
    """A network of one's own that notes every training batch; gives the sweep's arguments."""
    (tmp_path / "mine.py").write_text(COUNTING)
    (tmp_path / "own" / "model").mkdir(parents=True)
    text = "# @package _global_\nmodel: {_target_: mine.Net, classes: '${data.classes}'}\nladder: []\n"
    (tmp_path / "own" / "model" / "mine.yaml").write_text(text)
    small = [text for text in SMALL if not text.startswith("model")]
    return ["--config-dir", "own", "-m", "model=mine", "evaluate.ten_crop=null", *small]


@pytest.mark.slow
def test_two_sweeps_at_once_over_one_store_train_every_run_once(counting, dissect, tmp_path):
    command = [sys.executable, "-m", "dissect", *counting, "seed=range(6)", "train.epochs=3"]
    both = [subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    output = [sweep.communicate()[0] for sweep in both]
    assert [sweep.returncode for sweep in both] == [0, 0], output
    # 6 runs of 3 epochs of 5 batches of 20 of the 100 images
    assert (tmp_path / "batches").read_text().count("one") == 6 * 3 * 5
    runs = tmp_path / "runs" / "digits"
    assert len(trained(runs)) == 6
    assert not [
        path for path in runs.rglob(".*") if path.is_file() and path.parent.name[0] != "."
    ]  # nothing half-written


@pytest.mark.slow
def test_images_that_vanish_in_the_middle_of_a_sweep_fail_the_runs_that_need_them(dissect, tmp_path):
    photos = tmp_path / "photos"
    for name, level in (("dark", 40), ("light", 200)):
        (photos / name).mkdir(parents=True)
        for number in range(20):
            Image.new("RGB", (16, 16), (level + number, level, level)).save(photos / name / f"{number}.png")
    sweep = ["-m", "data=image_folder", f"data.root={photos}", "data.image_size=16", "name=photos", "parallel=1"]
    sweep += ["seed=range(3)", "model.width=0.1", "train.epochs=8", "train.batch_size=10", "trainer.accelerator=cpu"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    going = subprocess.Popen([sys.executable, "-m", "dissect", *sweep], cwd=tmp_path, **pipes)
    assert "seed 0: accuracy" in going.stdout.readline()
    (photos / "dark").rename(tmp_path / "elsewhere")
    _, errors = going.communicate()
    assert going.returncode == 1
    assert str(photos) in " ".join(errors.split())
    assert "Traceback" not in errors
    before = trained(tmp_path / "runs" / "photos")
    assert 1 <= len(before) <= 2  # one may have been under way

    (tmp_path / "elsewhere").rename(photos / "dark")
    assert dissect(*sweep).returncode == 0
    after = trained(tmp_path / "runs" / "photos")
    assert len(after) == 3
    assert before.items() <= after.items()


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("plan.design=3", "plan.design=3: must say what to make"),
        ("+plan.design._partial_=true", "plan.design=dissect.design.pairs: cannot be made: .*multiple values"),
        ("plan.design._target_=dissect.design.nothing", "plan.design=dissect.design.nothing: cannot be made: "),
        ("plan.design.contrasts=[[[a],[a]]]", r"pairs: \['a'\] is compared with itself"),
    ],
)
def test_a_design_that_cannot_be_made_is_told_of_in_one_line(dissect, said, told):
    done = dissect("+study=size_matched", said)
    assert done.returncode == 1
    assert re.fullmatch(f"error: {told}.*\n", done.stderr)
