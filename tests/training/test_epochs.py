"""The rows of metrics.csv: what was logged in each epoch, and nothing that was logged in another one."""

import csv
from pathlib import Path
from typing import NamedTuple

import pytest
import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader, TensorDataset

from dissect.training.epochs import Epochs, size_of


class Line(pl.LightningModule):
    """A line through points, which logs as modules do: some of it in training, some in validation."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = torch.nn.Linear(1, 1)

    def training_step(self, batch, index):
        loss = (self.dense(batch[0]) ** 2).mean()
        self.log("train/loss", loss, on_step=False, on_epoch=True)
        return loss

    def on_train_epoch_end(self):
        if self.current_epoch % 2:
            self.log("odd", torch.tensor(float(self.current_epoch)))

    def validation_step(self, batch, index):
        self.log("val/epoch", float(self.current_epoch))
        self.log("val/constant", 0.25)

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


def points(count: int) -> DataLoader:
    return DataLoader(TensorDataset(torch.ones(count, 1)), batch_size=4)


def fitted(folder: Path, every: int, count: int = 5) -> tuple[Epochs, list[int]]:
    told: list[int] = []
    epochs = Epochs(folder / "metrics.csv", lambda rows: told.append(len(rows)))
    pl.Trainer(
        max_epochs=count, check_val_every_n_epoch=every, accelerator="cpu", logger=False, callbacks=[epochs],
        num_sanity_val_steps=0, enable_progress_bar=False, enable_model_summary=False,
    ).fit(Line(), points(10), points(3))  # fmt: skip
    return epochs, told


def test_an_epoch_without_validation_has_none_though_lightning_still_holds_the_last_ones(tmp_path):
    epochs, told = fitted(tmp_path, every=2)
    assert [row["epoch"] for row in epochs.rows] == told == [1, 2, 3, 4, 5]
    assert [row["val/epoch"] for row in epochs.rows] == [None, 1, None, 3, None]
    assert [row["val/constant"] for row in epochs.rows] == [None, 0.25, None, 0.25, None]
    assert [row["odd"] for row in epochs.rows] == [None, 1, None, 3, None]
    assert all(row["train/loss"] is not None for row in epochs.rows)


def test_the_file_holds_a_column_for_each_name_and_nothing_where_nothing_was_measured(tmp_path):
    epochs, _ = fitted(tmp_path, every=2)
    with open(tmp_path / "metrics.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["epoch", "train/loss", "val/epoch", "val/constant", "odd"]
    assert [row["val/epoch"] for row in rows] == ["", "1.0", "", "3.0", ""]
    assert [float(row["train/loss"]) for row in rows] == [row["train/loss"] for row in epochs.rows]


def test_examples_are_counted_over_all_epochs_and_the_clock_stops_in_validation(tmp_path):
    epochs, _ = fitted(tmp_path, every=1, count=3)
    assert epochs.examples == 3 * 10
    assert epochs.seconds > 0
    before = epochs.seconds
    epochs.on_validation_start(None, Line())  # no training part is running
    assert epochs.seconds == before


def test_what_was_collected_goes_on_where_a_run_does(tmp_path):
    epochs, _ = fitted(tmp_path, every=1, count=2)
    other = Epochs(tmp_path / "metrics.csv", lambda rows: None)
    other.load_state_dict(epochs.state_dict())
    assert (other.rows, other.seconds, other.examples) == (epochs.rows, epochs.seconds, epochs.examples)


class Batch(NamedTuple):
    graph: dict[str, torch.Tensor]
    labels: torch.Tensor


@pytest.mark.parametrize(
    ("batch", "size"),
    [
        (torch.zeros(6, 3), 6),
        ([torch.zeros(5, 2), torch.zeros(5)], 5),
        ({"name": "x", "inputs": torch.zeros(4, 2)}, 4),
        (Batch({"nodes": torch.zeros(3, 1)}, torch.zeros(3)), 3),
        ([torch.tensor(1.0), torch.zeros(2)], 2),  # a number has no length
        (torch.tensor(1.0), 0),
        ([], 0),
        ("text", 0),
        (None, 0),
    ],
)
def test_a_batch_is_as_long_as_the_first_tensor_in_it(batch, size):
    assert size_of(batch) == size
