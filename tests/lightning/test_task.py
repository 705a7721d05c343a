"""A LightningModule and a LightningDataModule of one's own, in the style of public templates, ablated as they are."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from dissect.composing.compose import compose
from dissect.errors import InputError, TrainingError
from dissect.report.build import build_report
from dissect.store import runs as store
from dissect.sweep.finish import finish
from tests import warm

HERE = Path(__file__).parent
TASK = """\
# @package _global_
defaults: [lightning, _self_]
module:
  _target_: template.DigitsLitModule
  net: {_target_: template.DenseNet, hidden_size: 32, batch_norm: false}
  optimizer: {_target_: torch.optim.Adam, _partial_: true, lr: 0.002}
  scheduler: {_target_: torch.optim.lr_scheduler.ReduceLROnPlateau, _partial_: true, factor: 0.1, patience: 1}
datamodule: {_target_: template.DigitsDataModule, num_workers: 0}
metric: {name: val/acc, label: accuracy, unit: points, better: higher, times: 100}
ladder: [norm, wide]
deltas:
  norm: {label: batch norm, module: {net: {batch_norm: true}}}
  wide: {label: wider, module: {net: {hidden_size: 64}}}
"""
# Two modules of four lines each, for what only needs to be told apart.
TINY = """
import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader, IterableDataset, TensorDataset


class Data(pl.LightningDataModule):
    def __init__(self, size=8):
        super().__init__()
        self.size = size

    def train_dataloader(self):
        return DataLoader(TensorDataset(torch.arange(16.0)[:, None] / 16), batch_size=self.size, shuffle=True)

    def val_dataloader(self):
        return DataLoader(TensorDataset(torch.arange(6.0)[:, None] / 16), batch_size=4)


class Known(Data):
    def fingerprint(self):
        return "sixteen numbers"


class Blind(pl.LightningDataModule):
    train_dataloader = Data.train_dataloader
    size = 8


class Endless(Data):
    def train_dataloader(self):
        class Stream(IterableDataset):
            def __iter__(self):
                yield torch.zeros(1)
        return DataLoader(Stream())


class Line(pl.LightningModule):
    def __init__(self, log="val/loss", rate=0.1, manual=False, scale=1.0):
        super().__init__()
        self.line, self.what, self.rate, self.scale = torch.nn.Linear(1, 1), log, rate, scale
        self.automatic_optimization = not manual

    def losses(self, batch):
        return self.scale * (self.line(batch[0])[:, 0] - 2 * batch[0][:, 0]) ** 2

    def training_step(self, batch, index):
        loss = self.losses(batch).mean()
        if self.automatic_optimization:
            return loss
        optimizer = self.optimizers()
        optimizer.zero_grad()
        self.manual_backward(loss)
        optimizer.step()

    def validation_step(self, batch, index):
        losses = self.losses(batch)
        self.log(self.what, losses.mean(), batch_size=len(losses))
        return {"scores": losses, "predictions": self.line(batch[0])[:, 0], "targets": 2 * batch[0][:, 0]}

    @staticmethod
    def scores(predictions, targets):
        return (predictions - targets) ** 2

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=self.rate)


class Steps(Line):
    def validation_step(self, batch, index):
        self.log(self.what, self.losses(batch).mean(), on_step=True, on_epoch=False)


class Early(Line):
    def validation_step(self, batch, index):
        self.log("seen" if self.current_epoch else self.what, self.losses(batch).mean())


class Wrong(Line):
    def validation_step(self, batch, index):
        return super().validation_step(batch, index) | {"scores": torch.ones(len(batch[0]))}


class Unjudged(pl.LightningModule):
    training_step, configure_optimizers = Line.training_step, Line.configure_optimizers

    def __init__(self, rate):
        super().__init__()


class Foreign(Line):
    def on_save_checkpoint(self, checkpoint):
        checkpoint["mine"] = Line
"""
LINE = """\
# @package _global_
defaults: [lightning, _self_]
module: {_target_: tiny.Line, rate: 0.1}
datamodule: {_target_: tiny.Data, size: 8}
metric: {name: val/loss, label: loss, unit: nats, better: lower}
ladder: [slow]
deltas: {slow: {label: slower, module: {rate: 0.01}}}
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    """Where a user works: modules beside a folder of configs."""
    (tmp_path / "own" / "task").mkdir(parents=True)
    shutil.copy(HERE / "template.py", tmp_path / "template.py")
    (tmp_path / "tiny.py").write_text(TINY)
    (tmp_path / "own" / "task" / "digits_lit.yaml").write_text(TASK)
    (tmp_path / "own" / "task" / "line.yaml").write_text(LINE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("tiny", "template"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return tmp_path


@pytest.fixture
def line(own):
    return lambda *said: compose(["task=line", "train.epochs=2", *said], config_dirs=[own / "own"])


def dissect(*arguments, where):
    return warm.run("dissect", ["--config-dir", "own", *arguments], cwd=where, env=os.environ)


def test_what_the_module_logged_last_in_validation_is_the_result(line):
    result, new = finish(line("seed=3"))
    rows = (Path(result["folder"]) / "metrics.csv").read_text().splitlines()
    assert new
    assert rows[0] == "epoch,val/loss"
    assert float(rows[-1].split(",")[1]) == result["metrics"]["val/loss"]
    assert result["metric"]["name"] == "val/loss"
    assert (result["data"]["name"], result["data"]["bytes_known"], result["study"]) == ("Data", False, "line")


def test_the_module_trains_as_lightning_alone_would(line):
    """Against the same steps by hand: the same start and order are drawn from the seed's streams."""
    result, _ = finish(line("train.epochs=1", "datamodule.size=16", "threads=1"))
    from dissect.lightning.fitting import seed_all

    seed_all(0, "initialisation")
    hand = torch.nn.Linear(1, 1)
    x = torch.arange(16.0)[:, None] / 16
    loss = ((hand(x)[:, 0] - 2 * x[:, 0]) ** 2).mean()
    loss.backward()
    with torch.no_grad():
        for weights in hand.parameters():
            weights -= 0.1 * weights.grad
        judged = ((hand(x[:6])[:, 0] - 2 * x[:6, 0]) ** 2).mean().item()
    assert result["metrics"]["val/loss"] == pytest.approx(judged, rel=1e-5)


def test_other_seeds_give_other_results_and_the_same_one_the_same(line, tmp_path):
    values = [finish(line(f"seed={seed}", f"runs={tmp_path / place}"))[0]["metrics"]
              for seed, place in ((0, "a"), (0, "b"), (1, "a"))]  # fmt: skip
    assert values[0] == values[1] != values[2]


def test_scores_are_kept_for_new_examples_and_predictions_for_ensembles(line):
    result, _ = finish(line())
    kept = store.read_predictions(Path(result["folder"]))
    assert kept["scores"].shape == (6,)
    assert kept["scores"].mean() == pytest.approx(result["metrics"]["val/loss"], rel=1e-5)
    ensemble, _ = finish(
        line("ensemble.average=true", "ensemble.members=3", "ensemble.over=[module.rate]", "module.rate=0.1")
    )
    members = [store.read_predictions(Path(result["folder"]).parent / name) for name in ensemble["members"]]
    mean = np.mean([one["predictions"] for one in members], axis=0)
    assert ensemble["metrics"]["val/loss"] == pytest.approx(((mean - members[0]["targets"]) ** 2).mean(), rel=1e-5)


def test_data_are_known_by_their_fingerprint_where_there_is_one(line):
    from dissect.training.task import data_of

    known, other = (
        data_of(line("datamodule._target_=tiny.Known", f"datamodule.size={size}").config) for size in (8, 4)
    )
    assert known.facts["bytes_known"]
    assert known.digest == other.digest != data_of(line().config).digest


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (["metric.name=val/los"], r"metric.name=val/los: was not measured in the last epoch; what was: val/loss"),
        (["module._target_=tiny.Early"], r"metric.name=val/loss: was not measured in the last epoch; what was: seen"),
        (["metric.better=sideways"], "metric.better=sideways: must be higher or lower"),
        (["module._target_=tiny.Data", "~module.rate"], "module=tiny.Data: makes a Data, not a LightningModule"),
        (["module._target_=tiny.Unjudged"], "module=tiny.Unjudged: has no validation_step, so nothing is judged"),
        (["module._target_=tiny.Steps"], "metric.name=val/loss: is logged for each step of validation"),
        (["module._target_=tiny.Wrong"], "the mean of the scores that validation_step returns is 1"),
        (["module._target_=tiny.Foreign"], "the module's checkpoint could not be gone on from"),
        (["datamodule._target_=tiny.Line", "~datamodule.size"], "datamodule=tiny.Line: makes a Line, not"),
        (["datamodule._target_=tiny.Blind", "~datamodule.size"], "tiny.Blind: has no val_dataloader, so nothing"),
        (["datamodule._target_=tiny.Endless"], "datamodule=tiny.Endless: its train_dataloader has no length"),
        (["datamodule._target_=tiny.Nothing"], "datamodule._target_=tiny.Nothing: .*tiny.py has no Nothing"),
        (["+module.foo=1"], "module.*foo"),
        (["+module.manual=true", "+trainer.gradient_clip_val=1"], "clip_val=1: tiny.Line optimises by itself"),
        (["trainer.devices=2", "trainer.accelerator=cpu"], "each process would have batches of its own"),
        (["+trainer.max_epochs=3"], "trainer.max_epochs=3: is not yours to set here.*; say train.epochs"),
        (["trainer.check_val_every_n_epoch=3"], "the last of 2 epochs would not be validated"),
        (["component=[slow]", "module.rate=0.01"], "component slow: changes nothing here|overrides component slow"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_in_one_line_with_the_key_and_the_mend(line, said, message):
    with pytest.raises(InputError, match=message) as raised:
        finish(line(*said))
    assert len(str(raised.value).splitlines()) == 1


def test_a_metric_that_is_no_number_fails_the_run_and_the_store_says_so(line, own):
    with pytest.raises(TrainingError, match=r"metric.name=val/loss: is (nan|inf)"):
        finish(line("+module.scale=1e38", "train.epochs=4"))
    [result] = store.results(own / "runs" / "line")
    assert (result["status"], result["diverged"]) == ("failed", True)


def test_manual_optimisation_trains(line):
    assert finish(line("+module.manual=true"))[0]["metrics"]["val/loss"] > 0


@pytest.mark.slow
def test_a_study_of_a_public_templates_pair_is_planned_trained_and_reported(own):
    done = dissect("task=digits_lit", "+study=leave_one_out", "seed=range(2)", "train.epochs=2", where=own)
    assert done.returncode == 0, done.stderr
    assert "6 of 6 runs finished" in done.stdout
    again = dissect("task=digits_lit", "+study=leave_one_out", "seed=range(2)", "train.epochs=2", where=own)
    assert "6 of 6 runs finished before" in again.stdout
    report = build_report(own / "runs" / "digits_lit", own / "reports")
    assert set(report.effects["kind"]) >= {"leave_one_out"}
    assert "its bytes were not looked at" in report.page.read_text()


@pytest.mark.slow
def test_killed_at_any_moment_it_goes_on_to_the_same_metrics_to_the_last_digit(own):
    """With a loader's workers, random jitter in them, metrics that hold the best so far, and a plateau scheduler."""
    said = ["task=digits_lit", "seed=5", "train.epochs=5", "datamodule.num_workers=2", "threads=1", "component=[norm]"]
    dissect(*said, "runs=whole", where=own)
    random = np.random.default_rng()  # another moment each time
    kills = 0
    for _ in range(3):
        command = [sys.executable, "-W", "ignore", "-m", "dissect", "--config-dir", "own", *said, "runs=cut"]
        process = subprocess.Popen(command, cwd=own, start_new_session=True, stdout=-3, stderr=-3)
        before = _rows(own / "cut")
        while process.poll() is None and _rows(own / "cut") <= before:
            time.sleep(0.01)
        try:
            process.wait(timeout=random.uniform(0, 0.3))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.wait()
            kills += 1
    assert dissect(*said, "runs=cut", where=own).returncode == 0
    assert kills
    [whole], [cut] = ([*(own / runs).glob("digits_lit/[!.]*")] for runs in ("whole", "cut"))
    assert (whole / "metrics.csv").read_text() == (cut / "metrics.csv").read_text()
    ours, theirs = (json.loads((one / "result.json").read_text())["metrics"] for one in (whole, cut))
    assert ours == theirs
    weights = [torch.load(one / "checkpoint.pt", weights_only=True)["weights"] for one in (whole, cut)]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def _rows(runs):
    return max((len(path.read_text().splitlines()) - 1 for path in runs.glob("*/*/metrics.csv")), default=0)
