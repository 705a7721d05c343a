"""`python -m dissect`: compose a config, then train what it says, once or as a sweep."""

import os
import signal
import sys
from collections.abc import Mapping
from typing import Any

import hydra
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from dissect.complaints import explain
from dissect.compose import identify
from dissect.config import CONF
from dissect.errors import InputError, TrainingError
from dissect.variant import Variant, has_ten_crop, run_folder

_finished: list[str] = []  # this process's runs, each as the path of its study
_failures: list[str] = []  # those that went wrong while the others went on


@hydra.main(version_base="1.3", config_path=str(CONF), config_name="config")
def job(config: DictConfig) -> None:
    """One job of Hydra's: a single run, or one of a sweep."""
    try:
        variant = identify(config)
        result, new = finish(variant)
        print(line(variant, result, new), flush=True)
        _finished.append(config.name if config.runs == "runs" else f"{config.runs}/{config.name}")
    except InputError as problem:
        sys.exit(f"error: {problem}")
    except TrainingError as problem:
        _failures.append(f"{variant.name} seed {variant.seed}")
        print(f"failed: {_failures[-1]}: {problem}", file=sys.stderr, flush=True)


def finish(variant: Variant) -> tuple[dict[str, Any], bool]:
    """The variant's result, and whether it had to be trained for it now."""
    from dissect import store
    from dissect.data.arrays import load

    config = variant.config
    data = OmegaConf.to_container(config.data, resolve=True)
    assert isinstance(data, dict)
    images = load(
        hydra.utils.instantiate(config.data.source),
        **{str(key): data[key] for key in data if key not in ("name", "source", "root", "mirror")},
    )
    variant = variant.with_classes(len(images.classes))
    result = store.finished(run_folder(variant, images.digest))
    if result is not None and has_ten_crop(result, variant.config):
        return result, False

    # From here on torch is needed, and takes its seconds to import.
    if config.ensemble.average:
        from dissect.training.ensemble import run_ensemble

        return run_ensemble(variant, images), True
    from dissect.training.run import run

    return run(variant, images), True


def line(variant: Variant, result: Mapping[str, Any], new: bool) -> str:
    """A run's result, to be read by a person."""
    ten_crop = result["accuracy_ten_crop"]
    parts = [
        f"accuracy {result['accuracy']:.2%}",
        *([f"ten-crop {ten_crop:.2%}"] if ten_crop is not None else []),
        f"top-5 {result['top5']:.2%}",
        f"loss {result['loss']:.3f}",
        *([f"train {result['train_accuracy']:.2%}"] if result["train_accuracy"] is not None else []),
        f"{result['train_seconds']:.1f} s" if new else "finished before",
    ]
    return f"{variant.name} seed {variant.seed}: {' · '.join(parts)}\n  {result['folder']}"


def main() -> None:
    """Run Hydra's application, and leave with 1 when a run failed."""
    # A user's own networks are found from the folder that they work in, as with any `python -m`.
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")  # lets errors through to here, to be said in our words
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    sys.argv = [sys.argv[0], *options_first(sys.argv[1:])]
    try:
        job()
    except (HydraException, OmegaConfBaseException, YAMLError) as problem:
        sys.exit(f"error: {explain(problem, sys.argv)}")
    except ValueError as problem:  # Hydra's, for a choice such as ablation=5
        if not str(problem).startswith("Config group override"):
            raise
        sys.exit(f"error: {explain(problem, sys.argv)}; a choice is a name, such as +ablation=step5")
    if len(_finished) > 1:
        print(f"{len(_finished)} runs finished; their report: python -m dissect.report {_finished[-1]}")
    if _failures:
        sys.exit(f"{len(_failures)} failed: {', '.join(_failures)}")


def options_first(arguments: list[str]) -> list[str]:
    """The command line with its options before its overrides, since Hydra's parser takes no option between them."""
    named = "cfg c package p info i config-path cp config-name cn config-dir cd experimental-rerun"
    with_value = {("-" if len(name) < 3 else "--") + name for name in named.split()}
    options: list[str] = []
    overrides: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        (options if argument.startswith("-") else overrides).append(argument)
        if argument in with_value:
            options += [value for value in [next(rest, None)] if value is not None]
    return options + overrides


def _stop(number: int, frame: Any) -> None:
    name = signal.Signals(number).name
    print(f"stopped by {name}; the same command goes on from the last whole epoch", file=sys.stderr, flush=True)
    sys.exit(128 + number)


if __name__ == "__main__":
    main()
