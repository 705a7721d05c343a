"""The state from which a killed run goes on."""

import os
import sys
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from lightning_fabric.plugins import TorchCheckpointIO

from dissect.errors import InputError
from dissect.files import unwritable
from dissect.store import runs as store
from dissect.training.kept import read


class Resume(pl.callbacks.Checkpoint):
    """Keeps the state after each of the last two epochs, so that a run that is killed goes on from there.

    Args:
        key: the run's; a state of another run is never gone on from.
    """

    def __init__(self, folder: Path, key: str) -> None:
        self._path, self._before = folder / "resume.ckpt", folder / "resume-before.ckpt"
        self._key, self._tried = key, False

    def newest(self, precision: str) -> Path | None:
        """The state to go on from: the last epoch's or, where that is damaged, the one before; None to begin.

        Args:
            precision: of the run that goes on; a state of another one would make it a mixture.
        """
        for path in (self._path, self._before):
            if not path.exists():
                continue
            try:
                begun = read(path, self._key, mmap=True).get("precision", "a precision that it does not say")
                if begun != precision:
                    raise ValueError(
                        f"was begun in {begun}, which this machine or config does not give; it has {precision}"
                    )
            except ValueError as problem:
                older = path == self._path and self._before.exists()
                instead = "the one before it is used" if older else "the run begins anew"
                print(f"{path}: {problem}; {instead}", file=sys.stderr, flush=True)
            else:
                return path
        return None

    def remove(self) -> None:
        store.remove_states(self._path.parent)

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        checkpoint |= {"run": self._key, "precision": str(trainer.precision)}

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        half = self._path.with_name(f".{self._path.name}")
        try:
            trainer.save_checkpoint(half)
            if trainer.is_global_zero:
                self._try(half)
                if self._path.exists():
                    os.replace(self._path, self._before)
                os.replace(half, self._path)
        except OSError as problem:
            half.unlink(missing_ok=True)
            raise unwritable(self._path, problem) from problem

    def _try(self, half: Path) -> None:
        """Refuse, after the first epoch, a state that could not be gone on from."""
        if self._tried:
            return
        self._tried = True
        try:
            read(half, self._key, mmap=True)
        except ValueError as problem:
            half.unlink(missing_ok=True)
            raise InputError(
                f"{self._path}: the module's checkpoint could not be gone on from ({problem}): keep numbers, texts, "
                "tensors, lists and dictionaries in on_save_checkpoint and in hooks, and no other objects"
            ) from problem


class Plain(TorchCheckpointIO):
    """Leaves out of a checkpoint what only `load_from_checkpoint` wants: arguments, which may be any objects."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None) -> None:
        kept = {
            key: value for key, value in checkpoint.items() if "hparams" not in key and "hyper_parameters" not in key
        }
        super().save_checkpoint(kept, path, storage_options)
