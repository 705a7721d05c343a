"""Where a random search looks: a box of settings from which points are drawn evenly in their logarithms.

Random points try as many values of each setting as there are points, where a grid of n tries its square root
(Bergstra & Bengio 2012, Random search for hyper-parameter optimization).
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from dissect.streams import stream

# A later round's box, in each setting's logarithm, as a share of the box before. Of n points in a unit square the
# nearest neighbour is 0.5 / sqrt(n) away on average, 0.14 of 12: a third reaches 0.17 to either side of the best one.
SHRINK = 1 / 3

Setting = Mapping[str, float]  # a value of each key that is searched over


class Box(NamedTuple):
    """The lowest and the highest value of each key."""

    low: Setting
    high: Setting

    def draw(self, seed: int, search_round: int, trial: int) -> Setting:
        """The trial's setting, log-uniform in the box, to four digits; the same for the same seed, round and trial."""
        share = np.random.default_rng(stream(seed, "search", search_round, trial)).random(len(self.low))
        low, high = _logarithms(self.low), _logarithms(self.high)
        drawn = (float(f"{value:.4g}") for value in np.exp(low + share * (high - low)))
        return {key: min(max(v, self.low[key]), self.high[key]) for key, v in zip(self.low, drawn, strict=True)}

    def around(self, centre: Setting, share: float) -> "Box":
        """A box with `share` of this one's logarithmic sides around a setting, moved where it would leave this one."""
        low, high = _logarithms(self.low), _logarithms(self.high)
        side = share * (high - low)
        begin = np.clip(_logarithms(centre) - side / 2, low, high - side)
        # Rounding must not put the centre or this box's own edge outside.
        edges = zip(self.low, np.exp(begin), np.exp(begin + side), strict=True)
        inside = {
            key: (max(min(float(a), centre[key]), self.low[key]), min(max(float(b), centre[key]), self.high[key]))
            for key, a, b in edges
        }
        return Box({key: a for key, (a, _) in inside.items()}, {key: b for key, (_, b) in inside.items()})

    def at_edge(self, setting: Setting) -> list[str]:
        """The keys whose value lies in the outermost twentieth of its range: the best may lie beyond."""
        low, high, here = _logarithms(self.low), _logarithms(self.high), _logarithms(setting)
        near = np.minimum(here - low, high - here) < (high - low) / 20
        return [key for key, close in zip(self.low, near, strict=True) if close]


def trials_of(rounds: int, trials: int) -> list[int]:
    """How many trials each round has: as many as the others, what is left over in the first ones."""
    return [trials // rounds + (number < trials % rounds) for number in range(rounds)]


def _logarithms(setting: Setting) -> np.ndarray:
    return np.log(list(setting.values()))
