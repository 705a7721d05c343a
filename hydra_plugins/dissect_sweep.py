"""Where Hydra looks for plugins, and nowhere else: the sweeper of conf/hydra/sweeper/dissect.yaml."""

from dissect.sweep import sweeper as sweep


class Sweep(sweep.Sweep):
    """`dissect.sweep.sweeper.Sweep`, under a name that Hydra takes."""
