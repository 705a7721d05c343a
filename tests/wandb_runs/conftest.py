"""Offline W&B runs, read back by W&B's own reader, which prints a JSON line for each record of a run's file."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

KEY = "0123456789abcdef0123456789abcdef01234567"


class Recorded:
    """What the file of one W&B run says."""

    def __init__(self, path: Path) -> None:
        # In a process of its own, for W&B reads its environment when it is imported.
        command = [sys.executable, "-m", "wandb", "leet", "inspect", "--json", str(path)]
        self.text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        self.records = [json.loads(line) for line in self.text.splitlines()]

    def all(self, kind: str) -> list[Any]:
        return [record[kind] for record in self.records if record["type"] == kind]

    @property
    def run(self) -> Any:
        (run,) = self.all("run")
        return run

    @property
    def history(self) -> list[dict[str, Any]]:
        """Each logged step, without W&B's clocks."""
        own = ("_runtime", "_timestamp")
        return [{k: v for k, v in one["item"].items() if k not in own} for one in self.all("history")]

    @property
    def summary(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for one in self.all("summary"):
            found |= one.get("update", {})
        return found

    @property
    def exit_code(self) -> int:
        (ended,) = self.all("exit")
        return int(ended["exit_code"])


@pytest.fixture(autouse=True)
def _no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """Offline, with a key that must not be found again in any file."""
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_API_KEY", KEY)


@pytest.fixture
def recorded() -> Callable[[Path], list[Recorded]]:
    """Reads every run below a folder."""
    return lambda folder: [Recorded(path) for path in sorted(folder.rglob("*.wandb")) if path.is_file()]
