"""The LightningModule: what one step and one epoch are, and what they measure."""

import math
from collections.abc import Callable, Iterable
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.lr_scheduler import LambdaLR

from dissect.errors import TrainingError
from dissect.images.averaging import Averaging
from dissect.images.batches import Part, TrainBatches, ViewBatches
from dissect.images.losses import Loss
from dissect.images.optimizers import MakesOptimizer, optimizer_for
from dissect.images.schedules import at
from dissect.streams import stream


class Classification(pl.LightningModule):
    """A network trained on a loss, measured once an epoch.

    train_loss is what is minimised, whatever it is; val_loss is plain cross entropy always, so that variants with
    other losses can be compared. Where weights are averaged, val_loss, val_accuracy and val_top5 are the averaged
    network's, and val_plain_loss and so on those of the weights as the last step left them.

    Metrics are summed on the device; nothing is read back before an epoch ends. Processes that train together share
    every batch and add up their sums, so that they do what one process does but for the order in which floats are
    added, and for dropout: each has masks of its own.

    In bf16 only the network's forward and backward pass are, operation by operation as torch's autocast has it; its
    weights, their optimiser and averages, losses and metrics are float32.

    Args:
        network: maps images (N, 3, S, S) to logits (N, classes).
        batches: gives training and validation batches that lie on a device, or one process's part of them.
        optimizer: from the network's parameters to their optimiser, such as a partial of torch.optim.SGD.
        loss: from logits (N, classes) and targets, (N,) labels or (N, classes) shares of each, to one number.
        schedule: from the share of training that is done (0 to 1) to a factor of the optimiser's learning rate.
        average: of weights, None for none.
        compile_mode: of torch.compile, in which batches go through the network; None takes the network as it is.
    """

    def __init__(self, network: nn.Module, *, batches: Callable[[torch.device, Part], tuple[TrainBatches, ViewBatches]],
                 optimizer: MakesOptimizer, loss: Loss, schedule: Callable[[float], float], seed: int,
                 average: Averaging | None = None, compile_mode: str | None = None) -> None:  # fmt: skip
        super().__init__()
        self.network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.averaged = average.of(self.network) if average else None
        # A function, for a second module would be in the state from which a run goes on, compiled or not.
        self._compiled = torch.compile(network.forward, mode=compile_mode, dynamic=False) if compile_mode else None
        self.loaded: tuple[TrainBatches, ViewBatches] | None = None
        self.loss = loss
        self._batches, self._optimizer, self._schedule = batches, optimizer, schedule
        self._seed = seed

    @property
    def judged(self) -> nn.Module:
        """The network that a finished run is judged by: the averaged one, where weights are averaged."""
        return self.averaged.network if self.averaged and self.averaged.begun else self.network

    def setup(self, stage: str) -> None:
        part = self.trainer.global_rank, self.trainer.world_size
        self.loaded = self._batches(self.trainer.strategy.root_device, part)
        self.training_batches, self.validation_batches = self.loaded

    def train_dataloader(self) -> Iterable[Any]:
        return self.training_batches

    def val_dataloader(self) -> Iterable[Any]:
        return self.validation_batches

    def configure_optimizers(self) -> Any:
        optimizer = optimizer_for(self.network.parameters(), self._optimizer)
        steps = int(self.trainer.estimated_stepping_batches)
        scheduler = LambdaLR(optimizer, lambda step: self._schedule(at(step, steps)))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def optimizer_step(self, *given: Any, **named: Any) -> None:
        super().optimizer_step(*given, **named)
        if self.averaged:
            self.averaged.after_step(self.network)

    def configure_gradient_clipping(
        self,
        optimizer: Any,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        # Lightning refuses to clip for a fused optimizer in any mixed precision; only float16's scaler is a reason to.
        if gradient_clip_val:
            by_value = gradient_clip_algorithm == "value"
            clip = torch.nn.utils.clip_grad_value_ if by_value else torch.nn.utils.clip_grad_norm_
            clip(self.network.parameters(), gradient_clip_val)

    def on_fit_start(self) -> None:
        if self.averaged:
            self.averaged.to(next(self.network.parameters()))

    def on_train_epoch_start(self) -> None:
        self.training_batches.epoch = self.current_epoch
        own = [self.global_rank] if self.global_rank else []  # the first process has the stream of one alone
        torch.manual_seed(stream(self._seed, "dropout", self.current_epoch, *own))
        self._train_sums = torch.zeros(4, device=self.device)
        self._train_totals: list[float] = []
        self._val_totals: list[float] = []
        self._plain_totals: list[float] = []

    def training_step(self, batch: tuple[Tensor, Tensor], batch_index: int) -> Tensor:
        images, targets = batch
        self._rate = self.trainer.optimizers[0].param_groups[0]["lr"]
        logits = (self._compiled or self.network)(images).float()
        loss = self.loss(logits, targets)
        labels = targets if targets.ndim == 1 else targets.argmax(1)  # the class that has most of a mixed image
        self._train_sums += sums(logits.detach(), labels, loss.detach())
        return loss

    def on_validation_epoch_start(self) -> None:
        self._end_training_part()
        self._make_ready()
        self._val_sums, self._plain_sums = torch.zeros(2, 4, device=self.device)

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_index: int) -> None:
        images, labels = batch
        logits = (self._compiled or self.network)(images).float()
        plain = sums(logits, labels, functional.cross_entropy(logits, labels))
        self._plain_sums += plain
        if self.judged is self.network:
            self._val_sums += plain
        else:
            logits = self.judged(images).float()
            self._val_sums += sums(logits, labels, functional.cross_entropy(logits, labels))

    def on_validation_epoch_end(self) -> None:
        self._val_totals = self._totals(self._val_sums)
        self._plain_totals = self._totals(self._plain_sums) if self.averaged else []

    def on_train_epoch_end(self) -> None:
        self._end_training_part()
        if self.current_epoch + 1 == self.trainer.max_epochs:  # it may have been validated less often
            self._make_ready()
        loss = self._train_totals[0]
        if not math.isfinite(loss):
            raise TrainingError(
                f"optimizer.lr={self.trainer.optimizers[0].param_groups[0]['initial_lr']}: the training loss became "
                f"{loss} in epoch {self.current_epoch + 1}; a lower learning rate usually mends it"
            )
        measured = {"learning_rate": self._rate}
        parts = {"train": self._train_totals, "val": self._val_totals}
        if self.averaged:
            parts["val_plain"] = self._plain_totals
        for part, totals in parts.items():
            for place, name in enumerate(("loss", "accuracy", "top5")):
                if totals:
                    measured[f"{part}_{name}"] = totals[place] / totals[3]
        # In double precision, as they were counted. Equal in all processes, which Lightning wants to hear.
        exact = {name: torch.tensor(value, dtype=torch.float64) for name, value in measured.items()}
        self.log_dict(exact, sync_dist=True)

    def _end_training_part(self) -> None:
        if not self._train_totals:
            self._train_totals = self._totals(self._train_sums)
            if self.averaged:
                self.averaged.after_epoch(self.network, (self.current_epoch + 1) / (self.trainer.max_epochs or 1))

    def _make_ready(self) -> None:
        """See to the averaged network's statistics, on the batches of this epoch as they were, in every process."""
        if self.averaged:
            torch.manual_seed(stream(self._seed, "average", self.current_epoch))  # for dropout
            precision = self.trainer.precision_plugin
            with precision.forward_context():
                self.averaged.ready(map(precision.convert_input, self.training_batches.whole()))

    def _totals(self, sums: Tensor) -> list[float]:
        return self.trainer.strategy.reduce(sums, reduce_op="sum").tolist()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        if self.averaged:
            checkpoint["average"] = self.averaged.state()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        if self.averaged:
            self.averaged.load_state(checkpoint["average"])


def sums(logits: Tensor, labels: Tensor, loss: Tensor) -> Tensor:
    """Summed loss, top-1 hits, top-5 hits and images of a batch, as a (4,) tensor on the batch's device.

    With fewer than five classes, top-5 counts every image.
    """
    ranked = logits.topk(min(5, logits.shape[1]), dim=1).indices == labels[:, None]
    hits = ranked.sum(0).float()
    count = torch.full_like(hits[0], len(labels))
    return torch.stack([loss.float() * count, hits[0], hits.sum(), count])


@torch.inference_mode()
def probabilities(network: nn.Module, batches: Iterable[tuple[Tensor, Tensor]], autocast: torch.autocast) -> Tensor:
    """Softmax outputs (N, classes), float32, on the CPU."""
    network.eval()
    with autocast:
        return torch.cat([network(images).float().softmax(1) for images, _ in batches]).cpu()
