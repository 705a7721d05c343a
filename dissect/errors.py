"""The ways in which a run can end badly without a bug of ours, and what the package is called where that is said."""


class InputError(Exception):
    """What the user gave cannot be used. The message names the file or key, quotes the value, and says the mend."""


class AbsentError(InputError):
    """Data are not on this machine, and whoever asked for them did not want them fetched."""


class DiskFullError(InputError):
    """The store's disk is full, so that no further run can be kept either."""


class TrainingError(Exception):
    """A run diverged: its loss or metric became no number. That is an outcome, and the store keeps it as one."""


VERSION = "0.1.0"
DISTRIBUTION = "dissect-ablation"  # its name for pip, which knows another project by the name that is imported


def install(extra: str) -> str:
    """The command that installs what an optional part needs."""
    return f"pip install '{DISTRIBUTION}[{extra}]'"
