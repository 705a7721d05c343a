"""Activations that torch has under other arguments than networks here give them."""

from torch import nn


def gelu(inplace: bool = False) -> nn.GELU:
    """GELU (Hendrycks & Gimpel 2016), which has no form in place, whatever the base asks of its activation."""
    return nn.GELU()
