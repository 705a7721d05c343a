"""Whole runs on a few digits: what is stored, and that it is the same again."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import pytorch_lightning as pl
import torch

from dissect.composing.job import job_of
from dissect.errors import InputError, TrainingError
from dissect.images.build import build
from dissect.images.task import Images, images_of
from dissect.store import runs as store
from dissect.sweep.finish import finish
from dissect.training import epochs
from dissect.training.run import measured, run
from dissect.training.task import Judged

TINY = ["data.train_per_class=10", "data.val_per_class=20", "model.width=0.1", "train.epochs=3", "train.batch_size=20",
        "threads=1", "trainer.accelerator=cpu"]  # fmt: skip
TIMES = ("files", "train_seconds", "judge_seconds", "examples_per_second", "finished", "folder", "study")


@pytest.fixture
def train(variant):
    return lambda *overrides: finish(variant(*TINY, *overrides))


def without_times(result):
    return {key: value for key, value in result.items() if key not in TIMES}


def test_a_run_leaves_the_files_that_the_store_promises(train):
    result, new = train("+ablation=step3")
    folder = Path(result["folder"])
    assert new
    assert {path.name for path in folder.iterdir()} == {
        "config.yaml", "result.json", "metrics.csv", "predictions.npz", "checkpoint.pt"
    }  # fmt: skip
    assert json.loads((folder / "result.json").read_text())["status"] == "finished"
    with open(folder / "metrics.csv") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    assert float(rows[-1]["val_accuracy"]) == pytest.approx(result["metrics"]["accuracy"])


def test_the_stored_numbers_follow_from_the_stored_predictions(train):
    result, _ = train("+ablation=step3")
    predictions = store.read_predictions(Path(result["folder"]))
    labels = predictions["labels"]
    metrics = result["metrics"]
    for view, ending in (("probabilities", ""), ("probabilities_ten_crop", "_ten_crop")):
        right = predictions[view].argmax(1) == labels
        assert metrics[f"accuracy{ending}"] == right.mean()
        np.testing.assert_array_equal(predictions[f"scores{ending}"], right)
    assert predictions["probabilities"].shape == (200, 10)
    np.testing.assert_allclose(predictions["probabilities_ten_crop"].sum(1), 1, atol=1e-5)


def test_the_checkpoint_is_the_network_that_predicted(train, variant):
    result, _ = train("+ablation=step3")
    network = build(variant(*TINY, "+ablation=step3").config, seed=99)
    state = torch.load(Path(result["folder"]) / "checkpoint.pt", weights_only=True)["weights"]
    network.load_state_dict(state)
    images = images_of(variant(*TINY).config)
    shown = torch.from_numpy(images.val_images[:, :15, :15]).float() / 255  # the centre of 16, rounded down
    shown = (shown - torch.from_numpy(images.mean)) / torch.from_numpy(images.std)
    predicted = network.eval()(shown.permute(0, 3, 1, 2)).softmax(1).detach()
    kept = store.read_predictions(Path(result["folder"]))["probabilities"]
    np.testing.assert_allclose(predicted, kept, atol=1e-5)


def test_the_same_config_and_seed_give_the_same_bits(train, tmp_path):
    first, _ = train("+ablation=step7")
    again, new = train("+ablation=step7", "name=again")
    assert new
    assert without_times(first) == without_times(again)
    one, other = (store.read_predictions(Path(result["folder"])) for result in (first, again))
    for name in one:
        np.testing.assert_array_equal(one[name], other[name])
    metrics = [(Path(result["folder"]) / "metrics.csv").read_bytes() for result in (first, again)]
    assert metrics[0] == metrics[1]


def test_another_seed_gives_other_predictions(train):
    one, other = (store.read_predictions(Path(train(f"seed={seed}")[0]["folder"])) for seed in (0, 1))
    assert not np.array_equal(one["probabilities"], other["probabilities"])


def test_a_finished_run_is_not_trained_again(train):
    first, _ = train()
    again, new = train()
    assert not new
    assert again == first


@pytest.mark.parametrize("epoch", [1, 2, 3])
def test_a_run_goes_on_from_its_last_epoch_and_ends_with_the_same_bits(train, monkeypatch, epoch):
    whole, _ = train("+ablation=step7", "name=whole")

    written = epochs.write_metrics

    def cut_off(path, rows):
        written(path, rows)
        if len(rows) == epoch:
            raise KeyError("power cut")

    with monkeypatch.context() as patch:
        patch.setattr(epochs, "write_metrics", cut_off)
        with pytest.raises(KeyError, match="power cut"):
            train("+ablation=step7", "name=cut")
    resumed, new = train("+ablation=step7", "name=cut")
    assert new
    assert without_times(resumed) == without_times(whole)
    for name in ("metrics.csv", "predictions.npz"):
        one, other = (Path(result["folder"]) / name for result in (whole, resumed))
        if name == "metrics.csv":
            assert one.read_bytes() == other.read_bytes()
        else:
            np.testing.assert_array_equal(np.load(one)["probabilities"], np.load(other)["probabilities"])
    assert not list(Path(resumed["folder"]).glob("*.ckpt"))


def test_a_loss_that_turns_nan_is_a_failed_run_that_says_why(train, tmp_path):
    with pytest.raises(TrainingError, match=r"optimizer.lr=1e\+30: the training loss became nan in epoch \d"):
        train("optimizer.lr=1e30", "trainer.gradient_clip_val=null")
    (result,) = store.results(tmp_path / "runs" / "digits")
    assert (result["status"], result["diverged"], result["metrics"]) == ("failed", True, {})
    assert "optimizer.lr" in result["error"]


class Stopping(Images):
    """The images task with a callback that ends training after the second epoch."""

    def callbacks(self, config, seed):
        class Stop(pl.Callback):
            def on_train_epoch_end(self, trainer, module):
                trainer.should_stop = trainer.current_epoch == 1

        return [Stop()]


def test_a_run_that_a_callback_stops_early_is_no_finished_run(variant):
    chosen, task = variant(*TINY), Stopping()
    data = task.data(chosen.config)
    job = job_of(chosen, data)
    with pytest.raises(InputError, match=r"train.epochs=3: the run was stopped after 2, .*; leave out what stops it"):
        run(job, data, task)
    assert store.finished(job.folder) is None
    assert not list(job.folder.glob("*.npz"))


def ends_by_minus_one(trainer, module):
    module.on_train_batch_start = lambda batch, index: -1 if (trainer.current_epoch, index) == (1, 3) else None


def stops_in_its_last_epoch(trainer, module):
    def on_train_batch_end(outputs, batch, index):
        trainer.should_stop = (trainer.current_epoch, index) == (2, 2)

    module.on_train_batch_end = on_train_batch_end


def is_given_fewer_batches(trainer, module):
    trainer.limit_train_batches = 2


def goes_on(trainer, module):
    trainer.fit_loop.max_epochs = 4


class Meddling(Images):
    def __init__(self, how):
        self.how = how

    def callbacks(self, config, seed):
        how = self.how

        class Meddles(pl.Callback):
            def setup(self, trainer, module, stage):
                how(trainer, module)

        return [Meddles()]


@pytest.mark.parametrize(
    ("how", "said"),
    [
        (
            ends_by_minus_one,
            r"train.epochs=3: epoch 2 ended after 3 of \d+ batches, .* on_train_batch_start that returns -1",
        ),
        (stops_in_its_last_epoch, r"train.epochs=3: epoch 3 ended after 3 of \d+ batches"),
        (is_given_fewer_batches, "limit_train_batches=2: was set while the run was trained"),
        (goes_on, "train.epochs=3: the run had 4, and runs of other lengths are not compared"),
    ],
)
def test_a_run_whose_epochs_are_not_whole_is_no_finished_run_nor_gone_on_from(variant, how, said):
    chosen, task = variant(*TINY, "train.batch_size=10"), Meddling(how)
    data = task.data(chosen.config)
    job = job_of(chosen, data)
    with pytest.raises(InputError, match=said):
        run(job, data, task)
    assert store.finished(job.folder) is None
    if how is not goes_on:
        assert not list(job.folder.glob("*.ckpt"))


def test_a_metric_that_was_never_measured_is_told_of_with_those_that_were(train, tmp_path):
    with pytest.raises(
        InputError, match=r"metric.name=val/loss: is not what images are judged by; that is accuracy, top5"
    ):
        train("metric.name=val/loss")
    assert not list(tmp_path.rglob("result.json"))


@pytest.mark.parametrize("value", [None, float("nan"), float("inf")])
def test_a_metric_that_is_no_number_fails_the_run_and_another_is_left_out(variant, value):
    config = variant(*TINY).config
    with pytest.raises(
        TrainingError, match=r"metric.name=accuracy: is (None|nan|inf) after 3 epochs, so the run failed"
    ):
        measured(Judged({"accuracy": value}), config)
    found = measured(Judged({"accuracy": 0.5, "top5": value}, facts={"ten_crop": None}), config)
    assert found == {"metrics": {"accuracy": 0.5, "top5": None}, "ten_crop": None}


def test_another_runs_weights_or_damaged_ones_are_not_judged_again(train):
    folder = Path(train("evaluate.ten_crop=null")[0]["folder"])
    path = folder / "checkpoint.pt"
    whole, before = path.read_bytes(), (folder / "result.json").read_bytes()
    weights = torch.load(path, weights_only=True)["weights"]
    torch.save({"run": "another", "weights": weights}, path)
    with pytest.raises(
        InputError, match=r"checkpoint.pt: cannot be read \(is another run's\); delete this run's folder"
    ):
        train()
    path.write_bytes(whole[:-50])
    with pytest.raises(InputError, match=r"checkpoint.pt: cannot be read \(is cut short or damaged"):
        train()
    assert (folder / "result.json").read_bytes() == before


def test_a_run_whose_last_state_is_damaged_goes_on_from_the_one_before_to_the_same_bits(train, monkeypatch, capsys):
    whole, _ = train("name=whole")
    written = epochs.write_metrics

    def cut_off(path, rows):
        written(path, rows)
        if len(rows) == 3:
            raise KeyError("power cut")

    with monkeypatch.context() as patch:
        patch.setattr(epochs, "write_metrics", cut_off)
        with pytest.raises(KeyError, match="power cut"):
            train("name=cut")
    (last,) = (Path(whole["folder"]).parents[1] / "cut").glob("*/resume.ckpt")
    content = bytearray(last.read_bytes())
    content[len(content) // 2] ^= 1
    last.write_bytes(content)
    resumed, _ = train("name=cut")
    assert "; the one before it is used" in capsys.readouterr().err
    assert without_times(resumed) == without_times(whole)


def test_a_network_that_diverges_in_its_last_step_is_a_failed_run_too(train, tmp_path):
    # The last step's loss is measured before its update, so only the predictions show what became of it.
    with pytest.raises(TrainingError, match="are not finite"):
        train("train.epochs=1", "train.batch_size=100", "optimizer.lr=1e38", "schedule=constant")
    (result,) = store.results(tmp_path / "runs" / "digits")
    assert (result["status"], result["diverged"]) == ("failed", True)
    assert not list(Path(result["folder"]).glob("*.npz"))
    assert not list(Path(result["folder"]).glob("*.ckpt"))


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler")
def test_a_compiled_run_is_the_same_run_but_for_rounding(train, variant):
    no_dropout = "component=[augmentation,leaky_relu]"  # torch.compile draws masks of its own
    plain, _ = train(no_dropout, "name=plain")
    compiled, new = train(no_dropout, "name=compiled", "compile=default")
    assert new
    assert compiled["key"] == plain["key"]
    assert compiled["metrics"]["loss"] == pytest.approx(plain["metrics"]["loss"], rel=1e-3)
    assert compiled["multiply_adds"] == plain["multiply_adds"]
    weights = [
        torch.load(Path(one["folder"]) / "checkpoint.pt", weights_only=True)["weights"] for one in (plain, compiled)
    ]
    assert list(weights[0]) == list(weights[1])
    # so a run that was cut off can go on either way
    modes = [variant(*TINY, no_dropout, f"compile={mode}").config for mode in ("null", "default")]
    states = [set(Images().module(config, Images().data(config), 0).state_dict()) for config in modes]
    assert states[0] == states[1] == {f"network.{name}" for name in weights[0]}
    assert not all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])  # it was compiled


def test_a_mode_that_torch_compile_does_not_have_is_refused(train, tmp_path):
    with pytest.raises(InputError, match="compile=fast: must be null or one of"):
        train("compile=fast")
    assert not list(tmp_path.glob("runs/*/*/config.yaml"))


def test_bf16_trains_with_clipping_and_gives_another_run(train):
    exact, _ = train("+ablation=step7")
    coarse, new = train("+ablation=step7", "trainer.precision=bf16-mixed")
    assert new
    assert (exact["precision"], coarse["precision"]) == ("32-true", "bf16-mixed")
    assert coarse["metrics"]["loss"] == pytest.approx(exact["metrics"]["loss"], rel=0.1)


def test_auto_gives_larger_images_bf16_and_small_ones_float32_where_there_are_units(train, monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})
    assert train("train.epochs=1")[0]["precision"] == "32-true"
    assert train("train.epochs=1", "data.image_size=32")[0]["precision"] == "bf16-mixed"


def test_a_finished_run_is_evaluated_anew_in_its_own_precision(train, monkeypatch):
    crops = ("data.image_size=32", "train.epochs=1")
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)
    trained, _ = train(*crops, "evaluate.ten_crop=null")
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})
    result, _ = train(*crops)
    assert (result["train_seconds"], result["precision"]) == (trained["train_seconds"], "32-true")
    derived = store.read_predictions(Path(result["folder"]))["probabilities_ten_crop"]
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)
    at_once, _ = train(*crops, "name=at_once")
    np.testing.assert_array_equal(derived, store.read_predictions(Path(at_once["folder"]))["probabilities_ten_crop"])


def test_fewer_images_than_a_batch_are_refused_before_anything_is_written(train, tmp_path):
    with pytest.raises(InputError, match=r"train.batch_size=200: the training part has 100 images; choose"):
        train("train.batch_size=200")
    assert not list((tmp_path / "runs").rglob("config.yaml"))


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("train.epochs=0", "train.epochs=0: must be 1 or more"),
        ("train.batch_size=0", "train.batch_size=0: must be 1 or more"),
        (
            "augmentation.crop={_target_: dissect.images.augmentation.Crop, share: 0.5}",
            r"augmentation.crop.share=0.5: the network fails on windows of 8x8 of the 16x16 images",
        ),
        ("schedule.warmup=1", r"schedule=.*cosine: warmup=1.* must be a share of all steps"),
        ("+trainer.max_epochs=3", "trainer.max_epochs=3: is not yours to set here, .*; say train.epochs$"),
        ("+trainer.val_check_interval=0.5", "trainer.val_check_interval=0.5: is not yours to set here"),
        ("schedule._target_=null", r"schedule={.*}: must say what to make, as schedule._target_="),
        ("data.classes=1", "data.classes=1: one class leaves nothing to tell apart"),
        (
            "augmentation.mirror={_target_: dissect.images.augmentation.Mirror}",
            "augmentation.mirror.active=true: these labels do not survive a mirror",
        ),
        ("model._target_=builtins.dict and init=own", "model=builtins.dict: makes a dict, not a torch.nn.Module"),
        ("evaluate.ten_crop=1.5", "evaluate.ten_crop=1.5: must be a share"),
        ("model.classes=3", r"model=.*ConvNet: gives outputs of shape \(2, 3\) for 2 images of 10 classes"),
        ("model.dropout1=2", "dropout1=2: must be a probability"),
        ("trainer.check_val_every_n_epoch=0", "trainer.check_val_every_n_epoch=0: must be 1 or more"),
        ("+trainer.accumulate_grad_batches=0", "trainer.accumulate_grad_batches=0: must be 1 or more"),
        ("trainer.gradient_clip_val=-1", "trainer.gradient_clip_val=-1: would turn gradients round"),
        ("+trainer.deterministic=maybe", "trainer.deterministic=maybe: must be true, false or warn"),
        ("trainer.precision=64-true", "trainer.precision=64-true: weights, losses and metrics of images are float32"),
        ("trainer.precision=bf16-true", "say auto, 32-true, bf16-mixed or, on a GPU, 16-mixed"),
        ("trainer.precision=16 and trainer.accelerator=cpu", "trainer.precision=16: needs a GPU; on a processor say"),
        ("model._target_=torch.nn.Nope", "torch.nn.Nope"),
    ],
)
def test_what_cannot_be_trained_is_refused(train, override, message):
    with pytest.raises(InputError, match=message):
        train(*override.split(" and "))


def test_a_lightning_module_is_no_model(train, tmp_path, monkeypatch):
    (tmp_path / "lit.py").write_text(
        "from pytorch_lightning import LightningModule\n\n\nclass Lit(LightningModule):\n"
        "    def __init__(self, **arguments):\n        super().__init__()\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(InputError, match=r"model=lit.Lit: is a LightningModule, whose loss and optimiser would not be"):
        train("model._target_=lit.Lit", "init=own")


def test_an_ensemble_averages_its_members_of_which_the_first_is_the_model_itself(train):
    model, _ = train("+ablation=step7", "seed=2")
    ensemble, _ = train("+ablation=step8", "seed=2", "ensemble.members=3")
    study = Path(model["folder"]).parent
    assert ensemble["members"][0] == Path(model["folder"]).name
    kept = [store.read_predictions(study / member) for member in ensemble["members"]]
    averaged = store.read_predictions(Path(ensemble["folder"]))
    for name in ("probabilities", "probabilities_ten_crop"):
        np.testing.assert_allclose(averaged[name], np.mean([one[name] for one in kept], 0), atol=1e-6)
    assert ensemble["metrics"]["accuracy"] == (averaged["probabilities"].argmax(1) == averaged["labels"]).mean()
    assert ensemble["parameters"] == 3 * model["parameters"]


def test_what_a_member_of_an_older_version_did_not_record_the_ensemble_does_not_make_up(train):
    model, _ = train("+ablation=step7", "seed=2")
    path = Path(model["folder"]) / "result.json"
    old = json.loads(path.read_text())
    del old["multiply_adds"]
    store.write_result(path.parent, old)
    ensemble, _ = train("+ablation=step8", "seed=2", "ensemble.members=2")
    assert ensemble["multiply_adds"] is None
    assert ensemble["parameters"] == 2 * model["parameters"]


def test_members_of_an_ensemble_stand_in_no_bar(train, tmp_path):
    train("+ablation=step8", "ensemble.members=2")
    marked = {result["seed"]: result["member_of"] for result in store.results(tmp_path / "runs" / "digits")}
    assert marked == {0: None, 1000: "step8"}


@pytest.mark.parametrize("wrong", ["ensemble.members=1", "ensemble.jitter=-0.1", "seed=1000"])
def test_impossible_ensembles_are_refused(train, wrong):
    with pytest.raises(InputError, match=wrong):
        train("+ablation=step8", wrong)


def test_without_ten_crop_there_is_none(train):
    result, _ = train("evaluate.ten_crop=null", "name=single")
    assert result["metrics"]["accuracy_ten_crop"] is None
    assert set(store.read_predictions(Path(result["folder"]))) == {"labels", "probabilities", "scores"}


def test_another_ten_crop_is_derived_from_the_kept_network_not_trained(train, variant):
    first, _ = train("evaluate.ten_crop=null")
    derived, _ = train()
    whole, _ = train("name=whole")
    assert derived["train_seconds"] == first["train_seconds"]
    assert without_times(derived) == without_times(whole)
    kept, fresh = (store.read_predictions(Path(result["folder"])) for result in (derived, whole))
    np.testing.assert_array_equal(kept["probabilities_ten_crop"], fresh["probabilities_ten_crop"])


@pytest.mark.slow
@pytest.mark.parametrize("init", ["he", "gaussian"])
@pytest.mark.parametrize("step", range(1, 8))
def test_no_variant_sits_at_chance_because_of_its_initialisation(train, init, step):
    result, _ = train(
        f"+ablation=step{step}", f"init={init}", "train.epochs=20", "model.width=0.34", "data.train_per_class=20"
    )
    assert result["metrics"]["accuracy"] > 0.3  # of 10 classes


def test_no_folder_of_this_machine_is_kept_in_the_config(train, tmp_path, cache_folder):
    result, _ = train()
    text = (Path(result["folder"]) / "config.yaml").read_text()
    assert str(cache_folder) not in text
    assert str(tmp_path) not in text


def test_tensorboard_and_wandb_get_a_run_of_their_own_each(train, tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    for seed in (0, 1):
        train("logger=tensorboard", f"seed={seed}", "name=board")
        train("logger=wandb", f"seed={seed}", "name=weights")
    boards = {path.parent.name for path in (tmp_path / "runs" / ".tensorboard").rglob("events*")}  # a folder is a run
    assert len(boards) == 2
    assert boards == {path.name for path in (tmp_path / "runs" / "board").glob("step1-*")}
    assert len(list((tmp_path / "runs" / ".wandb").rglob("*.wandb"))) == 2


def test_with_keep_results_a_run_has_all_but_its_weights_and_says_so_where_they_are_needed(train, tmp_path):
    kept, _ = train("+ablation=step3", "name=kept")
    result, new = train("+ablation=step3", "name=bare", "keep=results")
    folder = Path(result["folder"])
    assert new
    assert {path.name for path in folder.iterdir()} == {"config.yaml", "result.json", "metrics.csv", "predictions.npz"}
    assert result["metrics"] == kept["metrics"]
    assert result["key"] == kept["key"]  # what is kept is no part of what is computed
    with pytest.raises(InputError, match=r"has no checkpoint; none is kept with keep=results; delete this run's"):
        train("+ablation=step3", "name=bare", "evaluate.ten_crop=0.75")
    averaged, _ = train("+ablation=step8", "name=bare", "ensemble.members=2", "keep=results")
    assert len(averaged["members"]) == 2
    assert not list((tmp_path / "runs/bare").glob("*/checkpoint.pt"))


def test_what_is_to_be_kept_is_all_or_results(train):
    with pytest.raises(InputError, match="keep=nothing: must be all, or results"):
        train("keep=nothing")
