"""Every test runs with a data cache of its own, and composes configs as the command line does."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from dissect.composing.compose import compose
from dissect.composing.variant import Variant
from dissect.store import runs as store


def write_finished(folder: Path, result: Mapping[str, Any], arrays: Mapping[str, Any] | None = None) -> None:
    """Write a result beside stand-ins for the files that a trained run of that status has."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in store.TRAINED if result["status"] == "finished" and not result.get("members") else ():
        (folder / name).touch()
    store.write_result(folder, result, arrays)


@pytest.fixture(scope="session")
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch, cache_folder: Path) -> None:
    monkeypatch.setenv("DISSECT_CACHE", str(cache_folder))


@pytest.fixture
def variant(tmp_path: Path) -> Callable[..., Variant]:
    """Composes a variant whose store lies in the test's own folder."""
    return lambda *overrides, **options: compose([f"runs={tmp_path / 'runs'}", *overrides], **options)
