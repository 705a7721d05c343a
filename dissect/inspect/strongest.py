"""Which images excite a unit most. A unit's activation is the maximum over its map."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from dissect.errors import InputError
from dissect.inspect.gradients import RULES, neuron_gradient
from dissect.inspect.layers import captured, ran

Box = tuple[int, int, int, int]  # first and last row, first and last column, the last ones included


@dataclass(frozen=True)
class Excited:
    """One image that excites a unit, and what flows back to it from there.

    image: its number. activation: the unit's. box: what part of the window the unit sees. views: by rule, what flows
    back to that part, (h, w, 3) floats from 0 to 1.
    """

    image: int
    activation: float
    box: Box
    views: dict[str, np.ndarray]


@torch.inference_mode()
def activations(network: nn.Module, layers: Sequence[str], batches: Iterable[Tensor]) -> dict[str, np.ndarray]:
    """Each layer's activations (N, units), float32, of all images.

    Raises:
        InputError: for an unknown layer, or one whose outputs are neither maps nor a row a image.
    """
    parts: dict[str, list[Tensor]] = {layer: [] for layer in layers}
    with captured(network, layers) as kept:
        for images in batches:
            network(images)
            for layer in layers:
                output = ran(kept, layer)
                if output.ndim not in (2, 4) or len(output) != len(images):
                    raise InputError(
                        f"--layer {layer}: puts out {tuple(output.shape)}, neither maps nor units; name another"
                    )
                parts[layer].append((output.amax((2, 3)) if output.ndim == 4 else output).float().cpu())
    return {layer: torch.cat(found).numpy() for layer, found in parts.items()}


def strongest(activation: np.ndarray, count: int) -> np.ndarray:
    """The numbers of the images with the highest activation (N,), falling; of equal ones the first come first."""
    return np.argsort(-activation, kind="stable")[:count]


def spread_units(units: int, count: int = 4) -> list[int]:
    """So many units, evenly spaced: not the finest ones, and some of each branch of an inception module."""
    shown = min(count, units)
    return [number * units // shown for number in range(shown)]


def excited(network: nn.Module, layer: str, unit: int, images: Tensor, numbers: np.ndarray,
            activation: np.ndarray) -> list[Excited]:  # fmt: skip
    """The images with what flows back to them, by each of the three rules; boxes of one size for all of them.

    Args:
        images: (n, 3, S, S); numbers, activation: (n,), theirs.
    """
    flows = {rule: _last(neuron_gradient(network, layer, unit, images, rule)) for rule in RULES}
    boxes = squares([extent(flow) for flow in flows["gradient"]], side=images.shape[-1])
    found = []
    for place, (top, bottom, left, right) in enumerate(boxes):
        cut = {rule: flow[place, top : bottom + 1, left : right + 1] for rule, flow in flows.items()}
        views = {rule: strength(flow) if rule == "gradient" else coloured(flow) for rule, flow in cut.items()}
        found.append(Excited(int(numbers[place]), float(activation[place]), boxes[place], views))
    return found


def _last(flow: Tensor) -> np.ndarray:
    return flow.permute(0, 2, 3, 1).cpu().numpy()


def extent(flow: np.ndarray) -> Box:
    """The smallest box around all that is not zero in (H, W, 3); everything, where all is zero."""
    there = np.any(flow != 0, axis=2)
    if not there.any():
        return 0, flow.shape[0] - 1, 0, flow.shape[1] - 1
    rows, columns = (np.flatnonzero(there.any(axis)).tolist() for axis in (1, 0))
    return rows[0], rows[-1], columns[0], columns[-1]


def squares(boxes: Sequence[Box], side: int) -> list[Box]:
    """Squares of one size, each around its box and within the window of `side` pixels."""
    size = max(max(bottom - top, right - left) for top, bottom, left, right in boxes) + 1
    found = []
    for top, bottom, left, right in boxes:
        rows, columns = (
            min(max((low + high + 1 - size) // 2, 0), side - size) for low, high in ((top, bottom), (left, right))
        )
        found.append((rows, rows + size - 1, columns, columns + size - 1))
    return found


def strength(flow: np.ndarray) -> np.ndarray:
    """A saliency map: the largest absolute value of the three colours (Simonyan et al. 2014, section 3.1), 0 to 1."""
    size = np.abs(flow).max(2, keepdims=True)
    return np.repeat(size / (float(size.max()) or 1), 3, axis=2)


def coloured(flow: np.ndarray) -> np.ndarray:
    """Signed values as a picture: zero is mid-grey, the largest absolute value black or white."""
    return 0.5 + flow / (2 * float(np.abs(flow).max()) or 1)
