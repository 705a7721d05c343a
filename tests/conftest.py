"""Every test runs with a data cache of its own, and composes configs as the command line does."""

import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from dissect.composing.compose import compose
from dissect.composing.variant import Variant
from dissect.store import runs as store
from tests import warm


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
def dissect(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """`python -m dissect ARGUMENTS`, or another module of it, in the test's own folder and a process of its own."""

    def run(*arguments: str, module: str = "dissect", **environment: str) -> subprocess.CompletedProcess[str]:
        return warm.run(module, arguments, cwd=tmp_path, env=os.environ | environment)

    return run


@pytest.fixture
def variant(tmp_path: Path) -> Callable[..., Variant]:
    """Composes a variant whose store lies in the test's own folder."""
    return lambda *overrides, **options: compose([f"runs={tmp_path / 'runs'}", *overrides], **options)
