"""A small residual network for images of 32x32 and 64x64, with every idea of the years after AlexNet as an argument."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torchvision.ops import SqueezeExcitation, StochasticDepth

from dissect.networks.convnet import dropout as drop
from dissect.networks.convnet import halved

Layer = Callable[[], nn.Module]
Norm = Callable[[int], nn.Module]  # from the number of channels


class ResNet(nn.Module):
    """A stem, three stages that each halve the map, and a head; a stage is a convolution, a pool, and blocks.

    Maps images (N, 3, H, W) to logits (N, classes). With every argument off it is a plain network of 3x3 convolutions,
    as VGG is (Simonyan & Zisserman 2015); with batch norm, residual connections and the global pool it is of the kind
    that Page (2019, "How to train your ResNet") trains on CIFAR.

    Args:
        image_size: pixels; only the dense layers depend on it, so that `global_pool` takes images of any size.
        filters: channels of the stem and of the three stages; blocks: in each stage.
        hidden: units of the first dense layer, which `global_pool` leaves out.
        activation: makes the layer after each normalised convolution.
        norm: from a number of channels to a layer after each convolution, such as torch.nn.BatchNorm2d; None: none.
        residual: a block adds its input to what it makes of it (He et al. 2016, figure 2).
        zero_init: the last norm of each block begins at 0, and so each block as the identity (Goyal et al. 2017, 5.1).
        squeeze_excitation: the squeezed share of the channels (Hu et al. 2018, figure 3), 0: none.
        blur: stages pool by the maximum of each 2x2, then a binomial filter of 3x3 with stride 2 (Zhang 2019).
        patch: side of the patches that the stem takes in one stride (Liu et al. 2022, section 2.3); 0: a 3x3.
        global_pool: the mean over the last map goes to the classes at once (Lin et al. 2014, section 3.2).
        stochastic_depth: chance that the last block is left out in training; earlier ones in proportion to their depth
            (Huang et al. 2016, equation 4).
        dropout: probability before the last dense layer.
        width: multiplies `filters` and `hidden`.

    Raises:
        ValueError: for a number outside its range, `stochastic_depth` or `zero_init` without what they act on.
    """

    def __init__(self, *, classes: int, image_size: int, filters: Sequence[int], blocks: Sequence[int], hidden: int,
                 activation: Layer, norm: Norm | None, residual: bool, zero_init: bool, squeeze_excitation: float,
                 blur: bool, patch: int, global_pool: bool, stochastic_depth: float, dropout: float,
                 width: float = 1.0) -> None:  # fmt: skip
        super().__init__()
        for name, share in (("stochastic_depth", stochastic_depth), ("dropout", dropout),
                            ("squeeze_excitation", squeeze_excitation)):  # fmt: skip
            if not 0 <= share < 1:
                raise ValueError(f"{name}={share}: must be a share from 0 to below 1")
        for name, needs, there in (
            ("stochastic_depth", "residual=true", residual),
            ("zero_init", "residual=true and a norm with weights", residual and norm is not None),
        ):
            if locals()[name] and not there:
                raise ValueError(f"{name}={locals()[name]}: does nothing without model.{needs}")
        if patch < 0 or len(filters) != 4 or len(blocks) != 3:
            raise ValueError(
                f"patch={patch}, filters={list(filters)}, blocks={list(blocks)}: must be 0 or more, four numbers, three"
            )
        stem, one, two, three, units = (round(width * size) for size in (*filters, hidden))
        if min(stem, one, two, three, units) < 1:
            raise ValueError(
                f"width={width}: leaves a layer of {[*filters, hidden]} without units; choose a larger one"
            )
        first, second, third = blocks
        left_out = iter(torch.linspace(0, stochastic_depth, sum(blocks) + 1)[1:].tolist())
        conv = partial(convolution, norm=norm, activation=activation)

        def stage(inputs: int, channels: int, count: int) -> nn.Module:
            parts = [
                Block(channels, conv=conv, activation=activation, residual=residual, zero_init=zero_init,
                      squeeze=round(squeeze_excitation * channels), left_out=next(left_out))
                for _ in range(count)
            ]  # fmt: skip
            return nn.Sequential(
                OrderedDict(conv=conv(inputs, channels), pool=pool(blur), blocks=nn.Sequential(*parts))
            )

        side = -(-image_size // patch) if patch else image_size
        for _ in range(3):
            side = halved(side)
        # fmt: off
        self.features = nn.Sequential(OrderedDict(                              # of 32x32x3:
            stem=conv(3, stem, patch or 3, stride=patch or 1),                  # 32x32x32
            stage1=stage(stem, one, first),                                     # 16x16x64
            stage2=stage(one, two, second),                                     # 8x8x128
            stage3=stage(two, three, third),                                    # 4x4x256
        ))
        self.head = nn.Sequential(OrderedDict(
            pool=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten(),                 # 256
            drop=drop(dropout), fc=nn.Linear(three, classes),
        ) if global_pool else OrderedDict(
            flatten=nn.Flatten(), fc1=nn.Linear(three * side * side, units), act=activation(),       # 256
            drop=drop(dropout), fc=nn.Linear(units, classes),
        ))
        # fmt: on

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.features(images))


class Block(nn.Module):
    """Two 3x3 convolutions, and where it is residual their input added: (N, channels, H, W) to the same.

    Args:
        conv: makes a convolution with its norm and activation; squeeze: channels of the squeezed layer, 0: none.
        left_out: chance that an image goes past the convolutions in training.
    """

    def __init__(self, channels: int, *, conv: Callable[..., nn.Sequential], activation: Layer, residual: bool,
                 zero_init: bool, squeeze: int, left_out: float) -> None:  # fmt: skip
        super().__init__()
        self.conv1, self.conv2 = conv(channels, channels), conv(channels, channels, activation=nn.Identity)
        self.squeeze = SqueezeExcitation(channels, squeeze) if squeeze else nn.Identity()
        self.depth = StochasticDepth(left_out, "row") if left_out else nn.Identity()
        self.act, self.residual = activation(), residual
        if zero_init:
            nn.init.zeros_(self.conv2.get_parameter("norm.weight"))

    def forward(self, maps: Tensor) -> Tensor:
        made = self.depth(self.squeeze(self.conv2(self.conv1(maps))))
        return self.act(maps + made if self.residual else made)


class GroupNorm(nn.GroupNorm):
    """Torch's, from the number of channels first (Wu & He 2018)."""

    def __init__(self, channels: int, *, groups: int) -> None:
        super().__init__(groups, channels)


class BlurPool(nn.Module):
    """The maximum of each 2x2, then a binomial filter of 3x3 with stride 2 (Zhang 2019, "Tri-3"): halves, rounded up.

    Maps (N, C, H, W). At the border the maxima are those of what lies inside. Both are done in single precision: on
    CPUs the filter's gradient takes ten times as long in bfloat16, and the maxima half as long again (torch 2.15).
    """

    def __init__(self) -> None:
        super().__init__()
        line = torch.tensor([0.25, 0.5, 0.25])
        self.register_buffer("filter", torch.outer(line, line)[None, None], persistent=False)

    def forward(self, maps: Tensor) -> Tensor:
        highest = nn.functional.max_pool2d(maps.float(), 2, stride=1, padding=1)
        tall, wide = (side % 2 for side in maps.shape[2:])
        if tall or wide:
            highest = nn.functional.pad(highest, (0, wide, 0, tall), mode="replicate")
        channels = maps.shape[1]
        with torch.autocast(maps.device.type, enabled=False):
            filters = self.get_buffer("filter").float().expand(channels, 1, 3, 3)
            return nn.functional.conv2d(highest, filters, stride=2, groups=channels).to(maps.dtype)


def convolution(inputs: int, filters: int, side: int = 3, *, stride: int = 1, norm: Norm | None,
                activation: Layer) -> nn.Sequential:  # fmt: skip
    """A convolution, its norm, its activation; without a norm it has a bias instead."""
    return nn.Sequential(OrderedDict(
        conv=nn.Conv2d(inputs, filters, side, stride, padding=side // 2 if stride == 1 else 0, bias=norm is None),
        norm=norm(filters) if norm else nn.Identity(),
        act=activation(),
    ))  # fmt: skip


def pool(blur: bool) -> nn.Module:
    return BlurPool() if blur else nn.MaxPool2d(2, ceil_mode=True)
