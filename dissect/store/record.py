"""What `result.json` says of a run besides its scores: who it is, its data and its provenance."""

import platform
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from dissect.composing.identity import code_in
from dissect.composing.job import Job
from dissect.composing.plain import plain
from dissect.errors import VERSION
from dissect.store.expected import COSTS
from dissect.store.reading import seal


def describe(job: Job, data: Any) -> dict[str, Any]:
    """The body of `result.json`: who the run is, its data and its provenance, every metric and cost null as yet.

    Args:
        data: has `facts`, which stand in the result, and a `digest`.
    """
    variant = job.variant
    return {
        "key": job.key,
        "study": variant.config.name,
        "variant": variant.name,
        "components": dict(variant.components),
        "seed": variant.seed,
        "status": "finished",
        "error": None,
        "diverged": False,
        "settings": (variant.member_of or variant).settings(data.digest),
        "member_of": variant.member_of and variant.member_of.name,
        "members": None,
        "metric": plain(variant.config.metric),
        "metrics": {},
        "ten_crop": None,
        "data": dict(data.facts),
        **dict.fromkeys(COSTS),
        "device": None,
        "precision": None,
        "versions": versions() | dict(code_in(plain(variant.config)).versions),
        "commit": commit(),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def curve_of(row: Mapping[str, Any], metric: str) -> str | None:
    """The column of a row of metrics.csv in which a metric is followed over the epochs; None where there is none."""
    return next((name for name in (metric, f"val_{metric}", f"val/{metric}") if name in row), None)


@cache
def versions() -> dict[str, str]:
    named = ("torch", "torchvision", "pytorch-lightning", "numpy")
    return {"python": platform.python_version(), "dissect": VERSION, **{name: version(name) for name in named}}


@cache
def commit() -> str | None:
    """The checkout's commit, "-dirty" with changes that are not in it; None where the package is not in a checkout."""
    here = Path(__file__).resolve().parents[2]
    if not (here / ".git").exists():
        return None
    command = ["git", "-C", str(here), "describe", "--always", "--dirty", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def kept_as(result: Mapping[str, Any]) -> str:
    """By what two finished runs are known to have come to the same: metrics, and predictions or rows of epochs."""
    files = result.get("files") or {}
    known = files.get("predictions.npz") or files.get("metrics.csv")
    return seal({"file": known, "metrics": result["metrics"]}) if known else ""
