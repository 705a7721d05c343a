"""Results for those who read their examples' scores too: a run whose scores are damaged is that run's damage alone."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dissect.errors import InputError
from dissect.store import runs as store


def held_to_scores(result: Mapping[str, Any]) -> dict[str, Any]:
    """The result, or that it is damaged where its scores are, every byte of which is looked at."""
    folder = Path(result["folder"])
    if result["status"] == "finished" and (folder / "predictions.npz").is_file():
        try:
            store.read_scores(folder)
        except InputError as problem:
            return store.damaged(folder, str(problem))
    return dict(result)
