"""The diabetes table's network: what each idea changes, and that its metric is the root of the mean over all rows."""

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
import yaml
from sklearn.metrics import root_mean_squared_error

FOLDER = Path(__file__).parents[2] / "experiments/diabetes"
QUIET: dict[str, Any] = dict.fromkeys(
    ("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"), False
)
OFF: dict[str, Any] = {"hidden": 16, "norm": False, "dropout": 0.0, "mean": 0.0, "scale": 1.0, "weight_decay": 0.0}


@pytest.fixture
def mlp(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(FOLDER)
    import mlp  # type: ignore[import-not-found]

    return mlp


def make(mlp: ModuleType, **ideas: Any) -> Any:
    torch.manual_seed(0)
    return mlp.MLP(**OFF | ideas, learning_rate=0.01)


def table(mlp: ModuleType, judge: str = "validation", standardise: bool = False) -> Any:
    data = mlp.Diabetes(judge=judge, batch_size=32, standardise=standardise)
    data.setup("fit")
    return data


def trainer(epochs: int = 0) -> pl.Trainer:
    return pl.Trainer(max_epochs=epochs, accelerator="cpu", **QUIET)


@pytest.mark.filterwarnings("ignore:.*does not have many workers")
def test_the_metric_is_the_root_mean_squared_error_over_all_rows_and_it_falls(
    mlp: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = table(mlp, standardise=True)
    batches = torch.utils.data.DataLoader(data.judged, 30)  # 30, 30, 30 and 10
    monkeypatch.setattr(data, "val_dataloader", lambda: batches)
    module = make(mlp, norm=True, mean=152.0, scale=78.0)
    (before,) = trainer().validate(module, data, verbose=False)
    rows, target = data.judged.tensors
    with torch.no_grad():
        assert before["val/rmse"] == pytest.approx(root_mean_squared_error(target, module.eval()(rows)), rel=1e-5)
    trained = trainer(epochs=2)
    trained.fit(module.train(), data)
    assert 40 < trained.callback_metrics["val/rmse"] < before["val/rmse"]


def test_mean_and_scale_are_those_of_the_training_rows(mlp: ModuleType) -> None:
    task = yaml.safe_load((FOLDER / "own/task/mlp.yaml").read_text(encoding="utf-8"))
    _, target = table(mlp).training.tensors
    said = task["deltas"]["target"]["module"]
    assert said == {"mean": pytest.approx(target.mean(), abs=0.5), "scale": pytest.approx(target.std(), abs=0.5)}


def test_mean_and_scale_stretch_what_the_network_says_and_off_they_leave_it(mlp: ModuleType) -> None:
    rows, _ = table(mlp).judged.tensors
    with torch.no_grad():
        plain, stretched = make(mlp)(rows), make(mlp, mean=152.0, scale=78.0)(rows)
    assert torch.equal(plain, make(mlp).network(rows))
    torch.testing.assert_close(stretched, 152 + 78 * plain)


def test_batch_norm_and_dropout_come_into_both_hidden_layers(mlp: ModuleType) -> None:
    count = [sum(parameter.numel() for parameter in make(mlp, norm=norm).parameters()) for norm in (False, True)]
    assert count[1] - count[0] == 2 * 2 * 16
    rows, _ = table(mlp, standardise=True).judged.tensors
    module = make(mlp, dropout=0.5)
    assert not torch.equal(module(rows), module(rows))
    assert torch.equal(module.eval()(rows), make(mlp).eval()(rows))
    assert sum(layer.p == 0.5 for layer in module.modules() if isinstance(layer, torch.nn.Dropout)) == 2


def test_inputs_are_standardised_by_the_training_rows(mlp: ModuleType) -> None:
    raw, standardised = table(mlp), table(mlp, standardise=True)
    training = raw.training.tensors[0].double()
    center, scale = training.mean(0), training.std(0, correction=0)
    for part in ("training", "judged"):
        expected = (getattr(raw, part).tensors[0].double() - center) / scale
        torch.testing.assert_close(getattr(standardised, part).tensors[0], expected.float(), rtol=1e-4, atol=1e-5)
    assert raw.training.tensors[0].abs().max() > 100  # serum values, as they were taken


def test_training_tuning_and_validation_share_no_row(mlp: ModuleType) -> None:
    parts = [table(mlp).training, table(mlp, "tuning").judged, table(mlp).judged]
    assert [len(part) for part in parts] == [242, 100, 100]
    rows = torch.cat([part.tensors[0] for part in parts])
    assert len({tuple(row) for row in rows.tolist()}) == 442


def test_a_judge_that_is_none_is_refused(mlp: ModuleType) -> None:
    with pytest.raises(ValueError, match="judge=test: say validation or tuning"):
        table(mlp, "test")
