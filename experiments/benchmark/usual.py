"""The usual pipeline: Lightning, torchvision's ImageFolder, PIL, transforms image by image, DataLoader workers."""

import time
import warnings
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

WORKERS = 2
WARM = 5  # batches that do not count: the workers start, and fill their queues


class Module(pl.LightningModule):
    """What a template has: a step that logs loss and accuracy."""

    def __init__(self, network: nn.Module, momentum: float, weight_decay: float) -> None:
        super().__init__()
        self.network, self.momentum, self.weight_decay = network, momentum, weight_decay
        self.seconds, self.images = 0.0, 0

    def training_step(self, batch: tuple[Tensor, Tensor], batch_index: int) -> Tensor:
        images, labels = batch
        logits = self.network(images)
        loss = functional.cross_entropy(logits, labels)
        accuracy = (logits.detach().argmax(1) == labels).float().mean()
        self.log_dict({"loss": loss, "accuracy": accuracy}, on_step=False, on_epoch=True)
        return loss

    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(
            self.parameters(), lr=0.01, momentum=self.momentum, weight_decay=self.weight_decay, fused=True
        )

    def on_train_batch_start(self, batch: tuple[Tensor, Tensor], batch_index: int) -> None:
        if self.global_step == WARM:
            self._started = time.perf_counter()

    def on_train_batch_end(self, outputs: Any, batch: tuple[Tensor, Tensor], batch_index: int) -> None:
        if self.global_step > WARM:
            self.images += len(batch[1])
            self.seconds = time.perf_counter() - self._started


def images_per_second(
    network: nn.Module,
    folder: Path,
    *,
    crop: int | None,
    batch_size: int,
    batches: int,
    momentum: float,
    weight_decay: float,
    scratch: Path,
) -> float:
    """Training images a second on a folder of image files.

    Args:
        crop: the side of random, mirrored windows; None takes the images as they are.
        batches: how many are measured, after WARM others.
    """
    augmented: list[nn.Module] = [v2.RandomCrop(crop), v2.RandomHorizontalFlip()] if crop else []
    transform = v2.Compose(
        [
            *augmented,
            v2.ToImage(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(mean=[0.480, 0.448, 0.398], std=[0.276, 0.269, 0.282]),  # Tiny ImageNet's
        ]
    )
    loader = DataLoader(
        ImageFolder(str(folder), transform),
        batch_size=batch_size, shuffle=True, drop_last=True, num_workers=WORKERS, persistent_workers=True,
    )  # fmt: skip
    module = Module(network.to(memory_format=torch.channels_last), momentum, weight_decay)  # type: ignore[call-overload]
    trainer = pl.Trainer(
        max_epochs=-1, max_steps=WARM + batches, accelerator="cpu", gradient_clip_val=1.0, logger=False,
        default_root_dir=scratch, enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Lightning's, on what a template does
        trainer.fit(module, loader)
    return module.images / module.seconds
