"""From a variant to its finished run: from the store if it is there, else trained now."""

import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import hydra
from omegaconf import DictConfig, OmegaConf

from dissect.composing.variant import Variant, has_ten_crop, run_folder
from dissect.errors import InputError, TrainingError
from dissect.store import runs as store
from dissect.store.record import describe

if TYPE_CHECKING:
    from dissect.images.arrays import ImageSet


def images_of(config: DictConfig) -> "ImageSet":
    """The images that a config names, decoded if this is the first time.

    Raises:
        InputError: for a setting or a file that cannot be used.
    """
    from dissect.images.arrays import load

    data = OmegaConf.to_container(config.data, resolve=True)
    assert isinstance(data, dict)
    return load(
        hydra.utils.instantiate(config.data.source),
        **{str(key): data[key] for key in data if key not in ("name", "source", "root", "mirror")},
    )


def found(variant: Variant, pixels: str) -> dict[str, Any] | None:
    """The result of a run that is finished with all that the config asks for, else None."""
    folder = run_folder(variant, pixels)
    result = store.finished(folder)
    if result is not None:
        store.remove_states(folder)  # a run that was killed just after it was finished could not
    return result if result is not None and has_ten_crop(result, variant.config) else None


def finish(variant: Variant) -> tuple[dict[str, Any], bool]:
    """The variant's result, and whether it had to be trained for it now.

    Raises:
        InputError: for a config, images or a store that cannot be used.
        TrainingError: when training itself fails.
    """
    images = images_of(variant.config)
    variant = variant.with_classes(len(images.classes))
    if (result := found(variant, images.digest)) is not None:
        return result, False
    # From here on torch is needed, and takes its seconds to import.
    if variant.config.ensemble.average:
        from dissect.training.ensemble import run_ensemble

        return run_ensemble(variant, images), True
    from dissect.training.run import run

    result = run(variant, images)
    return result, result.pop("new", True)


@dataclass(frozen=True)
class Outcome:
    """How a run ended: with its `result`, or with the `error` that ended it; `new` where it was trained just now."""

    result: dict[str, Any] | None = None
    new: bool = False
    error: str = ""

    def said(self, variant: Variant) -> str:
        """The outcome, to be read by a person."""
        ending = line(self.result, self.new) if self.result else f"failed: {self.error}"
        return f"{variant.name} seed {variant.seed}: {ending}"


def line(result: Mapping[str, Any], new: bool) -> str:
    """A run's scores; `new` where it was trained just now."""
    ten_crop = result["accuracy_ten_crop"]
    parts = [
        f"accuracy {result['accuracy']:.2%}",
        *([f"ten-crop {ten_crop:.2%}"] if ten_crop is not None else []),
        f"top-5 {result['top5']:.2%}",
        f"loss {result['loss']:.3f}",
        *([f"train {result['train_accuracy']:.2%}"] if result["train_accuracy"] is not None else []),
        f"{result['train_seconds']:.1f} s" if new else "finished before",
    ]
    return " · ".join(parts)


def attempt(variant: Variant) -> Outcome:
    """`finish`, for a run among others: whatever goes wrong is this run's own failure, and stands in the store."""
    try:
        result, new = finish(variant)
    except TrainingError as problem:  # the store says so already
        return Outcome(error=str(problem))
    except InputError as problem:
        return fail(variant, str(problem))
    except Exception as problem:  # a network is anybody's code, so anything may come
        traceback.print_exc()
        return fail(variant, f"{type(problem).__name__}: {problem}")
    return Outcome(result, new)


def fail(variant: Variant, reason: str) -> Outcome:
    """Let the store say that the run failed, and why, unless it is finished; what it has saved stays for a retry."""
    try:
        images = images_of(variant.config)
        variant = variant.with_classes(len(images.classes))
        folder = run_folder(variant, images.digest)
        with store.locked(folder):
            if (result := found(variant, images.digest)) is not None:
                return Outcome(result, True)
            store.write_result(folder, describe(variant, images) | {"status": "failed", "error": reason})
    except InputError:  # neither can the store be written, and the caller says why
        pass
    return Outcome(error=reason)
