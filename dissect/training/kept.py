"""Weights in files: written whole, known by their run, and read only where every byte is what was written."""

from pathlib import Path
from typing import Any
from zipfile import ZipFile

import torch
from torch import nn

from dissect.errors import InputError
from dissect.files import whole

CHECKPOINT = "checkpoint.pt"  # the finished network's weights


def keep(network: nn.Module, folder: Path, key: str) -> None:
    """Write a finished network's weights beside its result, with its run's key."""
    with whole(folder / CHECKPOINT, "wb") as file:
        torch.save({"run": key, "weights": network.state_dict()}, file)


def restore(network: nn.Module, folder: Path, key: str) -> None:
    """Give the network the weights that were kept of the run with this key.

    Raises:
        InputError: for a file that is missing, damaged, of another run, or that does not fit the network.
    """
    path = folder / CHECKPOINT
    mend = "delete this run's folder and train it again"
    if not path.is_file():
        raise InputError(f"{path}: this run has no checkpoint; none is kept with keep=results; {mend}")
    try:
        network.load_state_dict(read(path, key).get("weights"))  # type: ignore[arg-type]
    except (RuntimeError, TypeError, AttributeError) as problem:  # torch's words for weights of another shape or name
        raise InputError(f"{path}: does not fit the network ({str(problem).splitlines()[0]}); {mend}") from problem
    except ValueError as problem:
        raise InputError(f"{path}: cannot be read ({problem}); {mend}") from problem


def read(path: Path, key: str, *, mmap: bool = False) -> dict[str, Any]:
    """The file's content, without running anything.

    Raises:
        ValueError: where a byte is not what was written, or it is of another run than that with this key.
    """
    if not path.is_file():  # a pipe would be waited for
        raise ValueError("is no regular file")
    try:
        with ZipFile(path) as archive:  # torch writes a CRC for each tensor, and never looks at it again
            folders = [one.filename for one in archive.infolist() if one.external_attr & 0x10]
            damaged = archive.testzip() or next(iter(folders), None)  # of a folder torch reads whatever memory holds
    except Exception as problem:  # a damaged directory makes zipfile raise what its decompressors raise
        raise ValueError(f"is cut short or damaged: {problem}") from problem
    if damaged is not None:
        raise ValueError(f"is damaged in {damaged}")
    try:
        content = torch.load(path, weights_only=True, mmap=mmap, map_location="cpu")
    except Exception as problem:  # torch raises what its unpickler and its zip reader raise
        raise ValueError(str(problem).strip().splitlines()[0]) from problem
    if not isinstance(content, dict) or content.get("run") != key:
        raise ValueError("is another run's")
    return content
