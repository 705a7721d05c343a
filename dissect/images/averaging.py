"""Weight averaging: a second network whose weights are a mean of the trained one's; it is the one that is judged."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn, update_bn


class Averaging(Protocol):
    """Begins an average of a network's weights."""

    def of(self, network: nn.Module) -> "Averaged": ...


@dataclass(frozen=True)
class EMA:
    """The exponential moving average of the weights after each step (Polyak & Juditsky 1992).

    Batch norm's statistics are averaged as the weights are, one of the two ways that torch names.

    Args:
        decay: above 0 and below 1; about the last 1 / (1 - decay) steps count, so 0.999 is for thousands of them.

    Raises:
        ValueError: for another decay.
    """

    decay: float

    def __post_init__(self) -> None:
        if not 0 < self.decay < 1:
            raise ValueError(f"decay={self.decay} must lie between 0 and 1, such as 0.99")

    def of(self, network: nn.Module) -> "Averaged":
        mean = get_ema_multi_avg_fn(self.decay)  # type: ignore[no-untyped-call]
        return Averaged(AveragedModel(network, multi_avg_fn=mean, use_buffers=True), start=None)


@dataclass(frozen=True)
class SWA:
    """The plain mean of the weights after each of the last epochs (Izmailov et al. 2018).

    Batch norm's statistics are measured anew, on an epoch of training batches. A rate that falls to 0 leaves little to
    average: take a constant or a high one with it.

    Args:
        start: the share of the epochs after which averaging begins, from 0 to below 1; 0.75 is Izmailov's.

    Raises:
        ValueError: for another start, after which there would be no epoch to average.
    """

    start: float = 0.75

    def __post_init__(self) -> None:
        if not 0 <= self.start < 1:
            raise ValueError(
                f"start={self.start} must be a share of the epochs, from 0 to below 1: no epoch is after it"
            )

    def of(self, network: nn.Module) -> "Averaged":
        return Averaged(AveragedModel(network), start=self.start)


class Averaged:
    """A network's averaged weights, and when they are taken.

    No module, so that it is neither trained, nor shared between processes, nor moved: torch asks how many weights it
    has averaged, which on a device would be waited for in each step.

    Args:
        mean: the averaged network.
        start: the share of the epochs after which weights are taken, once an epoch, and batch norm's statistics are
            measured; None: after each step, and the statistics are averaged as well.
    """

    def __init__(self, mean: AveragedModel, *, start: float | None) -> None:
        self._mean, self._start, self._stale = mean, start, False
        self.network: nn.Module = mean.module.eval()

    @property
    def begun(self) -> bool:
        """Whether any weights were taken; before, `network` has those that the other one began with."""
        return bool(self._mean.n_averaged > 0)

    def to(self, weights: Tensor) -> None:
        """Move the averaged network to where these weights are, in their precision."""
        self.network.to(weights)

    def after_step(self, network: nn.Module) -> None:
        if self._start is None:
            self._mean.update_parameters(network)

    def after_epoch(self, network: nn.Module, share: float) -> None:
        """Called once an epoch, after its last step, when `share` of all epochs, above 0 to 1, is done."""
        if self._start is not None and share > self._start:
            self._mean.update_parameters(network)
            self._stale = any(isinstance(part, _BatchNorm) for part in self.network.modules())

    def ready(self, batches: Iterable[tuple[Tensor, Tensor]]) -> None:
        """Measure batch norm's statistics on these training batches, where weights were taken since the last time."""
        if self._stale:
            update_bn(batches, self.network)
            self._stale = False

    def state(self) -> dict[str, Any]:
        return self._mean.state_dict()

    def load_state(self, state: Mapping[str, Any]) -> None:
        self._mean.load_state_dict(state)
