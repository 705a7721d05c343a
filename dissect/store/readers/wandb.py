"""Runs that Weights & Biases has: a project (`wandb:entity/project`), or the files of offline runs."""

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from dissect.composing.plain import leaves
from dissect.errors import InputError
from dissect.store.readers.found import Found, by_epoch, logged

PREFIX = "wandb:"


def reads(source: str) -> bool:
    return source.startswith(PREFIX) or bool(_files(Path(source)))


def _files(path: Path) -> list[Path]:
    if path.suffix == ".wandb":
        return [path]
    return sorted(one for one in path.rglob("*.wandb") if one.is_file()) if path.is_dir() else []


def read(source: str) -> Found:
    """Raises InputError for a project that cannot be reached, and a file that is not W&B's."""
    if source.startswith(PREFIX):
        return of_runs(source.removeprefix(PREFIX), _project(source.removeprefix(PREFIX)))
    return _offline(Path(source))


def _project(name: str) -> list[Any]:
    import wandb

    if name.count("/") != 1:
        raise InputError(f"{PREFIX}{name}: must be {PREFIX}entity/project")
    wandb.setup(wandb.Settings(silent=True))
    try:
        if not wandb.login(prompt=False, verify=False):
            raise InputError(f"{PREFIX}{name}: needs a key of W&B; set WANDB_API_KEY, or call `wandb login`")
        return list(wandb.Api().runs(name))
    except InputError:
        raise
    except Exception as problem:  # W&B raises its own, requests' and its server process's
        reason = " ".join(str(problem).split())[:200]
        raise InputError(f"{PREFIX}{name}: cannot be read ({reason}); check the name, the key and the net") from problem


def of_runs(name: str, runs: Iterable[Any]) -> Found:
    """Runs that look like those of W&B's public API: `name`, `id`, `state`, `config`, `summary`, `scan_history()`."""
    found = sorted(runs, key=lambda run: str(getattr(run, "created_at", "")))
    named = {str(run.id): run for run in found}
    rows = [
        _row(key, run.config, dict(run.summary), "" if run.state == "finished" else f"is {run.state} in W&B")
        for key, run in named.items()
    ]

    def later() -> dict[str, pd.DataFrame]:
        return {key: _curve(list(run.scan_history())) for key, run in named.items()}

    return _found(name.rpartition("/")[2], rows, later=later)


def _row(key: str, config: Mapping[str, Any], summary: Mapping[str, Any], error: str) -> tuple[dict[str, Any], ...]:
    # Weights & Biases' own keys begin with an underscore.
    said = {name: value for name, value in config.items() if not name.startswith("_")}
    parts = said.get("components")
    if isinstance(parts, dict) and "variant" in said:  # dissect's own logger: the runs say themselves what they are
        seed = said.get("seed", leaves(said).get("config.seed"))
        told = {"variant": said["variant"], "components": list(parts), "seed": seed}
    else:
        told = leaves(said)
    own = {name: value for name, value in leaves(dict(summary)).items() if not name.startswith("_")}
    measured = {name: value for name, value in own.items() if type(value) in (int, float)}
    return told, {"run": key, "error": error or None} | {n: v for n, v in measured.items() if n not in told}


def _curve(history: list[dict[str, Any]]) -> pd.DataFrame:
    kept = [{name: _number(value) for name, value in row.items() if not name.startswith("_")} for row in history]
    return by_epoch(pd.DataFrame(kept)) if kept else pd.DataFrame({"epoch": []})


def _number(value: Any) -> Any:
    return logged(float("nan")) if value == "NaN" or value != value else value


def _found(name: str, rows: list[tuple[dict[str, Any], ...]], **others: Any) -> Found:
    if not rows:
        raise InputError(f"{name}: has no runs; check the name")
    settings = list(dict.fromkeys(key for told, _ in rows for key in told))
    return Found(name, pd.DataFrame([told | rest for told, rest in rows], dtype=object), settings, **others)


def _offline(path: Path) -> Found:
    rows, curves = [], {}
    for file in _files(path):
        records = _records(file)
        [run] = [one["run"] for one in records if one["type"] == "run"][:1] or [None]
        if run is None:
            raise InputError(f"{file}: holds no run: cut short, or not written by W&B; leave it out")
        config, summary = dict((run.get("config") or {}).get("update") or {}), dict[str, Any]()
        for one in records:
            if one["type"] == "config":
                config |= (one["config"] or {}).get("update") or {}
            elif one["type"] == "summary":
                summary |= (one["summary"] or {}).get("update") or {}
        ended = [one["exit"] for one in records if one["type"] == "exit"]
        error = "did not end" if not ended else f"ended with {ended[0]['exit_code']}" if ended[0]["exit_code"] else ""
        rows.append(_row(str(run["run_id"]), config, summary, error))
        history = [one["history"]["item"] for one in records if one["type"] == "history"]
        curves[str(run["run_id"])] = _curve(history)
    return _found(path.resolve().stem, rows, curves=curves)


def _records(file: Path) -> list[dict[str, Any]]:
    """W&B's own reader prints a line of JSON a record."""
    command = [sys.executable, "-m", "wandb", "leet", "inspect", "--json", str(file.resolve())]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        if done.returncode:
            raise ValueError(" ".join(done.stderr.split())[-200:])
        return [json.loads(line) for line in done.stdout.splitlines()]
    except ValueError as problem:
        raise InputError(f"{file}: cannot be read by W&B ({problem}); leave it out") from problem
