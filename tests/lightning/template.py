"""A LightningModule and a LightningDataModule as public project templates have them, on scikit-learn's digits.

In the style of lightning-hydra-template: the network is passed in, optimiser and scheduler as partials, hyperparameters
are saved, torchmetrics live in the module and the best value so far is tracked. It knows nothing of this package.
"""

from collections.abc import Callable
from typing import Any

import torch
from pytorch_lightning import LightningDataModule, LightningModule
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, TensorDataset, random_split
from torchmetrics import MaxMetric, MeanMetric
from torchmetrics.classification import MulticlassAccuracy

Batch = tuple[Tensor, Tensor]


class DenseNet(nn.Module):
    """Two hidden layers: digits (N, 1, 8, 8) to logits (N, 10)."""

    def __init__(self, input_size: int = 64, hidden_size: int = 64, output_size: int = 10, batch_norm: bool = False):
        super().__init__()

        def layer(inputs: int) -> list[nn.Module]:
            norm = [nn.BatchNorm1d(hidden_size)] if batch_norm else []
            return [nn.Linear(inputs, hidden_size), *norm, nn.ReLU()]

        self.model = nn.Sequential(*layer(input_size), *layer(hidden_size), nn.Linear(hidden_size, output_size))

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x.flatten(1))


class DigitsLitModule(LightningModule):
    """Classifies digits with any network.

    Args:
        net: the network.
        optimizer: partial, takes `params`.
        scheduler: partial, takes `optimizer`; None = a constant learning rate.
        compile: torch.compile before fitting.
    """

    def __init__(
        self,
        net: nn.Module,
        optimizer: Callable[..., torch.optim.Optimizer],
        scheduler: Callable[..., Any] | None = None,
        compile: bool = False,
    ):
        super().__init__()
        self.save_hyperparameters(logger=False)  # hparams go into every checkpoint, the partials with them
        self.net = net
        self.criterion = nn.CrossEntropyLoss()

        self.train_acc = MulticlassAccuracy(num_classes=10, average="micro")
        self.val_acc = MulticlassAccuracy(num_classes=10, average="micro")
        self.test_acc = MulticlassAccuracy(num_classes=10, average="micro")
        self.train_loss = MeanMetric()
        self.val_loss = MeanMetric()
        self.test_loss = MeanMetric()
        self.val_acc_best = MaxMetric()

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)

    def on_train_start(self) -> None:
        # Lightning looks at validation batches before it trains: what they left does not count
        self.val_loss.reset()
        self.val_acc.reset()
        self.val_acc_best.reset()

    def model_step(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        x, y = batch
        logits = self.forward(x)
        return self.criterion(logits, y), logits.argmax(dim=1), y

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        loss, preds, targets = self.model_step(batch)
        self.train_loss(loss)
        self.train_acc(preds, targets)
        self.log("train/loss", self.train_loss, on_step=False, on_epoch=True, prog_bar=True)
        self.log("train/acc", self.train_acc, on_step=False, on_epoch=True, prog_bar=True)
        return loss

    def on_train_epoch_end(self) -> None:
        pass

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        loss, preds, targets = self.model_step(batch)
        self.val_loss(loss)
        self.val_acc(preds, targets)
        self.log("val/loss", self.val_loss, on_step=False, on_epoch=True, prog_bar=True)
        self.log("val/acc", self.val_acc, on_step=False, on_epoch=True, prog_bar=True)

    def on_validation_epoch_end(self) -> None:
        self.val_acc_best(self.val_acc.compute())
        # the value, not the metric object: Lightning would reset that after every epoch
        self.log("val/acc_best", self.val_acc_best.compute(), sync_dist=True, prog_bar=True)

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        loss, preds, targets = self.model_step(batch)
        self.test_loss(loss)
        self.test_acc(preds, targets)
        self.log("test/loss", self.test_loss, on_step=False, on_epoch=True, prog_bar=True)
        self.log("test/acc", self.test_acc, on_step=False, on_epoch=True, prog_bar=True)

    def setup(self, stage: str) -> None:
        if self.hparams["compile"] and stage == "fit":
            self.net = torch.compile(self.net)  # type: ignore[assignment]

    def configure_optimizers(self) -> Any:
        optimizer = self.hparams["optimizer"](params=self.parameters())
        if self.hparams["scheduler"] is None:
            return {"optimizer": optimizer}
        scheduler = self.hparams["scheduler"](optimizer=optimizer)
        lr_scheduler = {"scheduler": scheduler, "monitor": "val/loss", "interval": "epoch", "frequency": 1}
        return {"optimizer": optimizer, "lr_scheduler": lr_scheduler}


class DigitsDataModule(LightningDataModule):
    """The 1,797 digits that come with scikit-learn, each pixel jittered while training, split once and for all.

    Args:
        train_val_test_split: numbers of digits, 1,797 together.
        noise: standard deviation of what is added to a training pixel (0 to 1), drawn anew at every look.
    """

    def __init__(
        self,
        train_val_test_split: tuple[int, int, int] = (1200, 300, 297),
        batch_size: int = 64,
        num_workers: int = 2,
        pin_memory: bool = False,
        noise: float = 0.1,
    ):
        super().__init__()
        self.save_hyperparameters(logger=False)
        self.data_train: Dataset[Any] | None = None
        self.data_val: Dataset[Any] | None = None
        self.data_test: Dataset[Any] | None = None
        self.batch_size_per_device = batch_size

    @property
    def num_classes(self) -> int:
        return 10

    def prepare_data(self) -> None:
        load_digits()  # where others download

    def setup(self, stage: str | None = None) -> None:
        if self.trainer is not None:
            if self.hparams["batch_size"] % self.trainer.world_size:
                raise RuntimeError(f"{self.hparams['batch_size']} is no multiple of {self.trainer.world_size} devices")
            self.batch_size_per_device = self.hparams["batch_size"] // self.trainer.world_size
        if not self.data_train:
            digits = load_digits()
            images = torch.from_numpy(digits.images).float()[:, None] / 16
            train, self.data_val, self.data_test = random_split(
                dataset=TensorDataset(images, torch.from_numpy(digits.target)),
                lengths=self.hparams["train_val_test_split"],
                generator=torch.Generator().manual_seed(42),
            )
            self.data_train = Noisy(train, self.hparams["noise"])

    def train_dataloader(self) -> DataLoader[Any]:
        return self.loader(self.data_train, shuffle=True)

    def val_dataloader(self) -> DataLoader[Any]:
        return self.loader(self.data_val, shuffle=False)

    def test_dataloader(self) -> DataLoader[Any]:
        return self.loader(self.data_test, shuffle=False)

    def loader(self, dataset: Dataset[Any] | None, shuffle: bool) -> DataLoader[Any]:
        assert dataset is not None, "setup comes first"
        return DataLoader(
            dataset=dataset,
            batch_size=self.batch_size_per_device,
            num_workers=self.hparams["num_workers"],
            pin_memory=self.hparams["pin_memory"],
            shuffle=shuffle,
        )

    def teardown(self, stage: str | None = None) -> None:
        pass

    def state_dict(self) -> dict[Any, Any]:
        return {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        pass


class Noisy(Dataset[Any]):
    """Adds noise in the loader's workers, as transforms do: what they draw has to be what a killed run draws again."""

    def __init__(self, dataset: Dataset[Any], noise: float):
        self.dataset, self.noise = dataset, noise

    def __len__(self) -> int:
        return len(self.dataset)  # type: ignore[arg-type]

    def __getitem__(self, index: int) -> Batch:
        x, y = self.dataset[index]
        return x + self.noise * torch.randn_like(x), y
