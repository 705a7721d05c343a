"""The two ways in which a run can end badly without a bug of ours."""


class InputError(Exception):
    """What the user gave cannot be used. The message names the file or key, quotes the value, and says the mend."""


class TrainingError(Exception):
    """One run went wrong while it trained (its loss became NaN, say); other runs of a sweep may go on."""
