"""A network's layers by name, in the order in which they run, and what they put out.

Layers are named as in `network.named_modules()`: "features.act1". Outputs are copied the moment a layer gives them,
since an activation that works in place would change them afterwards. A layer that runs several times in one pass
counts with its last output.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from difflib import get_close_matches
from itertools import groupby
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from dissect.errors import InputError

UNCHANGING = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, nn.Identity)  # at evaluation


class Call(NamedTuple):
    """One run of a layer without layers inside: its name and its output's shape."""

    name: str
    layer: nn.Module
    shape: tuple[int, ...]


def layer_named(network: nn.Module, name: str) -> nn.Module:
    """The layer of this name.

    Raises:
        InputError: where there is none, with the nearest names.
    """
    layers = {known: layer for known, layer in network.named_modules() if known}
    if name in layers:
        return layers[name]
    # By the last part of the name too, since one forgets what stands before it.
    last = get_close_matches(name.split(".")[-1], {known.split(".")[-1] for known in layers}, n=1)
    close = [known for known in layers if known.split(".")[-1] in last] or get_close_matches(name, layers)
    leaves = [known for known, layer in layers.items() if not any(layer.children())]
    listed = f"there are {', '.join(leaves[:12])}{' ...' * (len(leaves) > 12)}"
    meant = f"did you mean {' or '.join(close[:3])}? " if close else ""
    raise InputError(f"--layer {name}: the network has no such layer; {meant}{listed}")


@contextmanager
def captured(network: nn.Module, names: Iterable[str]) -> Iterator[dict[str, Tensor]]:
    """Within the block, each pass of the network puts copies of these layers' outputs into the dictionary given.

    Raises:
        InputError: for an unknown layer, or one whose output is no tensor.
    """
    kept: dict[str, Tensor] = {}

    def keep(name: str) -> Callable[[nn.Module, Any, Any], None]:
        def hook(layer: nn.Module, given: Any, output: Any) -> None:
            if not isinstance(output, Tensor):
                raise InputError(
                    f"--layer {name}: puts out a {type(output).__name__}, not a tensor; name another layer"
                )
            kept[name] = output.clone()

        return hook

    with ExitStack() as stack:
        for name in names:
            handle = layer_named(network, name).register_forward_hook(keep(name))
            stack.callback(handle.remove)
        yield kept


@torch.inference_mode()
def outputs(network: nn.Module, name: str, images: Tensor) -> Tensor:
    """What one layer puts out for images (N, 3, S, S).

    Raises:
        InputError: for an unknown layer, or one that does not run.
    """
    with captured(network, [name]) as kept:
        network(images)
    return ran(kept, name)


def ran(kept: dict[str, Tensor], name: str) -> Tensor:
    """The output of a layer that has to have run.

    Raises:
        InputError: where it has not.
    """
    if name not in kept:
        raise InputError(f"--layer {name}: is not called when the network classifies an image; name one that is")
    return kept[name]


@torch.inference_mode()
def calls(network: nn.Module, images: Tensor) -> list[Call]:
    """Every run of a layer without layers inside, in the order in which they run for these images."""
    found: list[Call] = []

    def note(name: str) -> Callable[[nn.Module, Any, Any], None]:
        def hook(layer: nn.Module, given: Any, output: Any) -> None:
            if isinstance(output, Tensor):
                found.append(Call(name, layer, tuple(output.shape)))

        return hook

    with ExitStack() as stack:
        for name, layer in network.named_modules():
            if not any(layer.children()):
                stack.callback(layer.register_forward_hook(note(name)).remove)
        network(images)
    return found


def first_convolution(order: list[Call]) -> nn.Conv2d:
    """The convolution that sees the image.

    Raises:
        InputError: where none looks at three colours.
    """
    for call in order:
        if isinstance(call.layer, nn.Conv2d):
            if call.layer.in_channels != 3 or call.layer.groups != 1:
                break
            return call.layer
    raise InputError("filters: the network's first convolution does not look at three colours, so it cannot be shown")


def last_dense(order: list[Call]) -> Call:
    """The dense layer that gives the classes.

    Raises:
        InputError: where there is none.
    """
    dense = [call for call in order if isinstance(call.layer, nn.Linear)]
    if not dense:
        raise InputError("projection: the network has no torch.nn.Linear, so nothing enters a last one")
    return dense[-1]


def stage_ends(order: list[Call]) -> list[str]:
    """The last layer before each change of the maps' side, of those stages that hold a convolution."""
    maps = [call for call in order if len(call.shape) == 4 and not isinstance(call.layer, UNCHANGING)]
    stages = [list(stage) for _, stage in groupby(maps, key=lambda call: call.shape[2:])]
    return [stage[-1].name for stage in stages if any(isinstance(call.layer, nn.Conv2d) for call in stage)]


def blocks(module: nn.Module, prefix: str = "") -> list[str]:
    """The outermost modules of a class of their own that hold two convolutions or more, as inception modules do.

    A single one is the network's trunk, and looked into.
    """
    found: list[tuple[str, nn.Module]] = []
    for name, child in module.named_children():
        convolutions = sum(isinstance(inner, nn.Conv2d) for inner in child.modules())
        if convolutions > 1 and type(child) not in (nn.Sequential, nn.ModuleList, nn.ModuleDict):
            found.append((prefix + name, child))
        else:
            found += [
                (inner, module.get_submodule(inner[len(prefix) :])) for inner in blocks(child, f"{prefix}{name}.")
            ]
    if len(found) == 1:
        inside = blocks(found[0][1], f"{found[0][0]}.")
        return inside if len(inside) > 1 else [found[0][0]]
    return [name for name, _ in found]


def shown_layers(network: nn.Module, order: list[Call]) -> list[str]:
    """The layers to look at where none is named: every block, or the last layer of each stage.

    Raises:
        InputError: for a network without a convolution that gives maps.
    """
    parts = blocks(network)
    names = parts if len(parts) > 1 else stage_ends(order)
    if not names:
        raise InputError("top: the network has no convolution that gives maps; name a layer with --layer")
    return names
