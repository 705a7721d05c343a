"""The run store: one folder a run, files that appear whole or not at all, nothing that needs unpickling.

runs/<study>/<variant>-seed<k>-<key>/
    config.yaml      the resolved config, as it was run
    result.json      who the run is, its status, what came out, and by what its other files are known
    metrics.csv      a row an epoch
    predictions.npz  each validation example's score, and what the task needs for an ensemble
    checkpoint.pt    the network after the last epoch

A finished run is believed where its result has the seal of what was written, its folder is named after it, and the
files that it names are those that were there; wherever one is read, this is looked at.
"""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from zipfile import ZipFile, ZipInfo

import numpy as np
from filelock import FileLock, Timeout

from dissect.composing.job import folder_name, who
from dissect.composing.nearby import nearby
from dissect.errors import InputError
from dissect.files import sweep, unwritable, whole
from dissect.store.expected import check
from dissect.store.reading import AGAIN, Array, checked, mark, open_npz, read_json, seal

TRAINED = ("config.yaml", "metrics.csv")  # of every run that was trained; one that averages others has predictions
KEPT = (*TRAINED, "predictions.npz")  # files without which a run that had them is not finished
DAMAGED = "damaged"  # the status that `results` gives a run whose files are not as they were written
_NEXT = ".predictions.npz.next"  # predictions that the result beside them may not know yet


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the run's lock, waiting for whoever has it; a process that dies lets it go.

    What such a one has left half-written is removed.

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
        sweep(folder)
        if (folder / _NEXT).exists():
            with suppress(InputError):  # whoever reads it says so
                read_result(folder)  # settles predictions that a result knows
                (folder / _NEXT).unlink(missing_ok=True)
        yield


def check_writable(study: Path, name: str) -> None:
    """Refuse a study's folder in which no run of that name could be kept.

    Raises:
        InputError: saying why.
    """
    path = study / ".locks" / f"{name}.lock.tried"
    with whole(path) as file:
        file.write("x")
    path.unlink(missing_ok=True)


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


def write_result(folder: Path, result: Mapping[str, Any], arrays: Mapping[str, np.ndarray] | None = None) -> None:
    """Write `result.json`; a run counts as finished from the moment this file says so.

    It keeps by what its KEPT files are known, and which arrays its predictions are. Predictions given with it are
    written first, under a name of their own, and take their place when the result stands: whoever dies between leaves
    the old pair or the new one.

    Args:
        arrays: those of `predictions.npz`, see `write_predictions`; none in it for none; None leaves what is there.
    """
    said = {key: value for key, value in result.items() if key not in ("folder", "files", "seal")}
    files = {}
    if said.get("status") == "finished":
        if arrays:
            _write_arrays(folder / _NEXT, arrays)
        elif arrays is not None:
            (folder / "predictions.npz").unlink(missing_ok=True)
        if arrays is not None:
            said["predictions"] = list(arrays)
        for name in KEPT:
            path = folder / (_NEXT if arrays and name == "predictions.npz" else name)
            with suppress(FileNotFoundError):
                files[name] = mark(path)
    said["files"] = files
    with whole(folder / "result.json") as file:
        json.dump({**said, "seal": seal(said)}, file, indent=2, allow_nan=False)
        file.write("\n")
    if arrays:
        _settle(folder)


def _settle(folder: Path) -> None:
    """Put the predictions that a result knows in their place; whoever comes second finds that done."""
    with suppress(FileNotFoundError):
        os.replace(folder / _NEXT, folder / "predictions.npz")


def read_result(folder: Path) -> dict[str, Any] | None:
    """The run's `result.json`, with its `folder` added; None where there is none.

    Raises:
        InputError: for a file that is not as it was written, one of another run, and a finished run whose other files
            are not those that it was finished with.
    """
    path, before = folder / "result.json", None
    while True:
        try:
            said = read_json(path, needs={"status": str})
        except FileNotFoundError:
            return None
        if "metrics" not in said and said["status"] == "finished" and said.get("seal") in (None, seal(said)):
            raise InputError(
                f"{path}: was made by an earlier version (RECIPE 1), whose runs are not compared with new ones; "
                "begin anew with name=..."
            )
        result = checked(said, path)
        check(result, path)
        name = folder_name(result["variant"], result["seed"], result["key"])
        if folder.resolve().name != name:
            raise InputError(f"{path}: is the result of {name}; {AGAIN}")
        wrong = None
        if result["status"] == "finished":
            for name in _needed(result):
                if name not in result["files"]:
                    raise InputError(f"{path}: does not say by what its {name} is known; {AGAIN}")
            wrong = _differing(folder, result["files"])
        if wrong is None:
            return {**result, "folder": str(folder)}
        if said == before:
            raise InputError(f"{folder / wrong[0]}: {wrong[1]}; {AGAIN}")
        before = said  # another process may just have judged it again: look once more


def _needed(result: Mapping[str, Any]) -> tuple[str, ...]:
    """The files without which such a run cannot have finished."""
    averages = bool(result.get("members"))
    return (*(() if averages else TRAINED), *(("predictions.npz",) if averages or result.get("predictions") else ()))


def _differing(folder: Path, files: Mapping[str, Any]) -> tuple[str, str] | None:
    """The first of a finished run's files that is not as it was, and how; None where all are."""
    for name in KEPT:
        known = files.get(name)
        try:
            found = mark(folder / name)
        except FileNotFoundError:
            found = None
        except InputError:
            return name, "is no regular file, or cannot be read"
        if found == known:
            continue
        if name == "predictions.npz":  # a process ended between the result and its predictions
            with suppress(OSError, InputError):
                if mark(folder / _NEXT) == known:
                    _settle(folder)
                    continue
        if known is None:
            return name, "is no file that its run was finished with"
        return name, "is gone" if found is None else "is not as it was when its run was finished"
    return None


def results(study: Path) -> list[dict[str, Any]]:
    """Every result in a study's folder, finished and failed, in the order of the folders' names.

    A run that is damaged stands among them as what it is: its status is DAMAGED, and `error` says why and the mend.

    Raises:
        InputError: for a folder that does not exist.
    """
    if not study.is_dir():
        raise InputError(
            f"{study.absolute()}: no such study; it is a folder of runs, made by `python -m dissect name={study.name}"
            f" ...`{nearby((), study)}"
        )
    found = (_result(folder) for folder in sorted(study.iterdir()) if folder.name[0] != "." and folder.is_dir())
    return [result for result in found if result is not None]


def _result(folder: Path) -> dict[str, Any] | None:
    try:
        return read_result(folder)
    except InputError as problem:
        return damaged(folder, str(problem))


def damaged(folder: Path, error: str) -> dict[str, Any]:
    """What `results` says of a run that is damaged: who it is by its folder's name, and the error."""
    variant, seed = who(folder)
    said = {"variant": variant, "components": {}, "seed": seed, "status": DAMAGED, "error": error}
    return {**said, "metrics": {}, "data": {}, "folder": str(folder)}


def finished(folder: Path) -> dict[str, Any] | None:
    """The run's result if it is finished, else None.

    Raises:
        InputError: where it is damaged.
    """
    result = read_result(folder)
    return result if result is not None and result["status"] == "finished" else None


STATES = ("resume.ckpt", "resume-before.ckpt", ".resume.ckpt")  # of an unfinished run; the last one half-written


def remove_states(folder: Path) -> None:
    """Remove what an unfinished run would have gone on from; a store that cannot be written keeps it."""
    for name in STATES:
        with suppress(OSError):
            (folder / name).unlink(missing_ok=True)


def make_room(folder: Path) -> None:
    """Remove what the same command makes again of an unfinished run, so that a full disk has room for its reason."""
    for name in ("resume-before.ckpt", "checkpoint.pt"):
        with suppress(OSError):
            (folder / name).unlink(missing_ok=True)


def write_predictions(folder: Path, **arrays: np.ndarray) -> None:
    """Write `predictions.npz`, or nothing where there are none.

    `scores` (N,) and `scores_ten_crop` (N,) are each example's part of the metric; what else there is, is the task's.
    """
    if arrays:
        _write_arrays(folder / "predictions.npz", arrays)


def _write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    # As numpy.savez does, but for the time of day: the same predictions are the same bytes.
    with whole(path, "wb") as file, ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            with archive.open(ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asanyarray(array), allow_pickle=False)


_EACH = Array("biuf", ("examples",), optional=True)
ARRAYS = {"labels": _EACH, "scores": _EACH, "scores_ten_crop": _EACH}  # others are a task's own, a row an example


def read_predictions(folder: Path) -> dict[str, np.ndarray]:
    """The arrays given to `write_predictions`.

    Raises:
        InputError: when the file is missing or damaged.
    """
    return _predictions(folder, None)


def read_scores(folder: Path) -> dict[str, np.ndarray]:
    """Of `scores`, `scores_ten_crop` and `labels` (N,) those that are there: a hundredth of what the file holds.

    Raises:
        InputError: when the file is missing or damaged.
    """
    return _predictions(folder, ("scores", "scores_ten_crop", "labels"))


def _predictions(folder: Path, only: tuple[str, ...] | None) -> dict[str, np.ndarray]:
    path = folder / "predictions.npz"
    try:
        return open_npz(path, ARRAYS, only, others=Array("biuf", ("examples", ...)))
    except FileNotFoundError as problem:
        raise InputError(f"{path}: this run has no predictions; {AGAIN}") from problem
