"""The reduced GoogLeNet of the poster "Scaling of Inception Layers for Reduced Scale Classification" (2015)."""

from collections import OrderedDict
from collections.abc import Sequence

import torch
from torch import Tensor, nn


class ReducedGoogLeNet(nn.Module):
    """A convolution, four inception modules and a dense layer, for images of 64x64.

    Maps images (N, 3, H, W) to logits (N, classes). H and W may be anything from 8 on: the table's last pool is 8x8
    over a map of 8x8, and here it is the mean of the whole map, which is the same at 64x64; so a window of 60x60, which
    ends as 7x7, or smaller images change no parameter.

    Args:
        stem: output channels of the first convolution.
        modules: a row of the poster's table for each module: output channels of its 1x1, its 3x3's reduction, its
            3x3, its 5x5's reduction, its 5x5, and its pool's projection.
        dropout: probability after each convolution.
        width: multiplies `stem` and `modules`.

    Raises:
        ValueError: unless there are four rows of six, for a probability outside [0, 1), or a width that leaves a
            convolution without filters.
    """

    def __init__(self, *, classes: int, stem: int, modules: Sequence[Sequence[int]], dropout: float,
                 width: float = 1.0) -> None:  # fmt: skip
        super().__init__()
        if [len(row) for row in modules] != [6] * 4:
            raise ValueError(f"modules={[list(row) for row in modules]}: must be four rows of six")
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout={dropout}: must be a probability from 0 to below 1")
        (first,), one, two, three, four = ([round(width * size) for size in row] for row in ([stem], *modules))
        if min(first, *one, *two, *three, *four) < 1:
            raise ValueError(f"width={width}: leaves a convolution without filters; choose a larger one")

        # fmt: off
        self.features = nn.Sequential(OrderedDict(                                  # of 64x64x3:
            conv1=convolution(3, first, 3, dropout=dropout),                        # 62x62x128
            pool1=nn.MaxPool2d(4, stride=2),                                        # 30x30x128
            inception1=Inception(first, *one, dropout=dropout),                     # 30x30x128
            pool2=nn.MaxPool2d(2, stride=2, padding=1),  # the pad makes 30 to 16:  # 16x16x128
            inception2=Inception(outputs(one), *two, dropout=dropout),              # 16x16x128
            inception3=Inception(outputs(two), *three, dropout=dropout),            # 16x16x256
            pool3=nn.MaxPool2d(2, stride=2),                                        # 8x8x256, printed as 258
            inception4=Inception(outputs(three), *four, dropout=dropout),           # 8x8x320
        ))
        self.classifier = nn.Sequential(OrderedDict(
            pool4=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten(),                    # 320
            fc=nn.Linear(outputs(four), classes),                                   # 200
        ))
        # fmt: on

    def forward(self, images: Tensor) -> Tensor:
        return self.classifier(self.features(images))


class Inception(nn.Module):
    """Four views of one map side by side (Szegedy et al. 2015, figure 2b): (N, inputs, H, W) to (N, outputs, H, W).

    Args:
        n1: channels of the 1x1; reduced3, n3: of the 3x3 and of the 1x1 before it; reduced5, n5: of the 5x5 and of the
            1x1 before it; pooled: of the 1x1 after the pool.
    """

    def __init__(self, inputs: int, n1: int, reduced3: int, n3: int, reduced5: int, n5: int, pooled: int, *,
                 dropout: float) -> None:  # fmt: skip
        super().__init__()
        self.one = convolution(inputs, n1, 1, dropout=dropout)
        self.three = nn.Sequential(
            convolution(inputs, reduced3, 1, dropout=dropout), convolution(reduced3, n3, 3, padding=1, dropout=dropout)
        )
        self.five = nn.Sequential(
            convolution(inputs, reduced5, 1, dropout=dropout), convolution(reduced5, n5, 5, padding=2, dropout=dropout)
        )
        self.pool = nn.Sequential(nn.MaxPool2d(3, stride=1, padding=1), convolution(inputs, pooled, 1, dropout=dropout))

    def forward(self, maps: Tensor) -> Tensor:
        return torch.cat([self.one(maps), self.three(maps), self.five(maps), self.pool(maps)], dim=1)


def outputs(row: Sequence[int]) -> int:
    """Output channels of the module that a row of the table describes: its reductions are not among them."""
    n1, _, n3, _, n5, pooled = row
    return n1 + n3 + n5 + pooled


def convolution(inputs: int, filters: int, side: int, *, padding: int = 0, dropout: float) -> nn.Module:
    """A convolution, normalised, ReLU; and dropout, which when off is the identity and draws no random number."""
    return nn.Sequential(OrderedDict(
        conv=nn.Conv2d(inputs, filters, side, padding=padding, bias=False),  # the normalisation has a bias
        norm=nn.BatchNorm2d(filters),
        act=nn.ReLU(inplace=True),
        drop=nn.Dropout(dropout) if dropout else nn.Identity(),
    ))  # fmt: skip
