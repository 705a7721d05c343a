"""Where a random search looks: a box of settings from which points are drawn evenly in their logarithms.

Random points try as many values of each setting as there are points, where a grid of n tries its square root
(Bergstra & Bengio 2012, Random search for hyper-parameter optimization).
"""

from typing import NamedTuple

import numpy as np

from dissect.streams import stream

# A later round's box, in each setting's logarithm, as a share of the box before. Of n points in a unit square the
# nearest neighbour is 0.5 / sqrt(n) away on average, 0.14 of 12: a third reaches 0.17 to either side of the best one.
SHRINK = 1 / 3


class Setting(NamedTuple):
    learning_rate: float
    weight_decay: float


class Box(NamedTuple):
    """The lowest and the highest setting."""

    low: Setting
    high: Setting

    def draw(self, seed: int, search_round: int, trial: int) -> Setting:
        """The trial's setting, log-uniform in the box, to four digits; the same for the same seed, round and trial."""
        share = np.random.default_rng(stream(seed, "search", search_round, trial)).random(2)
        low, high = np.log(self.low), np.log(self.high)
        drawn = (float(f"{value:.4g}") for value in np.exp(low + share * (high - low)))
        return Setting(*(min(max(v, a), b) for v, a, b in zip(drawn, self.low, self.high, strict=True)))

    def around(self, centre: Setting, share: float) -> "Box":
        """A box with `share` of this one's logarithmic sides around a setting, moved where it would leave this one."""
        low, high = np.log(self.low), np.log(self.high)
        side = share * (high - low)
        begin = np.clip(np.log(centre) - side / 2, low, high - side)
        # Rounding must not put the centre or this box's own edge outside.
        edges = zip(np.exp(begin), np.exp(begin + side), centre, self.low, self.high, strict=True)
        inside = [(max(min(float(a), c), least), min(max(float(b), c), most)) for a, b, c, least, most in edges]
        return Box(Setting(*(a for a, _ in inside)), Setting(*(b for _, b in inside)))

    def at_edge(self, setting: Setting) -> list[str]:
        """The settings' names that lie in the outermost twentieth of their range: the best may lie beyond."""
        low, high, here = np.log(self.low), np.log(self.high), np.log(setting)
        near = np.minimum(here - low, high - here) < (high - low) / 20
        return [name for name, close in zip(Setting._fields, near, strict=True) if close]


def trials_of(rounds: int, trials: int) -> list[int]:
    """How many trials each round has: as many as the others, what is left over in the first ones."""
    return [trials // rounds + (number < trials % rounds) for number in range(rounds)]
