"""What Lightning's Trainer is given besides what the config says."""

import importlib.util
import os
import subprocess
import sys

import pytest
import torch

from dissect.composing.checks import OURS, SHORTER
from dissect.errors import InputError
from dissect.training import hardware
from dissect.training.trainer import logger_of, of_hardware, trainer_of


@pytest.mark.parametrize(
    ("said", "gpu", "bf16", "settings"),
    [
        ({"precision": "auto"}, True, True, {"precision": "bf16-mixed", "benchmark": True}),
        ({"precision": "auto"}, True, False, {"precision": "32-true", "benchmark": True}),
        ({"precision": "auto"}, False, False, {"precision": "32-true"}),
        ({"precision": "auto"}, False, True, {"precision": "bf16-mixed"}),
        ({"precision": "32-true", "deterministic": True}, True, True, {}),
        ({"precision": "16-mixed", "benchmark": False}, True, True, {}),
    ],
)
def test_what_the_config_leaves_open_follows_from_the_hardware(said, gpu, bf16, settings):
    assert of_hardware(said, gpu=gpu, bf16=bf16) == settings


@pytest.mark.parametrize(
    ("said", "mend"),
    [
        ("max_time=00:00:00:05", "say train.epochs"),
        ("max_steps=10", "say train.epochs"),
        ("min_epochs=2", "say train.epochs"),
        ("fast_dev_run=true", "leave it out"),
        ("limit_train_batches=2", "leave it out"),
        ("limit_val_batches=0.5", "leave it out"),
        ("overfit_batches=1", "leave it out"),
        ("val_check_interval=0.5", "leave it out"),
        ("callbacks=[]", "leave it out"),
        ("default_root_dir=x", "leave it out"),
    ],
)
def test_an_argument_that_would_make_a_run_shorter_or_is_the_runs_own_is_refused(variant, tmp_path, said, mend):
    key = said.split("=")[0]
    with pytest.raises(InputError, match=rf"^trainer.{key}=.*: is not yours to set here, .*; {mend}$"):
        variant(f"+trainer.{said}", "trainer.accelerator=cpu")


def test_what_lightning_has_that_shortens_a_run_is_known():
    # Its arguments by name: a new one of these kinds has to be looked at.
    import inspect

    import pytorch_lightning as pl

    known = {*SHORTER, "max_epochs"}
    named = inspect.signature(pl.Trainer).parameters
    assert [name for name in named if name.startswith(("limit_", "min_", "max_", "overfit", "fast_"))
            and name not in known] == ["limit_test_batches", "limit_predict_batches"]  # fmt: skip
    assert known <= named.keys()
    assert set(OURS) <= named.keys()


def test_an_argument_that_lightning_refuses_is_told_of_in_one_line(variant, tmp_path):
    config = variant("trainer.accelerator=cpu", "+trainer.gradient_clip_algorithm=foo").config
    with pytest.raises(InputError, match=r"^trainer: .*foo") as raised:
        trainer_of(config, tmp_path, [])
    assert len(str(raised.value).splitlines()) == 1


@pytest.mark.parametrize(("units", "pays", "precision"), [
    ({"avx512_bf16": True}, True, "bf16-mixed"),
    ({"avx512_bf16": True}, False, "32-true"),
    ({"avx512_f": True}, True, "32-true"),
    ({"bf16": True}, True, "bf16-mixed"),
])  # fmt: skip
def test_auto_is_bf16_where_the_processor_has_units_and_the_task_says_it_pays(
    variant, tmp_path, monkeypatch, units, pays, precision
):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: units)
    config = variant("trainer.accelerator=cpu").config
    assert trainer_of(config, tmp_path, [], bf16_pays=pays).precision == precision


def test_bf16_without_units_is_said_once_to_be_slow(variant, tmp_path, monkeypatch, capsys):
    hardware.warn_of_emulation.cache_clear()
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_f": True})
    config = variant("trainer.accelerator=cpu", "trainer.precision=bf16-mixed").config
    for _ in range(2):
        trainer_of(config, tmp_path, [])
    (said,) = capsys.readouterr().err.splitlines()
    assert "no bf16 units, so a run takes about twice as long" in said
    hardware.warn_of_emulation.cache_clear()


def test_a_rank_that_another_program_left_in_the_environment_silences_no_logger(variant, tmp_path):
    # As Lightning does at its import, where RANK=3 stands in the environment.
    code = """
import sys
from pathlib import Path
from dissect.composing.compose import compose
from dissect.training.trainer import trainer_of
from pytorch_lightning.loggers import TensorBoardLogger
config = compose(["trainer.accelerator=cpu"]).config
trainer_of(config, Path(sys.argv[1]), [])
logger = TensorBoardLogger(sys.argv[1])
logger.log_metrics({"loss": 1.0}, 0)
logger.finalize("success")
"""
    left = dict(os.environ, RANK="3", LOCAL_RANK="1", SLURM_PROCID="2", JSM_NAMESPACE_RANK="1")
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], env=left, check=True)
    assert list(tmp_path.rglob("events.out.tfevents.*"))


class Kept:
    """A logger that keeps what it was made with."""

    def __init__(self, place, version=None, tags=None, **others):
        self.place, self.version, self.tags, self.others = place, version, tags, others


@pytest.mark.parametrize("more", [[], ["+logger._partial_=true"]])
def test_a_logger_is_told_whose_run_it_is_in_what_it_takes(variant, monkeypatch, more):
    monkeypatch.setattr("dissect.streams.Kept", Kept, raising=False)
    said = ["+logger._target_=dissect.streams.Kept", "+logger.place=here", *more, "seed=3", "+ablation=step2"]
    made = variant(*said)
    logger = logger_of(made.config.logger, made, "step2-seed3-0123abcd")
    assert (logger.place, logger.version, logger.others) == ("here", "step2-seed3-0123abcd", {})
    assert logger.tags == {"variant": "step2", "components": "dropout1", "seed": "3"}
    said = variant(*said, "+logger.version=mine")
    assert logger_of(said.config.logger, said, "step2-seed3-0123abcd").version == "mine"


@pytest.mark.parametrize(("choice", "package"), [("mlflow", "mlflow"), ("comet", "comet_ml"), ("aim", "aim")])
def test_a_logger_whose_package_is_missing_is_said_in_a_line(variant, choice, package):
    if importlib.util.find_spec(package):  # Lightning remembers whether it found it
        pytest.skip(f"{package} is installed")

    def told(made):
        return logger_of(made.config.logger, made, "run")

    with pytest.raises(InputError, match=rf"^logger.*{choice}"):
        told(variant(f"logger={choice}"))


# MLflow 3.17 asks SQLAlchemy 2.1 in a deprecated way.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_mlflow_keeps_a_run_in_a_local_store(variant, tmp_path):
    mlflow = pytest.importorskip("mlflow", exc_type=ImportError)
    made = variant("logger=mlflow", f"logger.tracking_uri=sqlite:///{tmp_path}/mlflow.db")
    logger = logger_of(made.config.logger, made, "step2-seed3-0123abcd")
    logger.log_metrics({"loss": 1.0}, step=0)
    [run] = mlflow.MlflowClient(f"sqlite:///{tmp_path}/mlflow.db").search_runs([logger.experiment_id or ""])
    assert run.data.tags["variant"] == "step1"


def test_tensorboard_has_tags_in_groups_and_the_components_beside_the_final_metrics(variant, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    made = variant("logger=tensorboard", f"runs={tmp_path}", "name=board", "seed=3", "+ablation=step2")
    logger = logger_of(made.config.logger, made, "step2-seed3-0123abcd")
    logger.log_hyperparams({"ladder": ["dropout1", "augmentation"], "train": {"epochs": 2}})
    logger.log_metrics({"val_loss": 1.5, "epoch": 1}, 1)
    logger.finalize("success")
    result = {"variant": "step2", "seed": 3, "components": {"dropout1": "dropout 1"}, "metrics": {"accuracy": 0.5}}
    logger.result(result | {"metrics": {"accuracy": 0.5, "top5_ten_crop": None}})

    assert logger.log_dir.endswith("/.tensorboard/board/step2-seed3-0123abcd")
    seen = EventAccumulator(logger.log_dir).Reload()
    assert set(seen.Tags()["scalars"]) == {"val/loss", "epoch", "final/accuracy"}
    begun = HParamsPluginData.FromString(seen.SummaryMetadata("_hparams_/session_start_info").plugin_data.content)
    told = {name: value.WhichOneof("kind") and (value.bool_value or value.string_value or value.number_value)
            for name, value in begun.session_start_info.hparams.items()}  # fmt: skip
    assert told == {"variant": "step2", "seed": 3, "component/dropout1": True, "component/augmentation": False}
