"""Learning rate schedules: from the share of steps done, 0 to 1, to a factor of the peak."""

import math


def cosine(done: float, *, warmup: float = 0.0) -> float:
    """Linear from 0 over the first `warmup`, then half a cosine to 0 (Loshchilov & Hutter 2017, equation 5).

    Raises:
        ValueError: unless warmup lies from 0 to below 1.
    """
    if not 0 <= warmup < 1:
        raise ValueError(f"warmup={warmup} must be a share of all steps, from 0 to below 1")
    if done < warmup:
        return done / warmup
    return 0.5 * (1 + math.cos(math.pi * (done - warmup) / (1 - warmup)))


def constant(done: float) -> float:
    """The peak throughout."""
    return 1.0
