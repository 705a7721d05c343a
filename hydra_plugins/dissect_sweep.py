"""Where Hydra looks for plugins, and nowhere else: the sweeper of conf/hydra/sweeper/dissect.yaml."""

from dissect import sweep


class Sweep(sweep.Sweep):
    """`dissect.sweep.Sweep`, under a name that Hydra takes."""
