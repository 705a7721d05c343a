"""The small study as one would write it by hand: python loop.py FOLDER."""

import sys
import warnings
from itertools import product
from pathlib import Path

from joblib import Parallel, delayed


def train(dropout: float, leaky: bool, seed: int, folder: Path) -> float:
    import pytorch_lightning as pl
    import torch
    from sklearn.datasets import load_digits
    from torch import Tensor, nn
    from torch.nn import functional
    from torch.utils.data import DataLoader, TensorDataset

    class Network(pl.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            act = nn.LeakyReLU if leaky else nn.ReLU
            self.net = nn.Sequential(
                nn.Conv2d(3, 17, 5, padding=2), act(), nn.MaxPool2d(2), nn.Conv2d(17, 34, 5, padding=2), act(),
                nn.MaxPool2d(2), nn.Conv2d(34, 68, 3, padding=1), act(), nn.MaxPool2d(2), nn.Flatten(),
                nn.Linear(68 * 4, 136), act(), nn.Dropout(dropout), nn.Linear(136, 10),
            )  # fmt: skip

        def training_step(self, batch: tuple[Tensor, Tensor], index: int) -> Tensor:
            loss = functional.cross_entropy(self.net(batch[0]), batch[1])
            self.log("train_loss", loss, on_step=False, on_epoch=True)
            return loss

        def validation_step(self, batch: tuple[Tensor, Tensor], index: int) -> None:
            logits = self.net(batch[0])
            self.log("val_loss", functional.cross_entropy(logits, batch[1]))
            self.log("val_accuracy", (logits.argmax(1) == batch[1]).float().mean())

        def configure_optimizers(self) -> object:
            optimizer = torch.optim.SGD(self.parameters(), lr=0.02, momentum=0.9, weight_decay=5e-4)
            return [optimizer], [torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 20)]

    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    pl.seed_everything(seed, verbose=False)
    digits = load_digits()
    images = torch.tensor(digits.images, dtype=torch.float32)[:, None].expand(-1, 3, -1, -1) / 16
    images, labels = functional.interpolate(images, size=16, mode="bilinear"), torch.tensor(digits.target)
    training, validation = TensorDataset(images[:200], labels[:200]), TensorDataset(images[1000:], labels[1000:])
    module = Network()
    trainer = pl.Trainer(
        max_epochs=20, accelerator="cpu", gradient_clip_val=1.0, default_root_dir=folder, enable_progress_bar=False,
        enable_model_summary=False, logger=pl.loggers.CSVLogger(folder, f"{dropout}-{leaky}", f"seed{seed}"),
    )  # fmt: skip
    trainer.fit(module, DataLoader(training, 20, shuffle=True, drop_last=True), DataLoader(validation, 200))
    return float(trainer.callback_metrics["val_accuracy"])


if __name__ == "__main__":
    variants = [(0.0, False), (0.5, False), (0.5, True)]
    runs = [(*variant, seed, Path(sys.argv[1])) for variant, seed in product(variants, range(3))]
    print(Parallel(n_jobs=2)(delayed(train)(*run) for run in runs))
