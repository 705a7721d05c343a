"""Composing and training from Python."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from hydra.errors import MissingConfigException

from dissect.composing import compose as composing
from dissect.composing.complaints import COMPLAINTS, explain
from dissect.composing.variant import Variant
from dissect.errors import InputError


def compose(overrides: Iterable[str] = (), *, config_dirs: Iterable[str | Path] = ()) -> Variant:
    """The variant that `python -m dissect OVERRIDES` would run.

    Args:
        config_dirs: folders with configs of your own, as --config-dir takes them.

    Raises:
        InputError: for what cannot be composed, components that have no effect, or may not be combined.

    >>> compose(["+ablation=step3", "seed=1"]).components
    {'dropout1': 'dropout 1', 'augmentation': 'augmentation'}
    """
    said, folders = list(overrides), [Path(folder) for folder in config_dirs]
    try:
        return composing.compose(said, config_dirs=folders)
    except COMPLAINTS as problem:
        told = explain(problem, [*(f"--config-dir={folder}" for folder in folders), *said])
        own = isinstance(problem, MissingConfigException) and not folders
        raise InputError(told + "; configs of your own: config_dirs=[FOLDER]" * own) from problem


def train(variant: Variant) -> dict[str, Any]:
    """The variant's result as `result.json` has it; from the store, if that has it, else trained now.

    Raises:
        InputError: for a config, data or a store that cannot be used.
        TrainingError: when training itself fails.

    >>> result = train(compose(["+ablation=step2", "train.epochs=1"]))  # doctest: +SKIP
    >>> result["metrics"]["accuracy"]  # doctest: +SKIP
    0.1719
    """
    from dissect.sweep.finish import finish

    return finish(variant)[0]
