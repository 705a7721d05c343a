"""A user's own network that ends the process when the first training step is done, and says when that was."""

import os
import time
from typing import Any

from torch import Tensor

from dissect.networks.convnet import ConvNet


class Clocked(ConvNet):
    """The simple model."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.steps = 0

    def forward(self, images: Tensor) -> Tensor:
        if self.training:
            self.steps += 1
            if self.steps == 2:  # so the first step is done
                print(time.monotonic(), flush=True)
                os._exit(0)
        return super().forward(images)
