"""Learning rate schedules: from the share of training that is done, 0 to 1, to a factor of the peak.

Each step takes the factor at its own middle, `at`: a schedule that begins or ends at 0 has no step that does nothing.
"""

import math
from collections.abc import Sequence


def at(step: int, steps: int) -> float:
    """How much of the training is done in the middle of a step: 1/20, 3/20, ... 19/20 in the steps 0 to 9 of 10."""
    return min(1.0, (step + 0.5) / steps)


def cosine(done: float, *, warmup: float = 0.0) -> float:
    """Linear from 0 over the first `warmup`, then half a cosine to 0 (Loshchilov & Hutter 2017, equation 5).

    Raises:
        ValueError: unless warmup lies from 0 to below 1.
    """
    rising, left = _parts(done, warmup)
    return rising if left is None else 0.5 * (1 + math.cos(math.pi * left))


def linear(done: float, *, warmup: float = 0.0) -> float:
    """Linear from 0 over the first `warmup`, then linear to 0 (Goyal et al. 2017 for the first, Li et al. 2020,
    "Budgeted training", section 3, for the second).

    Raises:
        ValueError: unless warmup lies from 0 to below 1.
    """
    rising, left = _parts(done, warmup)
    return rising if left is None else 1 - left


def constant(done: float, *, warmup: float = 0.0) -> float:
    """Linear from 0 over the first `warmup`, then the peak.

    Raises:
        ValueError: unless warmup lies from 0 to below 1.
    """
    rising, left = _parts(done, warmup)
    return rising if left is None else 1.0


def steps(done: float, *, at: Sequence[float], factor: float = 0.1, warmup: float = 0.0) -> float:
    """Linear from 0 over the first `warmup`, then the peak, times `factor` after each of the shares `at` of all steps.

    Raises:
        ValueError: unless warmup lies from 0 to below 1, and the factor and all of `at` from 0 to 1.
    """
    for name, numbers in (("at", at), ("factor", [factor])):
        if not all(0 <= number <= 1 for number in numbers):
            raise ValueError(f"{name}={numbers if name == 'at' else factor} must be from 0 to 1")
    rising, left = _parts(done, warmup)
    return rising if left is None else factor ** sum(done >= share for share in at)


def one_cycle(done: float, *, warmup: float = 0.3, initial: float = 1 / 25, final: float = 1 / 25e4) -> float:
    """Half a cosine from `initial` to the peak over the first `warmup`, another one to `final` (Smith & Topin 2018).

    The rate alone, of one cycle of two phases; torch's OneCycleLR with its own defaults, which also moves the momentum.

    Raises:
        ValueError: unless warmup lies from 0 to below 1, and initial and final from 0 to 1.
    """
    for name, factor in (("initial", initial), ("final", final)):
        if not 0 <= factor <= 1:
            raise ValueError(f"{name}={factor} must be a factor of the peak, from 0 to 1")
    rising, left = _parts(done, warmup)
    if left is None:
        return initial + (1 - initial) * 0.5 * (1 - math.cos(math.pi * rising))
    return final + (1 - final) * 0.5 * (1 + math.cos(math.pi * left))


def _parts(done: float, warmup: float) -> tuple[float, float | None]:
    """The share of the warm-up that is done, and that of the rest: None before it has begun."""
    if not 0 <= warmup < 1:
        raise ValueError(f"warmup={warmup} must be a share of all steps, from 0 to below 1")
    if done < warmup:
        return done / warmup, None
    return 1.0, (done - warmup) / (1 - warmup)
