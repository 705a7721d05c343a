"""The run store: one folder a run, files that appear whole or not at all, nothing that needs unpickling.

runs/<study>/<variant>-seed<k>-<key>/
    config.yaml      the resolved config, as it was run
    result.json      who the run is, its status, and what came out
    metrics.csv      a row an epoch
    predictions.npz  validation probabilities, single view and ten-crop, with the labels
    checkpoint.ckpt  the network after the last epoch (`weights_only` loadable)
"""

import errno
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from zipfile import BadZipFile

import numpy as np
from filelock import FileLock

from dissect.errors import InputError


@contextmanager
def whole(path: Path, mode: str = "w") -> Iterator[IO[Any]]:
    """Open `path` for writing so that it appears whole at the end of the block, or not at all.

    Raises:
        InputError: when the disk is full or the folder cannot be written, naming the file.
    """
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # The name starts with a dot, so a file left by a killed process is never taken for a finished one.
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        os.fchmod(handle, 0o666 & ~_umask())
        text: dict[str, Any] = {} if "b" in mode else {"encoding": "utf-8", "newline": ""}
        with open(handle, mode, **text) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException as problem:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        if isinstance(problem, OSError) and not isinstance(problem, FileNotFoundError):
            raise unwritable(path, problem) from problem
        raise


def unwritable(path: Path, problem: OSError) -> InputError:
    """The message for a file that could not be written; a full disk is said as such."""
    if problem.errno in (errno.ENOSPC, errno.EDQUOT):
        return InputError(
            f"{path}: the disk is full; nothing was left half-written. Free some space, then run it again"
        )
    return InputError(f"{path}: cannot be written ({problem.strerror or problem})")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the run's lock, waiting for whoever has it; a process that dies lets it go.

    Raises:
        InputError: when the store cannot be written.
    """
    path = folder.parent / ".locks" / f"{folder.name}.lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        held = FileLock(path).acquire()
    except OSError as problem:
        raise unwritable(path, problem) from problem
    with held:
        yield


def write_result(folder: Path, result: dict[str, Any]) -> None:
    """Write `result.json`; a run counts as finished from the moment this file says so."""
    with whole(folder / "result.json") as file:
        json.dump(result, file, indent=2, allow_nan=False)
        file.write("\n")


def read_result(folder: Path) -> dict[str, Any] | None:
    """The run's `result.json`, with its `folder` added; None where there is none.

    Raises:
        InputError: for a file that is not the JSON this module writes.
    """
    path = folder / "result.json"
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    try:
        result = json.loads(text)
    except ValueError as problem:
        raise InputError(
            f"{path}: is not valid JSON ({problem}); delete this run's folder and train it again"
        ) from problem
    return {**result, "folder": str(folder)}


def results(study: Path) -> list[dict[str, Any]]:
    """Every result in a study's folder, finished and failed, in the order of the folders' names.

    Raises:
        InputError: for a folder that does not exist.
    """
    if not study.is_dir():
        raise InputError(
            f"{study}: no such study; it is a folder of runs, made by `python -m dissect name={study.name} ...`"
        )
    found = (read_result(folder) for folder in sorted(study.iterdir()) if folder.is_dir() and folder.name[0] != ".")
    return [result for result in found if result is not None]


def finished(folder: Path, *, ten_crop: float | None = None) -> dict[str, Any] | None:
    """The run's result if it is finished, and its ten-crop the one that is asked for, if any; else None."""
    result = read_result(folder)
    if result is None or result.get("status") != "finished" or ten_crop not in (None, result.get("ten_crop")):
        return None
    return result


def write_predictions(folder: Path, **arrays: np.ndarray) -> None:
    """Write `predictions.npz`: `labels` (N,), `probabilities` (N, classes), `probabilities_ten_crop` if evaluated."""
    with whole(folder / "predictions.npz", "wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]


def read_predictions(folder: Path) -> dict[str, np.ndarray]:
    """The arrays of `write_predictions`.

    Raises:
        InputError: when the file is missing or cut short.
    """
    path = folder / "predictions.npz"
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except FileNotFoundError as problem:
        raise InputError(f"{path}: this run has no predictions; delete its folder and train it again") from problem
    except (ValueError, OSError, EOFError, KeyError, AttributeError, BadZipFile) as problem:
        raise InputError(
            f"{path}: cannot be read ({problem}); delete this run's folder and train it again"
        ) from problem
