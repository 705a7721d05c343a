"""The run store: one folder a run, files that appear whole or not at all, nothing that needs unpickling.

runs/<study>/<variant>-seed<k>-<key>/
    config.yaml      the resolved config, as it was run
    result.json      who the run is, its status, and what came out
    metrics.csv      a row an epoch
    predictions.npz  each validation example's score, and what the task needs for an ensemble
    checkpoint.pt    the network after the last epoch
"""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from filelock import FileLock, Timeout
from numpy.lib.npyio import NpzFile

from dissect.errors import InputError
from dissect.files import unwritable, whole


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the run's lock, waiting for whoever has it; a process that dies lets it go.

    Raises:
        InputError: when the store cannot be written.
    """
    path = folder.parent / ".locks" / f"{folder.name}.lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path)
        try:
            held = lock.acquire(timeout=0)
        except Timeout:
            print(f"{folder.name}: waiting for the process that trains it", file=sys.stderr, flush=True)
            held = lock.acquire()
    except OSError as problem:
        raise unwritable(path, problem) from problem
    with held:
        yield


def held(folder: Path) -> bool:
    """Whether a process holds the run's lock now, so trains it or waits to."""
    path = folder.parent / ".locks" / f"{folder.name}.lock"
    if not path.exists():
        return False
    try:
        with FileLock(path, timeout=0):
            return False
    except (Timeout, OSError):
        return True


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
    except OSError as problem:
        raise InputError(f"{path}: cannot be read ({problem.strerror}); check runs=") from problem
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


def finished(folder: Path) -> dict[str, Any] | None:
    """The run's result if it is finished, else None."""
    result = read_result(folder)
    return result if result is not None and result.get("status") == "finished" else None


STATES = ("resume.ckpt", "resume-before.ckpt", ".resume.ckpt")  # of an unfinished run; the last one half-written


def remove_states(folder: Path) -> None:
    """Remove what an unfinished run would have gone on from; a store that cannot be written keeps it."""
    for name in STATES:
        with suppress(OSError):
            (folder / name).unlink(missing_ok=True)


def write_predictions(folder: Path, **arrays: np.ndarray) -> None:
    """Write `predictions.npz`, or nothing where there are none.

    `scores` (N,) and `scores_ten_crop` (N,) are each example's part of the metric; what else there is, is the task's.
    """
    if not arrays:
        return
    with whole(folder / "predictions.npz", "wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]


def read_predictions(folder: Path) -> dict[str, np.ndarray]:
    """The arrays given to `write_predictions`.

    Raises:
        InputError: when the file is missing or cut short.
    """
    with _predictions(folder) as arrays:
        return {name: arrays[name] for name in arrays.files}


def read_scores(folder: Path) -> dict[str, np.ndarray]:
    """Of `scores`, `scores_ten_crop` and `labels` (N,) those that are there: a hundredth of what the file holds.

    Raises:
        InputError: when the file is missing or cut short.
    """
    with _predictions(folder) as arrays:
        return {name: arrays[name] for name in ("scores", "scores_ten_crop", "labels") if name in arrays.files}


@contextmanager
def _predictions(folder: Path) -> Iterator[NpzFile]:
    path = folder / "predictions.npz"
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as arrays:
            yield arrays
    except FileNotFoundError as problem:
        raise InputError(f"{path}: this run has no predictions; delete its folder and train it again") from problem
    except (ValueError, OSError, EOFError, KeyError, AttributeError, BadZipFile) as problem:
        raise InputError(
            f"{path}: cannot be read ({problem}); delete this run's folder and train it again"
        ) from problem
