"""A multilayer perceptron on the diabetes table of Efron et al. (2004): two classes as one writes them for Lightning.

Every idea that the study varies is an argument of one of the two. Neither class knows that it is ablated.
"""

from hashlib import sha256
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities.types import OptimizerLRSchedulerConfig
from sklearn.datasets import load_diabetes
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset
from torchmetrics import MeanSquaredError


class MLP(pl.LightningModule):
    """Progression of the disease after a year from ten measurements: rows (N, 10) to scores (N,), 25 to 346.

    Args:
        norm: batch normalisation before each activation.
        dropout: probability, after each activation; 0 = off.
        mean, scale: of the target: what the network itself gives is taken times `scale`, plus `mean`; 0 and 1 = off.
    """

    def __init__(
        self,
        *,
        hidden: int,
        norm: bool,
        dropout: float,
        mean: float,
        scale: float,
        learning_rate: float,
        weight_decay: float,
    ):
        super().__init__()
        self.mean, self.scale = mean, scale
        self.learning_rate, self.weight_decay = learning_rate, weight_decay

        def layer(inputs: int) -> list[nn.Module]:
            normalise = nn.BatchNorm1d(hidden) if norm else nn.Identity()
            return [nn.Linear(inputs, hidden), normalise, nn.ReLU(), nn.Dropout(dropout)]

        self.network = nn.Sequential(*layer(10), *layer(hidden), nn.Linear(hidden, 1), nn.Flatten(0))
        self.rmse = MeanSquaredError(squared=False)

    def forward(self, rows: Tensor) -> Tensor:
        return self.mean + self.scale * self.network(rows)

    def training_step(self, batch: list[Tensor], _: int) -> Tensor:
        rows, target = batch
        loss = functional.mse_loss(self.network(rows), (target - self.mean) / self.scale)
        self.log("train/loss", loss, on_step=False, on_epoch=True)
        return loss

    def validation_step(self, batch: list[Tensor], _: int) -> None:
        rows, target = batch
        self.rmse(self(rows), target)
        self.log("val/rmse", self.rmse)  # the root of the mean over all rows, however they are batched

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        optimizer = torch.optim.AdamW(self.parameters(), self.learning_rate, weight_decay=self.weight_decay)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, self.trainer.max_epochs or 1)
        return {"optimizer": optimizer, "lr_scheduler": schedule}


class Diabetes(pl.LightningDataModule):
    """The 442 rows that come with scikit-learn, in one fixed random order: 242 train, 100 are for tuning, 100 validate.

    Args:
        judge: "validation", or "tuning" for choosing settings; neither is ever trained on.
        standardise: take each measurement less its mean, by its standard deviation, both of the training rows;
            off, they are as they were taken: age in years, blood pressure, serum values up to 300.
    """

    def __init__(self, *, judge: str, batch_size: int, standardise: bool):
        super().__init__()
        if judge not in ("validation", "tuning"):
            raise ValueError(f"judge={judge}: say validation or tuning")
        self.judge, self.batch_size, self.standardise = judge, batch_size, standardise

    def fingerprint(self) -> str:
        """Digest of the table as scikit-learn ships it."""
        rows, target = load_diabetes(return_X_y=True, scaled=False)
        return sha256(rows.tobytes() + target.tobytes()).hexdigest()

    def setup(self, stage: str) -> None:
        rows, target = load_diabetes(return_X_y=True, scaled=False)
        order = np.random.default_rng(0).permutation(len(rows))
        parts = {"training": order[:242], "tuning": order[242:342], "validation": order[342:]}
        if self.standardise:
            training = rows[parts["training"]]
            rows = (rows - training.mean(0)) / training.std(0)
        self.training, self.judged = (
            TensorDataset(*(torch.from_numpy(values[parts[part]]).float() for values in (rows, target)))
            for part in ("training", self.judge)
        )

    def train_dataloader(self) -> DataLoader[Any]:
        return DataLoader(self.training, self.batch_size, shuffle=True)

    def val_dataloader(self) -> DataLoader[Any]:
        return DataLoader(self.judged, len(self.judged))
