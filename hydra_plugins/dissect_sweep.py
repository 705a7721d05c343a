"""Where Hydra looks for plugins: the sweeper of conf/hydra/sweeper/dissect.yaml, and the tasks' schemas."""

from dissect.images import schema as _images  # noqa: F401  registers itself
from dissect.lightning import schema as _lightning  # noqa: F401
from dissect.sweep import sweeper


class Sweep(sweeper.Sweep):
    """`dissect.sweep.sweeper.Sweep`, under a name that Hydra takes."""
